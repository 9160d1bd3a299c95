"""Find small tables by their header: a bold or underlined line in several pieces, with lines below that keep to its columns.

A table of two or three rows shows too little by its alignment alone; a header says what the lines below it are. Lengths are in
points.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from document_parser.layout.lines.lines import Line
from document_parser.layout.tables.aligned import Interval, segments_of
from document_parser.layout.tables.grid import Grid, GridCell
from document_parser.layout.tables.text_lines import is_text_line
from document_parser.models import Word

MAX_ROW_GAP_EM = 1.1
"""Font sizes between a row and the next line, at most."""
MIN_WHITE_EM = 0.35
"""Font sizes between the texts of two columns, at least."""
MIN_ROWS_IN_PIECES = 1
"""Lines below the header with two cells, at least."""
MAX_CELL_CHARACTERS = 60
"""Characters of a cell, at most: longer texts are columns of a page, which may have bold headings side by side too."""


def find_headed_table(lines: Sequence[Line], size: float, least: int = 2) -> Grid | None:
    """Return the first table whose header is one bold line in ``least`` pieces or more; None if there is none.

    ``size`` is the usual font size.
    """
    for number, line in enumerate(lines[:-1]):
        if line.bold and len(segments_of(line, size)) >= least and lines[number + 1].bold_share < 0.5:
            grid = _grid_below(lines[number:], size)
            if grid is not None:
                return grid
    return None


def _grid_below(lines: Sequence[Line], size: float) -> Grid | None:
    """Return the table of a header and the lines below it that keep to its columns."""
    columns = segments_of(lines[0], size)
    rows = [_cells(lines[0], columns, size)]
    bottom = lines[0].bottom
    for line in lines[1:]:
        if line.top - bottom > MAX_ROW_GAP_EM * size or line.bold_share > 0.5:
            break
        cells = _cells(line, columns, size)
        if len(cells) > 1 and is_text_line(line.words, lines[0].width):
            break
        if not cells or max(len(cell.text) for cell in cells) > MAX_CELL_CHARACTERS:
            break
        wider = [_with_text(column, cells, number) for number, column in enumerate(columns)]
        if any(after[0] - before[1] < MIN_WHITE_EM * size for before, after in pairwise(wider)):
            break
        columns = wider
        rows.append(cells)
        bottom = line.bottom
    if sum(len(row) > 1 for row in rows[1:]) < MIN_ROWS_IN_PIECES or len(rows) < 3:
        return None
    return Grid(tuple(tuple(row) for row in rows), len(columns), 1)


def _with_text(column: Interval, cells: Sequence[GridCell], number: int) -> Interval:
    """Return a column's left and right end with the cell of a row that is in it."""
    own = [cell for cell in cells if cell.first == number]
    return min([column[0], *(cell.left for cell in own)]), max([column[1], *(cell.right for cell in own)])


def _cells(line: Line, columns: Sequence[Interval], size: float) -> list[GridCell]:
    """Return the cells of a line: each piece goes to the column that it overlaps, else to the nearest. Empty if two meet."""
    words: dict[int, list[Word]] = {}
    for left, right in segments_of(line, size, MIN_WHITE_EM if len(columns) > 2 else 0.6):
        over = [number for number, column in enumerate(columns) if column[0] < right and left < column[1]]
        middles = [abs(left + right - column[0] - column[1]) for column in columns]
        column = over[0] if len(over) == 1 else middles.index(min(middles))
        if len(over) > 1:
            return []
        words.setdefault(column, []).extend(word for word in line.words if left <= word.left < right)
    return [GridCell(column, column, tuple(held)) for column, held in sorted(words.items())]
