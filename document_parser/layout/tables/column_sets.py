"""The lines of a region and the cells that runs of them have between borders of columns, in arrays. Lengths are in points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from document_parser.layout.lazy import cached_property
from document_parser.layout.lines.lines import Line
from document_parser.layout.page_index import Flags, Floats, Integers, PageIndex
from document_parser.layout.tables.groups import ranges, starts_of
from document_parser.layout.tables.text_lines import is_text_line

MIN_GAP_EM = 0.55
"""Font sizes of the narrowest white between two columns."""
MAX_WORD_SPACE_EM = 0.4
"""Font sizes between two words of one cell, at most, if a column border runs between them; less for close columns."""
MAX_TEXT_WHITE_EM, MAX_TEXT_STEP_EM = 0.6, 0.3
"""Font sizes of white above the last line of a text, and from its left edge to that of the text, at most."""
MAX_END_LINES = 3
"""Lines that are taken from or added to the ends of a run, at most, to find where the table begins and ends."""


@dataclass(frozen=True)
class Region:
    """The lines of one part of a page, from the top down, with their words as places of the page's arrays."""

    index: PageIndex
    lines: Sequence[Line]
    size: float

    @cached_property
    def words(self) -> Integers:
        """Return the places of all words, line by line from left to right."""
        return self.index.places_of([word for line in self.lines for word in line.words])

    @cached_property
    def word_starts(self) -> Integers:
        """Return the number of the first word of each line, and at the end the number of all words."""
        return np.cumsum([0, *(len(line.words) for line in self.lines)])

    @cached_property
    def line_of_word(self) -> Integers:
        """Return the number of the line of each word."""
        return np.arange(len(self.lines)).repeat(np.diff(self.word_starts))

    @cached_property
    def left(self) -> Floats:
        """Return the left edge of each word."""
        return self.index.left[self.words]

    @cached_property
    def right(self) -> Floats:
        """Return the right edge of each word."""
        return self.index.right[self.words]

    @cached_property
    def tops(self) -> Floats:
        """Return the top of each line."""
        return np.minimum.reduceat(self.index.top[self.words], self.word_starts[:-1])

    @cached_property
    def bottoms(self) -> Floats:
        """Return the bottom of each line."""
        return np.maximum.reduceat(self.index.bottom[self.words], self.word_starts[:-1])

    @cached_property
    def middles(self) -> Floats:
        """Return the middle of each line."""
        return (self.tops + self.bottoms) / 2

    @cached_property
    def white_above(self) -> Floats:
        """Return the white between each line but the first and the line above it."""
        return self.tops[1:] - self.bottoms[:-1]

    @cached_property
    def gaps(self) -> Floats:
        """Return the white before each word on its line; infinite for the first."""
        reach = self.right.copy()
        # Only where a word ends before the one on its left does, the white does not begin at the end of that one.
        within = self.line_of_word[1:] == self.line_of_word[:-1]
        for line in set(self.line_of_word[1:][within & (reach[1:] < reach[:-1])].tolist()):
            held = slice(self.word_starts[line], self.word_starts[line + 1])
            reach[held] = np.maximum.accumulate(reach[held])
        gaps = np.full(len(reach), np.inf)
        gaps[1:][within] = (self.left[1:] - reach[:-1])[within]
        return gaps

    @cached_property
    def pieces(self) -> Integers:
        """Return in how many pieces the white of a column gap parts each line."""
        return self.pieces_at(MIN_GAP_EM)

    def pieces_at(self, gap: float) -> Integers:
        """Return in how many pieces white of this many font sizes parts each line; a line of running text is one."""
        pieces = self._raw_pieces(gap)
        pieces[(pieces > 1) & self.is_text] = 1
        return pieces

    def _raw_pieces(self, gap: float) -> Integers:
        """Return the same whatever a line holds."""
        return np.bincount(self.line_of_word[self.gaps >= gap * self.size], minlength=len(self.lines))

    @cached_property
    def is_text(self) -> Flags:
        """Return which lines are running text by their spaces, or the last line of such a text, in one piece."""
        width = float(self.right.max() - self.left.min())
        found = np.array([is_text_line(line.words, width) for line in self.lines], dtype=np.bool_)
        step = np.abs(np.diff(self.left[self.word_starts[:-1]]))
        ends = (self._raw_pieces(MIN_GAP_EM)[1:] == 1) & (self.white_above < MAX_TEXT_WHITE_EM * self.size)
        found[1:] |= found[:-1] & ends & (step < MAX_TEXT_STEP_EM * self.size)
        return found


class Run(NamedTuple):
    """Lines ``start`` to ``end`` (excluded) read as a table with these borders between its columns.

    Words less than ``space`` font sizes apart are one cell.
    """

    start: int
    end: int
    borders: Floats
    space: float = MAX_WORD_SPACE_EM


