"""What speaks for and against a reading of lines as a table, as numbers. Lengths are in font sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

import numpy as np

from document_parser.layout.lazy import cached_property
from document_parser.layout.lines.lines import Line
from document_parser.layout.page_index import Flags, Floats, Integers
from document_parser.layout.tables.candidates import TableCandidate
from document_parser.layout.tables.groups import Groups, deviations, ranges, share_of, starts_of

FEATURES = (
    "rows", "columns", "lines", "filled", "rows_filled", "rows_full", "rows_lone", "spanning",
    "characters", "longest_column", "longest_cell", "numeric", "numeric_columns", "words_per_cell", "long_cells",
    "lower_starts", "open_ends", "sentence_ends", "wide_columns", "full_lines",
    "edge_spread", "worst_spread", "lefts_aligned", "rights_aligned", "narrowest_white", "mean_white", "white_to_space",
    "pitch", "pitch_spread", "widest_gap", "row_gap", "line_gap", "row_gap_margin",
    "first_filled", "first_bold", "first_numeric", "body_bold", "first_lone", "last_filled", "last_lone", "second_numeric",
    "marker_column", "leaders", "first_column_filled", "lone_columns", "numbers_joined", "continued_rows", "lines_per_row",
    "above_gap", "above_split", "above_crossing", "above_bold", "above_size", "above_cells",
    "below_gap", "below_split", "below_crossing", "below_size", "below_cells",
    "width", "rule_above", "rule_below", "rule_under_first", "rules_within", "uprights_within", "rules_crossed", "fills",
    "mode", "centred", "same_text_columns",
)  # fmt: skip
"""The names of the numbers, in their order."""


MAX_JUDGED_RULES = 60
"""Drawn lines within a table of which it is told whether they run through its lines, at most."""


_Measures = dict[str, Callable[[], Floats | Integers | Flags]]
"""How each number is found, by its name: a forest asks for some of them only."""


def features_of(candidate: TableCandidate) -> Floats:
    """Return the numbers of a candidate, one for each of :data:`FEATURES`."""
    found: Floats = features_of_all([candidate])[0]
    return found


def features_of_all(candidates: Sequence[TableCandidate], used: Iterable[int] = range(len(FEATURES))) -> Floats:
    """Return the numbers of candidates of the same column sets, of the shape (candidates, :data:`FEATURES`).

    Only the columns that are ``used`` are filled; the others are 0.
    """
    batch = _Batch(candidates)
    measures = _shape(batch) | _texts(batch) | _edges(batch) | _pitches(batch) | _head(batch) | _columns(batch)
    measures |= _neighbours(batch) | _rules(batch)
    found = np.zeros((len(FEATURES), len(candidates)))
    for place in used:
        found[place] = measures[FEATURES[place]]()
    return found.T


class _Batch:
    """Candidates of the same column sets, with their cells, rows, columns and lines in arrays: one candidate after the other.

    Measures of the candidates (``start``, ``end``, ``columns``, ``rows``) have the shape (candidates,); those of the cells
    (``of``, the candidate of each, to ``tail``) have the shape (cells,). ``row``, ``column`` and ``place`` number the rows, the
    columns and the places (row, column) of all candidates; ``row_starts``, ``column_starts`` and ``place_starts`` are the first
    ones of each candidate.
    """

    def __init__(self, candidates: Sequence[TableCandidate]) -> None:
        self.candidates = candidates
        self.sets = sets = candidates[0].sets
        self.region = region = sets.region
        self.size = region.size
        self.start = np.array([candidate.start for candidate in candidates])
        self.end = np.array([candidate.end for candidate in candidates])
        self.columns = np.array([candidate.columns for candidate in candidates])
        self.rows = np.array([candidate.rows[-1] + 1 for candidate in candidates])
        self.lines = self.end - self.start
        self.row_starts, self.column_starts = starts_of(self.rows), starts_of(self.columns)
        self.place_starts, self.line_starts = starts_of(self.rows * self.columns), starts_of(self.lines)
        row_of_line = np.fromiter(chain.from_iterable(candidate.rows for candidate in candidates), dtype=np.intp)
        self.row_of_line = row_of_line + self.row_starts.repeat(self.lines)
        slices = [candidate.cells for candidate in candidates]
        self.cell_starts = np.array([held.start for held in slices])
        self.cell_ends = np.array([held.stop for held in slices])
        self.held, self.of = ranges(self.cell_starts, self.cell_ends)
        self.line = sets.line[self.held] - self.start[self.of] + self.line_starts[self.of]
        self.first, self.last = sets.first[self.held], sets.last[self.held]
        self.left, self.right = sets.left[self.held], sets.right[self.held]
        self.characters, self.numeric = sets.characters[self.held], sets.numeric[self.held]
        self.words, self.bold = sets.word_counts[self.held], sets.bold[self.held]
        self.head = sets.words[sets.at[self.held]]
        self.tail = sets.words[sets.at[self.held] + self.words - 1]
        self.single: Flags = self.first == self.last
        self.row = self.row_of_line[self.line]
        self.column = self.column_starts[self.of] + self.first
        self.place = self.place_starts[self.of] + (self.row - self.row_starts[self.of]) * self.columns[self.of] + self.first

    @property
    def count(self) -> int:
        """Return the number of candidates."""
        return len(self.candidates)

    @cached_property
    def row_of_place(self) -> Integers:
        """Return the row of each place."""
        return np.arange(int(self.rows.sum())).repeat(np.repeat(self.columns, self.rows))

    @cached_property
    def column_of_place(self) -> Integers:
        """Return the column of each place."""
        found, row = ranges(np.zeros(int(self.rows.sum()), dtype=np.intp), self.columns.repeat(self.rows))
        return found + self.column_starts.repeat(self.rows)[row]

    @cached_property
    def filled(self) -> Flags:
        """Return which places a cell covers."""
        found = np.zeros(int((self.rows * self.columns).sum()), dtype=np.bool_)
        spans = self.last - self.first
        for span in range(int(spans.max(initial=0)) + 1):
            found[self.place[spans >= span] + span] = True
        return found

    @cached_property
    def filled_per_row(self) -> Integers:
        """Return the filled places of each row."""
        return np.bincount(self.row_of_place[self.filled], minlength=int(self.rows.sum()))

    @cached_property
    def own(self) -> Integers:
        """Return the cells that cover one column."""
        return np.flatnonzero(self.single)

    @cached_property
    def by_column(self) -> Groups:
        """Return the cells that cover one column, by column."""
        return Groups(self.column[self.own], int(self.columns.sum()))

    @cached_property
    def tops(self) -> Floats:
        """Return the top of the first line of each candidate."""
        found: Floats = self.region.tops[self.start]
        return found

    @cached_property
    def bottoms(self) -> Floats:
        """Return the bottom of the last line of each candidate."""
        found: Floats = self.region.bottoms[self.end - 1]
        return found

    @cached_property
    def lines_per_row(self) -> Integers:
        """Return the lines of each row."""
        return np.bincount(self.row_of_line, minlength=int(self.rows.sum()))

    @cached_property
    def usual_characters(self) -> Floats:
        """Return the characters of the middle cell of each column, of those that cover it alone; NaN without any."""
        return self.by_column.medians(self.characters[self.own].astype(np.float64))

    @cached_property
    def own_cell_starts(self) -> Integers:
        """Return the place of the first cell of each candidate."""
        return starts_of(self.cell_ends - self.cell_starts)

    @cached_property
    def x0(self) -> Floats:
        """Return the left edge of each candidate, of the shape (candidates, 1)."""
        found: Floats = np.minimum.reduceat(self.left, self.own_cell_starts)[:, None]
        return found

    @cached_property
    def x1(self) -> Floats:
        """Return the right edge of each candidate, of the shape (candidates, 1)."""
        found: Floats = np.maximum.reduceat(self.right, self.own_cell_starts)[:, None]
        return found

    @cached_property
    def width(self) -> Floats:
        """Return the width of each candidate, at least a point."""
        found: Floats = np.maximum(self.x1 - self.x0, 1.0)[:, 0]
        return found

    @cached_property
    def across(self) -> Flags:
        """Return which level lines run along more than half of each candidate's width, of the shape (candidates, lines)."""
        _, start, end = self.region.index.rules.level.T
        return np.asarray((np.minimum(end, self.x1) - np.maximum(start, self.x0)) > 0.5 * self.width[:, None])

    @cached_property
    def rules_within(self) -> Flags:
        """Return which of these lines lie within each candidate, not at its edges."""
        at = self.region.index.rules.level[:, 0]
        return np.asarray(self.across & (at > self.tops[:, None] + 1) & (at < self.bottoms[:, None] - 1))

    def lines_at(self, numbers: Integers) -> list[Line]:
        """Return lines of the region by their numbers; for a number outside of it the nearest line."""
        return [self.region.lines[number] for number in numbers.clip(0, len(self.region.lines) - 1).tolist()]

    def per_row(self, flags: Flags) -> Integers:
        """Return of how many rows of each candidate something is true."""
        return np.add.reduceat(flags, self.row_starts, dtype=np.intp)

    def per_column(self, flags: Flags) -> Integers:
        """Return of how many columns of each candidate something is true."""
        return np.add.reduceat(flags, self.column_starts, dtype=np.intp)

    def share(self, flags: Flags, among: Flags | None = None) -> Floats:
        """Return of which share of each candidate's cells something is true, or of some of them; NaN if there are none."""
        if among is not None:
            flags = flags & among
        everything = self.cell_ends - self.cell_starts if among is None else np.bincount(self.of[among], minlength=self.count)
        return share_of(np.bincount(self.of[flags], minlength=self.count), everything)


