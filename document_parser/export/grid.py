"""Tables as plain rows of text, the form that CSV, text and pipe tables need."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from document_parser.export.base import clean, clean_runs
from document_parser.models import Cell, Table
from document_parser.text.spans import Run


def rows_of(parts: Iterable[Table]) -> Iterator[list[str]]:
    """Row by row, one text per column. A cell with spans gives its text to its first place and leaves the others empty.

    ``parts`` are those of one table, in order.
    """
    for row in _seats(parts):
        yield [clean(cell.text) if cell else "" for cell in row]


def runs_by_row(parts: Iterable[Table]) -> Iterator[list[list[Run]]]:
    """The same with the emphasis and links of each text."""
    for row in _seats(parts):
        yield [clean_runs(cell.text, cell.spans) if cell else [] for cell in row]


def _seats(parts: Iterable[Table]) -> Iterator[list[Cell | None]]:
    """Row by row, the cell that begins in each column."""
    for table in parts:
        width = max([table.columns, *(cell.column + 1 for cell in table.cells)])
        for cells in cell_rows(table):
            row: list[Cell | None] = [None] * width
            for cell in cells:
                row[cell.column] = cell
            yield row


def cell_rows(table: Table) -> Iterator[list[Cell]]:
    """The cells that begin in each row, from left to right; rows without any included."""
    rows: defaultdict[int, list[Cell]] = defaultdict(list)
    for cell in table.cells:
        rows[cell.row].append(cell)
    for row in range(max([table.rows, *(cell.row + 1 for cell in table.cells)])):
        yield sorted(rows[row], key=lambda cell: cell.column)


def header_rows(table: Table) -> int:
    """How many rows at the top hold header cells only."""
    count = 0
    for cells in cell_rows(table):
        if not cells or not all(cell.header for cell in cells):
            break
        count += 1
    return count
