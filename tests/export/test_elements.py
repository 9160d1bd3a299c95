"""Elements have every word of the blocks; chunks of them have every word of the elements, and keep to their sizes."""

from __future__ import annotations

import base64
import io
import json
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from document_parser.export import writer_of
from document_parser.models import (
    Block,
    BoundingBox,
    Document,
    ElementOptions,
    Options,
    Page,
    PageError,
    PageWarning,
    Span,
    shape_export,
)
from tests.support.tables import table_of_rows

KINDS = ("paragraph", "heading", "title", "list_item", "code", "footnote", "checkbox", "caption", "table", "page_header")
KEEP = Options(headers_footers="keep", figures="placeholder")


def elements_of(pages, **chosen):
    out = io.BytesIO()
    name = shape_export("elements", ElementOptions(**chosen).variant)
    document = Document(filename="a.pdf", media_type="application/pdf", page_count=len(pages), pages=[])
    writer_of(name)(document, iter(pages), KEEP, out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def page(number, *blocks, **more):
    facts = {"number": number, "width": 600, "height": 800, "engine": "text_layer", "status": "done", **more}
    return Page(blocks=list(blocks), **facts)


def block(kind, text):
    if kind == "table":
        return Block(kind=kind, table=table_of_rows([[word, ""] for word in text.split()] or [["x"]], heads=0))
    return Block(kind=kind, text=text, level=2 if kind == "heading" else None)


def letters(texts):
    return "".join("".join(texts).split())


@st.composite
def documents(draw):
    words = st.lists(st.text("abcdeéfgh字.", min_size=1, max_size=30), min_size=1, max_size=40).map(" ".join)
    blocks = draw(st.lists(st.builds(block, st.sampled_from(KINDS), words), max_size=12))
    cut = draw(st.integers(0, len(blocks)))
    return [page(1, *blocks[:cut]), page(2, *blocks[cut:])]


@settings(max_examples=80, deadline=None)
@given(
    documents(),
    st.sampled_from(["basic", "title"]),
    st.integers(1, 300),
    st.integers(1, 300),
    st.integers(0, 300),
    st.booleans(),
)
def test_no_word_is_lost_and_no_chunk_too_long(pages, chunking, most, soft, combine, multipage):
    whole = elements_of(pages)
    sizes = {"hard_max": most, "soft_max": min(soft, most), "combine_under": min(combine, most), "multipage": multipage}
    chunks = elements_of(pages, chunking=chunking, **sizes)
    assert all(0 < len(one["text"]) <= most for one in chunks)
    # Header rows are said again in each part of a table; none of these tables has any.
    assert letters(one["text"] for one in chunks) == letters(one["text"] for one in whole)
    for source in (one for one in pages for one in one.blocks):
        said = " ".join(cell.text for cell in source.table.cells) if source.table else source.text
        assert letters([said]) in letters(one["text"] for one in whole)


@given(documents(), st.integers(2, 100), st.data())
@settings(max_examples=40, deadline=None)
def test_an_overlap_repeats_the_end_of_the_text_before(pages, most, data):
    overlap = data.draw(st.integers(0, most - 1))
    chunks = elements_of(
        pages, chunking="basic", hard_max=most, soft_max=most, combine_under=most, overlap=overlap, overlap_all=True
    )
    assert all(0 < len(one["text"]) <= most for one in chunks)


def test_every_set_of_options_is_a_variant_and_nothing_else_is():
    chosen = ElementOptions(3, True, False, True, False, True, "title", 900, 800, 100, 20, True, False, False)
    assert ElementOptions.parse(chosen.variant) == chosen
    assert ElementOptions.parse("") == ElementOptions()
    for wrong in ("none", "none.1.1.1.1.1.111", "other.1.1.1.1.1.11111111", "../x"):
        with pytest.raises(ValueError, match="no variant"):
            ElementOptions.parse(wrong)


def test_parents_depths_styles_and_places():
    bold = Span(start=0, end=4, bold=True)
    found = elements_of(
        [
            page(
                1,
                Block(kind="title", text="The title", box=BoundingBox.of(0.1, 0.1, 0.5, 0.2), confidence=0.91234),
                Block(kind="heading", level=2, text="A part"),
                Block(kind="paragraph", text="Bold words end here.", spans=[bold]),
                Block(kind="list_item", level=2, text="• a point"),
            ),
            page(2, status="failed", error=PageError(code="PAGE_DAMAGED", message="Lost.")),
        ],
        coordinates=True,
        page_breaks=True,
    )
    title, part, words, point, break_, lost = found
    assert [one["type"] for one in found] == ["Title", "Title", "NarrativeText", "ListItem", "PageBreak", "UncategorizedText"]
    assert [one["metadata"].get("parent_id") for one in found[:4]] == [
        None,
        title["element_id"],
        part["element_id"],
        part["element_id"],
    ]
    assert title["metadata"]["coordinates"]["points"] == [[60.0, 80.0], [60.0, 160.0], [300.0, 160.0], [300.0, 80.0]]
    assert title["metadata"]["detection_class_prob"] == 0.9123
    assert words["metadata"]["emphasized_text_contents"] == ["Bold"]
    assert point["text"] == "a point"
    assert (lost["text"], lost["metadata"]["page_number"]) == ("", 2)
    assert lost["metadata"]["error"]["code"] == "PAGE_DAMAGED"
    assert break_["metadata"]["page_number"] == 1


def test_a_long_table_repeats_its_header_in_each_part():
    table = table_of_rows([["Name", "Price"], *([f"Item {number}", f"{number}.50"] for number in range(30))])
    parts = elements_of(
        [page(1, Block(kind="table", table=table))], chunking="basic", hard_max=100, soft_max=100, combine_under=100
    )
    assert len(parts) > 3
    assert {one["type"] for one in parts} == {"TableChunk"}
    assert all(one["text"].startswith("Name Price") and "<th>Name</th>" in one["metadata"]["text_as_html"] for one in parts)
    assert [one["metadata"]["chunk_index"] for one in parts] == list(range(len(parts)))
    assert [one["metadata"]["num_carried_over_header_rows"] for one in parts] == [0, *([1] * (len(parts) - 1))]
    inside = json.loads(zlib.decompress(base64.b64decode(parts[0]["metadata"]["orig_elements"])))
    assert inside[0]["metadata"]["text_as_html"].count("<tr>") == 31


def test_warnings_of_a_page_are_with_its_first_element_or_stand_for_it_if_it_has_none():
    doubt = PageWarning(code="low_coverage", message="Something is missing.")
    pages = [page(1, block("paragraph", "a"), warnings=[doubt]), page(2, warnings=[doubt]), page(3, block("paragraph", "b"))]
    first, second, third = elements_of(pages, starting_page_number=5)
    told = {"code": "low_coverage", "message": "Something is missing."}
    assert (first["text"], first["metadata"]["warnings"]) == ("a", [{**told, "page_number": 5}])
    assert (second["text"], second["metadata"]["warnings"]) == ("", [{**told, "page_number": 6}])
    assert "warnings" not in third["metadata"]
    chunks = elements_of(pages[:1] + pages[2:], chunking="title")
    assert [chunk["metadata"].get("warnings") for chunk in chunks] == [[{**told, "page_number": 1}]]