def _shape(batch: _Batch) -> _Measures:
    """Return how large the candidates are, and how well they are filled."""
    per_row = batch.filled_per_row
    return {
        "rows": lambda: batch.rows,
        "columns": lambda: batch.columns,
        "lines": lambda: batch.lines,
        "filled": lambda: np.add.reduceat(per_row, batch.row_starts) / (batch.rows * batch.columns),
        "rows_filled": lambda: batch.per_row(per_row > 1) / batch.rows,
        "rows_full": lambda: batch.per_row(per_row == batch.columns.repeat(batch.rows)) / batch.rows,
        "rows_lone": lambda: batch.per_row(per_row <= 1),
        "spanning": lambda: batch.share(~batch.single),
        "continued_rows": lambda: batch.per_row(batch.lines_per_row > 1) / batch.rows,
        "lines_per_row": lambda: batch.lines / batch.rows,
        "mode": lambda: np.array([candidate.mode for candidate in batch.candidates]),
    }


def _texts(batch: _Batch) -> _Measures:
    """Return what the texts of the cells say: cells are short or numbers, running text fills its column."""
    index, own, by_column = batch.region.index, batch.own, batch.by_column
    characters = batch.characters
    medians, counts = batch.usual_characters, by_column.counts
    long = characters > 12
    return {
        "characters": lambda: Groups(batch.of, batch.count).medians(characters.astype(np.float64)),
        "longest_column": lambda: np.maximum.reduceat(np.nan_to_num(medians), batch.column_starts),
        "longest_cell": lambda: np.maximum.reduceat(characters, batch.own_cell_starts),
        "numeric": lambda: batch.share(batch.numeric),
        "numeric_columns": lambda: batch.per_column(share_of(by_column.sums(batch.numeric[own]), counts) > 0.6),
        "words_per_cell": lambda: np.bincount(batch.of, weights=batch.words) / (batch.cell_ends - batch.cell_starts),
        "long_cells": lambda: batch.share(characters > 25),
        "lower_starts": lambda: np.nan_to_num(batch.share(index.starts_lower[batch.head], long)),
        "open_ends": lambda: np.nan_to_num(batch.share(index.ends_open[batch.tail], long)),
        "sentence_ends": lambda: batch.share(index.ends_sentence[batch.tail]),
        "wide_columns": lambda: batch.per_column(medians > 25),
        "full_lines": lambda: _full_lines(batch),
    }


