"""Opening documents, their facts, words and pictures; and that no document can harm the process that reads it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import math
import os
import select
import signal
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat

from document_parser.errors import (
    ContentMismatch,
    DamagedDocument,
    DocumentError,
    EmptyFile,
    EncryptedDocument,
    OpenerCrashed,
    OversizedImage,
    PageCrashed,
    PageUnreadable,
    UnsupportedFormat,
    WrongPassword,
)
from document_parser.ingest.sniff import HEAD_BYTES, sniff
from document_parser.layout.page import blocks_of
from document_parser.models import FlowingKind, PageFacts, PageImage, PageImageSpec, SourceKind
from document_parser.sources import warm_up
from document_parser.sources.base import OpenerLimits
from document_parser.sources.exchange import receive_reply
from document_parser.sources.flowing import load_reader, open_flowing
from document_parser.sources.pdf.file import PdfFile
from document_parser.sources.protocol import FORK_REQUEST, Reply
from document_parser.sources.source import REQUESTS_PER_CHILD, Openers, Source
from tests.support import documents
from tests.support.documents import PARAGRAPH
from tests.support.opened import ask_document

SPEC = PageImageSpec()
RGB = PageImageSpec(encoding="rgb")
GOOD = ["First page of the lease.", "Second page of the lease.", "Third page of the lease."]
PASSWORDS = {
    "encrypted/aes256_user_secret123.pdf": "secret123",
    "encrypted/pdfjs_issue21579.pdf": "pässwört",
    "encrypted/pdfjs_issue3371.pdf": "ELXRTQWS",
    "encrypted/pdfjs_issue6010_1.pdf": "abc",
    "encrypted/pdfminer_aes-128.pdf": "foo",
    "encrypted/pdfminer_aes-256.pdf": "foo",
    "encrypted/pdfminer_aes-256-r6.pdf": "usersecret",
    "encrypted/pdfminer_rc4-128.pdf": "foo",
    "encrypted/pdfplumber_password-example.pdf": "test",
    "encrypted/rc4_40_user_secret.pdf": "secret",
    "encrypted/sample-files_libreoffice-writer-password.pdf": "openpassword",
    "encrypted/tabula-java_encrypted.pdf": "userpassword",
    "encrypted/unstructured_password.pdf": "password",
}


@pytest.fixture(scope="module")
def openers() -> Iterator[Openers]:
    with Openers.start(OpenerLimits(memory_mb=512, timeout_seconds=30, max_image_megapixels=100)) as started:
        yield started


def facts_of(openers: Openers, path: Path, kind: SourceKind = "pdf", page: int = 1) -> PageFacts:
    return ask_document(openers, path, lambda source: source.facts(page), kind)


def words_of(openers: Openers, path: Path, page: int = 1) -> list[Any]:
    return ask_document(openers, path, lambda source: source.words(page))


def picture_of(
    openers: Openers, path: Path, kind: SourceKind = "pdf", page: int = 1, spec: PageImageSpec = RGB, turn: int = 0
) -> PageImage:
    return ask_document(openers, path, lambda source: source.render(page, spec, turn), kind)


def as_image(picture: PageImage) -> Image.Image:
    if picture.encoding == "jpeg":
        return Image.open(io.BytesIO(picture.data))
    return Image.frombytes("RGB", (picture.width_pixels, picture.height_pixels), picture.data)


def unlike(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of grey levels."""
    return ImageStat.Stat(ImageChops.difference(one.convert("L"), other.convert("L"))).mean[0]


# --- what a PDF says --------------------------------------------------------------------------------------------------


def test_words_come_with_their_places(openers: Openers, tmp_path: Path):
    path = documents.pdf_of_operators(tmp_path / "a.pdf", b"BT /F 20 Tf 306 396 Td (Middle) Tj ET")
    (word,) = words_of(openers, path)
    assert (word.text, word.size_points) == ("Middle", 20)
    assert word.left == pytest.approx(0.5, abs=0.01)
    assert word.top < 0.5 < word.bottom + 0.01
    assert word.bottom - word.top == pytest.approx(20 / 792, abs=0.012)


def test_every_word_of_a_page_is_found_once(openers: Openers, tmp_path: Path):
    path = documents.pdf_of_text(tmp_path / "a.pdf", [PARAGRAPH * 4])
    assert [word.text for word in words_of(openers, path)] == (PARAGRAPH * 4).split()


def test_no_word_spans_two_columns(openers: Openers, tmp_path: Path):
    path = documents.pdf_of_text(tmp_path / "a.pdf", [PARAGRAPH * 6], two_columns=True)
    words = words_of(openers, path)
    assert sorted(word.text for word in words) == sorted((PARAGRAPH * 6).split())
    assert all(word.right < 0.5 or word.left > 0.5 for word in words)


def test_a_word_cut_by_a_hyphen_stays_on_its_lines(openers: Openers, tmp_path: Path):
    lines = b"BT /F 12 Tf 14 TL 72 700 Td (the long agree-) Tj T* (ment of both) Tj ET"
    path = documents.pdf_of_operators(tmp_path / "a.pdf", lines)
    words = {word.text: word for word in words_of(openers, path)}
    assert {"agree-", "ment"} <= set(words)
    assert words["agree-"].bottom < words["ment"].bottom


