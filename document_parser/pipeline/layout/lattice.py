"""A frame of lines as a table. Rules part what they part; where they leave columns or rows open, alignment does.

The frame becomes a lattice of places; places without a wall between them are one cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from document_parser.models import Word
from document_parser.pipeline.layout.beside import share_rows
from document_parser.pipeline.layout.columns import ALL_ACROSS, body_top, columns_of, cut, pruned, widened
from document_parser.pipeline.layout.grid import Grid, GridCell, is_number
from document_parser.pipeline.layout.lines import Line, body_size, lines_of
from document_parser.pipeline.layout.rulings import TOUCH, Frame, borders_of, covers, near
from document_parser.pipeline.layout.tables import Span, cells_of, plain_space, text_spans
from document_parser.pipeline.layout.tall import TallCell, tall_cells
from document_parser.pipeline.layout.verdict import is_table
from document_parser.pipeline.layout.wrapping import heading_spans, row_starts

MOST_PLACES = 15_000
MOST_HEADS = 4
"""Rows of a header."""

Walls = NDArray[np.bool_]


def grid_inside(frame: Frame, words: Sequence[Word]) -> Grid | None:
    """The table that a frame makes of the words in it, or None where they are no table. Lengths are in points."""
    frame = widened(frame, words)
    words = cut(words, frame.uprights)
    if len(words) < 4:
        return None
    size = body_size(words)
    across = borders_of([*(line.at for line in frame.uprights), frame.left, frame.right])
    down = borders_of([*(line.at for line in frame.levels), frame.top, frame.bottom])
    across = pruned(across, [(word.left + word.right) / 2 for word in words], size)
    down = pruned(down, [(word.top + word.bottom) / 2 for word in words], 0.7 * size)
    if len(across) * len(down) > MOST_PLACES or min(len(across), len(down)) < 2 or len(across) + len(down) < 5:
        return None  # one cell is a box around text
    columns, drawn = columns_of(across, words, size, body_top(frame, down))
    if len(columns) < 3 or (len(down) == 2 and not share_rows(_strips(words, columns), size)):
        return None
    table = _Table(frame, columns, drawn, down, size, words)
    return table.grid()


def _strips(words: Sequence[Word], columns: Sequence[float]) -> list[list[Line]]:
    """The lines of each column, by the borders of the columns."""
    inner = columns[1:-1]
    held: list[list[Word]] = [[] for _ in range(len(columns) - 1)]
    for word in words:
        held[sum(border <= (word.left + word.right) / 2 for border in inner)].append(word)
    return [lines_of(strip) for strip in held]


class _Table:
    """One frame on its way to a grid."""

    def __init__(
        self, frame: Frame, columns: list[float], drawn: list[bool], bands: list[float], size: float, words: list[Word]
    ) -> None:
        self.frame = frame
        self.columns = columns
        self.drawn = drawn
        self.bands = list(pairwise(bands))
        self.size = size
        self.words = words
        self.ruled = len(self.bands) >= 4
        self.beside_lines = [near(frame.uprights, border) for border in columns]
        self.level_lines = {edge: near(frame.levels, edge) for edge in bands}
        self.space = plain_space(words)
        self.texts = text_spans(lines_of(words), columns[1:-1])
        self.head_bands = self._head_bands()
        self.widths = self._widths()

    @property
    def width(self) -> int:
        return len(self.columns) - 1

    def _widths(self) -> list[float]:
        """How wide the widest line of each column is."""
        widths = [0.0] * self.width
        for line in lines_of(self.words):
            for cell in self._cell_line(line.words):
                if cell.first == cell.last:
                    widths[cell.first] = max(widths[cell.first], cell.width)
        return widths

    def _column(self, word: Word) -> int:
        middle = (word.left + word.right) / 2
        return min(self.width - 1, max(0, sum(border <= middle for border in self.columns) - 1))

    def grid(self) -> Grid | None:
        rows = [row for band in range(len(self.bands)) for row in self._rows_of(band)]
        rows = [row for row in rows if row.cells or (self._inner_uprights() and self._is_open(row))]
        rows = [*rows[:1], *(self._headed(row) for row in rows[1:])]
        if len(rows) < 2:
            return None
        beside, below = self._walls(rows)
        cells = list(_regions(beside, below))
        grid = self._filled(rows, cells)
        return replace(grid, heads=self._heads(grid)) if grid is not None and is_table(grid, self._walls_drawn()) else None

    def _heads(self, grid: Grid) -> int | None:
        """The rows above the line below the header, where that line differs from those between rows; else None."""
        body = self.bands[self.head_bands :]
        end = self.bands[self.head_bands - 1][1]
        above = [[cell for cell in row if cell.words and (cell.top + cell.bottom) / 2 < end] for row in grid.rows]
        heads = sum(bool(cells) for cells in above)
        if not body or not 0 < heads <= MOST_HEADS or len(grid.rows) - heads < 2 * len(body):
            return None
        numbers = sum(is_number(cell.text) for cells in above for cell in cells)
        return heads if heads == 1 or numbers * 2 < sum(map(len, above)) else None

    def _headed(self, row: _Row) -> _Row:
        """A row of one text, the heading of a part: over all columns where it stands at their middle, else in the first."""
        closed = row.walled is None or len(row.walled) == self.width
        if self._inner_uprights() or len(row.cells) != 1 or not closed:
            return row
        cell = row.cells[0]
        if cell.first == 0:
            return replace(row, cells=[GridCell(0, 0, cell.words)])
        reaches = self._reaches()
        middles = (self.frame.left + self.frame.right, reaches[0][0] + reaches[-1][1])
        centred = any(abs(cell.left + cell.right - middle) / 2 < 0.75 * self.size for middle in middles)
        return replace(row, cells=[GridCell(0, self.width - 1, cell.words)]) if centred else row

    def _inner_uprights(self) -> int:
        return sum(self.drawn) - 2

    def _walls_drawn(self) -> bool:
        """Whether a line is drawn between columns; edges of filled boxes alone are found around the cards of a page too."""
        return self._inner_uprights() > 0 and not all(line.edge for line in self.frame.uprights)

    def _is_open(self, row: _Row) -> bool:
        return row.bottom - row.top > 0.7 * self.size

    def _rows_of(self, band: int) -> list[_Row]:
        """The rows between two lines across."""
        top, bottom = self.bands[band]
        words = [word for word in self.words if top <= (word.top + word.bottom) / 2 < bottom]
        if self._is_head(band):
            return self._head_rows(band, self._cell_lines(words))
        open_columns = self._open_columns(band)
        lines = self._cell_lines([word for word in words if self._column(word) not in open_columns])
        tall = _merged(self._cell_lines([word for word in words if self._column(word) in open_columns]))
        if not lines:
            return [_Row(band, top, bottom, tall)]
        spanning = self._tall_cells(words, open_columns)
        if spanning:
            held = {id(word) for cell in spanning for word in cell.cell.words}
            lines = self._cell_lines([word for line in lines for cell in line for word in cell.words if id(word) not in held])
        starts = row_starts(lines, self.widths, self.size, self.ruled)
        groups = [lines[start:end] for start, end in pairwise([*starts, len(lines)])]
        closed = frozenset(range(self.width)) - open_columns
        rows = [_Row(band, top, bottom, _merged(group), closed) for group in groups]
        rows[0].cells.extend(tall)
        rows[-1] = replace(rows[-1], walled=None)
        for cell in spanning:
            _put_over(rows, cell)
        return rows

    def _tall_cells(self, words: Sequence[Word], open_columns: frozenset[int]) -> list[TallCell]:
        columns: list[list[Word]] = [[] for _ in range(self.width)]
        for word in words:
            if (column := self._column(word)) not in open_columns:
                columns[column].append(word)
        return tall_cells(columns, self.size, len(self.bands) > 1)

    def _cell_lines(self, words: Sequence[Word]) -> list[list[GridCell]]:
        return [self._cell_line(line.words) for line in lines_of(words)]

    def _open_columns(self, band: int) -> frozenset[int]:
        """Columns whose cell goes on above or below a band, where lines end others."""
        inner = [edge for edge in self.bands[band] if self.frame.top + TOUCH < edge < self.frame.bottom - TOUCH]
        free = frozenset(
            column
            for column, (left, right) in enumerate(pairwise(self.columns))
            if any(not covers(self.level_lines[edge], left, right) for edge in inner)
        )
        # Where lines part all columns, one cell may end in a band in which the other begins.
        some = len(free) < self.width or all(self.drawn)
        return free if some and band >= self.head_bands else frozenset()

    def _is_head(self, band: int) -> bool:
        heads = self.head_bands
        return band < (heads if heads < len(self.bands) else 1) < len(self.bands)

    def _head_rows(self, band: int, lines: list[list[GridCell]]) -> list[_Row]:
        """A header as one row, or several where a heading stands over those of several columns."""
        top, bottom = self.bands[band]
        if not lines:
            return [_Row(band, top, bottom, [])]
        rows, group = [], []
        for number, line in enumerate(lines):
            group.append(line)
            spans = heading_spans(lines, self._reaches(), number, self.size)
            if spans:
                cells = [_widened(cell, spans) for cell in _merged(group)]
                rows.append(
                    _Row(band, top, bottom, cells, frozenset(c for first, last in spans for c in range(first, last + 1)))
                )
                group = []
        return [*rows, _Row(band, top, bottom, _merged(group))] if group else rows

    def _reaches(self) -> list[Span]:
        """From where to where the texts of each column reach; the whole column where that is not known."""
        return [text or column for text, column in zip(self.texts, pairwise(self.columns), strict=True)]

    def _cell_line(self, words: Sequence[Word]) -> list[GridCell]:
        """The cells of one line: runs of words, which may reach across a border that is not drawn."""
        strips: dict[int, list[Word]] = {}
        top, bottom = min(word.top for word in words), max(word.bottom for word in words)
        walls = [number for number in range(self.width + 1) if self._is_wall(number, top, bottom)]
        for word in words:
            column = self._column(word)
            strips.setdefault(max(wall for wall in walls if wall <= column), []).append(word)
        cells: list[GridCell] = []
        for wall in sorted(strips):
            end = min(number for number in walls if number > wall)
            for cell in cells_of(strips[wall], self.columns[wall + 1 : end], self.size, self.texts[wall:end], self.space):
                cells.append(GridCell(cell.first + wall, cell.last + wall, cell.words))
        return cells

    def _is_wall(self, border: int, top: float, bottom: float) -> bool:
        """Whether a line is drawn along a border of columns between two heights; the outer borders always are walls."""
        if border in {0, self.width}:
            return True
        return self.drawn[border] and covers(self.beside_lines[border], top, bottom)

    def _walls(self, rows: Sequence[_Row]) -> tuple[Walls, Walls]:
        beside: Walls = np.ones((len(rows), self.width), dtype=np.bool_)
        below: Walls = np.ones((len(rows), self.width), dtype=np.bool_)
        heads = self.head_bands
        for number, row in enumerate(rows):
            for first, last in self._open_stretches(row):
                beside[number, first:last] = False
            for cell in row.cells:
                beside[number, cell.first : cell.last] = False
            for first, last in self._spans_below(row, rows[number + 1 :]):
                beside[number, first:last] = False
            if row.walled is not None:
                below[number] = [column in row.walled for column in range(self.width)]
            if number + 1 < len(rows) and rows[number + 1].band != row.band:
                for column in range(self.width):
                    walled = self._is_floor(row, column)
                    both = _holds(row, column) and _holds(rows[number + 1], column)
                    below[number, column] = walled or (both and row.band >= heads and not self._inner_uprights())
        return beside, below

    def _is_floor(self, row: _Row, column: int) -> bool:
        """Whether a line runs below a cell, or below its text: short lines stand under the headings of one column too."""
        lines = self.level_lines[row.bottom]
        over = [cell for cell in row.cells if cell.first == cell.last == column and cell.words]
        spans = [(self.columns[column], self.columns[column + 1]), *((cell.left, cell.right) for cell in over)]
        return any(covers(lines, left, right) for left, right in spans)

    def _open_stretches(self, row: _Row) -> Iterator[tuple[int, int]]:
        """Columns that are parted by lines in other rows but not in this one, and hold one text here or none."""
        walls = [number for number in range(self.width + 1) if self._is_wall(number, row.top, row.bottom)]
        for left, right in pairwise(walls):
            if not any(self.drawn[left + 1 : right]):
                continue
            if _texts_in(row, left, right - 1) < 2:
                yield left, right - 1
            else:
                yield from self._drawn_stretches(row, left, right)

    def _drawn_stretches(self, row: _Row, left: int, right: int) -> Iterator[tuple[int, int]]:
        """The same between two walls with several texts between them: only next to lines that end here."""
        first = left
        for column in range(left, right):
            if column + 1 < right and self.drawn[column + 1]:
                continue
            if _texts_in(row, first, column) < 2:
                yield first, column
            first = column + 1

    def _head_bands(self) -> int:
        """How many bands stand above the first line that goes all the way across, below the top."""
        for number, (_, bottom) in enumerate(self.bands):
            if covers(self.level_lines[bottom], self.frame.left, self.frame.right, ALL_ACROSS):
                return number + 1
        return 1

    def _spans_below(self, row: _Row, rest: Sequence[_Row]) -> Iterator[tuple[int, int]]:
        """Columns that a short line below a row holds together, where one run of words stands on it."""
        if not rest or rest[0].band == row.band:
            return
        for start, end in [piece for line in self.level_lines[row.bottom] for piece in line.pieces]:
            over = [
                column
                for column, (left, right) in enumerate(pairwise(self.columns))
                if start - TOUCH <= (left + right) / 2 <= end + TOUCH
            ]
            if not 1 < len(over) < self.width:
                continue
            first, last = over[0], over[-1]
            if sum(cell.first <= last and first <= cell.last for cell in row.cells) == 1 and not any(
                self.drawn[first + 1 : last + 1]
            ):
                yield first, last

    def _filled(self, rows: Sequence[_Row], regions: list[_Region]) -> Grid | None:
        seats = {(row, column): number for number, region in enumerate(regions) for row, column in region.places()}
        words: list[list[Word]] = [[] for _ in regions]
        for number, row in enumerate(rows):
            for cell in row.cells:
                words[seats[number, cell.first]] += cell.words
        made: list[list[GridCell]] = [[] for _ in rows]
        for region, held in zip(regions, words, strict=True):
            made[region.top].append(GridCell(region.left, region.right, tuple(held), region.bottom - region.top + 1))
        return _trimmed(_without_empty_rows(made), self.width)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the lattice, the band it is in, and what it holds."""

    band: int
    top: float
    bottom: float
    cells: list[GridCell]
    walled: frozenset[int] | None = None
    """The columns that end with this row, where not all do."""


