"""Tables inside drawn lines: lines make frames, frames of one width make stacks, and each is looked at as a lattice of cells.

Frames around text, the lines of forms and charts, and rules above and below running text are no tables.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from document_parser.models import Rule, Word
from document_parser.pipeline.layout.grid import Grid
from document_parser.pipeline.layout.lattice import grid_inside
from document_parser.pipeline.layout.lines import Line, body_size, lines_of
from document_parser.pipeline.layout.rulings import THIN, TOUCH, Frame, frames_of, rulings_of
from document_parser.pipeline.layout.tables import segments_of
from document_parser.pipeline.layout.verdict import PROSE_CHARACTERS, PROSE_LINES

MOST_FRAMES = 100
MOST_COMPARED = 5_000_000
"""Filled boxes times words; a page with more is a drawing, and its boxes are taken as they are."""
NARROW = 6
"""Font sizes; a narrower frame is a button, a tick box or a mark in the text."""
MOST_WHITE = 4
"""Font sizes of white next to a line of a table, at most; more is the white between two tables."""


def ruled_grids(words: Sequence[Word], rules: Sequence[Rule]) -> list[Grid]:
    """The tables that rules frame; ``words`` and ``rules`` are in points. No word is in two of them."""
    if len(rules) < 2 or not words:
        return []
    size = body_size(words)
    grids: list[Grid] = []
    taken: set[int] = set()
    frames = _stacked(_wide_frames(_without_highlights(rules, words, size), size), words, size)
    for frame in sorted(frames, key=lambda frame: frame.area, reverse=True):
        inside = [word for word in _within(frame, words) if id(word) not in taken]
        grid = grid_inside(frame, inside, size)
        if grid is not None and not _cut_off(grid, frame, words, size):
            grids.append(grid)
            taken.update(id(word) for word in inside if grid.top <= (word.top + word.bottom) / 2 <= grid.bottom)
    return grids


def _without_highlights(rules: Sequence[Rule], words: Sequence[Word], size: float) -> list[Rule]:
    """Without the filled boxes that fit a run of words closely: they colour the text, not a cell."""
    if len(rules) * len(words) > MOST_COMPARED:
        return list(rules)
    boxes = np.array([word[1:5] for word in words], dtype=np.float64)
    return [rule for rule in rules if not _fits_words(rule, boxes, size)]


def _fits_words(rule: Rule, boxes: NDArray[np.float64], size: float) -> bool:
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


def _wide_frames(rules: Sequence[Rule], size: float) -> list[Frame]:
    frames = [
        frame for frame in frames_of(*rulings_of(rules, size)) if frame.right - frame.left > NARROW * size and frame.levels
    ]
    return sorted(frames, key=lambda frame: frame.area + (frame.right - frame.left), reverse=True)[:MOST_FRAMES]


def _within(frame: Frame, words: Sequence[Word]) -> list[Word]:
    return [
        word
        for word in words
        if frame.top - TOUCH < (word.top + word.bottom) / 2 < frame.bottom + TOUCH
        and frame.left - TOUCH < (word.left + word.right) / 2 < frame.right + TOUCH
    ]


def _stacked(frames: Sequence[Frame], words: Sequence[Word], size: float) -> list[Frame]:
    """Frames of one width joined where what stands between them is set in columns."""
    stacks: list[Frame] = []
    for frame in sorted(frames, key=lambda frame: frame.top):
        above = [stack for stack in stacks if _same_width(stack, frame) and stack.bottom < frame.top + TOUCH]
        last = max(above, key=lambda stack: stack.bottom, default=None)
        if last is not None and _tabular_between(last, frame, words, size):
            stacks.remove(last)
            frame = last.joined(frame)
        stacks.append(frame)
    return [_with_inner_lines(stack, stacks) for stack in stacks]


def _with_inner_lines(frame: Frame, others: Sequence[Frame]) -> Frame:
    """A frame of level lines with the shorter ones between them, which stand under headings of several columns."""
    if frame.uprights and len(frame.uprights) > 1:
        return frame
    for other in others:
        if other is not frame and len(other.levels) == 1 and not other.uprights and frame.surrounds(other):
            frame = frame.joined(other)
    return frame


def _same_width(upper: Frame, lower: Frame) -> bool:
    return abs(upper.left - lower.left) < 2 * TOUCH and abs(upper.right - lower.right) < 2 * TOUCH


def _tabular_between(upper: Frame, lower: Frame, words: Sequence[Word], size: float) -> bool:
    left, right = upper.left - TOUCH, upper.right + TOUCH
    between = [
        word
        for word in words
        if upper.bottom - TOUCH < (word.top + word.bottom) / 2 < lower.top + TOUCH
        and left < (word.left + word.right) / 2 < right
    ]
    lines = lines_of(between)
    if not lines:
        return lower.top - upper.bottom < size
    parted = sum(len(segments_of(line, size, 1.0)) > 1 for line in lines)
    if len(lines) >= PROSE_LINES and sum(_columns_of_prose(line, size) > 1 for line in lines) * 2 > len(lines):
        return False
    white = max(lines[0].top - upper.bottom, lower.top - lines[-1].bottom)
    return parted * 2 >= len(lines) and white < MOST_WHITE * size


def _columns_of_prose(line: Line, size: float) -> int:
    """How many stretches of a line are as long as lines of running text."""
    letters = [
        sum(len(word.text) for word in line.words if left <= word.left < right) for left, right in segments_of(line, size, 1.0)
    ]
    return sum(number > PROSE_CHARACTERS for number in letters)
