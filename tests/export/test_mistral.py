"""Pages as Mistral's OCR answers them: nothing of a page is lost, places are pixels, and what is asked for apart is apart."""

from __future__ import annotations

import io
import json

import pytest

from document_parser.export.figures import Figures
from document_parser.export.mistral import write_ocr_pages
from document_parser.models import (
    Block,
    BoundingBox,
    Document,
    Options,
    Page,
    PageError,
    PageWords,
    Span,
)
from document_parser.models.ocr_answer import OcrAnswer
from tests.support.tables import table_of_rows

BOX = BoundingBox.of(0.1, 0.2, 0.5, 0.4)
ROWS = [["Item", "Price"], ["Bolt", "1.20"]]
HEADER = Block(kind="page_header", text="ACME Ltd", box=BoundingBox.of(0.1, 0.02, 0.9, 0.04))
FOOTER = Block(kind="page_number", text="7", box=BoundingBox.of(0.5, 0.96, 0.52, 0.98))
FIGURE = Block(kind="figure", text="Axis *x*", box=BOX, picture="p1-figure-1.jpg", caption=4)


def page_of(*blocks, **facts):
    return Page(number=facts.pop("number", 1), width=612, height=792, blocks=list(blocks), engine="rapidocr", **facts)


def written(*pages, images=None, **asked):
    out = io.BytesIO()
    figures = Figures((images or {}).get, "figures")
    head = Document(filename="a.pdf", media_type="application/pdf", page_count=len(pages))
    write_ocr_pages(head, pages, Options(), out, figures, variant=OcrAnswer(**asked).variant)
    return json.loads(out.getvalue())


def everything():
    return page_of(
        HEADER,
        Block(kind="heading", text="Prices", level=2, box=BOX),
        Block(kind="list_item", text="- one", box=BOX),
        Block(kind="list_item", text="- two", box=BoundingBox.of(0.1, 0.4, 0.6, 0.5)),
        Block(kind="caption", text="Figure 1. Sales", box=BOX),
        FIGURE,
        Block(kind="table", table=table_of_rows(ROWS, heads=1), box=BOX),
        Block(kind="formula", text="x^2", box=BOX),
        FOOTER,
    )


def test_what_the_request_does_not_ask_for_apart_stays_in_the_markdown():
    (page,) = written(everything())
    assert page["index"] == 0
    assert page["markdown"].split("\n\n") == [
        "ACME Ltd",
        "## Prices",
        "- one\n- two",
        "Figure 1. Sales",
        "![img-0.jpeg](img-0.jpeg)",
        r"Axis \*x\*",
        "| Item | Price |\n| --- | --- |\n| Bolt | 1.20 |",
        "$$\nx^2\n$$",
        "7",
    ]
    assert (page["header"], page["footer"], page["tables"], page["confidence_scores"]) == (None, None, [], None)


def test_places_are_pixels_of_the_page_and_lists_are_one_block():
    (page,) = written(everything())
    assert page["dimensions"] == {"dpi": 200, "width": 1700, "height": 2200}
    assert [block["type"] for block in page["blocks"]] == [
        *("header", "title", "list", "caption", "image", "table", "equation", "footer"),
    ]
    listed = page["blocks"][2]
    assert listed["content"] == "- one\n- two"
    places = [listed[name] for name in ("top_left_x", "top_left_y", "bottom_right_x", "bottom_right_y")]
    assert places == [170, 440, 1020, 1100]
    assert page["blocks"][4]["image_id"] == page["images"][0]["id"] == "img-0.jpeg"


def test_headers_and_footers_are_taken_out_of_the_markdown_and_stay_blocks():
    (page,) = written(everything(), extract_header=True, extract_footer=True)
    assert (page["header"], page["footer"]) == ("ACME Ltd", "7")
    assert "ACME" not in page["markdown"]
    assert not page["markdown"].endswith("7")
    assert [block["type"] for block in page["blocks"]][:: len(page["blocks"]) - 1] == ["header", "footer"]


