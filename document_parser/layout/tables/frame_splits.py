"""Decide whether rules of equal width frame several tables: by wide gaps, text, or other columns between them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from document_parser.layout.lines.lines import Line, lines_of
from document_parser.layout.page_index import PageIndex
from document_parser.layout.tables.aligned import find_column_borders, segments_of
from document_parser.layout.tables.rulings import TOUCH_POINTS, Frame, Ruling, borders_of
from document_parser.models import Word

MAX_GAP_EM = 4
"""Font sizes of the gap between two lines of a table, at most. A larger gap separates two tables."""
NOTABLE_GAP_EM = 1.5
"""Font sizes of a gap between lines, at least, that separates two tables if other columns begin below it."""
NOTABLE_GAP_RATIO = 2.5
"""Such a gap divided by the usual gap between lines, at least."""
MIN_SPLITTING_LINE_SHARE = 0.9
"""Share of a frame's width that a line covers, at least, to split the frame."""
MIN_PROSE_LINE_SHARE = 0.8
"""Share of a frame's width that a line of running text in it takes, at least."""
MIN_PROSE_LINES = 2
"""Consecutive full lines that are running text, at least."""
MIN_SHARED_BORDERS_SHARE = 0.7
"""Share of the column borders that continue in the other part of a table, at least."""
MIN_PART_LINE_SHARE = 0.8
"""Share of a frame's width that a rule at the edge of a part takes, at least."""
MIN_PART_GAP_POINTS = 2.5
"""Points between two rules that may be the edges of two tables, at least: closer ones are a double line."""
MAX_PART_CUTS = 4
"""Bands of a frame that may separate tables, at most; all stretches between them are looked at."""
MIN_FORM_LABELS, MIN_LABEL_SHARE = 3, 0.2
"""Labels with a colon in a form above a table, at least, and their share of its words."""
_LABEL = re.compile(r"[^\W\d_]\s?[:：]")
MIN_CELL_GAP_EM = 1.0
"""Font sizes of the gap between two cells, at least."""


def words_inside(frame: Frame, page: PageIndex) -> list[Word]:
    """Return the words of a page whose middle lies in a frame. Lengths are in points."""
    return words_between(frame, frame.top, frame.bottom, page)


def words_between(frame: Frame, top: float, bottom: float, page: PageIndex) -> list[Word]:
    """Return the words of a page whose middle lies between two heights and within a frame's width. Lengths are in points."""
    left, right = frame.left - TOUCH_POINTS, frame.right + TOUCH_POINTS
    return page.words_within(left, top - TOUCH_POINTS, right, bottom + TOUCH_POINTS)


def gaps_between(lines: Sequence[Line], top: float, bottom: float) -> list[float]:
    """Return the gaps above, between and below lines that lie between two heights, in points."""
    edges = [top, *(edge for line in lines for edge in (line.top, line.bottom)), bottom]
    return [below - above for above, below in zip(edges[::2], edges[1::2], strict=True)]


def contains_prose(lines: Sequence[Line], frame: Frame, size: float) -> bool:
    """Return whether consecutive lines are running text: as wide as the frame and without gaps between cells."""
    least = MIN_PROSE_LINE_SHARE * (frame.right - frame.left)
    full = [line.width > least and len(segments_of(line, size, MIN_CELL_GAP_EM)) == 1 for line in lines]
    return any(all(full[number : number + MIN_PROSE_LINES]) for number in range(len(full) - MIN_PROSE_LINES + 1))


def are_columns_shared(lines: Sequence[Line], size: float) -> bool:
    """Return whether columns continue below the widest gap between lines; True if that gap is not much wider than usual."""
    between = gaps_between(lines, lines[0].top, lines[-1].bottom)[1:-1]
    if len(between) < 2:
        return True
    *usual, widest = sorted(between)
    if widest < max(NOTABLE_GAP_EM * size, NOTABLE_GAP_RATIO * median(usual)):
        return True
    below = between.index(widest) + 1
    going_on, fewer, _ = _count_shared_borders(lines[:below], lines[below:], size)
    return going_on >= MIN_SHARED_BORDERS_SHARE * fewer


def are_columns_alike(upper: Sequence[Line], lower: Sequence[Line], size: float) -> bool:
    """Return whether most column borders of one group of lines continue in the other."""
    going_on, fewer, more = _count_shared_borders(upper, lower, size)
    return fewer > 0 and going_on >= MIN_SHARED_BORDERS_SHARE * more


def _count_shared_borders(upper: Sequence[Line], lower: Sequence[Line], size: float) -> tuple[int, int, int]:
    """Return (column borders that continue, borders of the group with fewer, borders of the other group)."""
    fewer, more = sorted((find_column_borders(lines, size, least=1) for lines in (upper, lower)), key=len)
    return sum(any(abs(border - other) < 2 * size for other in more) for border in fewer), len(fewer), len(more)


