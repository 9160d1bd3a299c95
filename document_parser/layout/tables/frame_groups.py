"""Group frames that belong to one table: rules of equal width with cells between them, and rows below the last rule."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from document_parser.layout.lines.lines import Line, body_size, lines_of
from document_parser.layout.page_index import PageIndex
from document_parser.layout.tables.aligned import MIN_ROWS, segments_of
from document_parser.layout.tables.frame_splits import (
    MAX_GAP_EM,
    MIN_CELL_GAP_EM,
    are_columns_alike,
    are_columns_shared,
    are_walls_shared,
    contains_prose,
    gaps_between,
    inner_walls,
    split_frame,
    words_between,
    words_inside,
)
from document_parser.layout.tables.rulings import TOUCH_POINTS, Frame, Ruling, borders_of
from document_parser.layout.tables.text_lines import is_text_line
from document_parser.models import Word

MIN_PAGE_COLUMN_LINES = 8
"""Lines of a column, at least, before it can be a column of running text."""
PAGE_COLUMN_CHARACTERS = 25
"""Characters of a stretch of a line above which it can be a line of running text."""
MAX_UNSPLIT_LINES = 4
"""Lines without a gap between cells, at most, below a line that has one: the rest of a cell."""
MIN_HEADER_COLUMNS = 3
"""Columns of a header above the first rule, at least."""
MAX_BREAK_EM = 0.8
"""Font sizes by which the lines between columns are broken beside a rule, at most: less than a line of text takes."""
MAX_HEADING_BAND_EM = 3.5
"""Font sizes between two rules around one line, at most: the heading of a section of a table."""


def group_frames(frames: Sequence[Frame], short_lines: Sequence[Frame], page: PageIndex, size: float) -> list[Frame]:
    """Join the frames that belong to one table, and return the results with the largest first.

    Lengths are in points; ``size`` is the usual font size. ``short_lines`` are lines too short for a frame: under a column
    heading, or under words. A joined frame is followed by its parts, in case it turns out to be no table.
    """
    frames = [part for frame in frames for part in split_frame(frame, page, size)]
    plain = _stack_frames(frames, page, size, headings=False)
    joined = _stack_frames(plain, page, size, headings=True)
    stacks = [*(_extend_down(stack, [*joined, *short_lines], page, size) for stack in joined), *joined, *plain]
    whole = {id(stack): _add_inner_lines(stack, [*joined, *plain, *frames], short_lines) for stack in stacks}.values()
    return sorted(whole, key=lambda frame: frame.area, reverse=True)


def _stack_frames(frames: Sequence[Frame], page: PageIndex, size: float, headings: bool) -> list[Frame]:
    """Join frames of equal width if the text between them is set in columns, or is a heading of one line."""
    stacks: list[Frame] = []
    for frame in sorted(frames, key=lambda frame: frame.top):
        above = [stack for stack in stacks if _have_same_width(stack, frame) and stack.bottom < frame.top + TOUCH_POINTS]
        last = max(above, key=lambda stack: stack.bottom, default=None)
        parted = last is not None and any(_is_table_between(other, last, frame) for other in frames)
        if last is not None and not parted and _belong_together(last, frame, page, size, headings):
            stacks.remove(last)
            frame = last.join(frame)
        stacks.append(frame)
    return stacks


def _is_table_between(other: Frame, upper: Frame, lower: Frame) -> bool:
    """Return whether a closed frame of another width stands between two frames: the frame of another table."""
    between = upper.bottom - TOUCH_POINTS < other.top and other.bottom < lower.top + TOUCH_POINTS
    return between and _is_closed(other) and not _have_same_width(other, upper) and _is_overlapping(other, upper)


def _belong_together(upper: Frame, lower: Frame, page: PageIndex, size: float, headings: bool) -> bool:
    """Return whether two frames of equal width are parts of one table."""
    between = words_between(upper, upper.bottom, lower.top, page)
    lines = lines_of(between)
    if not lines or _is_broken_wall(upper, lower, size):
        return lower.top - upper.bottom < size and not (_is_whole(upper) and _is_whole(lower))
    if _is_white_stripe(upper, lower, between):
        return True
    if headings and len(lines) == 1 and lower.top - upper.bottom < MAX_HEADING_BAND_EM * size:
        if _begins_table(lower, page):
            return False
        return _have_same_columns(upper, lower, page, size) or _heads_columns(upper, lower, page, size)
    if all(_is_closed(frame) and not all(line.edge for line in frame.verticals) for frame in (upper, lower)):
        return False
    if max(gaps_between(lines, upper.bottom, lower.top)) >= MAX_GAP_EM * size or contains_prose(lines, upper, size):
        return False
    if not are_walls_shared(upper, lower) or not are_columns_shared(lines, size):
        return False
    return _are_cells(lines, min(size, body_size(between)))  # tables are often set smaller than the text


def _is_broken_wall(upper: Frame, lower: Frame, size: float) -> bool:
    """Return whether lines between columns only stop short of a rule: a label beside it may be centred on the break."""
    return lower.top - upper.bottom < MAX_BREAK_EM * size and bool(inner_walls(upper)) and are_walls_shared(upper, lower)


def _is_white_stripe(upper: Frame, lower: Frame, between: Sequence[Word]) -> bool:
    """Return whether words between two rows of filled boxes are a row without a fill.

    Its columns are those of both rows, and it is no higher than the rows: two tables of the same columns are further apart.
    """
    walls = borders_of(inner_walls(upper))
    if not walls or len(walls) != len(borders_of(inner_walls(lower))) or not are_walls_shared(upper, lower):
        return False
    if not all(line.edge for frame in (upper, lower) for line in frame.verticals):
        return False
    highest = max(
        low - high for frame in (upper, lower) for high, low in pairwise(borders_of(line.at for line in frame.horizontals))
    )
    low_enough = lower.top - upper.bottom < highest + 2 * TOUCH_POINTS
    return low_enough and not any(
        word.left < wall - TOUCH_POINTS and wall + TOUCH_POINTS < word.right for wall in walls for word in between
    )


def _is_whole(frame: Frame) -> bool:
    """Return whether a frame is closed at both sides and has several rows: two of them with white between are two tables."""
    rows = len(borders_of(line.at for line in frame.horizontals)) - 1
    return rows > 1 and _is_closed(frame)


def _is_closed(frame: Frame) -> bool:
    """Return whether vertical lines run along both sides of a frame: text between two such frames is in neither."""
    sides = (frame.left, frame.right)
    return all(any(abs(line.at - side) < TOUCH_POINTS for line in frame.verticals) for side in sides)


def _have_same_columns(upper: Frame, lower: Frame, page: PageIndex, size: float) -> bool:
    """Return whether most columns of one frame continue in the other."""
    above, below = (lines_of(words_inside(frame, page)) for frame in (upper, lower))
    return are_columns_alike(above, below, size)


def _heads_columns(upper: Frame, lower: Frame, page: PageIndex, size: float) -> bool:
    """Return whether a frame is a bold header of several columns between two rules, and each cell below is under one heading.

    Headings and numbers may be set closer than the columns of two groups of lines are looked for.
    """
    above, below = (lines_of(words_inside(frame, page)) for frame in (upper, lower))
    if len(above) != 1 or not below or not above[0].bold or below[0].bold:
        return False
    return len(segments_of(above[0], size)) >= MIN_HEADER_COLUMNS and _is_header_of(above[0], below[0], size)


def _begins_table(frame: Frame, page: PageIndex) -> bool:
    """Return whether a frame that is closed at both sides begins with a bold header: a table of its own."""
    lines = lines_of(words_inside(frame, page))
    return _is_whole(frame) and len(lines) > 1 and lines[0].bold and not lines[1].bold


def _are_cells(lines: Sequence[Line], size: float) -> bool:
    """Return whether lines are cells of a table rather than columns of running text."""
    parted = sum(len(segments_of(line, size, MIN_CELL_GAP_EM)) > 1 for line in lines)
    if len(lines) >= MIN_PAGE_COLUMN_LINES and sum(_count_prose_stretches(line, size) > 1 for line in lines) * 2 > len(lines):
        return False
    return parted * 2 >= len(lines) or _are_split_by_gap(lines, size)


def _are_split_by_gap(lines: Sequence[Line], size: float) -> bool:
    """Return whether a vertical gap runs through all lines."""
    spans = sorted((word.left, word.right) for line in lines for word in line.words)
    reach = spans[0][1]
    for left, right in spans[1:]:
        if left - reach > MIN_CELL_GAP_EM * size:
            return True
        reach = max(reach, right)
    return False


def _count_prose_stretches(line: Line, size: float) -> int:
    """Return how many parts of a line are as long as lines of running text."""
    letters = [
        sum(len(word.text) for word in line.words if left <= word.left < right)
        for left, right in segments_of(line, size, MIN_CELL_GAP_EM)
    ]
    return sum(number > PAGE_COLUMN_CHARACTERS for number in letters)


def _add_inner_lines(frame: Frame, others: Sequence[Frame], short_lines: Sequence[Frame]) -> Frame:
    """Return a frame of horizontal lines with the shorter ones inside it, which lie under headings of several columns.

    Short lines count only beside a longer line: others may be drawn under words.
    """
    if len(frame.verticals) > 1:
        return frame
    inner = {other.horizontals[0]: other for other in others if is_single_line(other) and frame.surrounds(other)}
    beside = [
        short_line
        for short_line in short_lines
        if frame.surrounds(short_line) and any(abs(line.at - short_line.top) < TOUCH_POINTS for line in inner)
    ]
    for other in [*inner.values(), *beside]:
        if other.horizontals[0] not in frame.horizontals:
            frame = frame.join(other)
    return frame


def is_single_line(frame: Frame) -> bool:
    """Return whether a frame is one horizontal line."""
    return len(frame.horizontals) == 1 and not frame.verticals


def _have_same_width(upper: Frame, lower: Frame) -> bool:
    """Return whether both sides of two frames lie below each other."""
    return abs(upper.left - lower.left) < 2 * TOUCH_POINTS and abs(upper.right - lower.right) < 2 * TOUCH_POINTS


def _extend_down(stack: Frame, others: Sequence[Frame], page: PageIndex, size: float) -> Frame:
    """Extend a frame of horizontal lines, or of a header's coloured cells, by the rows below it if no line closes the table."""
    if stack.verticals and not _is_coloured_header(stack):
        return stack
    stack = _extend_up(stack, others, page, size)
    limit = min((other.top for other in others if _is_below(other, stack, page)), default=float("inf"))
    lines = lines_of(words_between(stack, stack.bottom + TOUCH_POINTS + min(TOUCH_POINTS, 0.5 * size), limit, page))
    rows = _rows_below(lines, stack, size)
    held = lines_of(words_inside(stack, page))
    if not (stack.verticals or _is_header(stack, size) or len(held) < len(stack.horizontals)):
        held = []
    if (
        sum(len(segments_of(line, size, MIN_CELL_GAP_EM)) > 1 for line in [*held, *rows]) < MIN_ROWS
        or not rows
        or not _are_cells(rows, size)
    ):
        return stack
    bottom = max(word.bottom for word in rows[-1].words) + 1
    longer = stack.join(Frame((Ruling(bottom, stack.left, stack.right),), ()))
    drawn = len(stack.horizontals) + sum(is_single_line(other) and longer.surrounds(other) for other in others)
    return longer if drawn > 1 else stack


