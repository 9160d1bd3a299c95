"""Chunks tile the Markdown, keep within their tokens, part tables between rows, and say where they come from."""

from __future__ import annotations

import io
import string
from itertools import pairwise

import pytest
import regex
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import document_parser
from document_parser.export import writer_of
from document_parser.models import (
    Block,
    BoundingBox,
    Cell,
    Chunk,
    Continuation,
    Document,
    Options,
    Page,
    PageError,
    PageWarning,
    PlacedText,
    Table,
)
from document_parser.pipeline.assembly.document import assemble_pages
from document_parser.text.tokens import count_tokens
from tests.support.service import ROOT
from tests.support.tables import table_of_rows

KINDS = (*("paragraph", "list_item", "heading") * 2, "title", "code", "formula", "footnote", "figure", "table")
STRATEGIES = ("heading", "page", "block")
SENTENCES = (
    "The committee met on Monday. It approved the budget of $1,200.50! Was that all? Mr. Smith said no.",
    "委员会星期一开会。它批准了预算！就这些吗？没有空格的文字必须也能分开。",
    "委員会は月曜日に開かれた。「予算は承認された。」それだけですか？カタカナとひらがな。",
    "คณะกรรมการประชุมกันในวันจันทร์ และอนุมัติงบประมาณ น้ำท่วมที่นี่",
    "اجتمعت اللجنة يوم الاثنين. وافقت على الميزانية؟ نعم، هذا كل شيء.",
    "הוועדה התכנסה ביום שני. היא אישרה את התקציב!",
    "समिति की बैठक सोमवार को हुई। बजट स्वीकृत हुआ। क्षत्रिय विद्यार्थी।",
    "위원회는 월요일에 모였다. 예산을 승인했다.",
    "Комитет собрался в понедельник. Бюджет утверждён; т.е. принят.",
    "e\u0301e\u0301 Zu\u0308rich cafe\u0301 👨‍👩‍👧‍👦🏽 🇩🇪🇫🇷 ☕️",
    "See [1] *and* `code` at https://example.org/a_b?c=d&e=f with $x^2 < y_1$ | pipes | <b>tags</b>.",
)
"""Sentences in many scripts, with and without spaces, and with what Markdown must escape."""


def words(rand_words: int = 40) -> st.SearchStrategy[str]:
    text = st.text(alphabet=string.ascii_letters + " .,|*_`#<&\n\u0301字ก", min_size=1, max_size=80)
    return st.lists(st.sampled_from(SENTENCES) | text, min_size=1, max_size=rand_words).map(" ".join)


def boxes() -> st.SearchStrategy[BoundingBox | None]:
    return st.none() | st.floats(0, 0.9).map(lambda top: BoundingBox.of(0.1, top, 0.9, top + 0.05))


@st.composite
def tables(draw: st.DrawFn) -> Block:
    cells = st.sampled_from((*SENTENCES, "1", "two", "", "a\nb")) | st.text(alphabet="abc |*", max_size=8)
    columns = draw(st.integers(1, 4))
    rows = draw(st.lists(st.lists(cells, min_size=columns, max_size=columns), min_size=1, max_size=25))
    table = table_of_rows(rows, heads=draw(st.integers(0, 2)))
    if draw(st.booleans()) and columns > 1 and len(rows) > 2:
        wide = Cell(row=len(rows) - 1, column=0, column_span=2, text="wide")
        rest = [cell for cell in table.cells if (cell.row, cell.column) not in {(wide.row, 0), (wide.row, 1)}]
        table = Table(rows=table.rows, columns=table.columns, cells=[*rest, wide])
    return Block(kind="table", table=table, box=draw(boxes()))


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    kind = draw(st.sampled_from(KINDS))
    if kind == "table":
        return draw(tables())
    short = kind in ("heading", "title", "list_item")
    text = draw(st.sampled_from(SENTENCES) if short else words())
    if kind == "list_item":
        text = draw(st.sampled_from(("- ", "1. ", "7) "))) + text
    level = draw(st.integers(1, 4)) if short else None
    return Block(kind=kind, text=text, level=level, box=draw(boxes()))


