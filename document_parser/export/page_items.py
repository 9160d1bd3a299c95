"""Write a document as LlamaParse returns it: a JSON object a page, with its Markdown, its text and its items.

What goes on over the end of a page belongs to the page where it begins; a table says which pages it has rows of. Boxes are in
points of the upright page, origin top left.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import IO, Any

from document_parser.export.base import clean, describe_failure, item_of, warnings_of
from document_parser.export.csv import csv_lines
from document_parser.export.figures import NO_FIGURES, Figures
from document_parser.export.flow import Piece, without_header
from document_parser.export.grid import rows_of
from document_parser.export.html import table_lines
from document_parser.export.markdown import Segment, markdown_segments
from document_parser.models import Block, BoundingBox, Document, Options, Page, Table

_AROUND = {"page_header": "header", "page_footer": "footer", "page_number": "footer"}
"""Where a page has the blocks that are not in its text."""


def write_page_items(
    document: Document,
    pages: Iterable[Page],
    options: Options,
    out: IO[bytes],
    figures: Figures = NO_FIGURES,
    *,
    variant: str,
) -> None:
    """Write a line for each page. Raises ValueError for a variant: there is none."""
    if variant:
        raise ValueError(f"no variant of page items: {variant}")
    lines = _Lines(pages)
    for piece, group in groupby(markdown_segments(document, lines.watch(), options, figures), key=lambda one: one.piece):
        for line in lines.before(piece.page.number):
            _write(line, out)
        lines.last.add(piece, list(group), lines.tables)
    for line in lines.before(None):
        _write(line, out)


def _write(line: _Line, out: IO[bytes]) -> None:
    out.write(json.dumps(line.as_json(), ensure_ascii=False).encode(errors="replace") + b"\n")


class _Lines:
    """The lines of pages that were read and not yet written."""

    def __init__(self, pages: Iterable[Page]) -> None:
        self._pages = pages
        self._read: list[_Line] = []
        self.tables: dict[tuple[int, int], Table] = {}
        """The tables of these pages, without repeated header rows, by page number and index of the block."""

    def watch(self) -> Iterator[Page]:
        """Yield the pages, each noted."""
        for page in self._pages:
            self._read.append(_Line(page.model_copy(update={"blocks": []}), _around(page)))
            for index, block in enumerate(page.blocks):
                if block.table is not None:
                    repeated = block.continues.repeated_rows if block.continues is not None else None
                    table = block.table if repeated is None else without_header(block.table, repeated)
                    self.tables[page.number, index] = table
            yield page

    @property
    def last(self) -> _Line:
        """Return the line of the page that is being written."""
        return self._read[0]

    def before(self, number: int | None) -> Iterator[_Line]:
        """Yield and forget the lines of the pages before one; of all pages for None."""
        while self._read and (number is None or self._read[0].page.number < number):
            yield self._read.pop(0)


def _around(page: Page) -> dict[str, list[Block]]:
    found: dict[str, list[Block]] = {"header": [], "footer": []}
    for block in page.blocks:
        if (place := _AROUND.get(block.kind)) is not None and clean(block.text):
            found[place].append(block)
    return found


@dataclass(slots=True)
class _Line:
    """What is known of a page, which has no blocks here."""

    page: Page
    around: dict[str, list[Block]]
    markdown: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)

    def add(self, piece: Piece, segments: list[Segment], tables: dict[tuple[int, int], Table]) -> None:
        """Add a piece with its Markdown. Lines between pages, and in place of failed ones, are no part of a page."""
        if piece.block is None:
            return
        self.markdown += [segment.text for segment in segments]
        shown = "".join(segment.text for segment in segments if segment.kind is not None).strip()
        boxes = [self._box(place.box) for place in piece.places if place.page.number == self.page.number and place.box]
        if piece.parts is not None:
            keys = [(place.page.number, place.block_index) for place in piece.places]
            item = _table([tables.pop(key) for key in keys if key in tables], sorted({page for page, _ in keys}))
            self.text.append("\n".join("\t".join(row) for row in item["rows"]))
        else:
            item = _item(piece.block, piece.caption, max((segment.level for segment in segments), default=0))
            self.text.append(item.get("value", item.get("caption", "")))
        self._put(item | {"md": shown, "bbox": boxes}, piece.block)

    def _put(self, item: dict[str, Any], block: Block) -> None:
        """Add an item: to the list before it, if it goes on with that."""
        if item["type"] == "image" and block.picture is not None:
            self.images.append({"filename": block.picture, "bbox": item["bbox"][:1]})
        if block.kind != "list_item":
            self.items.append(item)
            return
        ordered = item_of(block).number is not None
        if not self.items or self.items[-1]["type"] != "list" or self.items[-1]["ordered"] != ordered:
            self.items.append({"type": "list", "ordered": ordered, "items": [], "md": "", "bbox": []})
        held = self.items[-1]
        held["items"].append(item)
        held["md"] = f"{held['md']}\n{item['md']}".strip("\n")
        held["bbox"] += item["bbox"]

    def _box(self, box: BoundingBox) -> dict[str, float]:
        width, height = self.page.width, self.page.height
        return {
            "x": round(box.left * width, 2),
            "y": round(box.top * height, 2),
            "w": round((box.right - box.left) * width, 2),
            "h": round((box.bottom - box.top) * height, 2),
        }

    def _furniture(self) -> tuple[list[dict[str, Any]], dict[str, str]]:
        """Return the header and the footer as items, and their texts."""
        items, texts = [], {}
        for place, blocks in self.around.items():
            if not blocks:
                continue
            inside = [{"type": "text", "value": clean(block.text), "md": clean(block.text)} for block in blocks]
            texts[place] = "\n".join(one["value"] for one in inside)
            boxes = [self._box(block.box) for block in blocks if block.box is not None]
            items.append({"type": place, "items": inside, "md": texts[place], "bbox": boxes})
        return items, texts

    def as_json(self) -> dict[str, Any]:
        """Return the line."""
        page = self.page
        if page.status == "failed":
            reason = f": {page.error.message}" if page.error is not None else ""
            return {"page_number": page.number, "success": False, "error": describe_failure(page) + reason}
        items, texts = self._furniture()
        return {
            "page_number": page.number,
            "success": True,
            "page_width": round(page.width, 2),
            "page_height": round(page.height, 2),
            "confidence": page.confidence,
            "markdown": "".join(self.markdown).strip(),
            "header": texts.get("header"),
            "footer": texts.get("footer"),
            "text": "\n\n".join(filter(None, self.text)),
            "items": [one for one in items if one["type"] == "header"]
            + self.items
            + [one for one in items if one["type"] == "footer"],
            "images": self.images,
            "warnings": warnings_of(page),
        }


def _item(block: Block, caption: str, level: int) -> dict[str, Any]:
    """Return the item of a block that is no table."""
    if block.kind in ("title", "heading"):
        return {"type": "heading", "level": level or 1, "value": clean(block.text)}
    if block.kind == "figure":
        return {"type": "image", "caption": caption or clean(block.text), "url": block.picture or ""}
    if block.kind == "code":
        return {"type": "code", "value": block.text.strip("\n")}
    return {"type": "text", "value": clean(block.text)}


def _table(parts: list[Table], pages: list[int]) -> dict[str, Any]:
    """Return the item of a table that has rows on these pages."""
    item: dict[str, Any] = {
        "type": "table",
        "rows": list(rows_of(parts)),
        "csv": "\n".join(line.rstrip("\r\n") for line in csv_lines(parts, safe=False)),
        "html": "".join(table_lines(parts)),
    }
    return item | ({"merged_from_pages": pages} if len(pages) > 1 else {})