@dataclass(frozen=True, slots=True)
class _Region:
    """Places without a wall between them; both ends included."""

    top: int
    left: int
    bottom: int
    right: int

    def places(self) -> Iterator[tuple[int, int]]:
        return ((row, column) for row in range(self.top, self.bottom + 1) for column in range(self.left, self.right + 1))


def _widened(cell: GridCell, spans: Sequence[tuple[int, int]]) -> GridCell:
    for first, last in spans:
        if first <= cell.first and cell.last <= last:
            return GridCell(first, last, cell.words)
    return cell


def _put_over(rows: list[_Row], tall: TallCell) -> None:
    """Put a cell over those of the rows of a band beside which it stands."""
    over = [number for number, row in enumerate(rows) if _middle_in(row, tall)] or [0]
    rows[over[0]].cells.append(tall.cell)
    for number in over[:-1]:
        walled = rows[number].walled
        rows[number] = replace(rows[number], walled=(walled or frozenset()) - {tall.cell.first})


def _middle_in(row: _Row, tall: TallCell) -> bool:
    middles = [(word.top + word.bottom) / 2 for cell in row.cells for word in cell.words]
    return any(tall.top - 1 < middle < tall.bottom + 1 for middle in middles)


def _texts_in(row: _Row, first: int, last: int) -> int:
    return sum(cell.first <= last and first <= cell.last for cell in row.cells)


