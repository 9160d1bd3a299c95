"""What is around a reading of lines as a table, as numbers: the lines right above and below, drawn lines, fills."""

from __future__ import annotations

import numpy as np

from document_parser.layout.page_index import Flags, Floats, Integers
from document_parser.layout.tables.batch import Batch, Measures

MAX_JUDGED_RULES = 60
"""Drawn lines within a table of which it is told whether they run through its lines, at most."""


def neighbours_of(batch: Batch) -> Measures:
    """Return what the lines right above and below look like: rows that go on, a heading, running text."""
    white = np.concatenate([[np.inf], batch.region.white_above, [np.inf]])
    above, below = batch.start - 1, batch.end
    found = _neighbour(batch, "above", above, white[batch.start]) | _neighbour(batch, "below", below, white[below])
    return found | {"above_bold": lambda: (above >= 0) & [line.bold_share >= 0.8 for line in batch.lines_at(above)]}


def _neighbour(batch: Batch, name: str, line: Integers, gap: Floats) -> Measures:
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


def _cells_of_lines(batch: Batch, lines: Integers) -> tuple[Integers, Integers]:
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


def rules_of(batch: Batch) -> Measures:
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


def _rule_under_first(batch: Batch) -> Flags:
    """Return which candidates have a drawn line below their first row."""
    region, at, after = batch.region, batch.region.index.rules.level[:, 0], batch.start + batch.lines_per_row[batch.row_starts]
    bottom = region.bottoms[after - 1][:, None]
    top = np.where(batch.rows > 1, region.tops[after.clip(max=batch.end - 1)], batch.bottoms)[:, None]
    return np.asarray((batch.across & (at > bottom - 1.5) & (at < top + 1.5)).any(axis=1))


def _count_uprights(batch: Batch) -> Integers:
    """Return how many upright lines are drawn within each candidate."""
    x, top, bottom = batch.region.index.rules.upright.T
    inside = (x > batch.x0) & (x < batch.x1) & (top < batch.bottoms[:, None]) & (bottom > batch.tops[:, None])
    return np.asarray(inside.sum(axis=1))


def _count_fills(batch: Batch) -> Integers:
    """Return how many fills are drawn behind each candidate."""
    left, top, right, bottom = batch.region.index.rules.fills.T
    behind = (top < batch.bottoms[:, None]) & (bottom > batch.tops[:, None]) & (left < batch.x1) & (right > batch.x0)
    return np.asarray(behind.sum(axis=1))


def _count_crossed(batch: Batch, within: Flags, at: Floats) -> Integers:
    """Return how many drawn lines within each candidate, of shape (candidates, rules), run through its lines of text."""
    if not within.any():
        return np.zeros(batch.count, dtype=np.intp)
    region = batch.region
    through = (region.tops[:, None] + 1.5 < at) & (region.bottoms[:, None] - 1.5 > at)
    before = np.concatenate([np.zeros((1, len(at)), dtype=np.intp), np.cumsum(through, axis=0)])
    crossed = within & (before[batch.end] > before[batch.start])
    return np.asarray((crossed & (np.cumsum(within, axis=1) <= MAX_JUDGED_RULES)).sum(axis=1))
