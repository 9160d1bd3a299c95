"""Find the header of a table that its drawn lines or its rows leave out: headings right above it, one over each column.

Lengths are in points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

import numpy as np

from document_parser.layout.lines.lines import Line, body_size, lines_of, split_at_gaps
from document_parser.layout.page_index import Floats
from document_parser.layout.tables.aligned import cells_of, plain_space, segments_of
from document_parser.layout.tables.grid import Grid, GridCell, is_mostly_numbers, is_number
from document_parser.layout.tables.text_lines import is_text_line
from document_parser.models import Word

MAX_HEADER_GAP_EM = 1.3
"""Font sizes between a header and the first row, at most."""
MAX_LINE_GAP_EM = 0.6
"""Font sizes between two lines of a header, at most."""
MAX_HEADER_LINES = 3
"""Lines of a header, at most."""
MIN_HEADED_SHARE = 0.6
"""Share of the columns with a heading of their own, at least, if the headings are bold and the rows are not."""
MIN_PLAIN_HEADED_SHARE = 0.75
"""The same if only their being words above numbers shows that they are headings."""
MAX_ROW_GAP_RATIO = 1.2
"""White between a table and a line that belongs to it, divided by the usual white between rows, at most."""
MIN_NUMBER_COLUMNS = 2
"""Columns of numbers, at least, before lines beyond the table are looked at as rows of it."""
MIN_STRIPED_ROWS, MIN_STRIPE_SHARE = 3, 0.8
"""Rows by which stripes are known, at least, and share of the width of a table that the fills of a row cover, at least."""
MIN_ROW_CELLS_SHARE = 0.7
"""Cells of such a line as a share of those of a usual row, at least."""
MIN_LINE_OVERLAP_EM = 0.15
"""Font sizes by which lines of cells that are centred beside each other overlap in height, at least."""
MAX_SUM_OFFSET_EM = 0.2
"""Font sizes by which the right end of a sum may miss that of the numbers above it."""
MIN_HEADING_GAP_EM, MAX_HEADING_OFFSET_EM = 0.6, 0.5
"""Font sizes between two headings that are longer than their columns' texts, at least, and from the edge of these, at most."""
MIN_COLUMN_GAP_EM = 0.3
"""Font sizes between two headings side by side, at least."""
LARGE_RATIO, MIN_LARGE_GAP_EM = 1.1, 0.6
"""Font size of a line divided by that of the rows from which it may be the heading above them, and its own font sizes between
two headings in it, at least: its spaces are as wide as the gaps of the rows."""


def is_striped(grid: Grid, fills: Floats) -> bool:
    """Return whether every other row, maybe below a coloured header, has a fill behind it, or one behind each of its cells.

    ``fills`` are boxes (left, top, right, bottom) in points.
    """
    rows = [cells for row in grid.rows if (cells := [cell for cell in row if cell.words])]
    if len(rows) < MIN_STRIPED_ROWS:
        return False
    widths = np.minimum(fills[:, 2], grid.right) - np.maximum(fills[:, 0], grid.left)
    stripes = (widths > 0) & (fills[:, 3] - fills[:, 1] < (grid.bottom - grid.top) / 2)
    tops, bottoms, widths = fills[stripes, 1], fills[stripes, 3], widths[stripes]
    middles = [(min(cell.top for cell in row) + max(cell.bottom for cell in row)) / 2 for row in rows]
    least = MIN_STRIPE_SHARE * (grid.right - grid.left)
    on_fill = [float(widths[(tops < middle) & (middle < bottoms)].sum()) > least for middle in middles]
    if on_fill[0] and on_fill[1] and len(rows) > MIN_STRIPED_ROWS:
        del on_fill[0]  # the header's own colour
    return all(upper is not lower for upper, lower in pairwise(on_fill))


