"""Turn tables into plain rows of text, the form that CSV, text and pipe tables need."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from document_parser.export.base import clean, clean_runs
from document_parser.models import Cell, Table
from document_parser.text.spans import Run


def rows_of(parts: Iterable[Table]) -> Iterator[list[str]]:
    """Yield the rows of a table, one text per column. The text of a cell with spans is in its first place only.

    ``parts`` are those of one table, in order.
    """
    for row in _cells_by_column(parts):
        yield [clean(cell.text) if cell else "" for cell in row]


def runs_by_row(parts: Iterable[Table]) -> Iterator[list[list[Run]]]:
    """Yield the rows of a table as ``rows_of`` does, with the emphasis and links of each text."""
    for row in _cells_by_column(parts):
        yield [clean_runs(cell.text, cell.spans) if cell else [] for cell in row]


def _cells_by_column(parts: Iterable[Table]) -> Iterator[list[Cell | None]]:
    """Yield the rows of a table with the cell that begins in each column, or None."""
    for table in parts:
        width = max([table.columns, *(cell.column + 1 for cell in table.cells)])
        for cells in cells_by_row(table):
            row: list[Cell | None] = [None] * width
            for cell in cells:
                row[cell.column] = cell
            yield row


def cells_by_row(table: Table) -> Iterator[list[Cell]]:
    """Yield the cells that begin in each row, from left to right; rows without any are included."""
    rows: defaultdict[int, list[Cell]] = defaultdict(list)
    for cell in table.cells:
        rows[cell.row].append(cell)
    for row in range(max([table.rows, *(cell.row + 1 for cell in table.cells)])):
        yield sorted(rows[row], key=lambda cell: cell.column)


def count_header_rows(table: Table) -> int:
    """Return how many rows at the top hold header cells only."""
    count = 0
    for cells in cells_by_row(table):
        if not cells or not all(cell.header for cell in cells):
            break
        count += 1
    return count