def _is_header(stack: Frame, size: float) -> bool:
    """Return whether a frame is as high as a header between two lines."""
    return len(stack.horizontals) > 1 and stack.bottom - stack.top < MAX_HEADING_BAND_EM * size


def _is_coloured_header(stack: Frame) -> bool:
    """Return whether a frame consists of three or more filled boxes side by side in one row."""
    rows = len(borders_of(line.at for line in stack.horizontals)) - 1
    return rows == 1 and all(line.edge for line in stack.verticals) and len(borders_of(inner_walls(stack))) > 1


def _extend_up(stack: Frame, others: Sequence[Frame], page: PageIndex, size: float) -> Frame:
    """Extend a frame of horizontal lines by the header right above it, if the header's columns continue below."""
    limit = max(
        (other.bottom for other in others if other.bottom < stack.top - TOUCH_POINTS and _is_overlapping(other, stack)),
        default=0.0,
    )
    above = lines_of(words_between(stack, limit, stack.top - 2 * TOUCH_POINTS, page))
    below = lines_of(words_between(stack, stack.top, stack.top + MAX_GAP_EM * size, page))
    if not above or not below or stack.verticals:
        return stack
    line = above[-1]
    gap = stack.top - line.bottom
    if gap > max(0.8 * size, 1.5 * (below[0].top - stack.top)) or len(segments_of(line, size)) < MIN_HEADER_COLUMNS:
        return stack
    if not _is_header_of(line, below[0], size):
        return stack
    return stack.join(Frame((Ruling(line.top - 1, stack.left, stack.right),), ()))


