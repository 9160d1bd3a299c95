"""What a reading of aligned words costs whose borders between columns are not those that the rows show.

The agreement that is expected of a table tells good tables from bad ones; two readings of the same rows that differ by one
border are nearly alike to it. Lengths are in points.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from document_parser.layout.lines.lines import body_size
from document_parser.layout.tables.grid import Grid, GridCell

COLUMN_COST = 0.12
"""Agreement by which a reading must be better for each border that it has too many or too few."""
MIN_MISSED_WHITE_EM = 1.0
"""Font sizes of white through a column, at least, that is a border; the space between two words is a quarter of one."""
MAX_SPACE_EM = 0.45
"""Font sizes between two cells, at most, that may be the space between two words of one."""
MIN_ROWS = 2
"""Rows with text on one side of the white alone, at least."""
MIN_SPACED_ROWS = 3
"""Rows with a space at a border, at least, before it may be one too many."""
MIN_SPACED_SHARE = 0.8
"""Share of the rows with text on both sides of a border that have only a space there, at least."""


def column_cost(grid: Grid) -> float:
    """Return the agreement to take from what is expected of a grid."""
    if len(grid.rows) <= MIN_ROWS or grid.columns < 2:
        return 0.0
    size = body_size(grid.words)
    columns = [[_cell_at(row, column) for row in grid.rows] for column in range(grid.columns)]
    missed = sum(_has_missed_border(cells, size) for cells in columns)
    needless = sum(_is_needless_border(left, right, size) for left, right in pairwise(columns))
    return COLUMN_COST * (missed + needless)


def _cell_at(row: Sequence[GridCell], column: int) -> GridCell | None:
    """Return the cell of a row that covers this column alone and has text."""
    return next((cell for cell in row if cell.first == cell.last == column and cell.words), None)


def _has_missed_border(cells: Sequence[GridCell | None], size: float) -> bool:
    """Return whether white runs through a column below two headings, with rows that have text on one side of it alone."""
    head, *body = cells
    if head is None or len(head.words) < 2:
        return False
    spans = sorted((word.left, word.right) for cell in cells if cell for word in cell.words)
    reach = spans[0][1]
    for left, right in spans[1:]:
        if left - reach > MIN_MISSED_WHITE_EM * size and _parts(head, reach, left):
            before = sum(cell is not None and cell.right <= reach for cell in body)
            behind = sum(cell is not None and cell.left >= left for cell in body)
            if min(before, behind) >= MIN_ROWS:
                return True
        reach = max(reach, right)
    return False


def _parts(head: GridCell, left: float, right: float) -> bool:
    """Return whether a heading has words on both sides of white from ``left`` to ``right``."""
    return any(word.right <= left for word in head.words) and any(word.left >= right for word in head.words)


def _is_needless_border(left: Sequence[GridCell | None], right: Sequence[GridCell | None], size: float) -> bool:
    """Return whether nearly all rows have no more than a space at a border, and one heading is above both its sides."""
    both = [(before, behind) for before, behind in zip(left, right, strict=True) if before and behind]
    spaced = sum(behind.left - before.right <= MAX_SPACE_EM * size for before, behind in both)
    headed = left[0] is not None and right[0] is not None
    return not headed and spaced >= MIN_SPACED_ROWS and spaced >= MIN_SPACED_SHARE * len(both)
