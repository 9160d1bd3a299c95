"""Propose tables of aligned words: every reading of a run of lines as rows and columns that is worth a score.

The proposals over-generate on purpose; ``layout.tables.score`` decides between them. Lengths are in points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

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
    def word_starts(self) -> Integers:
        """Return the number of the first word of each line, and at the end the number of all words."""
        return np.cumsum([0, *(len(line.words) for line in self.lines)])

    @cached_property
    def line_of_word(self) -> Integers:
        """Return the number of the line of each word."""
        return np.repeat(np.arange(len(self.lines)), np.diff(self.word_starts))

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
        """Return in how many pieces white of this many font sizes parts each line."""
        return np.bincount(self.line_of_word[self.gaps >= gap * self.size], minlength=len(self.lines))


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
        last = np.concatenate([np.searchsorted(borders, right[start:end], side="left") for borders, (start, end) in parts])
        first = np.concatenate([np.searchsorted(borders, left[start:end], side="right") for borders, (start, end) in parts])
        offset = starts_of(self.columns)[run]
        first, last = np.minimum(last, first) + offset, last + offset
        single = first == last
        column_count, line_columns = int(self.columns.sum()), np.repeat(self.columns, self.end_lines - self.first_lines)
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
    def numeric(self) -> NDArray[np.bool_]:
        """Return which cells are numbers, amounts or dates in digits."""
        return (self.digits > 0) & (self.letters <= 3) & (self.letters <= self.digits) & (self.characters <= 40)

    @cached_property
    def bold(self) -> NDArray[np.bool_]:
        """Return which cells are bold throughout."""
        return np.asarray(self.sums(self.region.index.bold) == self.word_counts)


def ranges(starts: Integers, ends: Integers) -> tuple[Integers, Integers]:
    """Return (all numbers from each start to its end (excluded), one range after the other; the range of each)."""
    counts = ends - starts
    of = np.repeat(np.arange(len(counts)), counts)
    return np.arange(len(of)) + (starts - starts_of(counts))[of], of


def starts_of(counts: Integers) -> Integers:
    """Return where each of several groups begins that stand one after the other."""
    found: Integers = np.cumsum(counts) - counts
    return found


@dataclass(frozen=True, slots=True)
class TableCandidate:
    """Lines ``start`` to ``end`` (excluded) read with the columns of a run; ``rows`` is the row of each line, from 0."""

    sets: ColumnSets
    run: int
    """The number of the run among the sets."""
    start: int
    end: int
    rows: tuple[int, ...]
    mode: int = 0
    """How the lines were joined to rows; see ``_row_readings``."""

    @property
    def columns(self) -> int:
        """Return the number of columns."""
        return int(self.sets.columns[self.run])

    @property
    def cells(self) -> slice:
        """Return the places of the cells in the arrays of the sets."""
        return self.sets.cells(self.run, self.start, self.end)

    def is_list(self) -> bool:
        """Return whether the first of two columns has only marks, as bullets or check boxes before the items of a list."""
        if self.columns != 2:
            return False
        held, sets = self.cells, self.sets
        return not (sets.letters[held] + sets.digits[held])[sets.first[held] == 0].any()

    def to_grid(self) -> Grid:
        """Return the candidate as a grid."""
        sets, held = self.sets, self.cells
        words = sets.region.index.words
        rows: list[dict[int, GridCell]] = [{} for _ in range(self.rows[-1] + 1)]
        measures = (sets.at, sets.word_counts, sets.line, sets.first, sets.last)
        for at, count, line, first, last in zip(*(measure[held].tolist() for measure in measures), strict=True):
            own = tuple(words[place] for place in sets.words[at : at + count])
            _add_cell(rows[self.rows[line - self.start]], GridCell(first, last, own))
        return Grid(tuple(tuple(row[first] for first in sorted(row)) for row in rows), self.columns)


def _add_cell(row: dict[int, GridCell], cell: GridCell) -> None:
    """Add a cell to a row; cells that share columns become one."""
    for first, other in list(row.items()):
        if other.first <= cell.last and cell.first <= other.last:
            del row[first]
            cell = GridCell(min(first, cell.first), max(other.last, cell.last), (*other.words, *cell.words))
    row[cell.first] = cell


def propose_tables(region: Region) -> list[TableCandidate]:
    """Return every run of a region's lines with every set of columns, each line as a row."""
    searches = [search for gap in (MIN_GAP_EM, NARROW_GAP_EM) for search in _searches(region, gap)]
    if not searches:
        return []
    found: dict[tuple[object, ...], Run] = {}
    for search, borders in zip(searches, _borders_of(region, searches), strict=True):
        if 0 < len(borders) < MAX_COLUMNS:
            run = Run(search.start, search.end, borders, min(MAX_WORD_SPACE_EM, search.gap))
            found.setdefault((run.start, run.end, *np.round(borders).tolist()), run)
    sets = ColumnSets(region, list(found.values())) if found else None
    proposed = [
        TableCandidate(sets, number, run.start, run.end, tuple(range(run.end - run.start)))
        for number, run in enumerate(found.values())
        if sets is not None
    ]
    return [candidate for candidate in proposed if not candidate.is_list()]