def _holds(row: _Row, column: int) -> bool:
    return any(cell.first <= column <= cell.last for cell in row.cells)


def _merged(lines: Sequence[Sequence[GridCell]]) -> list[GridCell]:
    """The cells of several lines as those of one row: what overlaps is one cell."""
    merged: list[GridCell] = []
    for cell in sorted((cell for line in lines for cell in line), key=lambda cell: cell.first):
        if merged and cell.first <= merged[-1].last:
            last = merged[-1]
            merged[-1] = GridCell(last.first, max(last.last, cell.last), (*last.words, *cell.words))
        else:
            merged.append(cell)
    return merged


def _regions(beside: Walls, below: Walls) -> Iterator[_Region]:
    """The cells that the walls leave, each a rectangle."""
    rows, columns = beside.shape
    free = np.ones_like(beside)
    for row in range(rows):
        for column in range(columns):
            if not free[row, column]:
                continue
            right = column
            while right + 1 < columns and not beside[row, right] and free[row, right + 1]:
                right += 1
            bottom = row
            while (
                bottom + 1 < rows and not below[bottom, column : right + 1].any() and not beside[bottom + 1, column:right].any()
            ):
                bottom += 1
            free[row : bottom + 1, column : right + 1] = False
            yield _Region(row, column, bottom, right)


def _without_empty_rows(rows: list[list[GridCell]]) -> list[list[GridCell]]:
    """Without the rows in which no cell begins; cells that run through them span a row less."""
    starts = [bool(row) for row in rows]
    return [
        [replace(cell, down=sum(starts[number : number + cell.down])) for cell in row] for number, row in enumerate(rows) if row
    ]


def _trimmed(rows: list[list[GridCell]], columns: int) -> Grid | None:
    """Without the rows at both ends that are one cell: a title above, notes below."""
    start, end = 0, len(rows)
    while start < end and _is_one_cell(rows[start], columns):
        start += 1
    while end > start and _is_one_cell(rows[end - 1], columns):
        end -= 1
    kept = rows[start:end]
    return Grid(tuple(map(tuple, kept)), columns) if len(kept) > 1 and any(cell.words for row in kept for cell in row) else None


def _is_one_cell(row: Sequence[GridCell], columns: int) -> bool:
    return (len(row) == 1 and row[0].last - row[0].first + 1 == columns) or not any(cell.words for cell in row)