def _full_lines(batch: _Batch) -> Floats:
    """Return the largest share of a column's cells with lines that are as wide as the column: running text."""
    own, by_column = batch.own, batch.by_column
    widths, column = (batch.right - batch.left)[own], batch.column[own]
    widest = np.zeros(len(by_column.counts))
    np.maximum.at(widest, column, widths)
    full = by_column.sums(widths > 0.85 * widest[column])
    is_prose = (by_column.counts > 2) & (batch.usual_characters > 12)
    found: Floats = np.maximum.reduceat(np.where(is_prose, share_of(full, by_column.counts), 0.0), batch.column_starts)
    return found


def _edges(batch: _Batch) -> _Measures:
    """Return how well the edges of the columns are aligned, and how wide the white between them is."""
    own, by_column, size = batch.own, batch.by_column, batch.size
    column, left, right = batch.column[own], batch.left[own], batch.right[own]
    several, middles = by_column.counts > 1, (left + right) / 2
    off = []
    for place in (left, right, middles):
        spread = by_column.medians(np.abs(place - by_column.medians(place)[column])) / size
        off.append(np.where(several, spread, np.inf))
    spreads = np.minimum(np.minimum(off[0], off[1]), off[2])
    measured = batch.per_column(several)
    mean_spread = share_of(np.add.reduceat(np.where(several, spreads, 0.0), batch.column_starts), measured)
    worst = np.maximum.reduceat(np.where(several, spreads, -np.inf), batch.column_starts)
    white, between = _white_between(batch)
    narrowest = np.minimum.reduceat(np.where(between, white, np.inf), batch.column_starts)
    narrowest[np.isinf(narrowest)] = 0.0
    mean_white = np.add.reduceat(np.where(between, white, 0.0), batch.column_starts)
    return {
        "edge_spread": lambda: np.where(measured > 0, mean_spread, 1.0),
        "worst_spread": lambda: np.where(measured > 0, worst, 1.0),
        "lefts_aligned": lambda: batch.per_column(off[0] < 0.15) / batch.columns,
        "rights_aligned": lambda: batch.per_column(off[1] < 0.15) / batch.columns,
        "narrowest_white": lambda: narrowest,
        "mean_white": lambda: np.nan_to_num(share_of(mean_white, batch.per_column(between))),
        "white_to_space": lambda: narrowest / _usual_spaces(batch),
        "centred": lambda: deviations(middles, batch.of[own], batch.count) / size,
    }