@pytest.mark.parametrize("rotate", [0, 90, 180, 270, -90])
def test_boxes_follow_the_rotation_that_a_viewer_applies(openers: Openers, tmp_path: Path, rotate: int):
    path = documents.pdf_of_operators(tmp_path / "a.pdf", b"BT /F 40 Tf 100 700 Td (Corner) Tj ET", b"/Rotate %d" % rotate)
    (word,), picture = words_of(openers, path), picture_of(openers, path)
    image = as_image(picture).convert("L")
    box = (word.left * image.width, word.top * image.height, word.right * image.width, word.bottom * image.height)
    draw = ImageDraw.Draw(image)
    before = ImageStat.Stat(image).mean[0]
    draw.rectangle([box[0] - 4, box[1] - 4, box[2] + 4, box[3] + 4], fill=255)
    assert before < 255
    assert ImageStat.Stat(image).mean[0] == 255, "all ink lies in the word's box"
    assert facts_of(openers, path).rotation == rotate % 360


@pytest.mark.parametrize("count", [1, 4, 20])
def test_a_box_that_is_filled_through_the_cells_of_a_row_is_a_box_for_each_cell(tmp_path: Path, count: int):
    cells = b" ".join(b"%d 600 20 18 re" % (50 + 24 * number) for number in range(count))
    path = documents.pdf_of_operators(tmp_path / "a.pdf", b"q %s W n 0.9 0.9 1 rg 50 600 500 18 re f Q" % cells)
    found = [(round(box.left * 612), round((box.right - box.left) * 612)) for box in PdfFile(path).rulings(1)]
    assert found == [(50 + 24 * number, 20) for number in range(count)]


def test_a_fill_on_both_sides_of_the_text_of_a_cell_is_one_box(tmp_path: Path):
    operators = b"q 50 600 15 40 re 235 600 15 40 re W* n 0.9 0.9 1 rg 50 600 200 40 re f Q"
    (box,) = PdfFile(documents.pdf_of_operators(tmp_path / "a.pdf", operators)).rulings(1)
    assert (round(box.left * 612), round(box.right * 612)) == (50, 250)


def test_the_document_that_warms_an_opener_has_what_it_is_there_for():
    document = PdfFile(Path(warm_up.__file__).with_name("warm_up.pdf"))
    words = document.words(1)
    assert len({word.bold for word in words}) == len({word.italic for word in words}) == len({word.mono for word in words}) == 2
    assert any(word.link for word in words)
    assert document.rulings(1)
    assert document.damage(1) == []
    warm_up.warm_up()


@pytest.mark.parametrize("kind", ["docx", "xlsx", "pptx"])
def test_an_office_file_that_warms_an_opener_is_read_whole(kind):
    path = Path(warm_up.__file__).with_name(f"warm_up.{kind}")
    document = open_flowing(path, kind, OpenerLimits(), None)
    parts = [document.part(number) for number in range(1, document.page_count + 1)]
    assert any(block.table for part in parts for block in part.blocks)
    assert not any(part.warnings for part in parts)


def test_a_zygote_prepares_each_kind_of_documents_once(monkeypatch: pytest.MonkeyPatch):
    loaded: list[str] = []
    monkeypatch.setattr(warm_up, "load_reader", lambda kind: (loaded.append(kind), load_reader(kind)))
    preparation = warm_up.Preparation(OpenerLimits())
    for kind in ("rtf", FORK_REQUEST, "pdf", "rtf"):
        preparation.prepare(kind)
    assert loaded == ["rtf"], "a kind is loaded when it is asked for, other messages load nothing"
    while not preparation.is_done:
        preparation.prepare_next()
    assert sorted(loaded) == sorted(get_args(FlowingKind))


def test_a_kind_whose_library_is_missing_does_not_end_the_zygote(monkeypatch: pytest.MonkeyPatch):
    def refuse(kind: str) -> None:
        raise ImportError(kind)

    monkeypatch.setattr(warm_up, "load_reader", refuse)
    preparation = warm_up.Preparation(OpenerLimits())
    preparation.prepare("docx")
    while not preparation.is_done:
        preparation.prepare_next()