def variants_of(candidate: TableCandidate) -> list[TableCandidate]:
    """Return a candidate with lines added or removed at its ends, and with its lines joined to rows in several ways."""
    sets, run = candidate.sets, candidate.run
    found: dict[tuple[object, ...], TableCandidate] = {}
    for start in _starts(sets.region, int(sets.first_lines[run]), candidate.start, candidate.end):
        for end in _ends(sets.region, int(sets.end_lines[run]), start, candidate.end):
            if end - start < 2:
                continue
            for mode, rows in _row_readings(sets, run, start, end):
                if rows[-1] > 0:
                    found.setdefault((start, end, rows), TableCandidate(sets, run, start, end, rows, mode))
    return list(found.values())


class _Search(NamedTuple):
    """A search for the white that parts the lines of a run in columns."""

    start: int
    end: int
    """The run."""
    top: int
    """The first line that is looked at: headings are wider than their columns, the lines below them show the white better."""
    gap: float
    """Font sizes of the narrowest white."""
    most: int
    """Lines that may cover the white, at most."""
    split: NDArray[np.bool_]
    """Which lines of the region this white parts: only these are looked at."""


def _searches(region: Region, gap: float) -> Iterator[_Search]:
    """Yield the searches for columns with white of this many font sizes between them."""
    split = region.pieces_at(gap) > 1
    before = np.append(0, np.cumsum(split)).tolist()
    wide = gap >= MIN_GAP_EM
    for start, end in _runs(region, split):
        if not wide and end - start < MIN_NARROW_LINES:
            continue
        count = before[end] - before[start]
        shares = COVERED_SHARES if wide else COVERED_SHARES[:1]
        for most in dict.fromkeys(int(share * count) for share in shares):
            yield _Search(start, end, start, gap, most, split)
        for lines in _heads(start, end) if wide else ():
            yield _Search(start, end, start + lines, gap, 0, split)


def _heads(start: int, end: int) -> range:
    """Return the numbers of lines that may be a run's header, if enough lines are left below it."""
    return range(1, min(MAX_HEAD_LINES, end - start - MIN_BODY_LINES) + 1)


