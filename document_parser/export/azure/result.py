"""Write the ``analyzeResult`` of Azure Document Intelligence (API 2024-11-30), page after page.

The model's id and the fields of ``documents`` are not in it: who serves it adds them. For that the file has lines: the first
one the content, then one for each page.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import IO, Any, cast

from document_parser.export.azure.content import ContentFormat, Placed, Range
from document_parser.export.azure.page import PageElements, PageFigure, PageTable, Paragraph, write_page
from document_parser.export.azure.sections import Sections
from document_parser.export.base import NOT_OPENED, warnings_of
from document_parser.export.figures import NO_FIGURES, Figures
from document_parser.models import BoundingBox, Document, Options, Page
from document_parser.text.string_index import STRING_INDEX_TYPES, StringIndex, StringIndexType

API_VERSION = "2024-11-30"
"""The version of Azure's API whose form the result has."""
MAX_BYTES_IN_MEMORY = 1 << 20
"""Bytes of each list of the result that are kept in memory before they go to disk."""
_COPY_BYTES = 1 << 16
_BREAKS = {"text": "\n", "markdown": "\n\n<!-- PageBreak -->\n\n"}
"""What stands between pages."""
_INDEX_TYPES: dict[str, StringIndexType] = {name.lower(): name for name in STRING_INDEX_TYPES}
_LISTS = ("pages", "paragraphs", "tables", "figures", "sections", "styles", "warnings")


def write_azure(
    document: Document,
    pages: Iterable[Page],
    options: Options,
    out: IO[bytes],
    figures: Figures = NO_FIGURES,
    *,
    variant: str = "text.textelements",
) -> None:
    """Write the result. ``variant`` is the format of the content and, behind a dot, the way of counting, in small letters."""
    del figures  # they are asked for one by one
    content_format, _, counted = variant.partition(".")
    with _ResultWriter(cast(ContentFormat, content_format), _INDEX_TYPES[counted]) as writer:
        for page in pages:
            writer.put_page(page, options)
        if document.page_count == 0:
            writer.warn("NotRead", NOT_OPENED)
        writer.write_to(out)


class _ResultWriter:
    """Put pages one after another. The lists of the result grow in files, so that memory stays flat."""

    def __init__(self, content_format: ContentFormat, index_type: StringIndexType) -> None:
        self._format = content_format
        self._index_type = index_type
        self._files = ExitStack()
        self._content = self._file()
        self._lists = {name: self._file() for name in _LISTS}
        self._counts = dict.fromkeys(_LISTS, 0)
        self._sections = Sections()
        self._length = 0
        self._has_pages = False

    def __enter__(self) -> _ResultWriter:
        return self

    def __exit__(self, *error: object) -> None:
        """Delete the files."""
        self._files.close()

    def _file(self) -> IO[bytes]:
        return self._files.enter_context(tempfile.SpooledTemporaryFile(MAX_BYTES_IN_MEMORY))

    def put_page(self, page: Page, options: Options) -> None:
        """Write a page behind those before it. Raises OSError if the disk is full."""
        made = write_page(page, options, self._format)
        if self._has_pages:
            self._put_content(_BREAKS[self._format])
            self._length += len(_BREAKS[self._format])
        self._has_pages = True
        text = made.content.text
        shaper = _PageShaper(page, made, StringIndex(text, self._index_type), text, self._length, self._counts)
        self._put_content(text)
        self._put("pages", [shaper.page()])
        self._note_sections(made, shaper)
        for name, elements in shaper.elements():
            self._put(name, elements)
        self._warn_of(page)
        self._length += shaper.index.length

    def _put_content(self, text: str) -> None:
        self._content.write(json.dumps(text, ensure_ascii=False)[1:-1].encode())

    def _put(self, name: str, elements: Iterable[dict[str, Any]]) -> None:
        for element in elements:
            start = b",\n" if self._counts[name] else b"\n"
            self._lists[name].write(start + json.dumps(element, ensure_ascii=False, separators=(",", ":")).encode())
            self._counts[name] += 1

    def _note_sections(self, made: PageElements, shaper: _PageShaper) -> None:
        """Add what stands on the page to its sections. Their ends are those of the ranges."""
        sources: dict[str, Sequence[Paragraph | PageTable | PageFigure]] = {
            "paragraphs": made.paragraphs,
            "tables": made.tables,
            "figures": made.figures,
        }
        for name, number in made.order:
            element = sources[name][number]
            found = element.text.range if isinstance(element, Paragraph) else element.range
            span = shaper.span(found)
            level = element.level if isinstance(element, Paragraph) else 0
            end = span["offset"] + span["length"]
            self._sections.add(f"/{name}/{self._counts[name] + number}", span["offset"], end, level)

    def _warn_of(self, page: Page) -> None:
        """Note the warnings of a page, and why it could not be read."""
        if page.error is not None:
            self.warn(page.error.code, page.error.message, page.number)
        for warning in warnings_of(page):
            self.warn(warning["code"], warning["message"], page.number)

    def warn(self, code: str, message: str, number: int | None = None) -> None:
        """Note a warning, of the page with this number unless that is None."""
        target = {"target": f"page {number}"} if number is not None else {}
        self._put("warnings", [{"code": code, "message": message, **target}])

    def write_to(self, out: IO[bytes]) -> None:
        """Write all lists as one JSON object, the content first."""
        found = ({"spans": [_span(one.start, one.end)], "elements": one.elements} for one in self._sections.all)
        self._put("sections", found if self._has_pages else [])
        out.write(b'{"content":"')
        _copy(self._content, out)
        out.write(b'"')
        for name in _LISTS:
            if self._counts[name] or name == "pages":
                out.write(f',\n"{name}":['.encode())
                _copy(self._lists[name], out)
                out.write(b"\n]")
        facts = {"apiVersion": API_VERSION, "stringIndexType": self._index_type, "contentFormat": self._format}
        out.write(b",\n" + json.dumps(facts)[1:].encode() + b"\n")