def turned_text(degrees: float, size: int = 20, shown: bytes = b"(Turning) Tj") -> bytes:
    """Operators of a word that runs ``degrees`` clockwise from the middle of the page."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return b"BT /F %d Tf %.6f %.6f %.6f %.6f 306 396 Tm %b ET" % (size, cosine, -sine, sine, cosine, shown)


@pytest.mark.parametrize("degrees", [0, 30, 90, 135, 180, 270, 330])
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_word_says_where_its_line_runs_to_on_the_page_as_shown(openers: Openers, tmp_path: Path, degrees: int, rotate: int):
    path = documents.pdf_of_operators(tmp_path / "a.pdf", turned_text(degrees), b"/Rotate %d" % rotate)
    assert {word.direction for word in words_of(openers, path)} == {(degrees + rotate) % 360}


@pytest.mark.parametrize("direction", [0, 28, 90, 270, 331])
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_word_that_is_shown_in_parts_is_one_word_unless_upside_down(tmp_path: Path, direction: int, rotate: int):
    parts = turned_text(direction - rotate, shown=b"(Tur) Tj (n) Tj (ing) Tj")
    path = documents.pdf_of_operators(tmp_path / "a.pdf", parts, b"/Rotate %d" % rotate)
    assert [word.text for word in PdfFile(path).words(1)] == ["Turning"]


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_parts_with_white_between_them_are_two_words_on_a_page_that_is_shown_turned(tmp_path: Path, rotate: int):
    cells = turned_text(-rotate % 360, shown=b"(2024) Tj 48 0 Td (Payment) Tj")
    path = documents.pdf_of_operators(tmp_path / "a.pdf", cells, b"/Rotate %d" % rotate)
    assert [word.text for word in PdfFile(path).words(1)] == ["2024", "Payment"]


def test_spaces_that_are_drawn_over_a_line_part_no_word_that_ends_between_them(tmp_path: Path):
    # PDFium adds a space where the next part of a word is not right behind what was drawn last: here, two spaces before it.
    spaces = b"BT /F 1 Tf 10 0 0 10 100 700 Tm (once in t) Tj 3 Tr 2.168 0 Td [( ) -778 ( )] TJ 0 Tr 1.612 0 Td (he fir) Tj ET"
    assert [word.text for word in PdfFile(documents.pdf_of_operators(tmp_path / "a.pdf", spaces)).words(1)] == [
        "once", "in", "the", "fir",
    ]  # fmt: skip


def test_letters_with_white_between_them_stay_words_of_their_own(tmp_path: Path):
    cells = b"BT /F 10 Tf 100 700 Td (one) Tj 19 0 Td (two) Tj 20 0 Td (ten) Tj ET"
    path = documents.pdf_of_operators(tmp_path / "a.pdf", cells)
    assert [word.text for word in PdfFile(path).words(1)] == ["one", "two", "ten"]


def test_writing_that_is_a_little_askew_counts_as_straight(openers: Openers, tmp_path: Path):
    for degrees, direction in ((2.0, 0), (-2.0, 0), (92.0, 90), (5.0, 5), (-5.0, 355)):
        path = documents.pdf_of_operators(tmp_path / "a.pdf", turned_text(degrees))
        assert {word.direction for word in words_of(openers, path)} == {direction}


def test_a_negative_font_size_in_a_turned_space_is_no_turn(openers: Openers, tmp_path: Path):
    path = documents.pdf_of_operators(tmp_path / "a.pdf", turned_text(180, size=-20))
    assert {word.direction for word in words_of(openers, path)} == {0}


def test_the_matrix_of_a_form_turns_the_words_in_it(openers: Openers, tmp_path: Path):
    path = documents.pdf_of_form(tmp_path / "a.pdf", turned_text(0), b"/Matrix [0 1 -1 0 700 0]")
    assert {word.direction for word in words_of(openers, path)} == {270}


def test_boxes_are_fractions_of_the_crop_box(openers: Openers, tmp_path: Path):
    path = documents.pdf_of_operators(
        tmp_path / "a.pdf", b"BT /F 20 Tf 310 400 Td (Inside) Tj 0 -390 Td (Outside) Tj ET", b"/CropBox [300 300 600 500]"
    )
    (word,) = words_of(openers, path)
    assert word.text == "Inside"
    assert word.left == pytest.approx(10 / 300, abs=0.01)
    assert facts_of(openers, path).width_points == 300


def test_bold_and_italic_are_told_by_the_font(openers: Openers, tmp_path: Path):
    path = tmp_path / "a.pdf"
    canvas = documents.Canvas(str(path))
    for y, font in ((700, "Helvetica"), (650, "Helvetica-Bold"), (600, "Times-Italic")):
        canvas.setFont(font, 12)
        canvas.drawString(72, y, font.replace("-", ""))
    canvas.save()
    looks = {word.text: (word.bold, word.italic) for word in words_of(openers, path)}
    assert looks == {"Helvetica": (False, False), "HelveticaBold": (True, False), "TimesItalic": (False, True)}


def test_faces_of_equal_widths_and_baselines_are_told(openers: Openers, tmp_path: Path):
    path = tmp_path / "a.pdf"
    canvas = documents.Canvas(str(path), pagesize=(400, 800))
    for y, font in ((600, "Courier"), (400, "Helvetica")):
        canvas.setFont(font, 12)
        canvas.drawString(72, y, font)
    canvas.save()
    looks = {word.text: (word.mono, word.math, word.baseline) for word in words_of(openers, path)}
    assert looks == {"Courier": (True, False, 0.25), "Helvetica": (False, False, 0.5)}


def test_size_counts_what_the_matrix_enlarges(openers: Openers, tmp_path: Path):
    path = documents.pdf_of_operators(tmp_path / "a.pdf", b"BT /F 1 Tf 24 0 0 24 72 600 Tm (Big) Tj ET")
    assert words_of(openers, path)[0].size_points == 24


def test_facts_tell_a_digital_page_from_a_scan(openers: Openers, tmp_path: Path):
    digital = facts_of(openers, documents.pdf_of_text(tmp_path / "d.pdf", ["Ten little words " * 10]))
    scan = facts_of(openers, documents.scanned_pdf(tmp_path / "s.pdf", ["Ten little words"]))
    assert (digital.characters, digital.image_share) == (140, 0)
    assert (scan.characters, scan.image_share) == (0, 1)
    assert digital.width_points == pytest.approx(595, abs=1)


def test_invisible_text_is_counted(openers: Openers, tmp_path: Path):
    path = documents.pdf_of_operators(tmp_path / "a.pdf", b"BT /F 12 Tf 72 700 Td (seen) Tj 3 Tr 0 -40 Td (hidden) Tj ET")
    assert facts_of(openers, path).invisible_share == pytest.approx(0.6)


def test_text_under_a_picture_of_the_whole_page_is_invisible_and_text_on_it_is_not(openers: Openers, tmp_path: Path):
    path = tmp_path / "a.pdf"
    canvas = documents.Canvas(str(path))
    scan = documents.ImageReader(documents.page_picture("What the scan shows"))
    for order in ("under", "over"):
        if order == "over":
            canvas.drawImage(scan, 0, 0, *documents.A4)
        canvas.drawString(72, 600, "what an earlier OCR made of it")
        if order == "under":
            canvas.drawImage(scan, 0, 0, *documents.A4)
        canvas.showPage()
    canvas.save()
    assert [facts_of(openers, path, page=number).invisible_share for number in (1, 2)] == [1, 0]


def test_form_fields_are_counted_and_drawn(openers: Openers, tmp_path: Path):
    path = tmp_path / "form.pdf"
    canvas = documents.Canvas(str(path))
    canvas.acroForm.textfield(name="a", value="Filled in", x=72, y=600, width=200, height=30)
    canvas.acroForm.checkbox(name="b", checked=True, x=72, y=500)
    canvas.showPage()
    canvas.save()
    assert facts_of(openers, path).form_fields == 2
    assert picture_of(openers, path).ink > 0.001


def test_what_is_filled_in_on_a_form_stands_where_its_field_stands(openers: Openers, tmp_path: Path):
    path = tmp_path / "form.pdf"
    canvas = documents.Canvas(str(path))
    form = canvas.acroForm
    canvas.drawString(72, 706, "Name")
    form.textfield(name="a", value="Ada Lovelace", x=150, y=700, width=200, height=20)
    canvas.drawString(72, 656, "Country")
    form.choice(name="b", value="Norway", options=["Norway", "Chile"], x=150, y=650, width=100, height=20)
    for number, (label, checked) in enumerate((("I agree", True), ("Send news", False))):
        form.checkbox(name=f"c{number}", checked=checked, x=72, y=600 - 30 * number, size=14)
        canvas.drawString(92, 603 - 30 * number, label)
    form.textfield(name="secret", value="hunter2", fieldFlags="password", x=72, y=500, width=100, height=20)
    form.textfield(name="notes", value="First line\nsecond line", fieldFlags="multiline", x=72, y=400, width=200, height=60)
    canvas.showPage()
    canvas.save()
    found = blocks_of(words_of(openers, path), *documents.A4)
    assert [(block.kind, block.text) for block in found] == [
        ("paragraph", "Name Ada Lovelace"),
        ("paragraph", "Country Norway"),
        ("checkbox", "☑ I agree"),
        ("checkbox", "☐ Send news"),
        ("paragraph", "First line"),
        ("paragraph", "second line"),
    ]


def test_what_was_typed_onto_a_page_is_read_with_it_unless_it_is_hidden(openers: Openers, tmp_path: Path):
    path = tmp_path / "typed.pdf"
    canvas = documents.Canvas(str(path))
    canvas.drawString(72, 706, "Name of the applicant:")
    canvas.freeTextAnnotation("Grace Hopper", "0 g /Helv 12 Tf", Rect=[200, 700, 300, 720])
    canvas.freeTextAnnotation("Never shown", "0 g /Helv 12 Tf", Rect=[200, 640, 300, 660], F=2)
    long = "Received on the third of May and passed on to the harbour office the same day"
    canvas.freeTextAnnotation(long, "0 g /Helv 10 Tf", Rect=[72, 500, 232, 560])
    canvas.showPage()
    canvas.save()
    found = blocks_of(words_of(openers, path), *documents.A4)
    assert [" ".join(block.text.split()) for block in found] == ["Name of the applicant: Grace Hopper", long]


# --- pictures ---------------------------------------------------------------------------------------------------------


def test_a_page_is_drawn_at_the_resolution_asked_for(openers: Openers, tmp_path: Path):
    path = documents.pdf_of_text(tmp_path / "a.pdf", [PARAGRAPH])
    picture = picture_of(openers, path, spec=PageImageSpec(dpi=100, encoding="jpeg"))
    assert (picture.width_pixels, picture.height_pixels) == (827, 1169)
    assert as_image(picture).size == (827, 1169)
    assert as_image(picture).mode == "RGB"


def test_the_long_side_has_the_last_word(openers: Openers, tmp_path: Path):
    path = documents.pdf_of_text(tmp_path / "a.pdf", [PARAGRAPH])
    picture = picture_of(openers, path, spec=PageImageSpec(dpi=300, max_long_side=800, min_short_side=900))
    assert max(picture.width_pixels, picture.height_pixels) == 800


def test_a_small_page_grows_to_the_short_side(openers: Openers, tmp_path: Path):
    path = documents.pdf_of_operators(tmp_path / "a.pdf", b"", b"/MediaBox [0 0 100 140]")
    picture = picture_of(openers, path, spec=PageImageSpec(dpi=72, min_short_side=500))
    assert (picture.width_pixels, picture.height_pixels) == (500, 700)


@pytest.mark.parametrize("box", [b"0 0 1000000000 1000000000", b"0 0 1 14400", b"0 0 nan inf", b"0 0 0 0", b"5 5 -9 -9"])
def test_an_insane_page_size_gives_a_bounded_picture_or_an_error(openers: Openers, tmp_path: Path, box: bytes):
    path = documents.pdf_of_operators(tmp_path / "a.pdf", b"", b"/MediaBox [%s]" % box)
    try:
        picture = picture_of(openers, path)
    except PageUnreadable:
        return
    assert max(picture.width_pixels, picture.height_pixels) <= RGB.max_long_side


@pytest.mark.parametrize(("turn", "undo"), [(90, Image.Transpose.ROTATE_90), (180, Image.Transpose.ROTATE_180)])
@pytest.mark.parametrize("kind", ["pdf", "image"])
def test_a_page_is_turned_clockwise(openers: Openers, tmp_path: Path, kind: SourceKind, turn: int, undo: Image.Transpose):
    path = tmp_path / "a"
    if kind == "pdf":
        documents.pdf_of_text(path, [PARAGRAPH])
    else:
        documents.picture(path, PARAGRAPH)
    upright, turned = picture_of(openers, path, kind), picture_of(openers, path, kind, turn=turn)
    assert turned.turned == turn
    assert unlike(as_image(turned).transpose(undo), as_image(upright)) < 2


def test_ink_is_none_on_a_blank_page_and_some_on_a_written_one(openers: Openers, tmp_path: Path):
    path = documents.scanned_pdf(tmp_path / "a.pdf", ["", "A single line of writing."])
    assert picture_of(openers, path, page=1).ink == 0
    assert 0.0005 < picture_of(openers, path, page=2).ink < 0.1


def test_ink_is_found_on_grey_paper_and_on_dark_paper(openers: Openers, tmp_path: Path):
    grey = documents.page_picture(PARAGRAPH, paper=215)
    blank, dark = Image.new("L", grey.size, 215), ImageChops.invert(documents.page_picture(PARAGRAPH))
    inks = []
    for name, image in (("grey", grey), ("blank", blank), ("dark", dark)):
        image.save(tmp_path / name, "PNG")
        inks.append(picture_of(openers, tmp_path / name, "image").ink)
    assert inks[1] == 0
    assert inks[0] > 0.005
    assert inks[2] > 0.005


@pytest.mark.parametrize(
    "text", [PARAGRAPH * 8, "One line only, in the middle of nothing.", "Invoice 4711\nTotal 12.34 EUR\n\nThank you"]
)
@pytest.mark.parametrize("quarter", [0, 90, 180, 270])
def test_sideways_is_above_one_where_writing_runs_from_top_to_bottom(openers: Openers, tmp_path: Path, text: str, quarter: int):
    path = documents.scanned_pdf(tmp_path / "a.pdf", [text], {1: quarter})
    assert (picture_of(openers, path, spec=SPEC).sideways_score > 1) == (quarter in {90, 270})


@pytest.mark.parametrize("turn", [0, 90])
def test_the_rules_of_a_table_do_not_look_like_writing(openers: Openers, tmp_path: Path, turn: int):
    image = documents.page_picture("\n".join(["Item   Price   Number   Total   Delivered   Paid"] * 38), font_size=26)
    draw = ImageDraw.Draw(image)
    for x in range(100, 1200, 180):
        draw.line([(x, 100), (x, 1600)], fill=0, width=2)
    for y in range(100, 1601, 78):
        draw.line([(100, y), (1180, y)], fill=0, width=2)
    image.save(tmp_path / "a.png")
    assert (picture_of(openers, tmp_path / "a.png", "image", turn=turn).sideways_score > 1) == (turn == 90)


# --- pictures as documents --------------------------------------------------------------------------------------------


def test_every_frame_of_a_tiff_is_a_page_in_order(openers: Openers, tmp_path: Path):
    path = documents.multi_frame_tiff(tmp_path / "a.tiff", ["one", "two two two", "three three three three three three"])

    async def ask(source: Source) -> list[float]:
        return [(await source.render(number, RGB)).ink for number in (3, 1, 2)] + [source.page_count]

    third, first, second, count = ask_document(openers, path, ask, "image")
    assert count == 3
    assert first < second < third


def test_only_the_first_frame_of_an_animation_is_read(openers: Openers, tmp_path: Path):
    frames = [Image.new("RGB", (60, 60), colour) for colour in ("white", "red", "blue")]
    frames[0].save(tmp_path / "a.webp", "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    frames[0].save(tmp_path / "a.png", "PNG", save_all=True, append_images=frames[1:])
    for name in ("a.webp", "a.png"):
        assert ask_document(openers, tmp_path / name, _page_count, "image") == 1
        assert as_image(picture_of(openers, tmp_path / name, "image")).getpixel((5, 5)) == (255, 255, 255)


async def _page_count(source: Source) -> int:
    return source.page_count


def test_a_picture_is_turned_as_its_exif_says(openers: Openers, tmp_path: Path):
    upright = documents.page_picture(PARAGRAPH, (1000, 700), 36).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.jpg", exif=exif, quality=95)
    picture, facts = picture_of(openers, tmp_path / "a.jpg", "image"), facts_of(openers, tmp_path / "a.jpg", "image")
    assert unlike(as_image(picture), upright) < 3
    assert (facts.width_points, facts.height_points, facts.rotation) == (500, 350, 90)


def test_points_come_from_the_resolution_where_it_is_sane(openers: Openers, tmp_path: Path):
    sane = documents.picture(tmp_path / "sane.png", "x", dpi=(200, 200))
    insane = documents.picture(tmp_path / "insane.png", "x", dpi=(3, 3))
    assert facts_of(openers, sane, "image").width_points == pytest.approx(360, abs=1)
    assert facts_of(openers, insane, "image").width_points == 500


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "I", "F"])
def test_every_mode_of_pixels_is_drawn_dark_on_white(openers: Openers, tmp_path: Path, mode: str):
    grey = documents.page_picture(PARAGRAPH, (1000, 700), 36)
    image = grey.convert("I").point(lambda level: level * 257).convert("I;16") if mode == "I;16" else grey.convert(mode)
    image.save(tmp_path / "a.tiff", "TIFF")
    assert unlike(as_image(picture_of(openers, tmp_path / "a.tiff", "image")), grey) < 8


def test_what_is_transparent_shows_white(openers: Openers, tmp_path: Path):
    image = Image.new("RGBA", (200, 100), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle([50, 20, 80, 60], fill=(0, 0, 0, 255))
    image.save(tmp_path / "a.png")
    drawn = as_image(picture_of(openers, tmp_path / "a.png", "image"))
    assert (drawn.getpixel((5, 5)), drawn.getpixel((60, 40))) == ((255, 255, 255), (0, 0, 0))


def test_white_writing_on_nothing_is_not_lost(openers: Openers, tmp_path: Path):
    image = Image.new("RGBA", (400, 200), (255, 255, 255, 0))
    ImageDraw.Draw(image).text((20, 50), "Visible", fill=(255, 255, 255, 255), font_size=60)
    image.save(tmp_path / "a.png")
    assert picture_of(openers, tmp_path / "a.png", "image").ink > 0.01


def test_a_large_scan_keeps_the_resolution_asked_for_and_a_small_one_its_pixels(openers: Openers, tmp_path: Path):
    Image.new("L", (2481, 3508), 255).save(tmp_path / "a4.png", dpi=(300, 300))
    Image.new("L", (600, 900), 255).save(tmp_path / "receipt.png", dpi=(300, 300))
    assert picture_of(openers, tmp_path / "a4.png", "image").height_pixels == pytest.approx(1684, abs=2)
    assert picture_of(openers, tmp_path / "receipt.png", "image").height_pixels == 900


# --- documents that cannot be read ------------------------------------------------------------------------------------


def test_a_truncated_pdf_is_damaged(openers: Openers, tmp_path: Path):
    whole = documents.pdf_of_text(tmp_path / "a.pdf", GOOD)
    with pytest.raises(DamagedDocument):
        facts_of(openers, documents.truncated(whole, tmp_path / "b.pdf"))


def test_a_pdf_without_pages_is_damaged(openers: Openers, tmp_path: Path):
    path = documents.raw_pdf(
        tmp_path / "a.pdf", [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>"]
    )
    with pytest.raises(DamagedDocument):
        facts_of(openers, path)


def test_an_encrypted_pdf_asks_for_its_password(openers: Openers, tmp_path: Path):
    path = documents.encrypted_pdf(tmp_path / "a.pdf", "open sesame")
    with pytest.raises(EncryptedDocument):
        facts_of(openers, path)
    with pytest.raises(WrongPassword):
        ask_document(openers, path, lambda source: source.facts(1), password="open barley")
    words = ask_document(openers, path, lambda source: source.words(1), password="open sesame")
    assert [word.text for word in words] == ["Secret", "text"]


def test_an_empty_password_opens_for_everybody(openers: Openers, tmp_path: Path):
    path = documents.encrypted_pdf(tmp_path / "a.pdf", "")
    assert [word.text for word in words_of(openers, path)] == ["Secret", "text"]


def test_a_picture_beyond_the_limit_is_refused_before_it_is_decoded(openers: Openers, tmp_path: Path):
    path = documents.png_bomb(tmp_path / "a.png", 50_000)
    with pytest.raises(OversizedImage):
        facts_of(openers, path, "image")


def test_a_picture_that_eats_memory_ends_its_child_only(tmp_path: Path):
    bomb, good = documents.png_bomb(tmp_path / "a.png", 40_000), documents.picture(tmp_path / "b.png", "Good")
    with Openers.start(
        OpenerLimits(memory_mb=128, timeout_seconds=30, max_image_megapixels=10_000, max_image_memory_mb=10_000)
    ) as openers:
        with pytest.raises(OpenerCrashed):
            facts_of(openers, bomb, "image")
        assert picture_of(openers, good, "image").ink > 0


def test_an_opener_that_dies_of_something_else_costs_the_document_nothing(openers: Openers, tmp_path: Path):
    path, sound = tmp_path / "a.png", documents.picture(tmp_path / "b.png", "Good")
    os.mkfifo(path)  # whoever opens it waits for somebody to write

    async def main() -> int:
        opening = asyncio.create_task(openers.open(path, "image"))
        writer = await until_read(path)
        sound.replace(path)
        children = Path(f"/proc/{openers.zygote_pid}/task/{openers.zygote_pid}/children").read_text().split()
        os.kill(int(children[-1]), signal.SIGKILL)
        os.close(writer)
        async with await opening as source:
            return source.page_count

    assert asyncio.run(main()) == 1


async def until_read(fifo: Path) -> int:
    """The end to write to, once somebody reads."""
    while True:
        with contextlib.suppress(OSError):
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        await asyncio.sleep(0.01)


def test_a_page_that_does_not_exist_is_unreadable(openers: Openers, tmp_path: Path):
    path = documents.pdf_of_text(tmp_path / "a.pdf", GOOD)
    for page in (0, 4, -1):
        with pytest.raises(PageUnreadable):
            facts_of(openers, path, page=page)


# --- blame ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [documents.endless_page_pdf, documents.huge_stream_page_pdf])
def test_only_the_page_that_kills_its_child_is_charged(tmp_path: Path, make: Callable[[Path], Path]):
    async def ask(source: Source) -> tuple[int, str]:
        with pytest.raises(PageCrashed) as crash:
            await source.facts(2)
        with pytest.raises(PageCrashed):
            await source.render(2, SPEC)
        return crash.value.details["page"], " ".join(word.text for word in await source.words(1))

    with Openers.start(OpenerLimits(memory_mb=256, timeout_seconds=20)) as openers:
        assert ask_document(openers, make(tmp_path / "a.pdf"), ask) == (2, "A good page")


def test_a_child_that_hangs_is_killed_at_the_deadline_and_replaced(tmp_path: Path):
    async def ask(source: Source) -> list[Any]:
        os.kill(source.pid, signal.SIGSTOP)
        with pytest.raises(PageCrashed) as crash:
            await source.facts(1)
        return [crash.value.details["reason"], (await source.facts(1)).number]

    path = documents.pdf_of_text(tmp_path / "a.pdf", GOOD)
    with Openers.start(OpenerLimits(timeout_seconds=0.3)) as openers:
        assert ask_document(openers, path, ask) == ["timeout", 1]


def test_a_killed_child_costs_the_page_asked_for_and_no_other(openers: Openers, tmp_path: Path):
    async def ask(source: Source) -> str:
        first = source.pid
        os.kill(first, signal.SIGKILL)
        with pytest.raises(PageCrashed):
            await source.facts(2)
        words = await source.words(3)
        assert source.pid != first
        return words[0].text

    assert ask_document(openers, documents.pdf_of_text(tmp_path / "a.pdf", GOOD), ask) == "Third"


def test_a_fresh_child_opens_with_the_same_password(openers: Openers, tmp_path: Path):
    async def ask(source: Source) -> str:
        os.kill(source.pid, signal.SIGKILL)
        with pytest.raises(PageCrashed):
            await source.facts(1)
        return (await source.words(1))[0].text

    path = documents.encrypted_pdf(tmp_path / "a.pdf", "open sesame")
    assert ask_document(openers, path, ask, password="open sesame") == "Secret"


def test_the_death_of_the_zygote_is_no_pages_fault(tmp_path: Path):
    async def ask(source: Source) -> list[int]:
        os.kill(openers.zygote_pid, signal.SIGKILL)
        return [(await source.facts(number)).number for number in (1, 2)]

    with Openers.start(OpenerLimits()) as openers:
        path = documents.pdf_of_text(tmp_path / "a.pdf", GOOD)
        assert ask_document(openers, path, ask) == [1, 2]
        assert facts_of(openers, path).number == 1


def test_a_cancelled_call_leaves_no_answer_for_the_next_one(openers: Openers, tmp_path: Path):
    async def ask(source: Source) -> list[int]:
        for wait in (0, 0.001, 0.005, 0.02):
            call = asyncio.create_task(source.render(1, SPEC))
            await asyncio.sleep(wait)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            assert (await source.facts(2)).number == 2
        return [(await source.render(number, SPEC)).number for number in (1, 3)]

    assert ask_document(openers, documents.pdf_of_text(tmp_path / "a.pdf", GOOD), ask) == [1, 3]


def test_many_tasks_share_a_source(openers: Openers, tmp_path: Path):
    texts = [f"page{number} {PARAGRAPH}" for number in range(1, 9)]

    async def ask(source: Source) -> list[str]:
        found = await asyncio.gather(*(source.words(number) for number in range(1, 9)))
        return [words[0].text for words in found]

    assert ask_document(openers, documents.pdf_of_text(tmp_path / "a.pdf", texts), ask) == [f"page{n}" for n in range(1, 9)]


def test_closing_ends_the_child(openers: Openers, tmp_path: Path):
    async def run() -> int:
        source = await openers.open(documents.pdf_of_text(tmp_path / "a.pdf", GOOD), "pdf")
        handle = os.pidfd_open(source.pid)
        await source.close()
        await source.close()
        with pytest.raises(PageUnreadable):
            await source.facts(1)
        return handle

    handle = asyncio.run(run())
    try:
        _wait_for_end(handle)
    finally:
        os.close(handle)


def test_children_end_with_their_openers(tmp_path: Path):
    async def run(openers: Openers) -> int:
        source = await openers.open(documents.pdf_of_text(tmp_path / "a.pdf", GOOD), "pdf")
        handle = os.pidfd_open(source.pid)
        openers.close()
        await source.close()
        return handle

    handle = asyncio.run(run(Openers.start(OpenerLimits())))
    try:
        _wait_for_end(handle)
    finally:
        os.close(handle)


def _wait_for_end(handle: int) -> None:
    assert select.select([handle], [], [], 30)[0], "the child still runs"


def test_a_child_holds_no_descriptor_of_its_parent(tmp_path: Path):
    read, write = os.pipe()
    try:

        async def ask(source: Source) -> list[str]:
            folder = Path(f"/proc/{source.pid}/fd")
            return [str(entry.readlink()) for entry in folder.iterdir()]

        with Openers.start(OpenerLimits()) as openers:
            held = ask_document(openers, documents.pdf_of_text(tmp_path / "a.pdf", GOOD), ask)
        assert str(Path(f"/proc/self/fd/{read}").readlink()) not in held
        assert sum(name.startswith("socket:") for name in held) <= 2  # its own, and perhaps the stderr it was given
    finally:
        os.close(read)
        os.close(write)


# --- the corpus -------------------------------------------------------------------------------------------------------


@pytest.mark.corpus
@pytest.mark.parametrize("folder", ["encrypted", "image", "misc", "mismatch", "pdf", "pdfjs", "qpdf_bad", "qpdf_fuzz"])
def test_no_hostile_file_gives_anything_but_pages_or_errors_of_ours(openers: Openers, corpus: Path, folder: str):
    async def run() -> None:
        for path in sorted((corpus / "hostile" / folder).iterdir()):
            await _read_through(openers, path)

    asyncio.run(run())


async def _read_through(openers: Openers, path: Path) -> None:
    data = path.read_bytes()
    try:
        kind = sniff(data[:HEAD_BYTES], path.name, len(data)).kind
        source = await openers.open(path, kind, PASSWORDS.get(f"{path.parent.name}/{path.name}"))
    except (EmptyFile, UnsupportedFormat, ContentMismatch, DocumentError):
        return
    async with source:
        for number in range(1, min(2, source.page_count) + 1):
            for call in (source.facts(number), source.words(number), source.render(number, SPEC)):
                with contextlib.suppress(PageUnreadable):
                    await call


@pytest.mark.corpus
@pytest.mark.parametrize("name", PASSWORDS)
def test_encrypted_files_ask_for_their_password(openers: Openers, corpus: Path, name: str):
    path = corpus / "hostile" / name
    with pytest.raises(EncryptedDocument):
        ask_document(openers, path, lambda source: source.facts(1))
    with pytest.raises(WrongPassword):
        ask_document(openers, path, lambda source: source.facts(1), password="not this one")
    assert ask_document(openers, path, lambda source: source.facts(1), password=PASSWORDS[name]).number == 1


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "page", "sideways"),
    [
        ("scanned/phototest.tif", 1, False),
        ("scanned/phototest-rotated-L.png", 1, True),
        ("scanned/phototest-rotated-R.png", 1, True),
        ("scanned/phototest-rotated-180.png", 1, False),
        ("scanned/ocr_test_rotated_90.pdf", 1, True),
        ("scanned/ocr_test.pdf", 1, False),
        ("scanned/cardinal.pdf", 2, True),
        ("hostile/image/control_good.png", 1, False),
    ],
)
def test_scans_that_lie_on_their_side_are_seen(openers: Openers, corpus: Path, name: str, page: int, sideways: bool):
    kind: SourceKind = "pdf" if name.endswith(".pdf") else "image"
    assert (picture_of(openers, corpus / name, kind, page, SPEC).sideways_score > 1) == sideways


def test_a_long_document_is_drawn_by_one_child_after_another(openers, tmp_path):
    documents.scanned_pdf(tmp_path / "long.pdf", ["Page one.", "Page two."], dpi=50)

    async def children():
        seen = []
        async with await openers.open(tmp_path / "long.pdf", "pdf") as source:
            for turn in range(REQUESTS_PER_CHILD + 2):
                await source.render(turn % 2 + 1, PageImageSpec(dpi=20))
                seen.append(source.pid)
        return seen

    seen = asyncio.run(children())
    assert len(set(seen)) == 2
    assert seen[0] == seen[REQUESTS_PER_CHILD - 1] != seen[-1]


def test_a_zygote_is_shared_until_it_dies(tmp_path: Path):
    path = documents.pdf_of_text(tmp_path / "a.pdf", GOOD)
    with Openers.start(OpenerLimits()) as pool:
        shared = pool._zygote()
        with Openers.start(OpenerLimits(), shared) as openers:
            assert facts_of(openers, path).number == 1
            assert openers.zygote_pid == shared.pid
            os.kill(shared.pid, signal.SIGKILL)
            assert facts_of(openers, path).number == 1
            assert openers.zygote_pid != shared.pid


def test_a_child_ends_with_the_one_it_works_for_even_in_the_middle_of_a_page(tmp_path: Path):
    path = documents.endless_page_pdf(tmp_path / "endless.pdf")
    ours, theirs = os.pipe()
    with Openers.start(OpenerLimits()) as pool:
        shared = pool._zygote()
        worker = os.fork()
        if worker == 0:

            async def work() -> None:
                source = await Openers(OpenerLimits(), shared).open(path, "pdf")
                os.write(theirs, b"%d" % source.pid)
                await source.render(1, SPEC)

            asyncio.run(work())
            os._exit(0)
        child = int(os.read(ours, 20))
        handle = os.pidfd_open(child)
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
        assert select.select([handle], [], [], 10)[0]
        assert pool.is_alive()
    for descriptor in (ours, theirs, handle):
        os.close(descriptor)


# --- messages of children ---------------------------------------------------------------------------------------------


def replies_of(sent: list[bytes], count: int = 1) -> list[tuple[Reply, bytes]]:
    """What is received when these bytes arrive one after the other."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    async def receive() -> list[tuple[Reply, bytes]]:
        async def send() -> None:
            for piece in sent:
                theirs.sendall(piece)
                await asyncio.sleep(0)

        sending = asyncio.create_task(send())
        received = [await receive_reply(ours) for _ in range(count)]
        await sending
        return received

    with ours, theirs:
        return asyncio.run(receive())


