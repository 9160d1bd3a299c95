"""What speaks for and against a reading of lines as a table, as numbers. Lengths are in font sizes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from document_parser.layout.page_index import Flags, Floats, Integers
from document_parser.layout.tables.around import neighbours_of, rules_of
from document_parser.layout.tables.batch import Batch, Measures
from document_parser.layout.tables.candidates import TableCandidate
from document_parser.layout.tables.forest import Forest, bound_of
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
OF_ITSELF = frozenset(range(FEATURES.index("rows"), FEATURES.index("above_gap"))) | {
    *range(FEATURES.index("mode"), len(FEATURES))
}
"""The places of the numbers that a reading has by itself, whatever is around it."""
ROUNDING = 1e-6
"""By how much sums of the same numbers in another order may differ, at most."""


def features_of(candidate: TableCandidate) -> Floats:
    """Return the numbers of a candidate, one for each of :data:`FEATURES`."""
    found: Floats = features_of_all([candidate])[0]
    return found


def features_of_all(candidates: Sequence[TableCandidate], used: Iterable[int] = range(len(FEATURES))) -> Floats:
    """Return the numbers of candidates of the same column sets, of the shape (candidates, :data:`FEATURES`).

    Only the columns that are ``used`` are filled; the others are 0.
    """
    batch, found = Batch(candidates), np.zeros((len(FEATURES), len(candidates)))
    _fill(found, _of_itself(batch) | _around(batch), used)
    return found.T


def expected_of(candidates: Sequence[TableCandidate], name: str, trees: Forest, least: float) -> Floats | None:
    """Return what trees expect of candidates of the same column sets; None if they expect ``least`` of none of them.

    What is around the candidates is looked at only if some may reach that: few of those on a page of running text do.
    """
    batch, found = Batch(candidates), np.zeros((len(FEATURES), len(candidates)))
    _fill(found, _of_itself(batch), OF_ITSELF.intersection(trees.used))
    if bound_of(name, OF_ITSELF).predict(found.T).max() < least - ROUNDING:
        return None
    _fill(found, _around(batch), set(trees.used) - OF_ITSELF)
    expected = trees.predict(found.T)
    return expected if expected.max() >= least else None


def _fill(found: Floats, measures: Measures, used: Iterable[int]) -> None:
    """Set the numbers of some places, a row each."""
    for place in used:
        found[place] = measures[FEATURES[place]]()


def _of_itself(batch: Batch) -> Measures:
    """Return what is seen of the candidates alone."""
    return _shape(batch) | _texts(batch) | _edges(batch) | _pitches(batch) | _head(batch) | _columns(batch)


def _around(batch: Batch) -> Measures:
    """Return what is seen around the candidates."""
    return neighbours_of(batch) | rules_of(batch)


def _shape(batch: Batch) -> Measures:
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


def _texts(batch: Batch) -> Measures:
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


def _full_lines(batch: Batch) -> Floats:
    """Return the largest share of a column's cells with lines that are as wide as the column: running text."""
    own, by_column = batch.own, batch.by_column
    widths, column = (batch.right - batch.left)[own], batch.column[own]
    widest = np.zeros(len(by_column.counts))
    np.maximum.at(widest, column, widths)
    full = by_column.sums(widths > 0.85 * widest[column])
    is_prose = (by_column.counts > 2) & (batch.usual_characters > 12)
    found: Floats = np.maximum.reduceat(np.where(is_prose, share_of(full, by_column.counts), 0.0), batch.column_starts)
    return found


def _edges(batch: Batch) -> Measures:
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


def _white_between(batch: Batch) -> tuple[Floats, Flags]:
    """Return (the white right of each column up to the next one, in font sizes; whether there are texts on both sides)."""
    own, by_column = batch.own, batch.by_column
    starts, ends = np.full(len(by_column.counts) + 1, np.inf), np.full(len(by_column.counts), -np.inf)
    np.minimum.at(starts, batch.column[own], batch.left[own])
    np.maximum.at(ends, batch.column[own], batch.right[own])
    between = np.isfinite(starts[1:]) & np.isfinite(ends)
    between[batch.column_starts + batch.columns - 1] = False
    return (starts[1:] - ends) / batch.size, between


def _usual_spaces(batch: Batch) -> Floats:
    """Return the width of the wider spaces between words of one cell: the 80th percentile, in font sizes."""
    inner, sets = np.flatnonzero(batch.words > 1), batch.sets
    first = sets.at[batch.held[inner]]
    place, cell = ranges(first + 1, first + batch.words[inner])
    spaces = sets.word_gaps[place] / batch.size
    finite = np.isfinite(spaces)
    groups = Groups(batch.of[inner][cell][finite], batch.count)
    return np.where(groups.counts > 0, np.maximum(0.2, groups.percentiles(spaces[finite], 0.8)), 0.25)


def _pitches(batch: Batch) -> Measures:
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


def _head(batch: Batch) -> Measures:
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


def _columns(batch: Batch) -> Measures:
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


def _marks(batch: Batch) -> Flags:
    """Return which cells are a bullet or the number of an item."""
    index, head = batch.region.index, batch.head
    found: Flags = index.is_marker[head] & (batch.words == 1) & (index.letters[head] + index.digits[head] < 6)
    return found


def _numbers_joined(batch: Batch) -> Integers:
    """Return how many numbers of each candidate share their place with another one."""
    is_numeric = np.zeros(len(batch.filled), dtype=np.bool_)
    is_numeric[batch.place[batch.numeric]] = True
    numbers = np.bincount(batch.of[batch.numeric], minlength=batch.count)
    found: Integers = numbers - np.add.reduceat(is_numeric, batch.place_starts, dtype=np.intp)
    return found
