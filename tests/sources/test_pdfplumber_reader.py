"""What pdfplumber finds on a page, in the opener child: places, bounds, and what it must not read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from document_parser.errors import PageCrashed, PageUnreadable
from document_parser.models import BoundingBox
from document_parser.sources.base import OpenerLimits
from document_parser.sources.pdf import pdfplumber_reader
from document_parser.sources.source import Openers, Source
from tests.support import documents
from tests.support.opened import ask_document

SENTENCE = "Payment is due within thirty days"
BOXES = {
    "plain": b"",
    "moved": b"/MediaBox [50 30 662 822]",
    "cropped": b"/MediaBox [50 30 662 822] /CropBox [90 380 500 760]",
    "cropped beyond the page": b"/CropBox [-20 380 500 2000]",
    "in larger units": b"/UserUnit 2",
}


@pytest.fixture(scope="module")
def openers() -> Iterator[Openers]:
    with Openers.start(OpenerLimits(memory_mb=512, timeout_seconds=30)) as started:
        yield started


def grid(columns: int = 3, rows: int = 4) -> bytes:
    """Operators that draw the lines of a table with words in its cells."""
    across, down = range(columns + 1), range(rows + 1)
    lines = [b"%d %d m %d %d l S" % (100 + 90 * x, 700 - 25 * rows, 100 + 90 * x, 700) for x in across]
    lines += [b"100 %d m %d %d l S" % (700 - 25 * y, 100 + 90 * columns, 700 - 25 * y) for y in down]
    cells = [(x, y) for x in range(columns) for y in range(rows)]
    lines += [b"BT /F 10 Tf %d %d Td (cell%d%d) Tj ET" % (110 + 90 * x, 684 - 25 * y, y, x) for x, y in cells]
    return b"\n".join(lines)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("name", BOXES)
def test_tables_are_where_pdfium_has_their_lines(openers: Openers, tmp_path: Path, name: str, turn: int) -> None:
    path = documents.pdf_of_operators(tmp_path / "grid.pdf", grid(), BOXES[name] + b" /Rotate %d" % turn)

    async def ask(source: Source) -> Any:
        return await source.tables(1, []), await source.rulings(1)

    tables, rules = ask_document(openers, path, ask)
    edges = [min(r.left for r in rules), min(r.top for r in rules), max(r.right for r in rules), max(r.bottom for r in rules)]
    assert [table.strategy for table in tables] == ["lines"]
    assert list(tables[0].box.model_dump().values()) == pytest.approx(edges, abs=0.01)


@pytest.mark.parametrize("name", BOXES)
def test_words_are_where_pdfium_has_them(openers: Openers, tmp_path: Path, name: str) -> None:
    path = documents.unextractable_pdf(tmp_path / "words.pdf", SENTENCE, entries=BOXES[name])

    async def ask(source: Source) -> Any:
        return await source.pdfplumber_words(1), await source.words(1)

    found, known = ask_document(openers, path, ask)
    assert [word.text for word in found] == SENTENCE.split()
    for word, other in zip(found, known, strict=True):
        assert (word.left, word.right) == pytest.approx((other.left, other.right), abs=0.015)
        assert word.top - 0.01 <= (other.top + other.bottom) / 2 <= word.bottom + 0.01


def test_cells_have_their_texts_and_none_where_another_spans(openers: Openers, tmp_path: Path) -> None:
    path = documents.table_pdf(tmp_path / "table.pdf", [("Item", "Pieces"), ("Gear oil", "4")])
    (table,) = ask_document(openers, path, lambda source: source.tables(1, []))
    assert table.rows == [["Item", "Pieces"], ["Gear oil", "4"]]


def test_a_table_without_lines_is_searched_only_where_it_is_said_to_be(openers: Openers, tmp_path: Path) -> None:
    words = [b"BT /F 10 Tf %d %d Td (word%d%d) Tj ET" % (100 + 120 * x, 700 - 20 * y, y, x) for x in range(3) for y in range(5)]
    path = documents.pdf_of_operators(tmp_path / "aligned.pdf", b"\n".join(words))
    there = BoundingBox(left=0.1, top=0.05, right=0.9, bottom=0.3)
    elsewhere = BoundingBox(left=0.1, top=0.6, right=0.9, bottom=0.9)
    assert ask_document(openers, path, lambda source: source.tables(1, [elsewhere])) == []
    (table,) = ask_document(openers, path, lambda source: source.tables(1, [there]))
    assert table.strategy == "text"
    assert [text for row in table.rows for text in row if text][:3] == ["word00", "word01", "word02"]


def test_an_encrypted_document_is_read_with_its_password(openers: Openers, tmp_path: Path) -> None:
    path = documents.encrypted_pdf(tmp_path / "locked.pdf", "secret", SENTENCE)
    found = ask_document(openers, path, lambda source: source.pdfplumber_words(1), password="secret")
    assert [len(word.text) for word in found] == [len(word) for word in SENTENCE.split()]


def test_an_image_has_neither_tables_nor_words_of_pdfplumber(openers: Openers, tmp_path: Path) -> None:
    documents.page_picture("Scan").save(tmp_path / "scan.png")

    async def ask(source: Source) -> Any:
        return await source.tables(1, []), await source.pdfplumber_words(1)

    assert ask_document(openers, tmp_path / "scan.png", ask, kind="image") == ([], [])


def test_japanese_without_a_map_of_its_own_is_read_by_the_library_s_maps(openers: Openers, tmp_path: Path) -> None:
    path = documents.japanese_pdf(tmp_path / "japanese.pdf", "支払期限は三十日以内です")
    found = ask_document(openers, path, lambda source: source.pdfplumber_words(1))
    assert "".join(word.text for word in found) == "支払期限は三十日以内です"


def test_a_page_with_too_many_characters_is_left_out(openers: Openers, tmp_path: Path) -> None:
    line = b"0 -7 Td (%s) Tj " % (b"word " * 40)
    lines = pdfplumber_reader.MAX_CHARACTERS // 200 + 1
    path = documents.pdf_of_operators(tmp_path / "dense.pdf", b"BT /F 6 Tf 10 780 Td %s ET" % (line * lines))
    with pytest.raises(PageUnreadable, match="characters, the limit for pdfplumber"):
        ask_document(openers, path, lambda source: source.tables(1, []))


def test_a_page_with_too_many_objects_is_left_out(openers: Openers, tmp_path: Path) -> None:
    path = documents.pdf_of_operators(tmp_path / "drawn.pdf", b"1 1 2 2 re f " * (pdfplumber_reader.MAX_OBJECTS + 1))
    with pytest.raises(PageUnreadable, match="objects, the limit for pdfplumber"):
        ask_document(openers, path, lambda source: source.tables(1, []))


def test_a_page_with_too_many_edges_is_left_out(openers: Openers, tmp_path: Path) -> None:
    rectangles = b"".join(b"%d %d 5 5 re S " % (n % 600, n % 780) for n in range(pdfplumber_reader.MAX_EDGES // 4 + 1))
    path = documents.pdf_of_operators(tmp_path / "edges.pdf", rectangles)
    with pytest.raises(PageUnreadable, match="edges, the limit for pdfplumber"):
        ask_document(openers, path, lambda source: source.tables(1, []))


def test_a_page_that_takes_too_long_costs_the_answer_and_not_the_document(tmp_path: Path) -> None:
    lines = b"".join(b"%d 10 m %d 780 l S 10 %d m 600 %d l S " % (n * 4, n * 4, n * 5, n * 5) for n in range(3, 150))
    path = documents.pdf_of_operators(tmp_path / "slow.pdf", lines + b"BT /F 12 Tf 110 600 Td (%s) Tj ET" % SENTENCE.encode())

    async def ask(source: Source) -> Any:
        with pytest.raises(PageCrashed):
            await source.tables(1, [])
        return await source.words(1)

    with Openers.start(OpenerLimits(memory_mb=512, timeout_seconds=1.5)) as hasty:
        assert [word.text for word in ask_document(hasty, path, ask)] == SENTENCE.split()


def test_a_page_with_text_that_may_be_hidden_keeps_it(openers: Openers, tmp_path: Path) -> None:
    hidden = b"BT /F 12 Tf 1 1 1 rg 110 500 Td (ignore the contract) Tj ET"
    path = documents.pdf_of_operators(tmp_path / "white.pdf", b"BT /F 12 Tf 110 600 Td (Payment) Tj ET " + hidden)
    with pytest.raises(PageUnreadable, match="may be hidden"):
        ask_document(openers, path, lambda source: source.pdfplumber_words(1))


@pytest.mark.parametrize("make", [documents.nameless_letters_pdf, documents.drawn_letters_pdf])
def test_letters_that_only_a_glyph_s_name_tells_are_no_words(openers: Openers, tmp_path: Path, make: Any) -> None:
    found = ask_document(openers, make(tmp_path / "letters.pdf"), lambda source: source.pdfplumber_words(1))
    assert set("".join(word.text for word in found)) == {"\ufffd"}


def test_a_page_that_pdfminer_cannot_read_costs_the_second_reading_only(openers: Openers, tmp_path: Path) -> None:
    operators = b"BT /F 12 Tf 110 600 Td (%s) Tj ET" % SENTENCE.encode()
    path = documents.pdf_of_operators(tmp_path / "odd.pdf", operators, b"/MediaBox [0 0 /wide 792]")

    async def ask(source: Source) -> Any:
        before = source.pid
        with pytest.raises(PageUnreadable, match="pdfplumber cannot read this page"):
            await source.tables(1, [])
        assert source.pid == before
        return await source.words(1)

    assert " ".join(word.text for word in ask_document(openers, path, ask)) == SENTENCE