def _is_header_of(header: Line, row: Line, size: float) -> bool:
    """Return whether most cells of a row lie under one heading of a header, and none under two."""
    headings = segments_of(header, size)
    under = [sum(left < heading[1] and heading[0] < right for heading in headings) for left, right in segments_of(row, size)]
    return max(under) < 2 and sum(under) >= 0.6 * len(under)


def _is_overlapping(other: Frame, stack: Frame) -> bool:
    """Return whether the widths of two frames overlap."""
    return other.left < stack.right and stack.left < other.right


def _is_below(other: Frame, stack: Frame, page: PageIndex) -> bool:
    """Return whether a frame begins below another one and is no short line within its width, nor several over sums."""
    if not _is_overlapping(other, stack) or other.top <= stack.bottom + TOUCH_POINTS:
        return False
    within = stack.left - TOUCH_POINTS < other.left and other.right < stack.right + TOUCH_POINTS
    if _have_same_width(stack, other) or not within:
        return True
    return not (is_single_line(other) or _are_lines_of_sums(other, stack, page))


def _are_lines_of_sums(other: Frame, stack: Frame, page: PageIndex) -> bool:
    """Return whether lines run over some columns of rows most of which begin left of them: those above and below sums."""
    if other.verticals:
        return False
    rows = lines_of(words_between(stack, other.top, other.bottom, page))
    return len(rows) > 0 and sum(row.left < other.left - TOUCH_POINTS for row in rows) * 2 >= len(rows)


