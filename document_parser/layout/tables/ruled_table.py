"""Read a frame of lines as a table. Rules separate cells; where they leave columns or rows open, alignment does.

The frame becomes a lattice of places; places without a wall between them are one cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from document_parser.layout.lines.lines import body_size, lines_of
from document_parser.layout.tables.column_borders import columns_of, find_body_top, prune_borders, split_words, widen_fills
from document_parser.layout.tables.grid import Grid, GridCell, is_number
from document_parser.layout.tables.lattice import Lattice
from document_parser.layout.tables.lattice_cells import grid_of
from document_parser.layout.tables.lattice_rows import rows_of
from document_parser.layout.tables.rulings import Frame, borders_of
from document_parser.layout.tables.side_by_side import are_rows_shared
from document_parser.models import Word

MAX_PLACES = 15_000
"""Column borders times row borders of a table, at most."""
MAX_HEADER_ROWS = 4
"""Rows of a header, at most."""
MAX_BOX_LINES = 4
"""Lines of a form's box, at most: a label, and an address of three lines."""
MAX_LABEL_RATIO = 0.9
"""Font size of a box's label divided by that of what is filled in, at most: forms in use have 0.6 to 0.85."""


def grid_of_frame(frame: Frame, words: Sequence[Word]) -> Grid | None:
    """Return the table that a frame makes of the words in it. None if they have one column, or no common rows. In points."""
    frame = widen_fills(frame, words)
    words = split_words(words, frame.verticals)
    if len(words) < 4:
        return None
    size = body_size(words)
    across, down = _drawn_borders(frame, words, size)
    if len(across) * len(down) > MAX_PLACES or min(len(across), len(down)) < 2:
        return None
    columns, drawn = columns_of(across, words, size, find_body_top(frame, down))
    if len(columns) < 3:
        return None  # one cell is a box around text
    lattice = Lattice(frame, columns, drawn, down, size, words)
    return _build_grid(lattice) if len(lattice.bands) > 1 or _has_shared_rows(lattice) else None


def _drawn_borders(frame: Frame, words: Sequence[Word], size: float) -> tuple[list[float], list[float]]:
    """Return (column borders, band borders) that lines draw, without those that separate nothing."""
    across = borders_of([*(line.at for line in frame.verticals), frame.left, frame.right])
    down = borders_of([*(line.at for line in frame.horizontals), frame.top, frame.bottom])
    middles = [((word.left + word.right) / 2, (word.top + word.bottom) / 2) for word in words]
    return prune_borders(across, [x for x, _ in middles], size), prune_borders(down, [y for _, y in middles], 0.7 * size)


def _has_shared_rows(lattice: Lattice) -> bool:
    """Return whether the lines of all columns lie on common rows, which no line separates."""
    return are_rows_shared([lines_of(words) for words in lattice.words_by_column(lattice.words)], lattice.size)


def _build_grid(lattice: Lattice) -> Grid | None:
    """Return the grid of a lattice, or None if nothing is left of it."""
    if len(lattice.bands) == 1 and lattice.inner_verticals == lattice.width - 1:
        boxes = enumerate(lattice.words_by_column(lattice.words))
        row = Grid((tuple(GridCell(column, column, tuple(words)) for column, words in boxes),), lattice.width, header_rows=0)
        if is_row_of_boxes(row):
            return row
    rows = rows_of(lattice)
    grid = grid_of(lattice, rows) if len(rows) > 1 else None
    return replace(grid, header_rows=_count_header_rows(lattice, grid)) if grid is not None else None


def is_row_of_boxes(grid: Grid) -> bool:
    """Return whether a grid is one row of a form's boxes: each cell has a small label above what was filled in."""
    return len(grid.rows) == 1 and grid.columns > 1 and all(_is_labelled_box(cell) for cell in grid.rows[0])


def _is_labelled_box(cell: GridCell) -> bool:
    """Return whether the first line of a cell labels the few others: in smaller letters, or with a colon at its end."""
    lines = lines_of(cell.words)
    if not 1 < len(lines) <= MAX_BOX_LINES:
        return False
    label, *values = lines
    return label.text.endswith(":") or label.size < MAX_LABEL_RATIO * min(line.size for line in values)


def _count_header_rows(lattice: Lattice, grid: Grid) -> int | None:
    """Return the number of rows above the line below the header if that line differs from those between rows; else None."""
    body = lattice.bands[lattice.header_bands :]
    end = lattice.bands[lattice.header_bands - 1][1]
    above = [[cell for cell in row if cell.words and (cell.top + cell.bottom) / 2 < end] for row in grid.rows]
    header_count = sum(bool(cells) for cells in above)
    if not body or not 0 < header_count <= MAX_HEADER_ROWS or len(grid.rows) - header_count < 2 * len(body):
        return None
    numbers = sum(is_number(cell.text) for cells in above for cell in cells)
    return header_count if header_count == 1 or numbers * 2 < sum(map(len, above)) else None
