"""Propose tables of aligned words: every reading of a run of lines as rows and columns that is worth a score.

The proposals over-generate on purpose; ``layout.tables.score`` decides between them. Lengths are in points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from document_parser.layout.lazy import cached_property
from document_parser.layout.lines.lines import Line
from document_parser.layout.page_index import Floats, Integers, PageIndex
from document_parser.layout.tables.grid import Grid, GridCell

MIN_GAP_EM = 0.55
"""Font sizes of the narrowest white between two columns."""
NARROW_GAP_EM = 0.3
"""The same for columns set so close that words could be so far apart: all lines of a run must share the white."""
MIN_NARROW_LINES = 5
"""Lines of such a run, at least: spaces between the words of fewer lines come to lie below each other by chance."""
GAP_LIMITS_EM = (1.7, 2.8, 5.0)
"""Font sizes between the middles of two lines above which a run of lines ends; each limit gives runs of its own."""
LONE_LINES = (0, 1, 4)
"""Lines in one piece between two lines in several that a run may hold; each number gives runs of its own."""
COVERED_SHARES = (0.0, 0.12, 0.3)
"""Share of the lines whose words may lie across the white between two columns; each share gives columns of its own."""
MAX_RUNS = 24
"""Runs of lines of one region that are read as tables, at most: the longest."""
MAX_HEAD_LINES, MIN_BODY_LINES = 2, 2
"""Lines of a header without which columns are looked for too, at most, and lines below it, at least."""
MAX_COLUMNS = 40
"""Columns of a proposed table, at most."""
MAX_WORD_SPACE_EM = 0.4
"""Font sizes between two words of one cell, at most, if a column border runs between them; less for close columns."""
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
    def line_of_word(self) -> Integers:
        """Return the number of the line of each word."""
        return np.repeat(np.arange(len(self.lines)), [len(line.words) for line in self.lines])

    @cached_property
    def tops(self) -> Floats:
        """Return the top of each line."""
        return np.array([line.top for line in self.lines])

    @cached_property
    def bottoms(self) -> Floats:
        """Return the bottom of each line."""
        return np.array([line.bottom for line in self.lines])

    @cached_property
    def middles(self) -> Floats:
        """Return the middle of each line."""
        return (self.tops + self.bottoms) / 2

    @cached_property
    def gaps(self) -> Floats:
        """Return the white before each word on its line; infinite for the first."""
        left, right = self.index.left[self.words], self.index.right[self.words]
        first = np.diff(self.line_of_word, prepend=-1) > 0
        reach = right.copy()
        for line in np.flatnonzero(np.diff(np.flatnonzero(np.append(first, True))) > 1):
            where = self.line_of_word == line
            reach[where] = np.maximum.accumulate(right[where])
        gaps: Floats = left - np.concatenate([[0.0], reach[:-1]])
        gaps[first] = np.inf
        return gaps

    @cached_property
    def pieces(self) -> Integers:
        """Return in how many pieces the white of a column gap parts each line."""
        return self.pieces_at(MIN_GAP_EM)

    def pieces_at(self, gap: float) -> Integers:
        """Return in how many pieces white of this many font sizes parts each line."""
        return np.bincount(self.line_of_word[self.gaps >= gap * self.size], minlength=len(self.lines))


class ColumnSet:
    """A run of lines ``start`` to ``end`` (excluded) and borders between its columns; the cells of every line in arrays.

    Words less than ``space`` font sizes apart are one cell.
    """

    def __init__(self, region: Region, start: int, end: int, borders: Floats, space: float = MAX_WORD_SPACE_EM) -> None:
        self.region = region
        self.start, self.end, self.borders = start, end, borders
        index = region.index
        held = slice(*np.searchsorted(region.line_of_word, [start, end]))
        self.words: Integers = region.words[held]
        lines = region.line_of_word[held]
        left, right = index.left[self.words], index.right[self.words]
        last = np.searchsorted(borders, right, side="left")
        first = np.minimum(last, np.searchsorted(borders, left, side="right"))
        first, last = self._within_texts(lines, left, right, first, last)
        new = np.ones(len(self.words), dtype=np.bool_)
        touching = region.gaps[held][1:] < space * np.maximum(region.size, index.size[self.words][1:])
        new[1:] = (lines[1:] != lines[:-1]) | ((first[1:] > last[:-1]) & ~touching)
        self.at: Integers = np.flatnonzero(new)
        self.line: Integers = lines[self.at]
        self.first: Integers = np.minimum.reduceat(first, self.at)
        self.last: Integers = np.maximum.reduceat(last, self.at)
        self.left: Floats = np.minimum.reduceat(left, self.at)
        self.right: Floats = np.maximum.reduceat(right, self.at)

    def _within_texts(
        self, lines: Integers, left: Floats, right: Floats, first: Integers, last: Integers
    ) -> tuple[Integers, Integers]:
        """Return (first, last) column of each word; a word that reaches over a border into empty space stays in its column."""
        single = first == last
        filled = np.zeros((self.end - self.start, self.columns), dtype=np.bool_)
        filled[lines[single] - self.start, first[single]] = True
        regular = single & (filled.sum(axis=1)[lines - self.start] * 2 >= self.columns)
        starts, ends = np.full(self.columns, np.inf), np.full(self.columns, -np.inf)
        np.minimum.at(starts, first[regular], left[regular])
        np.maximum.at(ends, first[regular], right[regular])
        first, last = first.copy(), last.copy()
        for _ in range(3):
            wide = first < last
            if not wide.any():
                break
            inner = wide & (left >= ends[first])
            first[inner] += 1
            outer = (first < last) & (right <= starts[last])
            last[outer] -= 1
            if not (inner.any() or outer.any()):
                break
        return first, last

    @property
    def columns(self) -> int:
        """Return the number of columns."""
        return len(self.borders) + 1

    def sums(self, values: NDArray[np.generic]) -> Integers:
        """Return the sum of a measure of the words of each cell."""
        return np.add.reduceat(values[self.words].astype(np.intp), self.at)

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
    def word_counts(self) -> Integers:
        """Return the words of each cell."""
        counts: Integers = np.diff(np.append(self.at, len(self.words)))
        return counts

    @cached_property
    def numeric(self) -> NDArray[np.bool_]:
        """Return which cells are numbers, amounts or dates in digits."""
        return (self.digits > 0) & (self.letters <= 3) & (self.letters <= self.digits) & (self.characters <= 40)

    @cached_property
    def bold(self) -> NDArray[np.bool_]:
        """Return which cells are bold throughout."""
        return np.asarray(self.sums(self.region.index.bold) == self.word_counts)

    def cells(self, start: int, end: int) -> slice:
        """Return the cells of the lines ``start`` to ``end`` (excluded)."""
        return slice(*np.searchsorted(self.line, [start, end]))


@dataclass(frozen=True)
class TableCandidate:
    """Lines ``start`` to ``end`` (excluded) read with these columns; ``rows`` is the row of each line, counted from 0."""

    columns: ColumnSet
    start: int
    end: int
    rows: tuple[int, ...] = ()
    mode: int = 0
    """How the lines were joined to rows; see ``_row_readings``."""

    def __post_init__(self) -> None:
        if not self.rows:
            object.__setattr__(self, "rows", tuple(range(self.end - self.start)))

    def is_list(self) -> bool:
        """Return whether the first of two columns has only marks, as bullets or check boxes before the items of a list."""
        columns = self.columns
        held = columns.cells(self.start, self.end)
        marks = columns.letters[held] + columns.digits[held] == 0
        return columns.columns == 2 and bool(marks[columns.first[held] == 0].all())

    def to_grid(self) -> Grid:
        """Return the candidate as a grid."""
        columns = self.columns
        held = columns.cells(self.start, self.end)
        words = columns.region.index.words
        ends = np.append(columns.at, len(columns.words))
        rows: list[dict[int, GridCell]] = [{} for _ in range(self.rows[-1] + 1)]
        for number in range(held.start, held.stop):
            own = tuple(words[place] for place in columns.words[ends[number] : ends[number + 1]])
            row = rows[self.rows[int(columns.line[number]) - self.start]]
            _add_cell(row, GridCell(int(columns.first[number]), int(columns.last[number]), own))
        return Grid(tuple(tuple(row[first] for first in sorted(row)) for row in rows), columns.columns)


def _add_cell(row: dict[int, GridCell], cell: GridCell) -> None:
    """Add a cell to a row; cells that share columns become one."""
    for first, other in list(row.items()):
        if other.first <= cell.last and cell.first <= other.last:
            del row[first]
            cell = GridCell(min(first, cell.first), max(other.last, cell.last), (*other.words, *cell.words))
    row[cell.first] = cell


def propose_tables(region: Region) -> list[TableCandidate]:
    """Return every run of a region's lines with every set of columns, each line as a row."""
    found: dict[tuple[object, ...], TableCandidate] = {}
    for gap, shares in ((MIN_GAP_EM, COVERED_SHARES), (NARROW_GAP_EM, COVERED_SHARES[:1])):
        split = region.pieces_at(gap) > 1
        for start, end in _runs(region, split):
            if gap < MIN_GAP_EM and end - start < MIN_NARROW_LINES:
                continue
            # Headings are wider than their columns, or span several: the lines below them show the white better.
            heads = _heads(start, end) if gap == MIN_GAP_EM else range(0)
            below = [_column_borders(region, start + lines, end, split, gap, shares[:1]) for lines in heads]
            for borders in chain(_column_borders(region, start, end, split, gap, shares), *below):
                first, last = max(0, start - MAX_END_LINES), min(len(region.lines), end + 1)
                columns = ColumnSet(region, first, last, borders, min(MAX_WORD_SPACE_EM, gap))
                found.setdefault((start, end, *np.round(borders)), TableCandidate(columns, start, end))
    proposed = found.values()
    return [candidate for candidate in proposed if not candidate.is_list()]


