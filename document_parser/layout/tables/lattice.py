"""The lattice of a frame: column borders, bands between horizontal lines, and where lines are drawn along them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from document_parser.layout.lazy import cached_property
from document_parser.layout.lines.lines import lines_of
from document_parser.layout.tables.aligned import Interval, cells_of, plain_space, text_spans
from document_parser.layout.tables.column_borders import MIN_ACROSS_SHARE
from document_parser.layout.tables.grid import GridCell, is_number
from document_parser.layout.tables.rulings import TOUCH_POINTS, Frame, covers, rulings_at
from document_parser.models import Word

MAX_HEADER_LINES = 4
"""Lines of a header band up to which they are a header whatever they hold; more with numbers in them are rows of the body."""
MIN_CELLS_APART_EM = 0.5
"""Font sizes between the lines of a column beside rows, at least, where they are cells of their own; a label's are closer."""
MIN_LABELLED_ROWS = 2
"""Lines of a label and numbers in all other columns, at least, that are rows of the body however few lines there are."""


class Lattice:
    """One frame and the words in it. Columns and bands count from 0, bands from the top down. Lengths are in points.

    ``columns`` are the x positions of all column borders, ``drawn`` says which of them are drawn lines, and ``size`` is the
    usual font size. ``bands`` are (top, bottom) of each band; the constructor takes the y positions of their borders.
    """

    def __init__(
        self, frame: Frame, columns: list[float], drawn: list[bool], bands: list[float], size: float, words: list[Word]
    ) -> None:
        self.frame = frame
        self.columns = columns
        self.width = len(columns) - 1
        """The number of columns."""
        self.drawn = drawn
        self.bands = list(pairwise(bands))
        self.size = size
        self.words = words
        self.ruled = len(self.bands) >= 4
        self.verticals_at = [rulings_at(frame.verticals, border) for border in columns]
        self.horizontals_at = {edge: rulings_at(frame.horizontals, edge) for edge in bands}
        self.space = plain_space(words)
        self.texts = text_spans(lines_of(words), columns[1:-1])

    @cached_property
    def widths(self) -> list[float]:
        """Return the width of the widest line of each column, in points."""
        widths = [0.0] * self.width
        for line in lines_of(self.words):
            for cell in self.cells_of_line(line.words):
                if cell.first == cell.last:
                    widths[cell.first] = max(widths[cell.first], cell.width)
        return widths

    def column_of(self, word: Word) -> int:
        """Return the number of the column that the middle of a word lies in."""
        return bisect_right(self.columns, (word.left + word.right) / 2, 1, self.width) - 1

    def words_by_column(self, words: Sequence[Word]) -> list[list[Word]]:
        """Return the words of each column, in the given order."""
        held: list[list[Word]] = [[] for _ in range(self.width)]
        for word in words:
            held[self.column_of(word)].append(word)
        return held

    @cached_property
    def inner_verticals(self) -> int:
        """Return the number of drawn borders between columns."""
        return sum(self.drawn) - 2

    @cached_property
    def is_closed(self) -> bool:
        """Return whether lines are drawn between all columns, and between several rows below the header."""
        return all(self.drawn) and self.inner_verticals > 0 and len(self.bands) > self.header_bands + 1

    @cached_property
    def walls_drawn(self) -> bool:
        """Return whether a line is drawn between columns. Edges of filled boxes alone do not count: they surround cards too."""
        return self.inner_verticals > 0 and not all(line.edge for line in self.frame.verticals)

    @cached_property
    def header_bands(self) -> int:
        """Return the number of bands above the first line below the top that spans the whole frame; 1 if there is none."""
        for number, (_, bottom) in enumerate(self.bands):
            if covers(self.horizontals_at[bottom], self.frame.left, self.frame.right, MIN_ACROSS_SHARE):
                return number + 1
        return 1

    @cached_property
    def reaches(self) -> list[Interval]:
        """Return the left and right end of each column's texts in points; those of the whole column if they are not known."""
        return [text or column for text, column in zip(self.texts, pairwise(self.columns), strict=True)]

    def cells_of_line(self, words: Sequence[Word]) -> list[GridCell]:
        """Return the cells of one line: runs of words, which may extend across a border that is not drawn."""
        strips: dict[int, list[Word]] = {}
        top, bottom = min(word.top for word in words), max(word.bottom for word in words)
        walls = self.walls_at(top, bottom)
        for word in words:
            strips.setdefault(bisect_right(walls, self.column_of(word)), []).append(word)
        cells: list[GridCell] = []
        for after in sorted(strips):
            wall, end = walls[after - 1], walls[after]
            for cell in cells_of(strips[after], self.columns[wall + 1 : end], self.size, self.texts[wall:end], self.space):
                cells.append(GridCell(cell.first + wall, cell.last + wall, cell.words))
        return cells

    def cells_of_lines(self, words: Sequence[Word]) -> list[list[GridCell]]:
        """Group words into lines and return the cells of each line."""
        return [self.cells_of_line(line.words) for line in lines_of(words)]

    def walls_at(self, top: float, bottom: float) -> list[int]:
        """Return the column borders along which a line is drawn between two heights. The outer borders always are walls."""
        inner = [border for border in self._drawn_inside if covers(self.verticals_at[border], top, bottom)]
        return [0, *inner, self.width]

    @cached_property
    def _drawn_inside(self) -> list[int]:
        """Return the column borders between the outer ones that are drawn."""
        return [border for border in range(1, self.width) if self.drawn[border]]

    def is_header_band(self, band: int) -> bool:
        """Return whether a band belongs to the header: above the first line across, and without rows of numbers."""
        heads = self.header_bands
        return band < (heads if heads < len(self.bands) else 1) < len(self.bands) and not self.holds_rows(band)

    def is_in_body(self, band: int) -> bool:
        """Return whether the rows of a band are rows of the body: below the header, or with numbers in several lines."""
        heads = self.header_bands
        return band >= heads or (heads == len(self.bands) and band > 0) or self.holds_rows(band)

    def holds_rows(self, band: int) -> bool:
        """Return whether a band has several rows with numbers: rows of the body that no line separates from the header."""
        top, bottom = self.bands[band]
        lines = lines_of([word for word in self.words if top <= (word.top + word.bottom) / 2 < bottom])
        cells = [self.cells_of_line(line.words) for line in lines]
        if len(lines) <= MAX_HEADER_LINES:
            return sum(_is_labelled_row(line, self.width) for line in cells) >= MIN_LABELLED_ROWS
        numbered = sum(any(is_number(cell.text) for cell in line[1:]) for line in cells)
        return numbered * 2 > len(lines) or numbered > MAX_HEADER_LINES

    def _has_text_beyond(self, band: int, column: int) -> bool:
        """Return whether a column has text in a band and beyond each open edge of it: sums have lines over one column only."""
        left, right = self.columns[column], self.columns[column + 1]
        held = self._bands_with_text[column]
        return band in held and all(
            beyond in held
            for beyond, edge in zip((band - 1, band + 1), self.bands[band], strict=True)
            if 0 <= beyond < len(self.bands) and not covers(self.horizontals_at[edge], left, right)
        )

    def _holds_cells(self, band: int, column: int) -> bool:
        """Return whether the lines of a column in a band are cells of several rows: amounts, or apart as no label's are."""
        top, bottom = self.bands[band]
        lines = lines_of(
            [word for word in self.words if self.column_of(word) == column and top <= (word.top + word.bottom) / 2 < bottom]
        )
        if len(lines) < 2:
            return False
        apart = all(lower.top - upper.bottom > MIN_CELLS_APART_EM * self.size for upper, lower in pairwise(lines))
        return apart or not any(map(str.isalpha, "".join(line.text for line in lines)))

    def is_crossed(self, column: int, edge: float) -> bool:
        """Return whether a line at a height runs over a column, or over the width of its texts: lines over sums are shorter."""
        lines = self.horizontals_at[edge]
        return covers(lines, self.columns[column], self.columns[column + 1]) or covers(lines, *self.reaches[column])

    @cached_property
    def _bands_with_text(self) -> list[set[int]]:
        """Return the bands in which each column has text."""
        held: list[set[int]] = [set() for _ in range(self.width)]
        for word in self.words:
            middle = (word.top + word.bottom) / 2
            held[self.column_of(word)].update(band for band, (top, bottom) in enumerate(self.bands) if top <= middle < bottom)
        return held

    def open_columns(self, band: int) -> frozenset[int]:
        """Return the columns whose cell continues above or below a band while lines end the cells of others."""
        inner = [edge for edge in self.bands[band] if self.frame.top + TOUCH_POINTS < edge < self.frame.bottom - TOUCH_POINTS]
        free = frozenset(column for column in range(self.width) if any(not self.is_crossed(column, edge) for edge in inner))
        if free and not self.inner_verticals:
            free = frozenset(
                column for column in free if not (self._has_text_beyond(band, column) or self._holds_cells(band, column))
            )
        # If lines separate all columns, one cell may end in the band in which another begins.
        some = len(free) < self.width or all(self.drawn)
        return free if some and band >= self.header_bands else frozenset()


def _is_labelled_row(cells: Sequence[GridCell], width: int) -> bool:
    """Return whether the cells of a line are a label in the first of ``width`` columns, and a number in each of the others."""
    label, *numbers = cells
    return len(cells) == width and not is_number(label.text) and all(is_number(cell.text) for cell in numbers)
