"""Find the dotted and faint lines of tables in a page image, which leave only pieces where single pixels are looked at."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from document_parser.models import RulingLine, Word

MEAN_PIXELS = 31
"""Length along a line of the stretch whose mean is looked at: it holds several dots, and a fifth of a scanner's noise."""
LINE_PIXELS = 7
"""Thickness of a line, at most, with the blur around it."""
MIN_GREY_LEVELS = 12
"""Grey levels, of 256, by which the mean of a line is darker than the paper beside it."""
MIN_LENGTH_PIXELS = 60
"""Shorter lines do not count: the narrowest column of a table with its margins."""
MIN_CROSSINGS = 2
"""Lines of the other direction that a line meets, at least: those under headings and fields, and leaders, meet none."""
TOUCH_PIXELS = 8
"""Pixels between the end of a line and another that it meets, at most."""

Pixels = NDArray[np.uint8]
"""Rows of 8-bit pixels."""
_Line = tuple[float, float, float]
"""Where a line starts and ends, and its position across, in pixels."""


def find_dotted_lines(pixels: Pixels, words: Sequence[Word], drawn: Sequence[RulingLine]) -> list[RulingLine]:
    """Return the level and upright lines of a page image that form a lattice, in fractions of its sides. None without words.

    The pixels are blue, green, red. The lines are darker than their paper and beside the words. ``drawn`` are lines found
    otherwise, which they may meet; these are found a second time.
    """
    if not words:
        return []
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
    height, width = grey.shape
    boxes = [(word.left * width, word.top * height, word.right * width, word.bottom * height) for word in words]
    levels = _find_level_lines(grey, boxes)
    turned = [(top, left, bottom, right) for left, top, right, bottom in boxes]
    uprights = _find_level_lines(np.ascontiguousarray(grey.T), turned)
    level_lines = [(line.left * width, line.right * width, line.top * height) for line in drawn if _is_level(line)]
    upright_lines = [(line.top * height, line.bottom * height, line.left * width) for line in drawn if _is_upright(line)]
    met_uprights, met_levels = [*uprights, *upright_lines], [*levels, *level_lines]
    levels = [line for line in levels if _count_crossings(line, met_uprights) >= MIN_CROSSINGS]
    uprights = [line for line in uprights if _count_crossings(line, met_levels) >= MIN_CROSSINGS]
    return [
        *(RulingLine(start / width, at / height, end / width, at / height) for start, end, at in levels),
        *(RulingLine(at / width, start / height, at / width, end / height) for start, end, at in uprights),
    ]


def _find_level_lines(grey: Pixels, boxes: Sequence[tuple[float, float, float, float]]) -> list[_Line]:
    """Return the lines that run across an image outside of boxes (left, top, right, bottom), in pixels."""
    mean = cv2.blur(grey, (MEAN_PIXELS, 1))
    paper = cv2.morphologyEx(mean, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_RECT, (1, LINE_PIXELS)))
    dark = (cv2.subtract(paper, mean) >= MIN_GREY_LEVELS).astype(np.uint8)
    for left, top, right, bottom in boxes:
        # Letters darken the mean beside them too.
        reach = MEAN_PIXELS // 2
        dark[max(0, round(top)) : round(bottom), max(0, round(left) - reach) : round(right) + reach] = 0
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (MIN_LENGTH_PIXELS, 1))
    long = cv2.morphologyEx(dark, cv2.MORPH_OPEN, kernel)
    joined = cv2.dilate(long, cv2.getStructuringElement(cv2.MORPH_RECT, (5, 3)))
    _, _, stats, middles = cv2.connectedComponentsWithStats(joined)
    lines = zip(stats[1:].tolist(), middles[1:].tolist(), strict=True)
    overhang = MEAN_PIXELS // 4  # the mean is dark beyond the ends of a line
    return [
        (left + overhang, left + across - overhang, at)
        for (left, _, across, down, _), (_, at) in lines
        if down <= 2 * LINE_PIXELS
    ]


def _count_crossings(line: _Line, others: Sequence[_Line]) -> int:
    """Return the number of lines of the other direction that a line meets."""
    start, end, at = line
    return sum(
        start - TOUCH_PIXELS <= other <= end + TOUCH_PIXELS and first - TOUCH_PIXELS <= at <= last + TOUCH_PIXELS
        for first, last, other in others
    )


def _is_level(line: RulingLine) -> bool:
    return line.top == line.bottom


def _is_upright(line: RulingLine) -> bool:
    return line.left == line.right