def _rows_below(lines: Sequence[Line], stack: Frame, size: float) -> list[Line]:
    """Return the lines right below a frame that form its rows.

    These are lines split like cells, unsplit lines between them, and lines that end the last cell.
    """
    rows: list[Line] = []
    taken = 0
    above, usual = stack.bottom, MAX_GAP_EM * size if stack.verticals else 2.5 * size
    for line in lines:
        gap = line.top - above
        if gap > usual or (len(rows) > taken + MAX_UNSPLIT_LINES):
            break
        parted = segments_of(line, size, MIN_CELL_GAP_EM)
        if len(parted) == 1 and line.width > 0.7 * (stack.right - stack.left):
            break
        if len(parted) > 1 and is_text_line(line.words, stack.right - stack.left):
            break
        rows.append(line)
        if len(parted) > 1:
            taken = len(rows)
        above = line.bottom
        if len(rows) > 3 and not stack.verticals:
            usual = max(size, 2.2 * median(lower.top - upper.bottom for upper, lower in pairwise(rows)))
    return [*rows[:taken], *_hanging_lines(rows[:taken], rows[taken:], size)]


def _hanging_lines(rows: Sequence[Line], rest: Sequence[Line], size: float) -> list[Line]:
    """Return the lines that end a cell of the last row."""
    if not rows:
        return []
    cells = segments_of(rows[-1], size, MIN_CELL_GAP_EM)
    cell_bounds = list(
        zip([cell[0] - size for cell in cells], [*(cell[0] for cell in cells[1:]), cells[-1][1] + size], strict=True)
    )
    hanging: list[Line] = []
    last = rows[-1]
    for line in rest:
        if line.top - last.bottom > 0.45 * size or not any(
            left < line.left and line.right < right for left, right in cell_bounds
        ):
            break
        hanging.append(line)
        last = line
    return hanging
