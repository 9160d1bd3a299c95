"""What speaks for and against a reading of lines as a table, as numbers. Lengths are in font sizes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from document_parser.layout.page_index import Floats
from document_parser.layout.tables.candidates import ColumnSet, TableCandidate

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


def features_of(candidate: TableCandidate) -> Floats:
    """Return the numbers of a candidate, one for each of :data:`FEATURES`."""
    return np.array(list(_measure(candidate).values()), dtype=np.float64)


def _measure(candidate: TableCandidate) -> dict[str, float]:
    """Return the numbers of a candidate by name."""
    columns, start, end = candidate.columns, candidate.start, candidate.end
    size = columns.region.size
    held = columns.cells(start, end)
    line, first, last = columns.line[held] - start, columns.first[held], columns.last[held]
    rows = np.array(candidate.rows)[line]
    row_count, column_count, line_count = candidate.rows[-1] + 1, columns.columns, end - start
    single = first == last
    left, right = columns.left[held], columns.right[held]
    characters, numeric, bold = columns.characters[held], columns.numeric[held], columns.bold[held]
    filled = np.zeros((row_count, column_count), dtype=np.bool_)
    for span in range(int((last - first).max(initial=0)) + 1):
        wide = last - first >= span
        filled[rows[wide], first[wide] + span] = True
    per_row = filled.sum(axis=1)
    per_line = np.bincount(line, minlength=line_count)
    tops, bottoms = columns.region.tops[start:end], columns.region.bottoms[start:end]
    gaps = (tops[1:] - bottoms[:-1]) / size
    breaks = np.diff(np.array(candidate.rows)) > 0
    pitches = np.diff(columns.region.middles[start:end]) / size
    found: dict[str, float] = {
        "rows": row_count,
        "columns": column_count,
        "lines": line_count,
        "filled": _share(filled),
        "rows_filled": _share(per_row > 1),
        "rows_full": _share(per_row == column_count),
        "rows_lone": float((per_row <= 1).sum()),
        "spanning": _share(~single),
    }
    found |= _texts(columns, held, single, characters, numeric, left, right)
    found |= _edges(columns, held, single, size)
    found |= {
        "pitch": float(_median(pitches)),
        "pitch_spread": float(pitches.std()),
        "widest_gap": float(gaps.max()),
        "row_gap": float(gaps[breaks].min()) if breaks.any() else 0.0,
        "line_gap": float(gaps[~breaks].max()) if (~breaks).any() else -1.0,
        "row_gap_margin": float(gaps[breaks].min() - gaps[~breaks].max()) if breaks.any() and (~breaks).any() else 0.0,
    }
    in_first = rows == 0
    found |= {
        "first_filled": _share(filled[0]),
        "first_bold": _share(bold[in_first]),
        "first_numeric": _share(numeric[in_first]),
        "body_bold": _share(bold[~in_first]),
        "first_lone": float(per_row[0] <= 1),
        "last_filled": _share(filled[-1]),
        "last_lone": float(per_row[-1] <= 1),
        "second_numeric": _share(numeric[rows == 1]),
    }
    found |= _columns(candidate, held, rows, filled, numeric, per_line)
    found |= _neighbours(columns, start, end, size)
    found |= _rules(columns, start, end, left, right, tops, bottoms, rows, line)
    lone_middles = (left[single] + right[single]) / 2
    found |= {
        "mode": candidate.mode,
        "centred": float(lone_middles.std() / size) if len(lone_middles) else 0.0,
        "same_text_columns": _share(np.bincount(first[single], minlength=column_count) > 1),
    }
    return found


def _texts(
    columns: ColumnSet,
    held: slice,
    single: NDArray[np.bool_],
    characters: NDArray[np.intp],
    numeric: NDArray[np.bool_],
    left: Floats,
    right: Floats,
) -> dict[str, float]:
    """Return what the texts of the cells say: cells are short or numbers, running text fills its column."""
    index = columns.region.index
    ends = np.append(columns.at, len(columns.words))
    firsts, lasts = columns.words[columns.at[held]], columns.words[ends[held.start + 1 : held.stop + 1] - 1]
    long = characters > 12
    own = np.flatnonzero(single)
    column = columns.first[held][own]
    present, counts = _counts(column)
    medians = _medians(column, characters[own].astype(np.float64))
    numbers = np.bincount(column, weights=numeric[own])[present] / counts
    widths = (right - left)[own]
    widest = np.zeros(columns.columns)
    np.maximum.at(widest, column, widths)
    full = np.bincount(column, weights=widths > 0.85 * widest[column])[present] / counts
    fills = full[(counts > 2) & (medians > 12)]
    return {
        "characters": float(_median(characters)),
        "longest_column": float(medians.max(initial=0.0)),
        "longest_cell": float(characters.max()),
        "numeric": _share(numeric),
        "numeric_columns": float((numbers > 0.6).sum()),
        "words_per_cell": float(columns.word_counts[held].mean()),
        "long_cells": _share(characters > 25),
        "lower_starts": _share(index.starts_lower[firsts][long]) if long.any() else 0.0,
        "open_ends": _share(index.ends_open[lasts][long]) if long.any() else 0.0,
        "sentence_ends": _share(index.ends_sentence[lasts]),
        "wide_columns": float((medians > 25).sum()),
        "full_lines": float(fills.max(initial=0.0)),
    }


def _edges(columns: ColumnSet, held: slice, single: NDArray[np.bool_], size: float) -> dict[str, float]:
    """Return how well the edges of the columns are aligned, and how wide the white between them is."""
    own = np.flatnonzero(single)
    column, left, right = columns.first[held][own], columns.left[held][own], columns.right[held][own]
    starts, ends = np.full(columns.columns, np.inf), np.full(columns.columns, -np.inf)
    np.minimum.at(starts, column, left)
    np.maximum.at(ends, column, right)
    starts[np.isinf(starts)] = ends[np.isinf(ends)] = np.nan
    present, counts = _counts(column)
    several = counts > 1
    off = []
    for place in (left, right, (left + right) / 2):
        middles = np.zeros(columns.columns)
        middles[present] = _medians(column, place)
        off.append(_medians(column, np.abs(place - middles[column]))[several] / size)
    spreads = np.minimum(np.minimum(off[0], off[1]), off[2])
    lefts, rights = int((off[0] < 0.15).sum()), int((off[1] < 0.15).sum())
    white = (starts[1:] - ends[:-1]) / size
    white = white[~np.isnan(white)]
    inner = columns.region.gaps[np.searchsorted(columns.region.line_of_word, columns.start) :][: len(columns.words)]
    ends_at = np.append(columns.at, len(columns.words))
    inside = np.ones(len(columns.words), dtype=np.bool_)
    inside[columns.at] = False
    inside[: columns.at[held.start]] = False
    inside[ends_at[held.stop] :] = False
    spaces = inner[inside] / size
    spaces = spaces[np.isfinite(spaces)]
    narrowest = float(white.min()) if len(white) else 0.0
    usual = max(0.2, _upper(spaces)) if len(spaces) else 0.25
    return {
        "edge_spread": float(spreads.mean()) if len(spreads) else 1.0,
        "worst_spread": float(spreads.max()) if len(spreads) else 1.0,
        "lefts_aligned": lefts / columns.columns,
        "rights_aligned": rights / columns.columns,
        "narrowest_white": narrowest,
        "mean_white": float(white.mean()) if len(white) else 0.0,
        "white_to_space": narrowest / usual,
    }


def _columns(
    candidate: TableCandidate,
    held: slice,
    rows: NDArray[np.intp],
    filled: NDArray[np.bool_],
    numeric: NDArray[np.bool_],
    per_line: NDArray[np.intp],
) -> dict[str, float]:
    """Return what the columns hold: list markers, leaders, few texts, numbers of several lines in one cell."""
    columns = candidate.columns
    index = columns.region.index
    first = columns.first[held]
    at = columns.at[held]
    heads = columns.words[at]
    lone = columns.word_counts[held] == 1
    leading = first == 0
    marks = index.is_marker[heads] & lone & (index.letters[heads] + index.digits[heads] < 6)
    lasts = columns.words[np.append(columns.at, len(columns.words))[held.start + 1 : held.stop + 1] - 1]
    keys = rows[numeric] * 1000 + first[numeric]
    row_of_line = np.array(candidate.rows)
    return {
        "marker_column": _share(marks[leading]) if leading.any() else 0.0,
        "leaders": _share(index.is_leader[lasts]),
        "first_column_filled": _share(filled[:, 0]),
        "lone_columns": float((filled.sum(axis=0) <= 1).sum()),
        "numbers_joined": float(len(keys) - len(np.unique(keys))),
        "continued_rows": _share(np.bincount(row_of_line) > 1),
        "lines_per_row": float(len(row_of_line) / (row_of_line[-1] + 1)),
    }


def _neighbours(columns: ColumnSet, start: int, end: int, size: float) -> dict[str, float]:
    """Return what the lines right above and below look like: rows that go on, a heading, running text."""
    found: dict[str, float] = {}
    region = columns.region
    for name, line, gap in (
        ("above", start - 1, region.tops[start] - region.bottoms[start - 1] if start else 99.0),
        ("below", end, region.tops[end] - region.bottoms[end - 1] if end < len(region.lines) else 99.0),
    ):
        inside = 0 <= line < len(region.lines)
        own = region.lines[line] if inside else None
        crossing = 0
        if own is not None:
            words = region.words[slice(*np.searchsorted(region.line_of_word, [line, line + 1]))]
            after = np.searchsorted(columns.borders, region.index.left[words], side="right")
            crossing = int(
                np.maximum(0, np.searchsorted(columns.borders, region.index.right[words], side="left") - after).sum()
            )
        found |= {
            f"{name}_gap": min(10.0, float(gap) / size) if inside else 10.0,
            f"{name}_split": float(region.pieces[line]) if inside else 0.0,
            f"{name}_crossing": float(crossing),
        }
        if name == "above":
            found["above_bold"] = float(own.bold_share >= 0.8) if own is not None else 0.0
        found[f"{name}_size"] = own.size / size if own is not None else 1.0
        cells = columns.cells(line, line + 1) if columns.start <= line < columns.end else slice(0, 0)
        found[f"{name}_cells"] = float(cells.stop - cells.start) / columns.columns
    return found


def _rules(
    columns: ColumnSet,
    start: int,
    end: int,
    left: Floats,
    right: Floats,
    tops: Floats,
    bottoms: Floats,
    rows: NDArray[np.intp],
    line: NDArray[np.intp],
) -> dict[str, float]:
    """Return which drawn lines and fills support the rows and columns, and how many run through them elsewhere."""
    rules, size = columns.region.index.rules, columns.region.size
    x0, x1, y0, y1 = left.min(), right.max(), tops[0], bottoms[-1]
    width = max(x1 - x0, 1.0)
    level = rules.level[(np.minimum(rules.level[:, 2], x1) - np.maximum(rules.level[:, 1], x0)) > 0.5 * width]
    at = level[:, 0]
    first_bottom = bottoms[line[rows == 0].max()]
    second_top = tops[line[rows == 1].min()] if (rows == 1).any() else y1
    within = at[(at > y0 + 1) & (at < y1 - 1)]
    crossed = sum(bool(((tops + 1.5 < place) & (bottoms - 1.5 > place)).any()) for place in within[:60])
    upright = rules.upright[
        (rules.upright[:, 0] > x0) & (rules.upright[:, 0] < x1) & (rules.upright[:, 1] < y1) & (rules.upright[:, 2] > y0)
    ]
    fills = rules.fills[
        (rules.fills[:, 1] < y1) & (rules.fills[:, 3] > y0) & (rules.fills[:, 0] < x1) & (rules.fills[:, 2] > x0)
    ]
    return {
        "width": width / size,
        "rule_above": float(((at > y0 - 1.5 * size) & (at <= y0 + 1)).any()),
        "rule_below": float(((at < y1 + 1.5 * size) & (at >= y1 - 1)).any()),
        "rule_under_first": float(((at > first_bottom - 1.5) & (at < second_top + 1.5)).any()),
        "rules_within": min(40.0, len(within)) / (rows.max() + 1),
        "uprights_within": min(40.0, len(upright)) / columns.columns,
        "rules_crossed": float(crossed),
        "fills": min(60.0, len(fills)) / (rows.max() + 1),
    }


def _share(flags: NDArray[np.bool_]) -> float:
    """Return the share of the flags that are set; NaN without flags."""
    return int(np.count_nonzero(flags)) / flags.size if flags.size else np.nan


def _counts(groups: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return (groups that occur, how often each does)."""
    counts = np.bincount(groups)
    present = np.flatnonzero(counts)
    return present, counts[present]


def _medians(groups: NDArray[np.intp], values: Floats) -> Floats:
    """Return the median of the values of each group that occurs."""
    ordered = values[np.lexsort((values, groups))]
    _, counts = _counts(groups)
    starts = np.cumsum(counts) - counts
    found: Floats = (ordered[starts + (counts - 1) // 2] + ordered[starts + counts // 2]) / 2
    return found


def _median(values: NDArray[np.generic]) -> float:
    """Return the median of some values."""
    ordered = np.sort(values)
    return float(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _upper(values: Floats) -> float:
    """Return the 80th percentile of some values."""
    ordered = np.sort(values)
    place = 0.8 * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (place - low) * (ordered[high] - ordered[low]))