def variants_of(candidate: TableCandidate) -> list[TableCandidate]:
    """Return a candidate with lines added or removed at its ends, and with its lines joined to rows in several ways."""
    columns = candidate.columns
    found: dict[tuple[object, ...], TableCandidate] = {}
    for start in _starts(columns, candidate.start, candidate.end):
        for end in _ends(columns, start, candidate.end):
            if end - start < 2:
                continue
            for mode, rows in _row_readings(columns, start, end):
                if rows[-1] > 0:
                    found.setdefault((start, end, rows), TableCandidate(columns, start, end, rows, mode))
    return list(found.values())


def _heads(start: int, end: int) -> range:
    """Return the numbers of lines that may be a run's header, if enough lines are left below it."""
    return range(1, min(MAX_HEAD_LINES, end - start - MIN_BODY_LINES) + 1)


def _runs(region: Region, split: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return (start, end) of runs of lines that may be a table, longest first. ``split`` are the lines in several pieces."""
    apart = np.diff(region.middles)
    found: set[tuple[int, int]] = set()
    for limit in GAP_LIMITS_EM:
        for lone in LONE_LINES:
            found.update(_runs_within(split, apart, limit * region.size, lone))
    return sorted(found, key=lambda run: (run[0] - run[1], run))[:MAX_RUNS]


def _runs_within(split: NDArray[np.bool_], apart: Floats, limit: float, lone: int) -> Iterator[tuple[int, int]]:
    """Yield runs of lines no further apart than ``limit`` with at most ``lone`` lines in one piece one after the other."""
    start, last = -1, -1
    for number in np.flatnonzero(split).tolist():
        if start >= 0 and (number - last - 1 > lone or (apart[last:number] > limit).any()):
            if last > start:
                yield start, last + 1
            start = -1
        start = number if start < 0 else start
        last = number
    if last > start >= 0:
        yield start, last + 1


def _column_borders(
    region: Region, start: int, end: int, split_lines: NDArray[np.bool_], gap: float, shares: Sequence[float]
) -> Iterator[Floats]:
    """Yield the borders between columns that the white of most lines shows, for each share of lines that may cover it."""
    held = slice(*np.searchsorted(region.line_of_word, [start, end]))
    split = split_lines[region.line_of_word[held]]
    words = region.words[held][split]
    left, right = region.index.left[words], region.index.right[words]
    lines = region.line_of_word[held][split]
    count = len(np.unique(lines))
    seen: set[tuple[float, ...]] = set()
    for share in shares:
        borders = _white_middles(left, right, lines, int(share * count), gap * region.size)
        key = tuple(np.round(borders).tolist())
        if len(borders) and len(borders) < MAX_COLUMNS and key not in seen:
            seen.add(key)
            yield borders


def _white_middles(left: Floats, right: Floats, lines: Integers, most: int, least: float) -> Floats:
    """Return the middles of the stretches, at least ``least`` wide, that the words of at most ``most`` lines cover."""
    edges = np.concatenate([left, right])
    order = np.argsort(edges, kind="stable")
    covered = np.cumsum(np.concatenate([np.ones(len(left)), -np.ones(len(right))])[order])
    edges = edges[order]
    is_white = np.zeros(len(edges) + 1, dtype=np.bool_)
    is_white[1:-1] = covered[:-1] <= most
    change = np.flatnonzero(is_white[1:] != is_white[:-1])
    first, last = change[::2], change[1::2]
    low, high = edges[first], edges[last]
    wide = (high - low >= least) & (low > edges[0]) & (high < edges[-1])
    found = []
    for start, end in zip(first[wide].tolist(), last[wide].tolist(), strict=True):
        # Inside a stretch that some lines cover, the border belongs where fewest do.
        depth = covered[start:end]
        widths = np.where(depth == depth.min(), edges[start + 1 : end + 1] - edges[start:end], -1.0)
        place = start + int(widths.argmax())
        found.append((edges[place] + edges[place + 1]) / 2)
    return np.array(found)


def _starts(columns: ColumnSet, start: int, end: int) -> list[int]:
    """Return the lines with which a table may begin."""
    gaps = columns.region.tops[1:] - columns.region.bottoms[:-1]
    found = [start]
    for number in range(start - 1, columns.start - 1, -1):
        if gaps[number] > 2.0 * columns.region.size:
            break
        found.append(number)
    return [*found, *range(start + 1, min(start + MAX_END_LINES, end - 2) + 1)]


def _ends(columns: ColumnSet, start: int, end: int) -> list[int]:
    """Return the lines before which a table may end."""
    gaps = columns.region.tops[1:] - columns.region.bottoms[:-1]
    found = [end]
    if end < columns.end and gaps[end - 1] < 1.5 * columns.region.size:
        found.append(end + 1)
    return [*found, *range(end - 1, max(end - MAX_END_LINES, start + 2) - 1, -1)]


def _row_readings(columns: ColumnSet, start: int, end: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield (mode, row of each line).

    Modes: 0 every line is a row; 1 a row begins where the first column has text; 2 a row begins after a wide gap; 3 the lines
    of a header are one row and the others rows of their own; 4 both 1 and 3.
    """
    count = end - start
    held = columns.cells(start, end)
    line, first = columns.line[held] - start, columns.first[held]
    plain = np.ones(count, dtype=np.bool_)
    yield 0, _rows_from(plain)
    leading = np.zeros(count, dtype=np.bool_)
    leading[line[first == 0]] = True
    leading[0] = True
    if not leading.all() and leading.sum() > 1:
        yield 1, _rows_from(leading)
    gaps = columns.region.tops[start + 1 : end] - columns.region.bottoms[start : end - 1]
    if len(gaps) > 2 and gaps.max() - gaps.min() > 0.25 * columns.region.size:
        wide = np.concatenate([[True], gaps > (gaps.max() + gaps.min()) / 2])
        if wide.sum() > 1:
            yield 2, _rows_from(wide)
    head = _header_lines(columns, start, end)
    if 1 < head < count:
        plain[1:head] = False
        yield 3, _rows_from(plain)
        if not leading.all():
            leading[1:head] = False
            leading[head] = True
            yield 4, _rows_from(leading)


def _header_lines(columns: ColumnSet, start: int, end: int) -> int:
    """Return the lines before the first with as many cells as most lines have, or with a number."""
    held = columns.cells(start, end)
    counts = np.bincount(columns.line[held] - start, minlength=end - start)
    numbers = np.bincount(columns.line[held] - start, weights=columns.numeric[held], minlength=end - start)
    gaps = columns.region.tops[start + 1 : end] - columns.region.bottoms[start : end - 1]
    usual = np.median(counts)
    for number in range(min(6, end - start)):
        if number and (counts[number] >= max(2, usual) or numbers[number] > 0) and gaps[number - 1] > 0.3 * columns.region.size:
            return number
        if number and gaps[number - 1] > 1.2 * columns.region.size:
            return number
    return 0


def _rows_from(begins: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return the row of each line from whether it begins one."""
    return tuple((np.cumsum(begins) - begins[0]).tolist())