def frame(payload: bytes) -> bytes:
    head = b'{"page_count":3}'
    return struct.pack(">II", len(head), len(payload)) + head + payload


def test_a_reply_is_the_same_however_it_arrives():
    payload = bytes(range(256)) * 300
    whole = frame(payload)
    for sent in ([whole], [whole[:3], whole[3:9], whole[9:30], whole[30:]], [bytes([one]) for one in frame(b"ab")]):
        ((reply, received),) = replies_of(sent)
        assert reply.page_count == 3
        assert received in (payload, b"ab")


def test_a_reply_with_more_behind_it_is_not_trusted():
    with pytest.raises(ValueError, match="more than one frame"):
        replies_of([frame(b"ab") + b"c"])


@pytest.mark.parametrize("rotate", [0, 180])
def test_letters_placed_one_by_one_are_in_reading_order_on_a_page_turned_upside_down(tmp_path: Path, rotate: int):
    lefts = (100, 107.3, 114, 116.7, 123.4, 130)
    letters = b"".join(b"BT /F 12 Tf %.1f 600 Td (%c) Tj ET " % placed for placed in zip(lefts, b"Fulham", strict=True))
    path = documents.pdf_of_operators(tmp_path / "a.pdf", letters, b"/Rotate %d" % rotate)
    assert [word.text for word in PdfFile(path).words(1)] == ["Fulham"]