@pytest.mark.parametrize(("form", "extension"), [("html", "html"), ("markdown", "md")])
def test_tables_that_are_asked_for_apart_leave_a_placeholder(form, extension):
    pages = written(everything(), page_of(Block(kind="table", table=table_of_rows(ROWS), box=BOX), number=2), table_format=form)
    assert f"\n\n[tbl-0.{extension}](tbl-0.{extension})\n\n" in pages[0]["markdown"]
    assert pages[1]["markdown"] == f"[tbl-1.{extension}](tbl-1.{extension})"
    table = pages[0]["tables"][0]
    assert table["format"] == form
    assert table["content"].startswith("<table>" if form == "html" else "| Item |")
    assert table["content"] == next(block["content"] for block in pages[0]["blocks"] if block["type"] == "table")


def test_images_come_as_data_addresses_and_only_within_the_bounds():
    (page,) = written(everything(), images={"p1-figure-1.jpg": b"jpeg"}, include_images=True)
    assert page["images"][0]["image_base64"] == "data:image/jpeg;base64,anBlZw=="
    for bound in ({"image_min_size": 10_000}, {"image_limit": 1}):
        first, second = written(page_of(FIGURE), page_of(FIGURE, number=2), **bound)
        kept = bound.get("image_limit", 0)
        assert (len(first["images"]), second["images"]) == (kept, [])
        assert second["markdown"] == r"Axis \*x\*"  # the words in it are not lost with the image


def test_scores_are_those_of_the_readers_words():
    words = PageWords.pack(
        [("Hello", 0.1, 0.2, 0.2, 0.3, 0.9), ("world", 0.2, 0.2, 0.3, 0.3, 0.5), ("Hello", 0.1, 0.8, 0.2, 0.9, 0.7)]
    )
    page = page_of(
        Block(kind="paragraph", text="Hello world", box=BOX),
        Block(kind="paragraph", text="Hello", box=BoundingBox.of(0.1, 0.8, 0.5, 0.9)),
        words=words,
        confidence=0.7,
    )
    (found,) = written(page, confidence="word")
    scores = found["confidence_scores"]
    assert (scores["average_page_confidence_score"], scores["minimum_page_confidence_score"]) == (0.7, 0.5)
    heard = [(one["text"], one["confidence"], one["start_index"]) for one in scores["word_confidence_scores"]]
    assert heard == [("Hello", 0.9, 0), ("world", 0.5, 6), ("Hello", 0.7, 13)]
    assert all(found["markdown"][start:].startswith(text) for text, _, start in heard)
    (by_block,) = written(page, confidence="block")
    assert by_block["blocks"][0]["confidence_scores"]["minimum_content_confidence_score"] == 0.5
    assert "word_confidence_scores" not in by_block["confidence_scores"]


def test_a_text_layer_is_certain_and_a_model_without_scores_has_none():
    block = Block(kind="paragraph", text="Plain", box=BOX)
    layer = page_of(block).model_copy(update={"engine": "text_layer"})
    model = page_of(block).model_copy(update={"engine": "deepseek"})
    found = written(layer, model, confidence="page")
    assert found[0]["confidence_scores"]["average_page_confidence_score"] == 1.0
    assert found[1]["confidence_scores"] is None


def test_a_page_that_could_not_be_read_says_so():
    failed = Page(number=2, status="failed", error=PageError(code="PAGE_UNREADABLE", message="It is torn."))
    _, page = written(page_of(HEADER), failed)
    assert page["markdown"] == "<!-- page 2 could not be read: PAGE_UNREADABLE -->"
    assert page["error"] == {"code": "PAGE_UNREADABLE", "message": "It is torn."}
    assert page["dimensions"] is None


def test_only_addresses_that_lead_out_of_the_document_are_hyperlinks():
    linked = Block(
        kind="paragraph",
        text="here there page",
        spans=[
            Span(start=0, end=4, link="https://example.org/a"),
            Span(start=5, end=10, link="javascript:alert(1)"),
            Span(start=11, end=15, link="#page-1"),
        ],
        box=BOX,
    )
    assert written(page_of(linked))[0]["hyperlinks"] == ["https://example.org/a"]


def test_an_answer_is_found_by_its_name():
    asked = OcrAnswer("html", "word", extract_header=True, include_blocks=False, image_limit=3)
    assert OcrAnswer.parse(asked.variant) == asked
    assert asked.export_name.startswith("mistral-")
