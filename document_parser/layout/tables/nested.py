"""Read tables that stand in cells of another table: their rows and columns are rows and columns of the whole.

The table around them is read with one word in place of each of them; then its rows and columns are parted. Lengths are in
points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

from document_parser.layout.tables.frame_splits import inner_walls
from document_parser.layout.tables.grid import Grid, GridCell
from document_parser.layout.tables.ruled_table import grid_of_frame
from document_parser.layout.tables.rulings import TOUCH_POINTS, Frame, borders_of
from document_parser.models import Word


def frames_in_cells(frame: Frame, frames: Sequence[Frame]) -> list[Frame]:
    """Return the frames with rows and columns of their own that stand in one cell each of another frame.

    No line of the frame around runs through them, and no other such frame is around them.
    """
    if len(borders_of(inner_walls(frame))) < 1:
        return []
    inside = [other for other in frames if _is_in_cell(other, frame)]
    return [one for one in inside if not any(other is not one and other.surrounds(one) for other in inside)]


def _is_in_cell(inner: Frame, frame: Frame) -> bool:
    """Return whether a frame with rows and columns lies in another one without touching any of its lines."""
    rows = len(borders_of(line.at for line in inner.horizontals)) - 1
    if inner is frame or rows < 2 or not inner_walls(inner) or not frame.surrounds(inner):
        return False
    left, right = inner.left - TOUCH_POINTS / 2, inner.right + TOUCH_POINTS / 2
    crossed = any(left < line.at < right and line.start < inner.bottom and inner.top < line.end for line in frame.verticals)
    return not crossed and not any(
        inner.top < line.at < inner.bottom and line.start < inner.right and inner.left < line.end for line in frame.horizontals
    )


def grid_with_tables(frame: Frame, words: Sequence[Word], inner: Sequence[Frame]) -> Grid | None:
    """Return the table of a frame with the tables in its cells. ``inner`` are their frames, ``words`` those of all of them.

    Returns None if the frame is no table, or if a frame in it is none, or shares its cell with other text.
    """
    tables: dict[int, Grid] = {}
    outside = list(words)
    for one in inner:
        held = [word for word in outside if _holds(one, word)]
        grid = grid_of_frame(one, held)
        if grid is None or grid.columns < 2 or len(grid.rows) < 2:
            return None
        outside = [word for word in outside if not _holds(one, word)]
        stand_in = _stand_in(grid)
        outside.append(stand_in)
        tables[id(stand_in)] = grid
    whole = grid_of_frame(frame, outside)
    if whole is None:
        return None
    in_cells = {id(cell): tables[id(word)] for row in whole.rows for cell in row for word in cell.words if id(word) in tables}
    alone = all(len(cell.words) == 1 for row in whole.rows for cell in row if id(cell) in in_cells)
    return _unfold(whole, in_cells) if alone and len(in_cells) == len(tables) else None


def _holds(frame: Frame, word: Word) -> bool:
    """Return whether the middle of a word lies in a frame."""
    across, down = (word.left + word.right) / 2, (word.top + word.bottom) / 2
    return frame.left <= across <= frame.right and frame.top <= down <= frame.bottom


def _stand_in(grid: Grid) -> Word:
    """Return one word as high as the first line of a table and as wide as the whole."""
    first = grid.rows[0][0].words[0] if grid.rows[0][0].words else grid.words[0]
    return first._replace(left=grid.left, right=grid.right)


def _unfold(whole: Grid, in_cells: Mapping[int, Grid]) -> Grid:
    """Return a table with the rows and columns of the tables in its cells. ``in_cells`` are these by the id of the cell."""
    high, wide = [1] * len(whole.rows), [1] * whole.columns
    for number, row in enumerate(whole.rows):
        for cell in row:
            if inner := in_cells.get(id(cell)):
                last = number + cell.down - 1
                high[last] += max(0, len(inner.rows) - sum(high[number : last + 1]))
                wide[cell.last] += max(0, inner.columns - sum(wide[cell.first : cell.last + 1]))
    tops, lefts = [0, *accumulate(high)], [0, *accumulate(wide)]
    rows: list[list[GridCell]] = [[] for _ in range(tops[-1])]
    for number, row in enumerate(whole.rows):
        for cell in row:
            top, bottom = tops[number], tops[number + cell.down]
            first, last = lefts[cell.first], lefts[cell.last + 1] - 1
            inner = in_cells.get(id(cell))
            if inner is None:
                rows[top].append(GridCell(first, last, cell.words, bottom - top))
                continue
            for below, cells in enumerate(inner.rows):
                rows[top + below] += [_place(one, below, inner, (top, bottom, first, last)) for one in cells]
    heads = None if whole.header_rows is None else tops[whole.header_rows]
    return Grid(tuple(tuple(sorted(row, key=lambda cell: cell.first)) for row in rows), lefts[-1], heads)


def _place(cell: GridCell, row: int, inner: Grid, place: tuple[int, int, int, int]) -> GridCell:
    """Return a cell of an inner table in the whole. The last rows and columns take what is left of the ``place``.

    The place is (first row, row behind the last, first column, last column).
    """
    top, bottom, first, last = place
    down = bottom - top - row if row + cell.down == len(inner.rows) else cell.down
    return GridCell(first + cell.first, last if cell.last == inner.columns - 1 else first + cell.last, cell.words, down)
