"""Turn tables into plain rows of text, the form that CSV, text and pipe tables need."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from document_parser.export.base import clean_runs, clean_with_strikes
from document_parser.models import Cell, Table
from document_parser.text.spans import Run


def rows_of(parts: Iterable[Table]) -> Iterator[list[str]]:
    """Yield the rows of a table, one text per column. The text of a cell with spans is in its first place only.

    ``parts`` are those of one table, in order.
    """
    for row in _cells_by_column(parts):
        yield [clean_with_strikes(cell.text, cell.spans) if cell else "" for cell in row]


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


def complete_rows(table: Table) -> Iterator[list[Cell]]:
    """Yield the cells that begin in each row so that HTML needs no more: an empty cell stands where the table has none.

    No two cells cover one place, and none reaches out of the header or the table: spans are cut, and a cell whose place is
    taken moves to the right. So the spans of every row, with those from above, add up to the same number of columns.
    """
    heads = count_header_rows(table)
    placed: list[Cell] = []
    taken: dict[tuple[int, int], int] = {}
    for row, cells in enumerate(cells_by_row(table)):
        for place, cell in enumerate(cells):
            _release_from(row, cell.column, placed, taken)
            column = cell.column
            while (row, column) in taken:
                column += 1
            beyond = cells[place + 1].column if place + 1 < len(cells) else column + cell.column_span
            across = max(1, min(cell.column_span, beyond - column))
            across = next((free for free in range(1, across) if (row, column + free) in taken), across)
            end = heads if row < heads else max(table.rows, row + 1)
            down = max(1, min(cell.row_span, end - row))
            placed.append(_placed(cell, column, down, across))
            _take_places(len(placed) - 1, placed, taken)
    width = max([table.columns, *(column + 1 for _, column in taken)])
    rows: defaultdict[int, list[Cell]] = defaultdict(list)
    for cell in placed:
        rows[cell.row].append(cell)
    for row in range(max([table.rows, *(cell.row + 1 for cell in placed)])):
        gaps = [Cell(row=row, column=column, header=row < heads) for column in range(width) if (row, column) not in taken]
        yield sorted([*rows[row], *gaps], key=lambda cell: cell.column)


def _placed(cell: Cell, column: int, row_span: int, column_span: int) -> Cell:
    """Return the cell with this place; the cell itself if it has that, as most do: a copy takes as long as all the rest."""
    if (cell.column, cell.row_span, cell.column_span) == (column, row_span, column_span):
        return cell
    return cell.model_copy(update={"column": column, "row_span": row_span, "column_span": column_span})


def _take_places(number: int, placed: list[Cell], taken: dict[tuple[int, int], int]) -> None:
    """Note the places that a placed cell covers, by its number."""
    cell = placed[number]
    for row in range(cell.row, cell.row + cell.row_span):
        for column in range(cell.column, cell.column + cell.column_span):
            taken.setdefault((row, column), number)


def _release_from(row: int, column: int, placed: list[Cell], taken: dict[tuple[int, int], int]) -> None:
    """End a cell from above that reaches into this place, where another cell begins, above the row."""
    number = taken.get((row, column))
    if number is None or placed[number].row == row:
        return
    cell = placed[number]
    placed[number] = cell.model_copy(update={"row_span": row - cell.row})
    for below in range(row, cell.row + cell.row_span):
        for place in range(cell.column, cell.column + cell.column_span):
            if taken.get((below, place)) == number:
                del taken[below, place]


def count_header_rows(table: Table) -> int:
    """Return how many rows at the top hold header cells only, without rows after the first whose cells reach below them."""
    count, reach = 0, [0]
    for cells in cells_by_row(table):
        if not cells or not all(cell.header for cell in cells):
            break
        count += 1
        reach.append(max(reach[-1], *(min(cell.row + cell.row_span, table.rows) for cell in cells)))
    while count > 1 and reach[count] > count:
        count -= 1
    return count