def add_rows_around(grid: Grid, words: Sequence[Word], *, striped: bool = False) -> Grid:
    """Return a grid with the lines above and below that are rows of it: as close, with numbers where rows have them.

    Bars behind every other row leave the first and the last row out: beyond such ``striped`` rows one needs no numbers, and no
    more cells than the emptiest of them has.
    """
    numbers = _number_columns(grid)
    columns = _column_texts(grid)
    if (len(numbers) < MIN_NUMBER_COLUMNS and not striped) or columns is None:
        return grid
    size = body_size(grid.words)
    gap = _row_gap(grid)
    counts = [len([cell for cell in row if cell.words]) for row in grid.rows]
    least = min(counts) if striped else MIN_ROW_CELLS_SHARE * median(counts)
    own = {id(word) for word in grid.words}
    lines = lines_of([word for word in words if id(word) not in own])
    for direction in (-1, 1):
        beyond = [line for line in lines if (line.bottom < grid.top + 1 if direction < 0 else line.top > grid.bottom - 1)]
        for row in _overlapping(beyond[::direction], size)[: 1 if len(numbers) < MIN_NUMBER_COLUMNS else None]:
            apart = (
                grid.top - max(line.bottom for line in row) if direction < 0 else min(line.top for line in row) - grid.bottom
            )
            cells = _header_cells(row, columns, size)
            if apart > MAX_ROW_GAP_RATIO * gap + 1 or cells is None:
                break
            if len(cells) < least and not (direction > 0 and _is_sum(cells, grid, size)):
                break
            inside = all(line.left > grid.left - size and line.right < grid.right + size for line in row)
            if not inside or not _fits_numbers(cells, numbers):
                break
            grid = replace(grid, rows=(tuple(cells), *grid.rows) if direction < 0 else (*grid.rows, tuple(cells)))
    return grid


def _overlapping(lines: Sequence[Line], size: float) -> list[list[Line]]:
    """Return the lines in rows: one of cells that are centred beside each other has lines between those of another cell."""
    rows: list[list[Line]] = []
    for line in lines:
        beside = rows and any(
            min(line.bottom, other.bottom) - max(line.top, other.top) > MIN_LINE_OVERLAP_EM * size for other in rows[-1]
        )
        if beside:
            rows[-1].append(line)
        else:
            rows.append([line])
    return rows


def _is_sum(cells: Sequence[GridCell], grid: Grid, size: float) -> bool:
    """Return whether cells are a label and, in the last column, a number that ends where those above it do: the closing row."""
    label, *numbers = cells
    if not numbers or is_number(label.text) or numbers[-1].last != grid.columns - 1:
        return False
    right = max(cell.right for row in grid.rows for cell in row if cell.first == grid.columns - 1 and cell.words)
    return all(is_number(cell.text) for cell in numbers) and abs(numbers[-1].right - right) < MAX_SUM_OFFSET_EM * size


def _fits_numbers(cells: Sequence[GridCell], numbers: Sequence[int]) -> bool:
    """Return whether cells hold numbers in most columns of numbers, and a number in one at least."""
    held = [is_number(cell.text) for cell in cells if cell.first in numbers]
    return sum(held) * 2 > len(held) or not numbers


def _row_gap(grid: Grid) -> float:
    """Return the usual white between two rows in points."""
    rows = [[cell for cell in row if cell.words] for row in grid.rows]
    edges = [(min(cell.top for cell in row), max(cell.bottom for cell in row)) for row in rows if row]
    return median(lower[0] - upper[1] for upper, lower in pairwise(edges)) if len(edges) > 1 else 0.0


def _number_columns(grid: Grid) -> list[int]:
    """Return the columns that hold mostly numbers."""
    return [
        column
        for column in range(grid.columns)
        if is_mostly_numbers([c.text for row in grid.rows for c in row if c.first == c.last == column and c.words])
    ]


def add_header_above(grid: Grid, words: Sequence[Word]) -> Grid:
    """Return a grid with the header right above it, if it has none of its own; else the grid itself.

    ``words`` may be all words of the page or of the table's region.
    """
    if not grid.rows or all(cell.bold for cell in grid.rows[0]):
        return grid
    size = body_size(grid.words)
    columns = _column_texts(grid)
    if columns is None:
        return grid
    for lines in _lines_above(grid, words, size):
        cells = _header_cells(lines, columns, size) or _aligned_cells(lines, columns, size)
        if cells is not None and _is_header(cells, grid, size):
            header_rows = None if grid.header_rows is None else grid.header_rows + 1
            return replace(grid, rows=(tuple(cells), *grid.rows), header_rows=header_rows)
    return grid


