"""Tables inside drawn lines: lines make frames, frames of one width make stacks, and each is looked at as a lattice of cells.

Frames around text, the lines of forms and charts, and rules above and below running text are no tables.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from document_parser.layout.lines.lines import body_size
from document_parser.layout.tables.frame_groups import is_line, stacks_of
from document_parser.layout.tables.frame_splits import standing_between
from document_parser.layout.tables.grid import Grid
from document_parser.layout.tables.ruled_table import grid_inside
from document_parser.layout.tables.rulings import THIN, TOUCH, Frame, frames_of, rulings_of
from document_parser.models import RulingLine, Word

MOST_FRAMES = 100
MOST_COMPARED = 5_000_000
"""Filled boxes times words; a page with more is a drawing, and its boxes are taken as they are."""
NARROW = 6
"""Font sizes; a narrower frame is a button, a tick box or a mark in the text."""
MARK = 1.5
"""Font sizes; a shorter line stands under no heading."""


def ruled_grids(words: Sequence[Word], rules: Sequence[RulingLine]) -> list[Grid]:
    """The tables that rules frame; ``words`` and ``rules`` are in points. No word is in two of them."""
    if len(rules) < 2 or not words:
        return []
    size = body_size(words)
    grids: list[Grid] = []
    taken: set[int] = set()
    frames, marks = _frames(_without_highlights(rules, words, size), size)
    for frame in stacks_of(frames, marks, words, size):
        inside = [word for word in standing_between(frame, words) if id(word) not in taken]
        grid = grid_inside(frame, inside)
        if grid is not None and not _cut_off(grid, frame, words, size):
            grids.append(grid)
            taken.update(id(word) for word in inside if grid.top <= (word.top + word.bottom) / 2 <= grid.bottom)
    return grids


def _without_highlights(rules: Sequence[RulingLine], words: Sequence[Word], size: float) -> list[RulingLine]:
    """Without the filled boxes that fit a run of words closely: they colour the text, not a cell."""
    if len(rules) * len(words) > MOST_COMPARED:
        return list(rules)
    boxes = np.array([word[1:5] for word in words], dtype=np.float64)
    return [rule for rule in rules if not _fits_words(rule, boxes, size)]


def _fits_words(rule: RulingLine, boxes: NDArray[np.float64], size: float) -> bool:
    if not THIN < rule.bottom - rule.top < 1.8 * size or rule.right - rule.left < THIN:
        return False
    left, top, right, bottom = boxes.T
    held = (left > rule.left - 1) & (right < rule.right + 1) & (abs(top + bottom - rule.top - rule.bottom) < 0.8 * size)
    if not held.any():
        return False
    return bool(max(left[held].min() - rule.left, rule.right - right[held].max()) < 0.45 * size)


def _cut_off(grid: Grid, frame: Frame, words: Sequence[Word], size: float) -> bool:
    """Whether the rows go on outside of the frame: fills behind a part of the columns are no frame of a table."""
    beside = [
        (word.top + word.bottom) / 2
        for word in words
        if 0 < max(word.left - frame.right, frame.left - word.right) + TOUCH < 1.5 * size + TOUCH
    ]
    rows = [cells for row in grid.rows if (cells := [cell for cell in row if cell.words])]
    going_on = sum(any(cell.top < middle < cell.bottom for cell in cells for middle in beside) for cells in rows)
    return going_on * 2 >= len(rows)


def _frames(rules: Sequence[RulingLine], size: float) -> tuple[list[Frame], list[Frame]]:
    """(frames, level lines shorter than a frame can be), the largest first."""
    found = [frame for frame in frames_of(*rulings_of(rules, size)) if frame.levels]
    found.sort(key=lambda frame: frame.area + (frame.right - frame.left), reverse=True)
    frames = [frame for frame in found if frame.right - frame.left > NARROW * size]
    marks = [frame for frame in found if is_line(frame) and MARK * size < frame.right - frame.left <= NARROW * size]
    return frames[:MOST_FRAMES], marks[:MOST_FRAMES]