@st.composite
def documents(draw: st.DrawFn) -> list[Page]:
    found = draw(st.lists(st.lists(blocks(), max_size=7), min_size=1, max_size=3))
    pages = [Page(number=number, blocks=inside) for number, inside in enumerate(found, 1)]
    for page, following in pairwise(pages):
        # A block that goes on over the end of the page, as assembling marks it.
        if page.blocks and following.blocks and page.blocks[-1].kind == following.blocks[0].kind and draw(st.booleans()):
            page.blocks[-1] = page.blocks[-1].model_copy(update={"continued_on": following.number})
            mark = Continuation(page=page.number, block=len(page.blocks) - 1, between=" ")
            following.blocks[0] = following.blocks[0].model_copy(update={"continues": mark})
    return pages


@st.composite
def chunkings(draw: st.DrawFn) -> dict[str, object]:
    most = draw(st.integers(32, 200))
    overlap = draw(st.just(0) | st.integers(0, (most - 1) // 2))
    return {"chunk_max_tokens": most, "chunk_overlap": overlap, "chunk_strategy": draw(st.sampled_from(STRATEGIES))}


def written(name: str, pages: list[Page], **options: object) -> bytes:
    out = io.BytesIO()
    head = Document(filename="a.pdf", media_type="application/pdf", page_count=len(pages))
    write = writer_of(name)
    write(head, iter(pages), Options.model_validate(options), out)
    return out.getvalue()


def markdown_of(pages: list[Page], **options: object) -> str:
    return written("markdown", pages, **options).decode()


def chunks_of(pages: list[Page], **options: object) -> list[Chunk]:
    return [Chunk.model_validate_json(line) for line in written("chunks", pages, **options).splitlines()]


def check_chunks(pages: list[Page], **options: object) -> list[Chunk]:
    """Check everything that holds for all chunks of all documents; return the chunks."""
    markdown, chunks = markdown_of(pages, **options), chunks_of(pages, **options)
    most, overlap = int(options.get("chunk_max_tokens", 512)), int(options.get("chunk_overlap", 0))
    at = 0
    for chunk in chunks:
        assert chunk.text == markdown[chunk.span.start : chunk.span.end]
        assert chunk.span.start <= at < chunk.span.end, "chunks are in order and leave nothing out"
        assert count_tokens(markdown[chunk.span.start : at]) <= overlap + 1
        assert chunk.tokens == count_tokens(chunk.context_text) <= most
        assert chunk.context_text.endswith(chunk.text)
        at = chunk.span.end
    assert at == len(markdown)
    if not overlap:
        assert "".join(chunk.text for chunk in chunks) == markdown
    assert len({chunk.id for chunk in chunks}) == len(chunks)
    faults = {warning.code for chunk in chunks for warning in chunk.warnings}
    cuts = {chunk.span.start for chunk in chunks} - {0}
    if "character_parted" not in faults:
        assert cuts <= {match.start() for match in regex.finditer(r"\X", markdown)}, "no character is parted"
    check_tables(pages, markdown, chunks, most, **options)
    if options.get("chunk_strategy") == "page" and not overlap:
        assert all(len(chunk.pages) == 1 for chunk in chunks)
    return chunks


def check_tables(pages: list[Page], markdown: str, chunks: list[Chunk], most: int, **options: object) -> None:
    """Check that chunks begin at the start of a row wherever they begin in a table, unless the row is too large for one."""
    lines = [PlacedText.model_validate_json(line) for line in written("places", pages, **options).splitlines()]
    assert "".join(line.text for line in lines) == markdown
    kinds = {(page.number, index): block.kind for page in pages for index, block in enumerate(page.blocks)}
    parted = {chunk.span.start for chunk in chunks if any(warning.code == "table_row_parted" for warning in chunk.warnings)}
    starts = {chunk.span.start for chunk in chunks}
    for line in lines:
        if not line.sources or kinds[line.sources[0].page, line.sources[0].index] != "table":
            continue
        inside = {start for start in starts if line.start < start < line.start + len(line.text)}
        rows = {line.start + place for place in range(1, len(line.text)) if line.text[place - 1] == "\n"}
        for start in inside - rows:
            assert start in parted
            assert count_tokens(line.text) + 20 > most, "only a row that is too large is parted"


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents(), chunkings())
def test_chunks_tile_the_markdown_within_their_tokens_and_part_tables_between_rows(pages, options):
    check_chunks(pages, **options)


def page_of(*blocks: Block, number: int = 1, **fields: object) -> Page:
    boxes = [BoundingBox.of(0.1, n / 50, 0.9, (n + 1) / 50) for n in range(len(blocks))]
    placed = [block.model_copy(update={"box": box}) for block, box in zip(blocks, boxes, strict=True)]
    return Page(number=number, blocks=placed, **fields)


def paragraph(text: str) -> Block:
    return Block(kind="paragraph", text=text)


def heading(text: str, level: int) -> Block:
    return Block(kind="heading", text=text, level=level)


LONG = "The swifts came back to the old town in May. " * 12


def test_a_chunk_knows_the_headings_above_it_and_its_context_repeats_them():
    first, second, third = chunks_of(
        [page_of(heading("Birds", 1), heading("Swifts", 2), paragraph(LONG), heading("Owls", 2), paragraph("None."))],
        chunk_max_tokens=100,
    )
    assert [chunk.headings for chunk in (first, second, third)] == [["Birds", "Swifts"], ["Birds", "Swifts"], ["Birds", "Owls"]]
    assert first.context_text == first.text
    assert second.context_text == f"# Birds\n## Swifts\n\n{second.text}"
    assert third.context_text == f"# Birds\n\n{third.text}"


def test_a_heading_is_not_left_alone_and_sentences_stay_whole():
    page = page_of(paragraph(LONG), heading("Next", 2), paragraph(LONG))
    chunks = chunks_of([page], chunk_max_tokens=90, chunk_strategy="page")
    assert not any(chunk.text.rstrip().endswith("Next") for chunk in chunks)
    assert all(chunk.text.rstrip().endswith(".") for chunk in chunks)


def test_a_large_table_repeats_its_header_rows_and_counts_its_rows():
    table = Block(kind="table", table=table_of_rows([["name", "count"], *([f"bird {n}", str(n)] for n in range(40))]))
    chunks = chunks_of([page_of(paragraph("Counted:"), table, paragraph("Done."))], chunk_max_tokens=90)
    parts = [chunk for chunk in chunks if chunk.kind == "table"]
    header = "| name | count |\n| --- | --- |"
    assert [chunk.table.header for chunk in parts] == [header] * len(parts)
    assert parts[0].table.rows.start == 0
    assert [chunk.table.rows.start for chunk in parts[1:]] == [chunk.table.rows.end for chunk in parts[:-1]]
    assert parts[-1].table.rows.end == 41
    assert all(chunk.context_text == f"{header}\n{chunk.text}" for chunk in parts[1:])
    assert {(chunk.table.page, chunk.table.index) for chunk in parts} == {(1, 1)}


def test_an_html_table_is_parted_between_rows_with_its_whole_header():
    rows = [["region", "count"], ["", "birds"], *([f"place {n}\nnorth", str(n)] for n in range(30))]
    chunks = chunks_of([page_of(Block(kind="table", table=table_of_rows(rows, heads=2)))], chunk_max_tokens=120)
    assert len(chunks) > 2
    assert all(chunk.text.startswith(("<table>", "<tr>", "<tbody>")) for chunk in chunks)
    assert all(chunk.table.header.count("<tr>") == 2 for chunk in chunks)


def test_a_row_that_is_too_large_is_parted_and_says_so():
    table = table_of_rows([["a", "b"], ["word " * 200, "c"]])
    chunks = check_chunks([page_of(Block(kind="table", table=table))], chunk_max_tokens=64)
    parted = [chunk for chunk in chunks if any(warning.code == "table_row_parted" for warning in chunk.warnings)]
    assert len(parted) > 2
    assert {(chunk.table.rows.start, chunk.table.rows.end) for chunk in parted} == {(0, 2), (1, 2)}, "the header goes with it"


def test_a_character_with_more_tokens_than_a_chunk_is_parted_and_says_so():
    chunks = check_chunks([page_of(paragraph("a" + "\u0301" * 300))], chunk_max_tokens=32)
    assert all("character_parted" in [warning.code for warning in chunk.warnings] for chunk in chunks)


def joined_pages() -> list[Page]:
    mark = Continuation(page=1, block=0, between=" ")
    first = page_of(Block(kind="paragraph", text="It began on the first page", continued_on=2), number=1)
    second = page_of(Block(kind="paragraph", text="and ended on the second.", continues=mark), paragraph("More."), number=2)
    return [first, second]


def test_a_paragraph_over_the_end_of_a_page_has_the_box_of_each_part():
    whole, rest = chunks_of(joined_pages(), chunk_strategy="block")
    assert whole.text.strip() == "It began on the first page and ended on the second."
    assert [(box.page, box.top) for box in whole.boxes] == [(1, 0.0), (2, 0.0)]
    assert (rest.pages, [block.index for block in rest.blocks]) == ([2], [1])
    first, second = chunks_of(joined_pages(), chunk_strategy="page")
    assert (first.text, first.pages) == ("It began on the first page ", [1])
    assert (second.pages, [box.top for box in second.boxes]) == ([2], [0.0, 0.02])


def test_chunks_have_the_warnings_of_their_pages():
    pages = [
        page_of(paragraph("One."), number=1, warnings=[PageWarning(code="low_confidence", message="Hardly legible.")]),
        Page(number=2, status="failed", error=PageError(code="PAGE_UNREADABLE", message="It is torn.")),
        page_of(paragraph("Three."), number=3),
    ]
    found = [[(warning.code, warning.page) for warning in chunk.warnings] for chunk in chunks_of(pages, chunk_strategy="page")]
    assert found == [[("low_confidence", 1)], [("PAGE_UNREADABLE", 2)], []]


def test_ids_stay_the_same_when_something_else_changes_and_differ_for_equal_texts():
    same = [heading("Owls", 2), paragraph("None."), heading("Owls", 2), paragraph("None.")]
    before = chunks_of([page_of(heading("A", 2), paragraph("x."), *same)])
    after = chunks_of([page_of(heading("A", 2), paragraph("x, and much more than that."), *same)])
    assert before[0].id != after[0].id
    assert [chunk.id for chunk in before[1:]] == [chunk.id for chunk in after[1:]]
    assert before[1].text.strip() == before[2].text.strip()
    assert len({chunk.id for chunk in before}) == 3


def test_embedded_figures_are_links_in_chunks():
    figure = Block(kind="figure", text="A chart", picture="page-0001-figure-1.jpg")
    assert [chunk.text for chunk in chunks_of([page_of(figure)], figures="embed")] == [markdown_of([page_of(figure)])]


def test_an_empty_document_has_no_chunks():
    assert chunks_of([Page(number=1, status="blank")]) == []


@pytest.fixture(scope="module")
def sample_pages() -> list[list[Page]]:
    found = []
    for name in ("paper.pdf", "scan.pdf"):
        pages = document_parser.parse(ROOT / "samples" / name).pages
        found.append(list(assemble_pages(lambda pages=pages: pages)))
    return found


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("most", [32, 100, 512])
def test_the_samples_hold_all_of_it(sample_pages, strategy, most):
    for pages in sample_pages:
        for overlap in (0, most // 3):
            check_chunks(pages, chunk_strategy=strategy, chunk_max_tokens=most, chunk_overlap=overlap)