def _white_between(batch: _Batch) -> tuple[Floats, Flags]:
    """Return (the white right of each column up to the next one, in font sizes; whether there are texts on both sides)."""
    own, by_column = batch.own, batch.by_column
    starts, ends = np.full(len(by_column.counts) + 1, np.inf), np.full(len(by_column.counts), -np.inf)
    np.minimum.at(starts, batch.column[own], batch.left[own])
    np.maximum.at(ends, batch.column[own], batch.right[own])
    between = np.isfinite(starts[1:]) & np.isfinite(ends)
    between[batch.column_starts + batch.columns - 1] = False
    return (starts[1:] - ends) / batch.size, between


def _usual_spaces(batch: _Batch) -> Floats:
    """Return the width of the wider spaces between words of one cell: the 80th percentile, in font sizes."""
    inner, sets = np.flatnonzero(batch.words > 1), batch.sets
    first = sets.at[batch.held[inner]]
    place, cell = ranges(first + 1, first + batch.words[inner])
    spaces = sets.word_gaps[place] / batch.size
    finite = np.isfinite(spaces)
    groups = Groups(batch.of[inner][cell][finite], batch.count)
    return np.where(groups.counts > 0, np.maximum(0.2, groups.percentiles(spaces[finite], 0.8)), 0.25)


def _pitches(batch: _Batch) -> _Measures:
    """Return how far the lines are apart, and whether rows are farther apart than the lines of one."""
    region, size = batch.region, batch.size
    place, of = ranges(batch.start, batch.end - 1)
    pitches = np.diff(region.middles)[place] / size
    gaps = region.white_above[place] / size
    starts = starts_of(batch.lines - 1)
    breaks = (batch.row_of_line[1:] > batch.row_of_line[:-1])[place - batch.start[of] + batch.line_starts[of]]
    between = np.minimum.reduceat(np.where(breaks, gaps, np.inf), starts)
    within = np.maximum.reduceat(np.where(breaks, -np.inf, gaps), starts)
    both = np.isfinite(between) & np.isfinite(within)
    return {
        "pitch": lambda: Groups(of, batch.count).medians(pitches),
        "pitch_spread": lambda: deviations(pitches, of, batch.count),
        "widest_gap": lambda: np.maximum.reduceat(gaps, starts),
        "row_gap": lambda: np.where(np.isfinite(between), between, 0.0),
        "line_gap": lambda: np.where(np.isfinite(within), within, -1.0),
        "row_gap_margin": lambda: np.subtract(between, within, out=np.zeros(batch.count), where=both),
    }


