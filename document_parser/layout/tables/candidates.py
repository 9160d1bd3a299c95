"""Propose tables of aligned words: every reading of a run of lines as rows and columns that is worth a score.

The proposals over-generate on purpose; ``layout.tables.score`` decides between them. Lengths are in points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from document_parser.layout.page_index import Flags, Floats, Integers
from document_parser.layout.tables.column_sets import (
    MAX_END_LINES,
    MAX_WORD_SPACE_EM,
    MIN_GAP_EM,
    ColumnSets,
    Region,
    Run,
)
from document_parser.layout.tables.grid import Grid, GridCell
from document_parser.layout.tables.groups import ranges, starts_of

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
    split: Flags
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


def _runs(region: Region, split: Flags) -> list[tuple[int, int]]:
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
    order = edges.argsort(kind="stable")
    count = len(region.left)
    line, step = region.line_of_word[order % count], np.where(order < count, 1, -1)
    splits = {id(search.split): search.split[line] for search in searches}
    taken = np.array([splits[id(search.split)] for search in searches])
    taken &= line >= np.array([search.top for search in searches])[:, None]
    taken &= line < np.array([search.end for search in searches])[:, None]
    search, edge = np.nonzero(taken)
    edges, covered = edges[order][edge], step[edge].cumsum()  # as many begin as end in each search
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
        if region.white_above[number] > 2.0 * region.size or region.is_text[number]:
            break
        found.append(number)
    return [*found, *range(start + 1, min(start + MAX_END_LINES, end - 2) + 1)]


def _ends(region: Region, last: int, start: int, end: int) -> list[int]:
    """Return the lines before which a table may end: ``last`` at the latest."""
    found = [end]
    if end < last and region.white_above[end - 1] < 1.5 * region.size and not region.is_text[end]:
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


def _header_lines(line: Integers, numeric: Flags, gaps: Floats, size: float) -> int:
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


def _rows_from(begins: Flags) -> tuple[int, ...]:
    """Return the row of each line from whether it begins one."""
    return tuple((begins.cumsum() - begins[0]).tolist())