def _column_texts(grid: Grid) -> list[tuple[float, float]] | None:
    """Return the left and right end of each column's texts; None if a column has none or two of them overlap."""
    spans: list[tuple[float, float]] = []
    for column in range(grid.columns):
        cells = [cell for row in grid.rows for cell in row if cell.first == cell.last == column and cell.words]
        if not cells:
            return None
        spans.append((min(cell.left for cell in cells), max(cell.right for cell in cells)))
    return spans if all(before[1] < after[0] for before, after in pairwise(spans)) else None


def _lines_above(grid: Grid, words: Sequence[Word], size: float) -> list[list[Line]]:
    """Return the groups of lines right above a table that may be its header, the highest group first."""
    reach = max(MAX_HEADER_GAP_EM * size, MAX_ROW_GAP_RATIO * _row_gap(grid))
    height = reach + MAX_HEADER_LINES * 1.6 * size
    near = [word for word in words if grid.top - height < word.top and word.bottom < grid.top + 0.2 * size]
    lines = lines_of(near)
    found: list[Line] = []
    bottom = grid.top
    for line in reversed(lines[-MAX_HEADER_LINES:]):
        limit = MAX_LINE_GAP_EM * size if found else reach
        # The last heading may be longer than what it is over, but begins above it.
        begin = max(grid.left, segments_of(line, size)[-1][0])
        if bottom - line.bottom > limit or line.left < grid.left - 2 * size or begin > grid.right:
            break
        if is_text_line(line.words, grid.right - grid.left):
            break
        found.insert(0, line)
        bottom = line.top
    return [found[start:] for start in range(len(found))]


def _header_cells(lines: Sequence[Line], columns: Sequence[tuple[float, float]], size: float) -> list[GridCell] | None:
    """Return the cells that lines make as one row; None if a word lies across columns."""
    borders = [(before[1] + after[0]) / 2 for before, after in pairwise(columns)]
    found: dict[tuple[int, int], tuple[Word, ...]] = {}
    for line in lines:
        for cell in cells_of(line.words, borders, size, columns, plain_space(line.words)):
            key = cell.first, cell.last
            found[key] = (*found.get(key, ()), *cell.words)
    cells = [GridCell(first, last, words) for (first, last), words in sorted(found.items())]
    own = body_size(word for line in lines for word in line.words)
    gap = MIN_LARGE_GAP_EM * own if own > LARGE_RATIO * size else MIN_COLUMN_GAP_EM * size
    apart = all(before.last < after.first and after.left - before.right > gap for before, after in pairwise(cells))
    return cells if apart and all(cell.first == cell.last for cell in cells) else None


def _aligned_cells(lines: Sequence[Line], columns: Sequence[tuple[float, float]], size: float) -> list[GridCell] | None:
    """Return the cells of headings that begin or end where the texts of their columns do, however far they reach beyond them.

    None if one stands at no column or two at one.
    """
    found: dict[int, tuple[Word, ...]] = {}
    for line in lines:
        last = -1
        for part in split_at_gaps(line, MIN_HEADING_GAP_EM * size):
            offsets = [min(abs(part.left - left), abs(part.right - right)) for left, right in columns]
            column = min(range(len(columns)), key=offsets.__getitem__)
            if offsets[column] > MAX_HEADING_OFFSET_EM * size or column <= last:
                return None
            found[column] = (*found.get(column, ()), *part.words)
            last = column
    return [GridCell(column, column, words) for column, words in sorted(found.items())]


def _is_header(cells: Sequence[GridCell], grid: Grid, size: float) -> bool:
    """Return whether cells head the columns: bold above plain rows, or words above numbers."""
    share = len(cells) / grid.columns
    if len(cells) < 2 or any(is_number(cell.text) for cell in cells if not cell.bold):
        return False
    if all(cell.bold for cell in cells) and share >= MIN_HEADED_SHARE:
        return True
    numbers = _number_columns(grid)
    headed = {cell.first for cell in cells}
    first_is_row = sum(is_number(cell.text) for cell in grid.rows[0] if cell.first in numbers) * 2 > len(numbers)
    return (
        share >= MIN_PLAIN_HEADED_SHARE
        and grid.columns > 2
        and len(numbers) > 0
        and first_is_row
        and headed.issuperset(numbers)
    )