class ColumnSets:
    """The cells that runs of a region's lines have between their borders, in arrays: one run after the other, line by line.

    Of each run the lines around it are read too, in which its table may go on. ``first_lines`` and ``end_lines`` (excluded) are
    the lines read of each run, ``columns`` its columns; ``line``, ``first``, ``last``, ``left``, ``right`` and ``word_counts``
    have one place a cell, ``first`` and ``last`` being the columns that it covers. The words of a cell are those of ``words``
    (places of the page's arrays) from ``at``.
    """

    def __init__(self, region: Region, runs: Sequence[Run]) -> None:
        self.region = region
        self.first_lines = np.array([max(0, run.start - MAX_END_LINES) for run in runs], dtype=np.intp)
        self.end_lines = np.array([min(len(region.lines), run.end + 1) for run in runs], dtype=np.intp)
        self.columns = np.array([len(run.borders) + 1 for run in runs], dtype=np.intp)
        self.borders = [run.borders for run in runs]
        held, run = ranges(region.word_starts[self.first_lines], region.word_starts[self.end_lines])
        self.words: Integers = region.words[held]
        lines, left, right = region.line_of_word[held], region.left[held], region.right[held]
        self._line_starts: Integers = starts_of(self.end_lines - self.first_lines)
        line_number = self._line_starts[run] + lines - self.first_lines[run]
        first, last = self._columns_of_words(run, line_number, left, right)
        space = np.array([run.space for run in runs])[run] * np.maximum(region.size, region.index.size[self.words])
        new = np.ones(len(held), dtype=np.bool_)
        apart = (first[1:] > last[:-1]) & ~(region.gaps[held][1:] < space[1:])
        new[1:] = (line_number[1:] != line_number[:-1]) | apart
        self.at: Integers = np.flatnonzero(new)
        self.word_counts: Integers = np.diff(self.at, append=len(held))
        self.line: Integers = lines[self.at]
        self.first: Integers = np.minimum.reduceat(first, self.at)
        self.last: Integers = np.maximum.reduceat(last, self.at)
        self.left: Floats = np.minimum.reduceat(left, self.at)
        self.right: Floats = np.maximum.reduceat(right, self.at)
        self.word_gaps: Floats = region.gaps[held]
        line_count = int((self.end_lines - self.first_lines).sum())
        self._cell_starts: list[int] = np.searchsorted(line_number[self.at], np.arange(line_count + 1)).tolist()

    def _columns_of_words(self, run: Integers, line_number: Integers, left: Floats, right: Floats) -> tuple[Integers, Integers]:
        """Return (first, last) column of each word; a word that reaches over a border into empty space stays in its column.

        ``line_number`` counts the lines of all runs.
        """
        word_starts = starts_of(np.bincount(run)).tolist()
        parts = list(zip(self.borders, pairwise([*word_starts, len(run)]), strict=True))
        last = np.concatenate([borders.searchsorted(right[start:end], side="left") for borders, (start, end) in parts])
        first = np.concatenate([borders.searchsorted(left[start:end], side="right") for borders, (start, end) in parts])
        offset = starts_of(self.columns)[run]
        first, last = np.minimum(last, first) + offset, last + offset
        single = first == last
        column_count, line_columns = int(self.columns.sum()), self.columns.repeat(self.end_lines - self.first_lines)
        starts, ends = np.full(column_count, np.inf), np.full(column_count, -np.inf)
        place = starts_of(line_columns)[line_number] + first - offset
        filled = np.zeros(int(line_columns.sum()), dtype=np.bool_)
        filled[place[single]] = True
        per_line = np.add.reduceat(filled, starts_of(line_columns), dtype=np.intp)
        regular = single & (per_line * 2 >= line_columns)[line_number]
        np.minimum.at(starts, first[regular], left[regular])
        np.maximum.at(ends, first[regular], right[regular])
        for _ in range(3):
            inner = (first < last) & (left >= ends[first])
            first[inner] += 1
            outer = (first < last) & (right <= starts[last])
            last[outer] -= 1
            if not (inner.any() or outer.any()):
                break
        return first - offset, last - offset

    def cells(self, run: int, start: int, end: int) -> slice:
        """Return the cells that a run has on the lines ``start`` to ``end`` (excluded)."""
        before = int(self._line_starts[run] - self.first_lines[run])
        return slice(self._cell_starts[before + start], self._cell_starts[before + end])

    def sums(self, values: NDArray[np.generic]) -> Integers:
        """Return the sum of a measure of the words of each cell."""
        return np.add.reduceat(values[self.words], self.at, dtype=np.intp)

    @cached_property
    def letters(self) -> Integers:
        """Return the letters of each cell."""
        return self.sums(self.region.index.letters)

    @cached_property
    def digits(self) -> Integers:
        """Return the digits of each cell."""
        return self.sums(self.region.index.digits)

    @cached_property
    def characters(self) -> Integers:
        """Return the characters of each cell, spaces between its words included."""
        return self.sums(self.region.index.characters) + self.word_counts - 1

    @cached_property
    def numeric(self) -> Flags:
        """Return which cells are numbers, amounts or dates in digits."""
        return (self.digits > 0) & (self.letters <= 3) & (self.letters <= self.digits) & (self.characters <= 40)

    @cached_property
    def bold(self) -> Flags:
        """Return which cells are bold throughout."""
        return np.asarray(self.sums(self.region.index.bold) == self.word_counts)
