"""Documents as MinerU writes them: contents in order with places, tables as HTML, captions with what they describe."""

from __future__ import annotations

import io
import json

from document_parser.export.mineru import write_mineru
from document_parser.models import Block, BoundingBox, Document, Options, Page, PageError
from tests.support.tables import table_of_rows

BOX = BoundingBox.of(0.1, 0.2, 0.5, 0.4)
HEAD = Document(filename="a.pdf", media_type="application/pdf", page_count=2)
PAGE = Page(
    number=1,
    width=600,
    height=800,
    engine="rapidocr",
    blocks=[
        Block(kind="heading", text="Prices", level=2, box=BOX),
        Block(kind="list_item", text="- one", box=BOX),
        Block(kind="list_item", text="- two", box=BoundingBox.of(0.1, 0.4, 0.6, 0.5)),
        Block(kind="caption", text="Figure 1. Sales", box=BOX),
        Block(kind="figure", text="Axis", box=BOX, picture="p1-figure-1.jpg", caption=3),
        Block(kind="table", table=table_of_rows([["Item", "Price"], ["Bolt", "1.20"]], heads=1), box=BOX),
        Block(kind="formula", text="x^2", box=BOX),
        Block(kind="page_footer", text="ACME Ltd", box=BoundingBox.of(0.1, 0.96, 0.5, 0.98)),
    ],
)
FAILED = Page(number=2, status="failed", error=PageError(code="PAGE_UNREADABLE", message="It is torn."))


def written(variant):
    out = io.BytesIO()
    write_mineru(HEAD, [PAGE, FAILED], Options(), out, variant=variant)
    return out.getvalue().decode()


def test_the_list_of_contents_has_each_thing_once_in_its_order():
    found = json.loads(written("content_list"))
    assert [(item["type"], item["page_idx"]) for item in found] == [
        *((kind, 0) for kind in ("text", "list", "image", "table", "equation", "footer")),
        ("text", 1),
    ]
    heading, items, image, table, formula, footer, failed = found
    assert (heading["text"], heading["text_level"], heading["bbox"]) == ("Prices", 2, [100, 200, 500, 400])
    assert (items["list_items"], items["bbox"]) == (["- one", "- two"], [100, 200, 600, 500])
    assert (image["img_path"], image["image_caption"]) == ("images/p1-figure-1.jpg", ["Figure 1. Sales"])
    assert table["table_body"].startswith("<table>")
    assert "<td>Bolt</td>" in table["table_body"]
    assert formula["text"] == "$$\nx^2\n$$"
    assert footer["text"] == "ACME Ltd"
    assert "PAGE_UNREADABLE" in failed["text"]


def test_the_middle_json_has_points_and_keeps_margins_apart():
    found = json.loads(written("middle"))
    page, failed = found["pdf_info"]
    assert (page["page_idx"], page["page_size"]) == (0, [600, 800])
    assert [block["type"] for block in page["para_blocks"]] == [
        *("title", "list", "list", "image", "table", "interline_equation"),
    ]
    assert page["para_blocks"][0]["bbox"] == [60, 160, 300, 320]
    assert page["para_blocks"][0]["lines"][0]["spans"][0]["content"] == "Prices"
    assert [block["type"] for block in page["discarded_blocks"]] == ["footer"]
    assert failed["error"]["code"] == "PAGE_UNREADABLE"


def test_the_markdown_is_ours_with_images_where_mineru_has_them():
    found = written("md")
    assert "## Prices" in found
    assert "(images/p1-figure-1.jpg)" in found
    assert "<!-- page 2 could not be read: PAGE_UNREADABLE -->" in found
