"""Rows of RTF as tables: cells by their right edges, merged as the rows say."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import NamedTuple

from document_parser.models import Cell, Table
from document_parser.text.spans import Run, spans_of, strip_runs, text_of, tidy_spans

_SAME_EDGE_TWIPS = 40
"""Edges of rows that are closer are one: programs round them (a twentieth of a point is a twip)."""


class CellFormat(NamedTuple):
    """What a row says of a cell: its right edge in twips, and whether it begins or continues a merged one."""

    right: int
    merged_left: bool = False
    merges_down: bool = False
    merged_up: bool = False


@dataclass
class Row:
    """A row: its left edge in twips, the formats and the texts of its cells, whether it is a header."""

    left: int = 0
    formats: list[CellFormat] = field(default_factory=list)
    texts: list[list[Run]] = field(default_factory=list)
    header: bool = False


def table_of(rows: list[Row]) -> Table | None:
    """Return the table of these rows; None if no cell has text."""
    if not any(text_of(text).strip() for row in rows for text in row.texts):
        return None
    edges = _edges_of(rows)
    cells: list[Cell] = []
    open_above: dict[int, int] = {}
    for at, row in enumerate(rows):
        left = row.left
        for place, text in enumerate(row.texts):
            form = row.formats[place] if place < len(row.formats) else CellFormat(left + 1)
            column, end = _column_of(left, edges), max(_column_of(form.right, edges), _column_of(left, edges) + 1)
            left = form.right
            runs = strip_runs(text)
            if form.merged_left and cells and cells[-1].row == at:
                cells[-1] = _joined(cells[-1], runs, column_span=end - cells[-1].column)
            elif form.merged_up and column in open_above:
                above = open_above[column]
                cells[above] = _joined(cells[above], runs, row_span=at - cells[above].row + 1)
            else:
                open_above[column] = len(cells)
                content = text_of(runs)
                cells.append(
                    Cell(
                        row=at, column=column, column_span=end - column, text=content, header=row.header,
                        spans=tidy_spans(content, spans_of(runs)),
                    )
                )  # fmt: skip
    return _compact(cells, len(rows))


def _joined(cell: Cell, runs: list[Run], *, row_span: int = 0, column_span: int = 0) -> Cell:
    """Return a cell that covers another one, with its text, which programs leave empty."""
    text = "\n".join(filter(None, (cell.text, text_of(runs))))
    update = {"text": text, "row_span": row_span or cell.row_span, "column_span": column_span or cell.column_span}
    return cell.model_copy(update=update)


def _edges_of(rows: list[Row]) -> list[int]:
    """Return the left edges of columns, in order; edges that nearly agree are one."""
    edges: list[int] = []
    for edge in sorted({edge for row in rows for edge in (row.left, *(form.right for form in row.formats))}):
        if not edges or edge - edges[-1] > _SAME_EDGE_TWIPS:
            edges.append(edge)
    return edges


def _column_of(edge: int, edges: list[int]) -> int:
    """Return the column that begins at an edge."""
    return bisect_left(edges, edge - _SAME_EDGE_TWIPS)


def _compact(cells: list[Cell], rows: int) -> Table:
    """Return the table without columns in which no cell begins; cells of rows without edges stand side by side."""
    taken: set[tuple[int, int]] = set()
    placed = []
    for cell in cells:
        column = cell.column
        while (cell.row, column) in taken:
            column += 1
        taken |= {(row, column) for row in range(cell.row, cell.row + cell.row_span)}
        placed.append(cell.model_copy(update={"column": column}))
    begins = {column: at for at, column in enumerate(sorted({cell.column for cell in placed}))}
    compact = []
    for cell in placed:
        span = sum(column in begins for column in range(cell.column, cell.column + cell.column_span))
        compact.append(cell.model_copy(update={"column": begins[cell.column], "column_span": max(1, span)}))
    return Table(rows=rows, columns=len(begins), cells=compact)