def _copy(source: IO[bytes], out: IO[bytes]) -> None:
    source.seek(0)
    while piece := source.read(_COPY_BYTES):
        out.write(piece)


def _span(start: int, end: int) -> dict[str, int]:
    return {"offset": start, "length": end - start}


class _PageShaper:
    """Give what stands on a page the form of Azure. ``base`` is what is counted before the page."""

    def __init__(
        self, page: Page, made: PageElements, index: StringIndex, text: str, base: int, counts: dict[str, int]
    ) -> None:
        self.index = index
        self._page = page
        self._made = made
        self._text = text
        self._base = base
        self._first = dict(counts)

    def span(self, found: Range) -> dict[str, int]:
        """Return the span of a range, extended to whole graphemes."""
        start, end = self.index.whole(*found)
        return _span(self._base + self.index.offset(start), self._base + self.index.offset(end))

    def _content_of(self, found: Range) -> str:
        """Return the content of the span of a range."""
        start, end = self.index.whole(*found)
        return self._text[start:end]

    def page(self) -> dict[str, Any]:
        """Return the page with its words, lines, selection marks and formulas."""
        content = self._made.content
        whole = self.span(Range(0, len(self._text)))
        return {
            "pageNumber": self._page.number,
            **self._size(),
            "words": [self._placed(word, {"content": self._content_of(word.range), **word.more}) for word in content.words],
            "lines": [self._placed(line, {"content": self._content_of(line.range)}, many=True) for line in content.lines],
            **({"selectionMarks": [self._placed(mark, mark.more) for mark in content.marks]} if content.marks else {}),
            **({"formulas": [self._placed(one, one.more) for one in content.formulas]} if content.formulas else {}),
            "spans": [whole],
        }

    def _size(self) -> dict[str, Any]:
        """Return the size of the page as the file has it, in inches, and how its text is turned; nothing without a page."""
        if not (self._page.width and self._page.height):
            return {}
        width, height = self._page.width / 72, self._page.height / 72
        if self._page.rotation % 180:
            width, height = height, width
        turned = -self._page.rotation % 360
        angle = turned - 360 if turned > 180 else turned
        return {"angle": angle, "width": round(width, 4), "height": round(height, 4), "unit": "inch"}

    def _placed(self, one: Placed, more: dict[str, Any], *, many: bool = False) -> dict[str, Any]:
        """Return an element of the page with its polygon, if it has one, and its span; in a list if there may be ``many``."""
        span = self.span(one.range)
        polygon = self._polygon(one.box)
        return {**more, **({"polygon": polygon} if polygon else {}), **({"spans": [span]} if many else {"span": span})}

    def _polygon(self, box: BoundingBox | None) -> list[float]:
        """Return the corners of a box on the page as the file has it, in inches; empty if it has no place."""
        if box is None or not (self._page.width and self._page.height):
            return []
        size, box = self._size(), box.turn(-self._page.rotation)
        left, right = round(box.left * size["width"], 4), round(box.right * size["width"], 4)
        top, bottom = round(box.top * size["height"], 4), round(box.bottom * size["height"], 4)
        return [left, top, right, top, right, bottom, left, bottom]

    def _regions(self, box: BoundingBox | None) -> dict[str, Any]:
        polygon = self._polygon(box)
        return {"boundingRegions": [{"pageNumber": self._page.number, "polygon": polygon}]} if polygon else {}

    def elements(self) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
        """Yield the name of each list, and what the page adds to it."""
        yield "paragraphs", map(self._paragraph, self._made.paragraphs)
        yield "tables", map(self._table, self._made.tables)
        yield "figures", map(self._figure, self._made.figures)
        yield "styles", self._styles()

    def _paragraph(self, one: Paragraph) -> dict[str, Any]:
        role = {"role": one.role} if one.role is not None else {}
        return {**role, **self._text_element(one.text.range, one.text.box)}

    def _text_element(self, found: Range, box: BoundingBox | None) -> dict[str, Any]:
        """Return what all elements with a text have: their content, where they stand, and their span."""
        return {"content": self._content_of(found), **self._regions(box), "spans": [self.span(found)]}

    def _reference(self, number: int) -> str:
        """Return the reference to a paragraph of the page."""
        return f"/paragraphs/{self._first['paragraphs'] + number}"

    def _caption(self, number: int | None) -> dict[str, Any]:
        """Return the caption of a table or figure, given the number of its paragraph."""
        if number is None:
            return {}
        text = self._made.paragraphs[number].text
        return {"caption": {**self._text_element(text.range, text.box), "elements": [self._reference(number)]}}

    def _table(self, table: PageTable) -> dict[str, Any]:
        cells = []
        for one in table.cells:
            cell = one.cell
            spans = [self.span(one.range)] if one.paragraph is not None else []
            is_head = cell.row < table.header_rows
            cells.append(
                {
                    **({"kind": "columnHeader" if is_head else "rowHeader"} if is_head or cell.header else {}),
                    "rowIndex": cell.row,
                    "columnIndex": cell.column,
                    **({"rowSpan": cell.row_span} if cell.row_span > 1 else {}),
                    **({"columnSpan": cell.column_span} if cell.column_span > 1 else {}),
                    "content": self._content_of(one.range) if one.paragraph is not None else "",
                    **self._regions(one.box),
                    "spans": spans,
                    **({"elements": [self._reference(one.paragraph)]} if one.paragraph is not None else {}),
                }
            )
        return {
            "rowCount": table.rows,
            "columnCount": table.columns,
            "cells": cells,
            **self._regions(table.box),
            "spans": [self.span(table.range)],
            **self._caption(table.caption),
        }

    def _figure(self, figure: PageFigure) -> dict[str, Any]:
        return {
            "id": f"{self._page.number}.{figure.number}",
            **self._regions(figure.box),
            "spans": [self.span(figure.range)] if figure.range.start < figure.range.end else [],
            "elements": [self._reference(number) for number in figure.paragraphs],
            **self._caption(figure.caption),
        }

    def _styles(self) -> Iterator[dict[str, Any]]:
        for one in self._made.styles:
            look = {**({"fontWeight": "bold"} if one.bold else {}), **({"fontStyle": "italic"} if one.italic else {})}
            yield {**look, "spans": [self.span(one.range)], "confidence": 1.0}
