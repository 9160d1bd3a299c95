"""Frames that belong to one table: rules of one width with cells between them, and rows below the last rule."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from document_parser.models import Word
from document_parser.pipeline.layout.lines import Line, lines_of
from document_parser.pipeline.layout.rulings import TOUCH, Frame, Ruling
from document_parser.pipeline.layout.tables import LEAST_ROWS, column_borders, segments_of
from document_parser.pipeline.layout.verdict import PROSE_CHARACTERS, PROSE_LINES

MOST_WHITE = 4
"""Font sizes of white next to a line of a table, at most; more is the white between two tables."""
MOST_LONE = 4
"""Lines that are not parted below one that is: the rest of a cell, at most."""
HEADING_BAND = 3.5
"""Font sizes between two rules around one line, at most: the heading of a part of a table."""
CLEAR = 1.0
"""Font sizes of white between cells."""


def stacks_of(frames: Sequence[Frame], marks: Sequence[Frame], words: Sequence[Word], size: float) -> list[Frame]:
    """Frames joined to those of tables, the largest first. All are in points, ``size`` is the usual font size.

    ``marks`` are lines too short for a frame: under the heading of a column, or under words. A frame that holds others is
    followed by them, for where it turns out to be no table.
    """
    plain = _stacked(frames, words, size, headings=False)
    joined = _stacked(plain, words, size, headings=True)
    stacks = [*(_lengthened(stack, [*joined, *marks], words, size) for stack in joined), *joined, *plain]
    whole = {id(stack): _with_inner_lines(stack, [*joined, *plain], marks) for stack in stacks}.values()
    return sorted(whole, key=lambda frame: frame.area, reverse=True)


def standing_between(frame: Frame, words: Sequence[Word]) -> list[Word]:
    """The words whose middle is in a frame."""
    return [
        word
        for word in words
        if frame.top - TOUCH < (word.top + word.bottom) / 2 < frame.bottom + TOUCH
        and frame.left - TOUCH < (word.left + word.right) / 2 < frame.right + TOUCH
    ]


def _stacked(frames: Sequence[Frame], words: Sequence[Word], size: float, headings: bool) -> list[Frame]:
    """Frames of one width joined where what stands between them is set in columns, or is a heading of one line."""
    stacks: list[Frame] = []
    for frame in sorted(frames, key=lambda frame: frame.top):
        above = [stack for stack in stacks if _same_width(stack, frame) and stack.bottom < frame.top + TOUCH]
        last = max(above, key=lambda stack: stack.bottom, default=None)
        if last is not None and _belong_together(last, frame, words, size, headings):
            stacks.remove(last)
            frame = last.joined(frame)
        stacks.append(frame)
    return stacks


def _belong_together(upper: Frame, lower: Frame, words: Sequence[Word], size: float, headings: bool) -> bool:
    between = _strip(upper, upper.bottom, lower.top, words)
    lines = lines_of(between)
    if not lines:
        return lower.top - upper.bottom < size
    if headings and len(lines) == 1 and lower.top - upper.bottom < HEADING_BAND * size:
        return _same_columns(upper, lower, words, size)
    white = max(lines[0].top - upper.bottom, lower.top - lines[-1].bottom)
    return white < MOST_WHITE * size and _are_cells(lines, size)


def _same_columns(upper: Frame, lower: Frame, words: Sequence[Word], size: float) -> bool:
    """Whether most columns of the one go on in the other."""
    fewer, more = sorted(
        (column_borders(lines_of(standing_between(frame, words)), size, least=1) for frame in (upper, lower)), key=len
    )
    going_on = sum(any(abs(border - other) < 2 * size for other in more) for border in fewer)
    return bool(fewer) and going_on >= 0.7 * len(more)


def _strip(frame: Frame, top: float, bottom: float, words: Sequence[Word]) -> list[Word]:
    """The words between two heights, as wide as a frame."""
    left, right = frame.left - TOUCH, frame.right + TOUCH
    return [
        word
        for word in words
        if top - TOUCH < (word.top + word.bottom) / 2 < bottom + TOUCH and left < (word.left + word.right) / 2 < right
    ]


def _are_cells(lines: Sequence[Line], size: float) -> bool:
    parted = sum(len(segments_of(line, size, CLEAR)) > 1 for line in lines)
    if len(lines) >= PROSE_LINES and sum(_columns_of_prose(line, size) > 1 for line in lines) * 2 > len(lines):
        return False
    return parted * 2 >= len(lines) or _are_parted(lines, size)


def _are_parted(lines: Sequence[Line], size: float) -> bool:
    """Whether white runs through all lines from top to bottom."""
    spans = sorted((word.left, word.right) for line in lines for word in line.words)
    reach = spans[0][1]
    for left, right in spans[1:]:
        if left - reach > CLEAR * size:
            return True
        reach = max(reach, right)
    return False


def _columns_of_prose(line: Line, size: float) -> int:
    """How many stretches of a line are as long as lines of running text."""
    letters = [
        sum(len(word.text) for word in line.words if left <= word.left < right)
        for left, right in segments_of(line, size, CLEAR)
    ]
    return sum(number > PROSE_CHARACTERS for number in letters)


def _with_inner_lines(frame: Frame, others: Sequence[Frame], marks: Sequence[Frame]) -> Frame:
    """A frame of level lines with the shorter ones between them, which stand under headings of several columns.

    Marks count beside a longer line only: else they may be drawn under words.
    """
    if len(frame.uprights) > 1:
        return frame
    inner = {other.levels[0]: other for other in others if is_line(other) and frame.surrounds(other)}
    beside = [mark for mark in marks if frame.surrounds(mark) and any(abs(line.at - mark.top) < TOUCH for line in inner)]
    for other in [*inner.values(), *beside]:
        if other.levels[0] not in frame.levels:
            frame = frame.joined(other)
    return frame


def is_line(frame: Frame) -> bool:
    """Whether a frame is one level line."""
    return len(frame.levels) == 1 and not frame.uprights


def _same_width(upper: Frame, lower: Frame) -> bool:
    return abs(upper.left - lower.left) < 2 * TOUCH and abs(upper.right - lower.right) < 2 * TOUCH


def _lengthened(stack: Frame, others: Sequence[Frame], words: Sequence[Word], size: float) -> Frame:
    """A frame of level lines with the rows below the last of them, where no line closes the table."""
    if stack.uprights:
        return stack
    limit = min((other.top for other in others if _is_below(other, stack)), default=float("inf"))
    lines = lines_of(_strip(stack, stack.bottom + 2 * TOUCH, limit, words))
    rows = _rows(lines, stack, size)
    if sum(len(segments_of(line, size, CLEAR)) > 1 for line in rows) < LEAST_ROWS or not _are_cells(rows, size):
        return stack
    bottom = max(word.bottom for word in rows[-1].words) + 1
    longer = stack.joined(Frame((Ruling(bottom, stack.left, stack.right),), ()))
    drawn = len(stack.levels) + sum(is_line(other) and longer.surrounds(other) for other in others)
    return longer if drawn > 1 else stack


def _is_below(other: Frame, stack: Frame) -> bool:
    """Whether a frame begins below another and is no short line inside of it."""
    overlaps = other.left < stack.right and stack.left < other.right
    short = is_line(other) and stack.left - TOUCH < other.left and other.right < stack.right + TOUCH
    return overlaps and other.top > stack.bottom + TOUCH and (not short or _same_width(stack, other))


def _rows(lines: Sequence[Line], stack: Frame, size: float) -> list[Line]:
    """The lines right below a frame that are parted like rows, those in between that are not, and the end of the last cell."""
    rows: list[Line] = []
    taken = 0
    above, usual = stack.bottom, 2.5 * size
    for line in lines:
        white = line.top - above
        if white > usual or (len(rows) > taken + MOST_LONE):
            break
        parted = segments_of(line, size, CLEAR)
        if len(parted) == 1 and line.width > 0.7 * (stack.right - stack.left):
            break
        rows.append(line)
        if len(parted) > 1:
            taken = len(rows)
        above = line.bottom
        if len(rows) > 3:
            usual = max(size, 2.2 * median(lower.top - upper.bottom for upper, lower in pairwise(rows)))
    return [*rows[:taken], *_hanging(rows[:taken], rows[taken:], size)]


def _hanging(rows: Sequence[Line], rest: Sequence[Line], size: float) -> list[Line]:
    """The lines that end the first cell of the last row."""
    if not rows:
        return []
    first, second, *_ = segments_of(rows[-1], size, CLEAR)
    hanging: list[Line] = []
    last = rows[-1]
    for line in rest:
        if line.top - last.bottom > 0.45 * size or line.left < first[0] - size or line.right > second[0]:
            break
        hanging.append(line)
        last = line
    return hanging
