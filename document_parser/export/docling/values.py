"""The values that items of a DoclingDocument are made of."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from document_parser.export.base import FURNITURE
from document_parser.export.flow import Place
from document_parser.models import Block, BlockKind, BoundingBox, Page

LABELS: dict[BlockKind, str] = {
    "caption": "caption",
    "footnote": "footnote",
    "page_header": "page_header",
    "page_footer": "page_footer",
    "page_number": "page_footer",
    "formula": "formula",
}
"""The label of a block that becomes a plain text; ``text`` for those that are not here."""
_CHECKED = "☒☑✓✔✗✘■"
_UNCHECKED = "☐□"
"""The signs of a check box that is ticked, and of one that is not."""


def is_furniture(block: Block) -> bool:
    """Return whether a block is a header or footer of a page; those of a flowing document are texts that come once."""
    return block.kind in FURNITURE and not (block.layer == "headers" and block.kind != "page_number")


def provenance(places: list[Place], length: int) -> list[dict[str, Any]]:
    """Return the place of an item on each of its pages, as far as it is known. ``length`` is that of its text."""
    starts = [min(place.start, length) for place in places]
    return [
        {"page_no": place.page.number, "bbox": page_box(place.box, place.page), "charspan": [start, max(start, end)]}
        for place, (start, end) in zip(places, pairwise([*starts, length]), strict=True)
        if place.box is not None and place.page.width and place.page.height
    ]


def page_box(box: BoundingBox, page: Page) -> dict[str, Any]:
    """Return a box in points of the page, counted from its lower edge as Docling does."""
    return {
        "l": round(box.left * page.width, 3),
        "t": round((1 - box.top) * page.height, 3),
        "r": round(box.right * page.width, 3),
        "b": round((1 - box.bottom) * page.height, 3),
        "coord_origin": "BOTTOMLEFT",
    }


def reference(item: str) -> dict[str, str]:
    """Return how an item, such as ``#/texts/0``, is named by others."""
    return {"$ref": item}


def as_json(value: Any) -> bytes:
    """Return a value as JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def checkbox_of(text: str) -> tuple[bool, str]:
    """Return whether a check box is ticked, and its text without the sign."""
    return any(sign in text for sign in _CHECKED), text.strip(f"{_CHECKED}{_UNCHECKED} ")