def _head(batch: _Batch) -> _Measures:
    """Return what the first two rows and the last one look like."""
    per_row, row = batch.filled_per_row, batch.row - batch.row_starts[batch.of]
    first, last = per_row[batch.row_starts], per_row[batch.row_starts + batch.rows - 1]
    in_first = row == 0
    return {
        "first_filled": lambda: first / batch.columns,
        "first_bold": lambda: batch.share(batch.bold, in_first),
        "first_numeric": lambda: batch.share(batch.numeric, in_first),
        "body_bold": lambda: batch.share(batch.bold, ~in_first),
        "first_lone": lambda: first <= 1,
        "last_filled": lambda: last / batch.columns,
        "last_lone": lambda: last <= 1,
        "second_numeric": lambda: batch.share(batch.numeric, row == 1),
    }


def _columns(batch: _Batch) -> _Measures:
    """Return what the columns hold: list markers, leaders, few texts, numbers of several lines in one cell."""
    per_column = np.bincount(batch.column_of_place[batch.filled], minlength=int(batch.columns.sum()))
    return {
        "marker_column": lambda: np.nan_to_num(batch.share(_marks(batch), batch.first == 0)),
        "leaders": lambda: batch.share(batch.region.index.is_leader[batch.tail]),
        "first_column_filled": lambda: per_column[batch.column_starts] / batch.rows,
        "lone_columns": lambda: batch.per_column(per_column <= 1),
        "numbers_joined": lambda: _numbers_joined(batch),
        "same_text_columns": lambda: batch.per_column(batch.by_column.counts > 1) / batch.columns,
    }


def _marks(batch: _Batch) -> Flags:
    """Return which cells are a bullet or the number of an item."""
    index, head = batch.region.index, batch.head
    found: Flags = index.is_marker[head] & (batch.words == 1) & (index.letters[head] + index.digits[head] < 6)
    return found


def _numbers_joined(batch: _Batch) -> Integers:
    """Return how many numbers of each candidate share their place with another one."""
    is_numeric = np.zeros(len(batch.filled), dtype=np.bool_)
    is_numeric[batch.place[batch.numeric]] = True
    numbers = np.bincount(batch.of[batch.numeric], minlength=batch.count)
    found: Integers = numbers - np.add.reduceat(is_numeric, batch.place_starts, dtype=np.intp)
    return found


def _neighbours(batch: _Batch) -> _Measures:
    """Return what the lines right above and below look like: rows that go on, a heading, running text."""
    white = np.concatenate([[np.inf], batch.region.white_above, [np.inf]])
    above, below = batch.start - 1, batch.end
    found = _neighbour(batch, "above", above, white[batch.start]) | _neighbour(batch, "below", below, white[below])
    return found | {"above_bold": lambda: (above >= 0) & [line.bold_share >= 0.8 for line in batch.lines_at(above)]}


def _neighbour(batch: _Batch, name: str, line: Integers, gap: Floats) -> _Measures:
    """Return what one line beside each candidate looks like; it may be none. ``gap`` is the white up to it, in points."""
    region, size = batch.region, batch.size
    inside = (line >= 0) & (line < len(region.lines))
    cells, crossing = _cells_of_lines(batch, line)
    return {
        f"{name}_gap": lambda: np.where(inside, np.minimum(10.0, gap / size), 10.0),
        f"{name}_split": lambda: np.where(inside, region.pieces[line.clip(0, len(region.lines) - 1)], 0),
        f"{name}_crossing": lambda: crossing,
        f"{name}_size": lambda: np.where(inside, np.array([one.size for one in batch.lines_at(line)]) / size, 1.0),
        f"{name}_cells": lambda: cells / batch.columns,
    }


