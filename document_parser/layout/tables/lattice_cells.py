"""Find the cells of a lattice: the places (row, column) without a wall between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from document_parser.layout.lines.lines import lines_of
from document_parser.layout.tables.grid import Grid, GridCell, is_number
from document_parser.layout.tables.lattice import Lattice
from document_parser.layout.tables.lattice_rows import Row
from document_parser.layout.tables.rulings import TOUCH_POINTS, covers
from document_parser.models import Word

Walls = NDArray[np.bool_]
"""One flag for each row and column."""

MAX_HEADING_SPACE_EM = 0.6
"""Font sizes between words of one heading over a short line, at most: columns are further apart."""


def grid_of(lattice: Lattice, rows: Sequence[Row]) -> Grid | None:
    """Return the grid without title rows above and notes below it; None if nothing is left."""
    beside, below = _find_walls(lattice, rows)
    return _fill_regions(lattice, rows, list(_split_into_regions(beside, below)))


@dataclass(frozen=True, slots=True)
class _Region:
    """Places without a wall between them; both ends are included."""

    top: int
    left: int
    bottom: int
    right: int

    def places(self) -> Iterator[tuple[int, int]]:
        """Return all (row, column) of the region."""
        return ((row, column) for row in range(self.top, self.bottom + 1) for column in range(self.left, self.right + 1))


def _fill_regions(lattice: Lattice, rows: Sequence[Row], regions: list[_Region]) -> Grid | None:
    """Return the grid with the words of the rows put into its regions."""
    region_at = {(row, column): number for number, region in enumerate(regions) for row, column in region.places()}
    words: list[list[Word]] = [[] for _ in regions]
    for number, row in enumerate(rows):
        for cell in row.cells:
            words[region_at[number, cell.first]] += cell.words
    made: list[list[GridCell]] = [[] for _ in rows]
    for region, held in zip(regions, words, strict=True):
        made[region.top].append(GridCell(region.left, region.right, tuple(held), region.bottom - region.top + 1))
    kept = [number for number, row in enumerate(made) if row]
    boxed = [_is_boxed(lattice, rows[number], made[number]) for number in kept]
    return _trim_rows(_drop_empty_rows(made), lattice.width, boxed)


def _is_boxed(lattice: Lattice, row: Row, cells: Sequence[GridCell]) -> bool:
    """Return whether a row is drawn: a title of one line with lines on both sides, or an empty row with all columns drawn."""
    walls = [border for border in range(lattice.width + 1) if covers(lattice.verticals_at[border], row.top, row.bottom)]
    words = [word for cell in cells for word in cell.words]
    if words:
        return walls[:1] == [0] and walls[-1:] == [lattice.width] and len(lines_of(words)) == 1
    return len(walls) == lattice.width + 1


def _find_walls(lattice: Lattice, rows: Sequence[Row]) -> tuple[Walls, Walls]:
    """Return two arrays: whether a wall is right of each place, and whether one is below it."""
    beside: Walls = np.ones((len(rows), lattice.width), dtype=np.bool_)
    below: Walls = np.ones((len(rows), lattice.width), dtype=np.bool_)
    for number, row in enumerate(rows):
        for first, last in _open_stretches(lattice, row):
            beside[number, first:last] = False
        for cell in row.cells:
            beside[number, cell.first : cell.last] = False
        for first, last in _spans_over_short_lines(lattice, row, rows[number + 1 :]):
            beside[number, first:last] = False
        if row.walled is not None:
            below[number] = [column in row.walled for column in range(lattice.width)]
        if number + 1 < len(rows) and rows[number + 1].band != row.band:
            below[number] = [_is_walled_below(lattice, row, rows[number + 1], column) for column in range(lattice.width)]
    return beside, below


def _is_walled_below(lattice: Lattice, row: Row, lower: Row, column: int) -> bool:
    """Return whether a cell ends with the last row of its band: by a line, or by another text if no lines separate columns."""
    if _has_line_below(lattice, row, column):
        return True
    both = _has_text(row, column) and _has_text(lower, column)
    return both and lattice.is_in_body(row.band) and not lattice.inner_verticals


def _has_line_below(lattice: Lattice, row: Row, column: int) -> bool:
    """Return whether a line runs below a cell or below its text: short lines also lie under the headings of one column."""
    if lattice.is_crossed(column, row.bottom):
        return True
    lines = lattice.horizontals_at[row.bottom]
    over = [cell for cell in row.cells if cell.first == cell.last == column and cell.words]
    return any(covers(lines, cell.left, cell.right) for cell in over)


def _open_stretches(lattice: Lattice, row: Row) -> Iterator[tuple[int, int]]:
    """Yield the columns that lines separate in other rows but not in this one, and that hold one text here or none."""
    if _is_white_stripe(lattice, row):
        return
    for left, right in pairwise(lattice.walls_at(row.top, row.bottom)):
        if not any(lattice.drawn[left + 1 : right]):
            continue
        if _count_texts(row, left, right - 1) < 2:
            yield left, right - 1
        else:
            yield from _drawn_stretches(lattice, row, left, right)


def _is_white_stripe(lattice: Lattice, row: Row) -> bool:
    """Return whether a row has no fill where only the edges of filled boxes separate columns: it has all columns, unseen.

    One text in the first column alone may be a heading over all of them.
    """
    if lattice.walls_drawn or not lattice.inner_verticals or not any(cell.first for cell in row.cells):
        return False
    return not any(covers(lattice.verticals_at[border], row.top, row.bottom) for border in range(lattice.width + 1))


def _drawn_stretches(lattice: Lattice, row: Row, left: int, right: int) -> Iterator[tuple[int, int]]:
    """Yield the same between two walls with several texts between them: only next to lines that end here."""
    first = left
    for column in range(left, right):
        if column + 1 < right and lattice.drawn[column + 1]:
            continue
        if _count_texts(row, first, column) < 2:
            yield first, column
        first = column + 1


def _spans_over_short_lines(lattice: Lattice, row: Row, rest: Sequence[Row]) -> Iterator[tuple[int, int]]:
    """Yield the columns that a short line below a row connects, if one run of words lies on it.

    A number on such a line stands in its own column: the line is that of a sum, and runs below its currency sign too.
    """
    if not rest or rest[0].band == row.band:
        return
    for start, end in [piece for line in lattice.horizontals_at[row.bottom] for piece in line.pieces]:
        over = [
            column
            for column, (left, right) in enumerate(pairwise(lattice.columns))
            if start - TOUCH_POINTS <= (left + right) / 2 <= end + TOUCH_POINTS
        ]
        if not 1 < len(over) < lattice.width:
            continue
        first, last = over[0], over[-1]
        texts = [cell for cell in row.cells if cell.first <= last and first <= cell.last]
        gaps = [after.left - before.right for before, after in pairwise(texts)]
        if (
            texts
            and not (lattice.is_in_body(row.band) and all(map(_is_amount, texts)))
            and max(gaps, default=0.0) < MAX_HEADING_SPACE_EM * lattice.size
            and not any(lattice.drawn[first + 1 : last + 1])
        ):
            yield first, last


def _is_amount(cell: GridCell) -> bool:
    """Return whether a cell holds a number, or a dash in the place of one."""
    return is_number(cell.text) or not any(map(str.isalpha, cell.text))


def _split_into_regions(beside: Walls, below: Walls) -> Iterator[_Region]:
    """Split the places into the rectangular cells that the walls leave."""
    rows, columns = beside.shape
    free = np.ones_like(beside).tolist()
    walls, floors = beside.tolist(), below.tolist()
    for row in range(rows):
        for column in range(columns):
            if not free[row][column]:
                continue
            right = column
            while right + 1 < columns and not walls[row][right] and free[row][right + 1]:
                right += 1
            bottom = row
            while (
                bottom + 1 < rows and not any(floors[bottom][column : right + 1]) and not any(walls[bottom + 1][column:right])
            ):
                bottom += 1
            for taken in free[row : bottom + 1]:
                taken[column : right + 1] = [False] * (right + 1 - column)
            yield _Region(row, column, bottom, right)


def _count_texts(row: Row, first: int, last: int) -> int:
    """Return how many cells of a row lie in these columns."""
    return sum(cell.first <= last and first <= cell.last for cell in row.cells)


def _has_text(row: Row, column: int) -> bool:
    """Return whether a cell of a row covers this column."""
    return any(cell.first <= column <= cell.last for cell in row.cells)


def _drop_empty_rows(rows: list[list[GridCell]]) -> list[list[GridCell]]:
    """Remove rows in which no cell begins; cells that run through them span one row less."""
    if all(rows):
        return rows
    starts = [bool(row) for row in rows]
    return [
        [replace(cell, down=sum(starts[number : number + cell.down])) for cell in row] for number, row in enumerate(rows) if row
    ]


def _trim_rows(rows: list[list[GridCell]], columns: int, boxed: Sequence[bool]) -> Grid | None:
    """Return the grid without rows of one cell at both ends (a title above, notes below); None if too little is left.

    ``boxed`` are the rows that are drawn: a title of one line above and empty rows below belong to the table. Longer titles are
    captions, and texts below are notes, though a box is drawn around them too.
    """
    start, end = 0, len(rows)
    while start < end and _is_one_cell(rows[start], columns):
        start += 1
    while end > start and _is_one_cell(rows[end - 1], columns):
        end -= 1
    if end - start == 1 and all(cell.words for cell in rows[start]):  # headings alone: a table that is to be filled in
        end = _end_of_empty_rows(rows, end, boxed)
    if end - start < 2:
        return None
    if start > 0 and (boxed[start - 1] or (start == 1 and _has_part_heading(rows[start:end], columns))):
        start -= 1
    kept = rows[start : _end_of_empty_rows(rows, end, boxed)]
    return Grid(tuple(map(tuple, kept)), columns) if any(cell.words for row in kept for cell in row) else None


def _end_of_empty_rows(rows: Sequence[Sequence[GridCell]], end: int, boxed: Sequence[bool]) -> int:
    """Return the end of the empty rows with lines around each cell that begin at ``end``."""
    while end < len(rows) and boxed[end] and not any(cell.words for cell in rows[end]):
        end += 1
    return end


def _has_part_heading(rows: Sequence[Sequence[GridCell]], columns: int) -> bool:
    """Return whether a text across all columns heads a part of the table: one above the first row then heads the first part."""
    return any(_is_one_cell(row, columns) and any(cell.words for cell in row) for row in rows)


def _is_one_cell(row: Sequence[GridCell], columns: int) -> bool:
    """Return whether a row is one cell across all columns, or has no text."""
    return (len(row) == 1 and row[0].last - row[0].first + 1 == columns) or not any(cell.words for cell in row)
