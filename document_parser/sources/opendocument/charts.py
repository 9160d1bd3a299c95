"""Charts embedded in OpenDocument files: their titles, and the table of their numbers."""

from __future__ import annotations

from collections.abc import Iterator

from document_parser.models import Block, Cell, LayerName, Table
from document_parser.sources.opendocument.names import full_name, short_name, whole_number
from document_parser.sources.xml_trees import Element

MAX_POINTS = 10_000
"""Rows of a chart's table that are kept; a chart draws no more that anyone could see."""
_MAX_COLUMNS = 1000
_GAP = "NaN"
"""What programs write for a point without a value."""


def is_chart(root: Element) -> bool:
    """Return whether the content of an object is a chart."""
    return next(root.iter(full_name("chart:chart")), None) is not None


def chart_blocks(root: Element, layer: LayerName = "body") -> list[Block]:
    """Return a chart as blocks: its title and those of its axes as caption, and its numbers as a table."""
    chart = next(root.iter(full_name("chart:chart")), None)
    if chart is None:
        return []
    titles = [_text_of(title) for name in ("title", "subtitle") for title in chart.iterchildren(full_name(f"chart:{name}"))]
    axes = [_text_of(title) for axis in chart.iter(full_name("chart:axis")) for title in axis.iter(full_name("chart:title"))]
    caption = " – ".join(filter(None, (*titles, ", ".join(dict.fromkeys(filter(None, axes))))))
    blocks = [Block(kind="caption", text=caption, layer=layer)] if caption else []
    table = _table_of(chart)
    return [*blocks, Block(kind="table", table=table, layer=layer)] if table else blocks


def _table_of(chart: Element) -> Table | None:
    """Return the table of a chart; None if it has no values."""
    cells: list[Cell] = []
    count = 0
    for element, is_header in _rows_in(chart):
        row = list(_texts_in(element))
        if any(row) and count < MAX_POINTS:
            cells += [Cell(row=count, column=place, text=text, header=is_header) for place, text in enumerate(row)]
            count += 1
    return Table(rows=count, columns=max(cell.column for cell in cells) + 1, cells=cells) if cells else None


def _rows_in(chart: Element) -> Iterator[tuple[Element, bool]]:
    """Yield the rows of a chart's table, and whether they name its columns."""
    for row in chart.iter(full_name("table:table-row")):
        parent = row.getparent()
        yield row, parent is not None and short_name(parent) == "table:table-header-rows"


def _texts_in(row: Element) -> Iterator[str]:
    """Yield what the cells of a row show; nothing for a point without a value."""
    places = 0
    for cell in row.iterchildren(full_name("table:table-cell")):
        text = _text_of(cell)
        for _ in range(min(whole_number(cell, "table:number-columns-repeated"), _MAX_COLUMNS - places)):
            places += 1
            yield "" if text == _GAP else text


def _text_of(element: Element) -> str:
    """Return the text of the paragraphs in an element, in one line."""
    return " ".join(" ".join("".join(one.itertext()).split()) for one in element.iter(full_name("text:p"))).strip()