def _runs(region: Region, split: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return (start, end) of runs of lines that may be a table, longest first. ``split`` are the lines in several pieces."""
    numbers = np.flatnonzero(split)
    if len(numbers) < 2:
        return []
    # From one line in several pieces to the next one: the widest step from line to line.
    steps = np.maximum.reduceat(np.diff(region.middles), numbers[:-1])
    if numbers[-1] < len(split) - 1:
        steps[-1] = np.diff(region.middles[numbers[-2] : numbers[-1] + 1]).max()
    found: set[tuple[int, int]] = set()
    for limit in GAP_LIMITS_EM:
        for lone in LONE_LINES:
            found.update(_runs_within(numbers.tolist(), steps.tolist(), limit * region.size, lone))
    return sorted(found, key=lambda run: (run[0] - run[1], run))[:MAX_RUNS]


def _runs_within(numbers: Sequence[int], steps: Sequence[float], limit: float, lone: int) -> Iterator[tuple[int, int]]:
    """Yield runs of lines no further apart than ``limit`` with at most ``lone`` lines in one piece one after the other.

    ``numbers`` are the lines in several pieces, ``steps`` the widest step between two lines from each to the next one.
    """
    start = last = numbers[0]
    for number, step in zip(numbers[1:], steps, strict=True):
        if number - last - 1 > lone or step > limit:
            if last > start:
                yield start, last + 1
            start = number
        last = number
    if last > start:
        yield start, last + 1


def _borders_of(region: Region, searches: Sequence[_Search]) -> list[Floats]:
    """Return the borders between columns that each search finds: the middles of the white between their texts.

    The edges of the words are sorted once; each search takes those of its lines, and counts from left to right how many of
    these have begun and not ended.
    """
    edges = np.concatenate([region.left, region.right])
    order = np.argsort(edges, kind="stable")
    count = len(region.left)
    line, step = region.line_of_word[order % count], np.where(order < count, 1, -1)
    splits = {id(search.split): search.split[line] for search in searches}
    taken = np.array([splits[id(search.split)] for search in searches])
    taken &= line >= np.array([search.top for search in searches])[:, None]
    taken &= line < np.array([search.end for search in searches])[:, None]
    search, edge = np.nonzero(taken)
    edges, covered = edges[order][edge], np.cumsum(step[edge])  # as many begin as end in each search
    ends = np.searchsorted(search, np.arange(len(searches)), side="right")
    least = np.array([one.gap for one in searches]) * region.size
    is_white = covered <= np.array([one.most for one in searches])[search]
    is_white[ends - 1] = False
    before = np.append(False, is_white[:-1])
    low, high = np.flatnonzero(is_white & ~before), np.flatnonzero(before & ~is_white)
    of = search[low]
    wide = (edges[high] - edges[low] >= least[of]) & (edges[low] > edges[np.append(0, ends[:-1])][of])
    wide &= edges[high] < edges[ends - 1][of]
    middles = _middles(edges, covered, low[wide], high[wide])
    return np.split(middles, np.searchsorted(of[wide], np.arange(1, len(searches))))


def _middles(edges: Floats, covered: Integers, low: Integers, high: Integers) -> Floats:
    """Return the middle of each stretch of white, from edge ``low`` to edge ``high``.

    Inside a stretch that some lines cover, it is the middle of the widest part that fewest do.
    """
    if not len(low):
        return np.zeros(0)
    place, stretch = ranges(low, high)
    starts = starts_of(high - low)
    depth, width = covered[place], edges[place + 1] - edges[place]
    width[depth != np.minimum.reduceat(depth, starts)[stretch]] = -1.0
    widest = np.flatnonzero(width == np.maximum.reduceat(width, starts)[stretch])
    first = place[widest[np.diff(stretch[widest], prepend=-1) > 0]]
    middles: Floats = (edges[first] + edges[first + 1]) / 2
    return middles


def _starts(region: Region, first: int, start: int, end: int) -> list[int]:
    """Return the lines with which a table may begin: ``first`` at the earliest."""
    found = [start]
    for number in range(start - 1, first - 1, -1):
        if region.white_above[number] > 2.0 * region.size:
            break
        found.append(number)
    return [*found, *range(start + 1, min(start + MAX_END_LINES, end - 2) + 1)]


def _ends(region: Region, last: int, start: int, end: int) -> list[int]:
    """Return the lines before which a table may end: ``last`` at the latest."""
    found = [end]
    if end < last and region.white_above[end - 1] < 1.5 * region.size:
        found.append(end + 1)
    return [*found, *range(end - 1, max(end - MAX_END_LINES, start + 2) - 1, -1)]


def _row_readings(sets: ColumnSets, run: int, start: int, end: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield (mode, row of each line).

    Modes: 0 every line is a row; 1 a row begins where the first column has text; 2 a row begins after a wide gap; 3 the lines
    of a header are one row and the others rows of their own; 4 both 1 and 3.
    """
    count, size = end - start, sets.region.size
    held = sets.cells(run, start, end)
    line, first = sets.line[held] - start, sets.first[held]
    gaps = sets.region.white_above[start : end - 1]
    plain = np.ones(count, dtype=np.bool_)
    yield 0, tuple(range(count))
    leading = np.zeros(count, dtype=np.bool_)
    leading[line[first == 0]] = True
    leading[0] = True
    is_leading = leading.all()
    if not is_leading and leading.sum() > 1:
        yield 1, _rows_from(leading)
    if len(gaps) > 2 and gaps.max() - gaps.min() > 0.25 * size:
        wide = np.concatenate([[True], gaps > (gaps.max() + gaps.min()) / 2])
        if wide.sum() > 1:
            yield 2, _rows_from(wide)
    head = _header_lines(line, sets.numeric[held], gaps, size)
    if 1 < head < count:
        plain[1:head] = False
        yield 3, _rows_from(plain)
        if not is_leading:
            leading[1:head] = False
            leading[head] = True
            yield 4, _rows_from(leading)


def _header_lines(line: Integers, numeric: NDArray[np.bool_], gaps: Floats, size: float) -> int:
    """Return the lines before the first with as many cells as most lines have, or with a number.

    ``line`` is the line of each cell, ``gaps`` the white between the lines.
    """
    counts = np.bincount(line, minlength=len(gaps) + 1)
    numbers = np.bincount(line, weights=numeric, minlength=len(gaps) + 1).tolist()
    ordered = np.sort(counts)
    usual = (ordered[(len(counts) - 1) // 2] + ordered[len(counts) // 2]) / 2
    for number, gap in enumerate(gaps[:5].tolist(), 1):
        if (counts[number] >= max(2, usual) or numbers[number] > 0) and gap > 0.3 * size:
            return number
        if gap > 1.2 * size:
            return number
    return 0


def _rows_from(begins: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return the row of each line from whether it begins one."""
    return tuple((np.cumsum(begins) - begins[0]).tolist())