def _cells_of_lines(batch: _Batch, lines: Integers) -> tuple[Integers, Integers]:
    """Return (cells that each candidate's columns make of a line, borders that its words cross); 0 for lines that are none."""
    sets, region = batch.sets, batch.region
    known: dict[tuple[int, int], tuple[int, int]] = {}
    for candidate, line in zip(batch.candidates, lines.tolist(), strict=True):
        run = candidate.run
        if (run, line) in known:
            continue
        cells = crossing = 0
        if 0 <= line < len(region.lines):
            held = slice(region.word_starts[line], region.word_starts[line + 1])
            after = sets.borders[run].searchsorted(region.left[held], side="right")
            before = sets.borders[run].searchsorted(region.right[held], side="left")
            crossing = int(np.maximum(0, before - after).sum())
            if sets.first_lines[run] <= line < sets.end_lines[run]:
                own = sets.cells(run, line, line + 1)
                cells = own.stop - own.start
        known[run, line] = cells, crossing
    found = [known[candidate.run, line] for candidate, line in zip(batch.candidates, lines.tolist(), strict=True)]
    cells_found, crossings = np.array(found, dtype=np.intp).T
    return cells_found, crossings


def _rules(batch: _Batch) -> _Measures:
    """Return which drawn lines and fills support the rows and columns, and how many run through them elsewhere."""
    at, size = batch.region.index.rules.level[:, 0], batch.size
    y0, y1 = batch.tops[:, None], batch.bottoms[:, None]
    return {
        "width": lambda: batch.width / size,
        "rule_above": lambda: (batch.across & (at > y0 - 1.5 * size) & (at <= y0 + 1)).any(axis=1),
        "rule_below": lambda: (batch.across & (at < y1 + 1.5 * size) & (at >= y1 - 1)).any(axis=1),
        "rule_under_first": lambda: _rule_under_first(batch),
        "rules_within": lambda: np.minimum(40.0, batch.rules_within.sum(axis=1)) / batch.rows,
        "uprights_within": lambda: np.minimum(40.0, _count_uprights(batch)) / batch.columns,
        "rules_crossed": lambda: _count_crossed(batch, batch.rules_within, at),
        "fills": lambda: np.minimum(60.0, _count_fills(batch)) / batch.rows,
    }


def _rule_under_first(batch: _Batch) -> Flags:
    """Return which candidates have a drawn line below their first row."""
    region, at, after = batch.region, batch.region.index.rules.level[:, 0], batch.start + batch.lines_per_row[batch.row_starts]
    bottom = region.bottoms[after - 1][:, None]
    top = np.where(batch.rows > 1, region.tops[after.clip(max=batch.end - 1)], batch.bottoms)[:, None]
    return np.asarray((batch.across & (at > bottom - 1.5) & (at < top + 1.5)).any(axis=1))


def _count_uprights(batch: _Batch) -> Integers:
    """Return how many upright lines are drawn within each candidate."""
    x, top, bottom = batch.region.index.rules.upright.T
    inside = (x > batch.x0) & (x < batch.x1) & (top < batch.bottoms[:, None]) & (bottom > batch.tops[:, None])
    return np.asarray(inside.sum(axis=1))


def _count_fills(batch: _Batch) -> Integers:
    """Return how many fills are drawn behind each candidate."""
    left, top, right, bottom = batch.region.index.rules.fills.T
    behind = (top < batch.bottoms[:, None]) & (bottom > batch.tops[:, None]) & (left < batch.x1) & (right > batch.x0)
    return np.asarray(behind.sum(axis=1))


def _count_crossed(batch: _Batch, within: Flags, at: Floats) -> Integers:
    """Return how many drawn lines within each candidate, of shape (candidates, rules), run through its lines of text."""
    if not within.any():
        return np.zeros(batch.count, dtype=np.intp)
    region = batch.region
    through = (region.tops[:, None] + 1.5 < at) & (region.bottoms[:, None] - 1.5 > at)
    before = np.concatenate([np.zeros((1, len(at)), dtype=np.intp), np.cumsum(through, axis=0)])
    crossed = within & (before[batch.end] > before[batch.start])
    return np.asarray((crossed & (np.cumsum(within, axis=1) <= MAX_JUDGED_RULES)).sum(axis=1))
