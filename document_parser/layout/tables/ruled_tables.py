"""Find tables inside drawn lines: lines form frames, frames of equal width form stacks, and stacks are read as lattices.

Frames around text, the lines of forms and charts, and rules above and below running text are no tables.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from document_parser.layout.lines.lines import body_size
from document_parser.layout.tables.frame_groups import group_frames, is_single_line
from document_parser.layout.tables.frame_splits import words_inside
from document_parser.layout.tables.grid import Grid, words_outside
from document_parser.layout.tables.header_above import add_header_above, add_rows_around
from document_parser.layout.tables.ruled_table import grid_of_frame
from document_parser.layout.tables.rulings import MAX_THICKNESS_POINTS, TOUCH_POINTS, Frame, frames_of, rulings_of
from document_parser.models import RulingLine, Word

MAX_FRAMES = 100
"""Frames of a page that are examined, at most; the largest ones."""
MAX_COMPARISONS = 5_000_000
"""Filled boxes times words, at most. A page with more is a drawing, and its boxes are not compared with words."""
MIN_FRAME_WIDTH_EM = 6
"""Font sizes of a frame's width, at least; a narrower frame is a button, a tick box or a mark in the text."""
MIN_SHORT_LINE_EM = 1.5
"""Font sizes of a line's length, at least; a shorter line is under no heading."""


def find_ruled_grids(words: Sequence[Word], rules: Sequence[RulingLine]) -> list[Grid]:
    """Return the tables that drawn lines frame; ``words`` and ``rules`` are in points. No word is in two tables."""
    if len(rules) < 2 or not words:
        return []
    size = body_size(words)
    grids: list[Grid] = []
    taken: set[int] = set()
    frames, short_lines = _find_frames(_drop_highlights(rules, words, size), size)
    for frame in group_frames(frames, short_lines, words, size):
        inside = [word for word in words_inside(frame, words) if id(word) not in taken]
        grid = grid_of_frame(frame, inside)
        if grid is not None and not _is_cut_off(grid, frame, words, size):
            grids.append(grid)
            taken.update(id(word) for word in inside if grid.top <= (word.top + word.bottom) / 2 <= grid.bottom)
    return _add_headers(grids, words)


def _add_headers(grids: Sequence[Grid], words: Sequence[Word]) -> list[Grid]:
    """Return the tables with headers that stand above their frames."""
    found: list[Grid] = []
    for number, grid in enumerate(grids):
        others = words_outside([*grids[:number], *grids[number + 1 :], *found], words)
        found.append(add_header_above(add_rows_around(grid, others), others))
    return found


def _drop_highlights(rules: Sequence[RulingLine], words: Sequence[Word], size: float) -> list[RulingLine]:
    """Remove filled boxes that closely fit a run of words: they colour the text, not a cell."""
    if len(rules) * len(words) > MAX_COMPARISONS:
        return list(rules)
    boxes = np.array([word[1:5] for word in words], dtype=np.float64)
    return [rule for rule in rules if not _is_highlight(rule, boxes, size)]


def _is_highlight(rule: RulingLine, boxes: NDArray[np.float64], size: float) -> bool:
    """Return whether a filled box closely fits the words in it."""
    if not MAX_THICKNESS_POINTS < rule.bottom - rule.top < 1.8 * size or rule.right - rule.left < MAX_THICKNESS_POINTS:
        return False
    left, top, right, bottom = boxes.T
    held = (left > rule.left - 1) & (right < rule.right + 1) & (abs(top + bottom - rule.top - rule.bottom) < 0.8 * size)
    if not held.any():
        return False
    return bool(max(left[held].min() - rule.left, rule.right - right[held].max()) < 0.45 * size)


def _is_cut_off(grid: Grid, frame: Frame, words: Sequence[Word], size: float) -> bool:
    """Return whether the rows continue outside the frame: fills behind some of the columns are no frame of a table."""
    beside = [
        (word.top + word.bottom) / 2
        for word in words
        if 0 < max(word.left - frame.right, frame.left - word.right) + TOUCH_POINTS < 1.5 * size + TOUCH_POINTS
    ]
    rows = [cells for row in grid.rows if (cells := [cell for cell in row if cell.words])]
    going_on = sum(any(cell.top < middle < cell.bottom for cell in cells for middle in beside) for cells in rows)
    return going_on * 2 >= len(rows)


def _find_frames(rules: Sequence[RulingLine], size: float) -> tuple[list[Frame], list[Frame]]:
    """Return (frames, horizontal lines shorter than a frame can be), each with the largest first."""
    found = [frame for frame in frames_of(*rulings_of(rules, size)) if frame.horizontals]
    found.sort(key=lambda frame: frame.area + (frame.right - frame.left), reverse=True)
    frames = [frame for frame in found if frame.right - frame.left > MIN_FRAME_WIDTH_EM * size]
    short_lines = [
        frame
        for frame in found
        if is_single_line(frame) and MIN_SHORT_LINE_EM * size < frame.right - frame.left <= MIN_FRAME_WIDTH_EM * size
    ]
    return frames[:MAX_FRAMES], short_lines[:MAX_FRAMES]
