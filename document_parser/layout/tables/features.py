"""What speaks for and against a reading of lines as a table, as numbers. Lengths are in font sizes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from document_parser.layout.lazy import cached_property
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


def features_of(candidate: TableCandidate) -> Floats:
    """Return the numbers of a candidate, one for each of :data:`FEATURES`."""
    found: Floats = features_of_all([candidate])[0]
    return found


def features_of_all(candidates: Sequence[TableCandidate]) -> Floats:
    """Return the numbers of candidates of the same column sets, of the shape (candidates, :data:`FEATURES`)."""
    batch = _Batch(candidates)
    found = _shape(batch) | _texts(batch) | _edges(batch) | _pitches(batch) | _head(batch) | _columns(batch)
    found |= _neighbours(batch) | _rules(batch)
    return np.stack([found[name] for name in FEATURES], axis=1).astype(np.float64)


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


def _shape(batch: _Batch) -> dict[str, Floats | Integers]:
    """Return how large the candidates are, and how well they are filled."""
    per_row = batch.filled_per_row
    lines_per_row = np.bincount(batch.row_of_line, minlength=len(per_row))
    return {
        "rows": batch.rows,
        "columns": batch.columns,
        "lines": batch.lines,
        "filled": np.add.reduceat(per_row, batch.row_starts) / (batch.rows * batch.columns),
        "rows_filled": batch.per_row(per_row > 1) / batch.rows,
        "rows_full": batch.per_row(per_row == batch.columns.repeat(batch.rows)) / batch.rows,
        "rows_lone": batch.per_row(per_row <= 1),
        "spanning": batch.share(~batch.single),
        "continued_rows": batch.per_row(lines_per_row > 1) / batch.rows,
        "lines_per_row": batch.lines / batch.rows,
        "mode": np.array([candidate.mode for candidate in batch.candidates]),
    }


def _texts(batch: _Batch) -> dict[str, Floats | Integers]:
    """Return what the texts of the cells say: cells are short or numbers, running text fills its column."""
    index, own, by_column = batch.region.index, batch.own, batch.by_column
    characters = batch.characters
    long = characters > 12
    medians = by_column.medians(characters[own].astype(np.float64))
    counts = by_column.counts
    numbers = by_column.sums(batch.numeric[own])
    widths, column = (batch.right - batch.left)[own], batch.column[own]
    widest = np.zeros(len(counts))
    np.maximum.at(widest, column, widths)
    full = by_column.sums(widths > 0.85 * widest[column])
    is_prose = (counts > 2) & (medians > 12)
    return {
        "characters": Groups(batch.of, batch.count).medians(characters.astype(np.float64)),
        "longest_column": np.maximum.reduceat(np.nan_to_num(medians), batch.column_starts),
        "longest_cell": np.maximum.reduceat(characters, starts_of(batch.cell_ends - batch.cell_starts)),
        "numeric": batch.share(batch.numeric),
        "numeric_columns": batch.per_column(share_of(numbers, counts) > 0.6),
        "words_per_cell": np.bincount(batch.of, weights=batch.words) / (batch.cell_ends - batch.cell_starts),
        "long_cells": batch.share(characters > 25),
        "lower_starts": np.nan_to_num(batch.share(index.starts_lower[batch.head], long)),
        "open_ends": np.nan_to_num(batch.share(index.ends_open[batch.tail], long)),
        "sentence_ends": batch.share(index.ends_sentence[batch.tail]),
        "wide_columns": batch.per_column(medians > 25),
        "full_lines": np.maximum.reduceat(np.where(is_prose, share_of(full, counts), 0.0), batch.column_starts),
    }


def _edges(batch: _Batch) -> dict[str, Floats | Integers]:
    """Return how well the edges of the columns are aligned, and how wide the white between them is."""
    own, by_column, size = batch.own, batch.by_column, batch.size
    column, left, right = batch.column[own], batch.left[own], batch.right[own]
    several = by_column.counts > 1
    off = []
    for place in (left, right, (left + right) / 2):
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
    middles = (left + right) / 2
    return {
        "edge_spread": np.where(measured > 0, mean_spread, 1.0),
        "worst_spread": np.where(measured > 0, worst, 1.0),
        "lefts_aligned": batch.per_column(off[0] < 0.15) / batch.columns,
        "rights_aligned": batch.per_column(off[1] < 0.15) / batch.columns,
        "narrowest_white": narrowest,
        "mean_white": np.nan_to_num(share_of(mean_white, batch.per_column(between))),
        "white_to_space": narrowest / _usual_spaces(batch),
        "centred": deviations(middles, batch.of[own], batch.count) / size,
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


def _pitches(batch: _Batch) -> dict[str, Floats | Integers]:
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
        "pitch": Groups(of, batch.count).medians(pitches),
        "pitch_spread": deviations(pitches, of, batch.count),
        "widest_gap": np.maximum.reduceat(gaps, starts),
        "row_gap": np.where(np.isfinite(between), between, 0.0),
        "line_gap": np.where(np.isfinite(within), within, -1.0),
        "row_gap_margin": np.subtract(between, within, out=np.zeros(batch.count), where=both),
    }


def _head(batch: _Batch) -> dict[str, Floats | Integers]:
    """Return what the first two rows and the last one look like."""
    per_row, row = batch.filled_per_row, batch.row - batch.row_starts[batch.of]
    first, last = per_row[batch.row_starts], per_row[batch.row_starts + batch.rows - 1]
    in_first = row == 0
    return {
        "first_filled": first / batch.columns,
        "first_bold": batch.share(batch.bold, in_first),
        "first_numeric": batch.share(batch.numeric, in_first),
        "body_bold": batch.share(batch.bold, ~in_first),
        "first_lone": first <= 1,
        "last_filled": last / batch.columns,
        "last_lone": last <= 1,
        "second_numeric": batch.share(batch.numeric, row == 1),
    }


def _columns(batch: _Batch) -> dict[str, Floats | Integers]:
    """Return what the columns hold: list markers, leaders, few texts, numbers of several lines in one cell."""
    index, head = batch.region.index, batch.head
    marks = index.is_marker[head] & (batch.words == 1) & (index.letters[head] + index.digits[head] < 6)
    in_first = np.zeros(len(batch.filled), dtype=np.bool_)
    first_places, _ = ranges(batch.place_starts, batch.place_starts + batch.rows * batch.columns)
    in_first[first_places] = batch.column_of_place == batch.column_starts.repeat(batch.rows * batch.columns)
    per_column = np.bincount(batch.column_of_place[batch.filled], minlength=int(batch.columns.sum()))
    is_numeric = np.zeros(len(batch.filled), dtype=np.bool_)
    is_numeric[batch.place[batch.numeric]] = True
    numbers = np.bincount(batch.of[batch.numeric], minlength=batch.count)
    return {
        "marker_column": np.nan_to_num(batch.share(marks, batch.first == 0)),
        "leaders": batch.share(index.is_leader[batch.tail]),
        "first_column_filled": per_column[batch.column_starts] / batch.rows,
        "lone_columns": batch.per_column(per_column <= 1),
        "numbers_joined": numbers - np.add.reduceat(is_numeric, batch.place_starts, dtype=np.intp),
        "same_text_columns": batch.per_column(batch.by_column.counts > 1) / batch.columns,
    }


def _neighbours(batch: _Batch) -> dict[str, Floats | Integers]:
    """Return what the lines right above and below look like: rows that go on, a heading, running text."""
    region, size = batch.region, batch.size
    found: dict[str, Floats | Integers] = {}
    last = len(region.lines) - 1
    white = np.concatenate([[np.inf], region.white_above, [np.inf]])
    for name, line, gap in (("above", batch.start - 1, white[batch.start]), ("below", batch.end, white[batch.end])):
        inside = (line >= 0) & (line <= last)
        near = line.clip(0, last)
        cells, crossing = _cells_of_lines(batch, line)
        sizes = np.array([region.lines[number].size for number in near.tolist()]) / size
        found |= {
            f"{name}_gap": np.where(inside, np.minimum(10.0, gap / size), 10.0),
            f"{name}_split": np.where(inside, region.pieces[near], 0),
            f"{name}_crossing": crossing,
            f"{name}_size": np.where(inside, sizes, 1.0),
            f"{name}_cells": cells / batch.columns,
        }
        if name == "above":
            found["above_bold"] = inside & [region.lines[number].bold_share >= 0.8 for number in near.tolist()]
    return found


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


def _rules(batch: _Batch) -> dict[str, Floats | Integers]:
    """Return which drawn lines and fills support the rows and columns, and how many run through them elsewhere."""
    rules, region, size = batch.region.index.rules, batch.region, batch.size
    cell_starts = starts_of(batch.cell_ends - batch.cell_starts)
    x0 = np.minimum.reduceat(batch.left, cell_starts)[:, None]
    x1 = np.maximum.reduceat(batch.right, cell_starts)[:, None]
    y0, y1 = batch.tops[:, None], batch.bottoms[:, None]
    width = np.maximum(x1 - x0, 1.0)
    found: dict[str, Floats | Integers] = {"width": width[:, 0] / size}
    at, start, end = rules.level.T
    across = (np.minimum(end, x1) - np.maximum(start, x0)) > 0.5 * width
    in_first = np.bincount(batch.row_of_line, minlength=int(batch.rows.sum()))[batch.row_starts]
    first_bottom = region.bottoms[batch.start + in_first - 1][:, None]
    second_top = np.where(batch.rows > 1, region.tops[(batch.start + in_first).clip(max=batch.end - 1)], y1[:, 0])[:, None]
    within = across & (at > y0 + 1) & (at < y1 - 1)
    x, top, bottom = rules.upright.T
    upright = (x > x0) & (x < x1) & (top < y1) & (bottom > y0)
    left, top, right, bottom = rules.fills.T
    fills = (top < y1) & (bottom > y0) & (left < x1) & (right > x0)
    return found | {
        "rule_above": (across & (at > y0 - 1.5 * size) & (at <= y0 + 1)).any(axis=1),
        "rule_below": (across & (at < y1 + 1.5 * size) & (at >= y1 - 1)).any(axis=1),
        "rule_under_first": (across & (at > first_bottom - 1.5) & (at < second_top + 1.5)).any(axis=1),
        "rules_within": np.minimum(40.0, within.sum(axis=1)) / batch.rows,
        "uprights_within": np.minimum(40.0, upright.sum(axis=1)) / batch.columns,
        "rules_crossed": _count_crossed(batch, within, at),
        "fills": np.minimum(60.0, fills.sum(axis=1)) / batch.rows,
    }


def _count_crossed(batch: _Batch, within: Flags, at: Floats) -> Integers:
    """Return how many drawn lines within each candidate, of shape (candidates, rules), run through its lines of text."""
    if not within.any():
        return np.zeros(batch.count, dtype=np.intp)
    region = batch.region
    through = (region.tops[:, None] + 1.5 < at) & (region.bottoms[:, None] - 1.5 > at)
    before = np.concatenate([np.zeros((1, len(at)), dtype=np.intp), np.cumsum(through, axis=0)])
    crossed = within & (before[batch.end] > before[batch.start])
    return np.asarray((crossed & (np.cumsum(within, axis=1) <= MAX_JUDGED_RULES)).sum(axis=1))