def are_walls_shared(upper: Frame, lower: Frame) -> bool:
    """Return whether the inner vertical lines of one frame continue those of the other, if both have some."""
    fewer, more = sorted((inner_walls(upper), inner_walls(lower)), key=len)
    return all(any(abs(wall - other) < 2 * TOUCH_POINTS for other in more) for wall in fewer)


def inner_walls(frame: Frame) -> list[float]:
    """Return the x positions in points of the vertical lines between columns."""
    return [line.at for line in frame.verticals if frame.left + TOUCH_POINTS < line.at < frame.right - TOUCH_POINTS]


def split_frame(frame: Frame, page: PageIndex, size: float) -> list[Frame]:
    """Split a frame without vertical lines between columns at wide gaps or text between two of its rules.

    Returns the frame itself if there is nothing to split. Lengths are in points, ``size`` is the usual font size.
    """
    horizontals = sorted(
        line for line in frame.horizontals if line.length > MIN_SPLITTING_LINE_SHARE * (frame.right - frame.left)
    )
    if len(horizontals) < 3 or inner_walls(frame):
        return [frame]
    cuts = [
        number for number, (upper, lower) in enumerate(pairwise(horizontals)) if _are_apart(upper, lower, frame, page, size)
    ]
    edges = [frame.top, *((horizontals[number].at + horizontals[number + 1].at) / 2 for number in cuts), frame.bottom]
    return [_part_between(frame, top, bottom) for top, bottom in pairwise(edges)] if cuts else [frame]


def parts_of_frame(frame: Frame, page: PageIndex, size: float) -> list[Frame]:
    """Return the parts of a frame between bands that may separate two tables: empty ones, and those of one line in one piece.

    Every stretch between two such bands is a part; the frame itself is none. Lengths are in points.
    """
    across = sorted(line.at for line in frame.horizontals if line.length > MIN_PART_LINE_SHARE * (frame.right - frame.left))
    cuts = [
        (upper, lower)
        for upper, lower in pairwise(across)
        if lower - upper > MIN_PART_GAP_POINTS and _may_part(lines_of(words_between(frame, upper, lower, page)), size)
    ][:MAX_PART_CUTS]
    starts, ends = [frame.top, *(lower for _, lower in cuts)], [*(upper for upper, _ in cuts), frame.bottom]
    return [
        _part_between(frame, top, bottom)
        for number, top in enumerate(starts)
        for bottom in ends[number:]
        if size < bottom - top < frame.bottom - frame.top - 1
        and sum(top - TOUCH_POINTS <= line.at <= bottom + TOUCH_POINTS for line in frame.horizontals) > 1
    ]


def split_off_form(frame: Frame, page: PageIndex) -> list[Frame]:
    """Split a frame at the line that parts a form, labels with colons and their values, from a table without labels below it.

    Returns the frame itself if lines part its columns, or if it begins with no form.
    """
    if inner_walls(frame):
        return [frame]
    for at in borders_of(
        line.at for line in frame.horizontals if line.length > MIN_PART_LINE_SHARE * (frame.right - frame.left)
    ):
        above, below = words_between(frame, frame.top, at, page), words_between(frame, at, frame.bottom, page)
        labels = count_labels(above)
        if labels >= MIN_FORM_LABELS and labels >= MIN_LABEL_SHARE * len(above):
            is_parted = len(below) > 0 and count_labels(below) < MIN_LABEL_SHARE / 2 * len(below)
            edges = (frame.top, at, frame.bottom) if is_parted else (frame.top, frame.bottom)
            return [_part_between(frame, top, bottom) for top, bottom in pairwise(edges)]
    return [frame]


def count_labels(words: Sequence[Word]) -> int:
    """Return how many words are labels with a colon; the hours of a time are none."""
    return sum(_LABEL.search(word.text) is not None for word in words)


def _may_part(lines: Sequence[Line], size: float) -> bool:
    """Return whether what stands between two rules may stand between two tables."""
    return not lines or (len(lines) == 1 and len(segments_of(lines[0], size, MIN_CELL_GAP_EM)) == 1)


def _are_apart(upper: Ruling, lower: Ruling, frame: Frame, page: PageIndex, size: float) -> bool:
    """Return whether a wide gap or running text lies between two rules."""
    lines = lines_of(words_between(frame, upper.at, lower.at, page))
    if not lines:
        return False
    return max(gaps_between(lines, upper.at, lower.at)) >= MAX_GAP_EM * size or contains_prose(lines, frame, size)


def _part_between(frame: Frame, top: float, bottom: float) -> Frame:
    """Return the part of a frame whose horizontal lines lie between two heights."""
    horizontals = tuple(line for line in frame.horizontals if top - TOUCH_POINTS <= line.at <= bottom + TOUCH_POINTS)
    first, last = min(line.at for line in horizontals), max(line.at for line in horizontals)
    verticals = tuple(
        line._replace(start=max(line.start, first), end=min(line.end, last))
        for line in frame.verticals
        if line.start < last and line.end > first
    )
    return Frame(horizontals, verticals)
