"""Every answer is small enough for an assistant, whatever is in the document and asked, and nothing is lost between two."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp.types import CallToolResult

from document_parser.client.models import PageEntry
from document_parser.errors import DocumentParserError, InvalidOption, PlaceNotFound, QuoteNotFound
from document_parser.export.chunks import write_chunks
from document_parser.mcp import reading, receiving, values
from document_parser.mcp.document_text import DocumentText, TextRange
from document_parser.mcp.fit import MAX_ANSWER_BYTES, clip, error_answer, size_of
from document_parser.mcp.folding import fold, fold_with_origins
from document_parser.mcp.library import PIECE_TOKENS
from document_parser.models import (
    Block,
    BlockReference,
    BoundingBox,
    Cell,
    Chunk,
    Document,
    JobStatus,
    Options,
    Page,
    PageBox,
    Table,
)
from document_parser.models.extraction import Extraction, ExtractionCheck, ExtractionWarning

ID = "11111111-1111-4111-8111-111111111111"
BOX = BoundingBox.of(0.1, 0.1, 0.9, 0.2)
WIDE = '\U0001f468\u200d\U0001f469\u200d\U0001f467漢字\u0000\x1b\ufffd"\\\u2028é'


def text_of(*pages: list[Block]) -> DocumentText:
    options = Options(output_format="chunks", chunk_strategy="block", chunk_max_tokens=PIECE_TOKENS)
    numbered = [Page(number=number, blocks=blocks) for number, blocks in enumerate(pages, 1)]
    out = io.BytesIO()
    write_chunks(Document(filename="a.pdf", media_type="application/pdf", page_count=len(pages)), numbered, options, out)
    return DocumentText([Chunk.model_validate_json(line) for line in out.getvalue().splitlines()])


def text_of_pieces(*pages: list[tuple[str, str]]) -> DocumentText:
    """A document of pieces of any size: kind and Markdown of each. Those of a service have 512 tokens at most."""
    chunks, at = [], 0
    for page, pieces in enumerate(pages, 1):
        for index, (kind, text) in enumerate(pieces):
            boxes = [PageBox(page=page, **BOX.model_dump())]
            span = {"start": at, "end": at + len(text)}
            blocks = [BlockReference(page=page, index=index)]
            chunks.append(
                Chunk(
                    id=str(at),
                    text=text,
                    context_text="",
                    headings=[text[:90]] * 9,
                    pages=[page],
                    boxes=boxes,
                    blocks=blocks,
                    span=span,
                    kind=kind,
                    tokens=1,
                )
            )
            at += len(text)
    return DocumentText(chunks)


def paragraph(text: str) -> Block:
    return Block(kind="paragraph", text=text, box=BOX)


def heading(text: str, level: int = 1) -> Block:
    return Block(kind="heading", text=text, level=level, box=BOX)


def table(rows: int, columns: int, text: str) -> Block:
    cells = [
        Cell(row=row, column=column, text=f"{text} {row} {column}", header=row == 0)
        for row in range(rows)
        for column in range(columns)
    ]
    return Block(kind="table", table=Table(rows=rows, columns=columns, cells=cells), box=BOX)


def facts(result: CallToolResult) -> dict:
    assert size_of(result) <= MAX_ANSWER_BYTES
    assert not result.is_error
    return result.structured_content


def read_all(text: DocumentText, **scope) -> str:
    """Everything that follows from one call, answer by answer."""
    whole, start = "", None
    for _ in range(10_000):
        found = facts(reading.read(ID, text, **{"page": None, "block": None, "heading": None, "start": start, **scope}))
        assert found["start"] == (found["start"] if start is None else start)
        whole += "".join(passage["text"] for passage in found["passages"])
        if found["complete"]:
            return whole
        scope["start"] = found["next"][0]["arguments"]["start"]
    raise AssertionError("it never ends")


def markdown(text: DocumentText) -> str:
    return "".join(part.text for part in text.parts)


ROW = "".join(f"| cell {number} " for number in range(9000)) + "|\n"
HUGE = {
    "a row wider than an answer": ("table", ROW),
    "a table of thousands of rows": ("table", "| head |\n| --- |\n" + "| cell |\n" * 9000),
    "a block of one word": ("text", "x" * 90_000),
    "wide characters": ("text", WIDE * 3000),
    "code without spaces": ("code", f"{'=' * 50_000}\n{' ' * 50_000}."),
    "a heading longer than an answer": ("heading", f"# {'漢' * 30_000}\n\n"),
}


@pytest.mark.parametrize("piece", HUGE.values(), ids=HUGE.keys())
def test_what_is_larger_than_an_answer_is_read_whole_in_pieces(piece):
    text = text_of_pieces([("text", "before\n\n")], [piece], [("text", "behind\n")])
    assert read_all(text) == markdown(text)
    assert read_all(text, page=2) == piece[1]
    facts(described(text))
    for word in ("cell", "x", "漢", "=", "behind"):
        facts(reading.search(ID, text, word, 0))


def test_a_wide_table_a_long_block_and_any_characters_are_read_whole_as_the_service_parts_them():
    blocks = [table(3, 300, "cell of a wide row"), paragraph(WIDE * 400), heading("漢 " * 200), table(200, 4, "cell")]
    text = text_of([paragraph("before")], blocks, [paragraph("behind")])
    assert read_all(text) == markdown(text)


def answer_or_error(ask: Callable[[], CallToolResult]) -> CallToolResult:
    """What a tool answers, as the server makes it of an error too."""
    try:
        return ask()
    except (PlaceNotFound, InvalidOption) as error:
        return error_answer(error)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)
PIECES = st.tuples(
    st.sampled_from(["text", "heading", "list", "table", "code"]),
    st.builds(
        lambda mark, text, times: f"{mark}{text * times}\n", st.sampled_from(["", "# ", "### "]), TEXTS, st.integers(1, 300)
    ),
)
PAGES = st.lists(st.lists(PIECES, max_size=4), min_size=1, max_size=3)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(pages=PAGES, query=st.text(max_size=500), start=st.integers(0, 3000), page=st.integers(1, 4))
def test_no_answer_is_too_large_whatever_is_in_the_document_and_whatever_is_asked(pages, query, start, page):
    text = text_of_pieces(*pages)
    assert read_all(text) == markdown(text)
    asks = (
        lambda: reading.read(ID, text, page=page, block=None, heading=None, start=None),
        lambda: reading.read(ID, text, page=None, block=None, heading=None, start=start),
        lambda: reading.read(ID, text, page=None, block=None, heading=query, start=None),
        lambda: reading.search(ID, text, query, start),
        lambda: described(text),
    )
    for ask in asks:
        assert size_of(answer_or_error(ask)) <= MAX_ANSWER_BYTES


@settings(max_examples=100, deadline=None)
@given(text=TEXTS | st.text("a b*_`|\\<td>&amp;[](x)ﬁß—\u00ad#~\n", max_size=80))
def test_a_folded_text_is_the_same_with_and_without_the_origins_of_its_characters(text):
    folded = fold_with_origins(text)
    assert folded.text == fold(text)
    assert len(folded.origins) == len(folded.text)
    assert folded.origins == sorted(folded.origins)


# --- search and sections ----------------------------------------------------------------------------------------------


def described(text: DocumentText, headings_from: int = 0) -> CallToolResult:
    status = JobStatus(
        job_id=ID, status="completed", filename="a.pdf", created_at="2026-01-01T00:00:00Z", complete=True,
        progress={"current_page": 3, "total_pages": 3},
    )  # fmt: skip
    pages = [PageEntry(number=number, state="failed", warnings=["page_failed"]) for number in range(1, 4000)]
    return receiving._answer_of(status, text, pages, headings_from)


def test_ten_thousand_hits_come_a_few_at_a_time_and_each_once():
    text = text_of_pieces(*([("text", "The word stands here. " * 20)] for _ in range(500)))
    starts, start = [], 0
    for _ in range(3):
        found = facts(reading.search(ID, text, "WORD", start))
        assert found["hits_in_all"] == 10_000
        starts += [hit["start"] for hit in found["hits"]]
        start = found["next"][0]["arguments"]["start"]
    assert starts == sorted(set(starts))
    whole = markdown(text)
    assert starts == [at for at in range(len(whole)) if whole.startswith("word", at)][: len(starts)]


def test_ten_thousand_headings_come_a_few_at_a_time_and_each_once():
    text = text_of_pieces(*([("heading", f"# Chapter {page}\n\n"), ("text", "text\n\n")] for page in range(1, 10_001)))
    found = facts(described(text))
    assert found["headings_in_all"] == 10_000
    shown = len(found["headings"])
    assert found["next"][1]["arguments"] == {"document": ID, "headings_from": shown}
    assert facts(described(text, shown))["headings"][0]["text"] == f"Chapter {shown + 1}"


def test_a_section_ends_at_the_next_heading_of_its_level():
    text = text_of(
        [heading("Methods", 1), paragraph("First."), heading("Data", 2), paragraph("Second.")],
        [heading("Results", 1), paragraph("Third."), heading("Data", 2), paragraph("Fourth.")],
    )
    assert read_all(text, heading="methods") == "# Methods\n\nFirst.\n\n## Data\n\nSecond.\n\n"
    assert read_all(text, heading="Results > Data") == "## Data\n\nFourth.\n"
    both = facts(reading.read(ID, text, page=None, block=None, heading="Data", start=None))
    assert [one["page"] for one in both["also_at"]] == [2]
    with pytest.raises(PlaceNotFound, match="Methods; Data; Results"):
        text.find_sections("Conclusions")


def test_a_page_and_a_block_are_read_by_their_numbers():
    text = text_of([paragraph("One."), paragraph("Two.")], [], [paragraph("Three.")])
    assert read_all(text, page=1, block=1) == "Two.\n\n"
    assert read_all(text, page=2) == ""
    assert read_all(text, page=3) == "Three.\n"
    with pytest.raises(PlaceNotFound, match="last page with text is 3"):
        text.page(4)
    with pytest.raises(PlaceNotFound, match="no block 7"):
        text.block(1, 7)


def test_rows_that_are_read_on_come_with_the_header_of_their_table():
    text = text_of([table(600, 3, "value")])
    first = facts(reading.read(ID, text, page=None, block=None, heading=None, start=None))
    behind = facts(reading.read(ID, text, page=None, block=None, heading=None, start=first["end"]))
    assert first["table_header"] == ""
    assert behind["table_header"].startswith("| value 0 0 | value 0 1 |")


def test_a_text_is_found_over_blocks_in_other_quotes_and_emphasis():
    text = text_of([paragraph("He said “it’s *done*” — and"), paragraph("went away.")])
    (found,) = text.find(fold("it's done\" - and went"))
    assert markdown(text)[found.start : found.end].startswith("it’s")
    assert markdown(text)[found.start : found.end].endswith("went")
    assert reading._not_found(text, fold('said "it\'s done" - and then ran'), None).message.count("and") >= 1
    assert isinstance(reading._not_found(text, "nothing of this", None), QuoteNotFound)
    assert list(text.find("he", found.end)) == []
    assert [part.text for part in text.parts_in(TextRange(0, 1))] == [text.parts[0].text]


def test_words_that_do_not_follow_each_other_are_found_in_one_block():
    text = text_of([paragraph("Alpha beta gamma."), paragraph("Gamma and alpha.")])
    found = facts(reading.search(ID, text, "gamma alpha", 0))
    assert (found["matched"], found["hits_in_all"]) == ("all words", 2)
    assert found["hits"][0]["box"] == {"page": 1, **BOX.model_dump()}
    assert facts(reading.search(ID, text, "delta", 0))["matched"] == "nothing"


# --- values and errors ------------------------------------------------------------------------------------------------


def test_values_come_in_order_with_their_evidence_and_in_pieces():
    leaf = {"page": 2, "boxes": [BOX.model_dump()], "quote": "12 " * 400, "match": "exact", "state": "found"}
    rows = [{"name": f"{WIDE}{number}", "n/a": None} for number in range(5000)]
    evidence = {"rows": [{"name": leaf, "n/a": {"state": "absent"}}] * 5000}
    remarks = [ExtractionWarning(code="c", message=WIDE * 200)] * 500
    checks = [ExtractionCheck(name="sum", outcome="failed", message=WIDE * 500)] * 500
    found = Extraction(data={"rows": rows}, evidence=evidence, warnings=remarks, checks=checks)
    seen, start = [], 0
    for _ in range(5):
        part = facts(values._answer_of(ID, found, start))
        seen += part["values"]
        start = part["next"][0]["arguments"]["start"]
    assert part["values_in_all"] == 10_000
    expected = [f"/rows/{number}/{name}" for number in range(5000) for name in ("name", "n~1a")]
    assert [value["pointer"] for value in seen] == list(itertools.islice(expected, len(seen)))
    assert seen[0]["box"] == {"page": 2, **BOX.model_dump()}
    assert seen[1]["state"] == "absent"


def test_a_value_larger_than_an_answer_is_cut_and_says_so():
    found = Extraction(data={"text": "\x00" * 90_000, "number": 10**4000}, evidence={}, checks=[])
    told = facts(values._answer_of(ID, found, 0))
    assert [value["cut"] for value in told["values"]] == [True, True]


def test_few_values_come_in_the_shape_of_the_schema_too():
    found = Extraction(data={"total": 12.5, "lines": []}, evidence={"total": {"page": 1, "match": "exact"}})
    told = facts(values._answer_of(ID, found, 0))
    assert told["data"] == found.data
    assert [value["pointer"] for value in told["values"]] == ["/total", "/lines"]


@given(text=st.text(st.characters(exclude_categories=["Cs"])), most=st.integers(10, 40))
def test_a_clipped_text_has_at_most_so_many_characters_and_twice_as_many_bytes(text, most):
    clipped = clip(text, most)
    assert len(clipped) <= most
    assert len(json.dumps(clipped, ensure_ascii=False).encode()) <= 2 * most
    assert clipped == text or clipped.endswith("…")


def test_an_error_with_a_sentence_and_details_of_any_length_is_small():
    error = DocumentParserError(WIDE * 20_000, known=["x" * 1000] * 1000, odd=object())
    assert size_of(error_answer(error)) <= MAX_ANSWER_BYTES
    assert error_answer(PlaceNotFound()).is_error
