"""Find level and upright ruling lines, and dark bars, in a page image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from document_parser.models import RulingLine, Word

MAX_RULINGS = 2000
"""Ruling lines and bars that are returned of a page image at most."""
_MIN_LENGTH_PIXELS = 25
"""Shorter lines do not count."""
_LONG_SIDE_TO_MIN_LENGTH_RATIO = 45
"""The long side over the shortest line that counts, which is longer than a dash or a stroke of a headline's letter."""
_NEIGHBOURHOOD_PIXELS = 31
"""Side of the neighbourhood with whose mean a pixel is compared."""
_INK_LEVELS = 12
"""Grey levels, of 256, by which ink is darker than its neighbourhood."""
_MAX_THICKNESS_PIXELS = 14
"""A thicker line is no ruling line unless it slants; a thinner bar is no bar."""
_MAX_SLANT_RATIO = 0.02
"""Height over length of a slanted line, beside its thickness."""
_DARK_GREY_LEVEL = 128
"""Pixels of a lower grey level, of 256, belong to dark bars."""
_MIN_DARK_GROUND_SHARE = 0.5
"""Share of dark pixels from which a page is dark ground with light writing on it."""
_MIN_DARK_SHARE = 0.6
"""Share of a dark bar that is dark; the rest is light letters on it. A line of text has less ink."""
_MIN_DARK_EDGE_SHARE = 0.9
"""Share of each edge of a dark bar that is dark."""
_MIN_GROUND_PIXELS = 5
"""Height of the dark ground above and below the letters."""
_RIM_SHARE = 0.12
"""Share of a word's height, at its top and bottom, in which a line does not run through the word."""
_SLACK_SHARE = 0.005
"""Share of the page's width by which a line may reach over a word's ends."""

Pixels = NDArray[np.uint8]
"""Rows of 8-bit pixels."""


def rulings_around(words: Sequence[Word], rulings: Sequence[RulingLine]) -> list[RulingLine]:
    """Return the ruling lines that do not run through words. All boxes are fractions of the same image."""
    boxes = np.array([word[1:5] for word in words], dtype=np.float64).reshape(len(words), 4)
    return [ruling for ruling in rulings if not _strikes_word(ruling, boxes)]


def _strikes_word(ruling: RulingLine, boxes: NDArray[np.float64]) -> bool:
    """Return whether a line lies well inside a word: touching serifs look like a line."""
    left, top, right, bottom = boxes.T
    edge = (bottom - top) * _RIM_SHARE
    within = (left <= ruling.left + _SLACK_SHARE) & (ruling.right <= right + _SLACK_SHARE)
    return bool((within & (top + edge < ruling.top) & (ruling.bottom < bottom - edge)).any())


def find_rulings(pixels: Pixels) -> list[RulingLine]:
    """Return the ruling lines and dark bars of a page image in fractions of its sides, MAX_RULINGS at most.

    The pixels are blue, green, red. Lines have no thickness, bars have. On a page that is mostly dark they are the light ones.
    Raises cv2.error for an image without pixels.
    """
    grey: Pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
    if (grey < _DARK_GREY_LEVEL).mean() > _MIN_DARK_GROUND_SHARE:
        grey = cv2.bitwise_not(grey).astype(np.uint8, copy=False)  # beside light letters the ground itself looks like lines
    method, dark = cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV
    ink: Pixels = cv2.adaptiveThreshold(grey, 255, method, dark, _NEIGHBOURHOOD_PIXELS, _INK_LEVELS).astype(
        np.uint8, copy=False
    )
    shortest = max(_MIN_LENGTH_PIXELS, max(grey.shape) // _LONG_SIDE_TO_MIN_LENGTH_RATIO)
    height, width = grey.shape
    bars = list(_find_bars(grey, shortest))
    for left, top, right, bottom in bars:
        # Along its edge a bar is darker than its neighbourhood; that would join the lines that touch it into one thick line.
        ink[top:bottom, left:right] = 0
    levels = [RulingLine(start, at, end, at) for start, end, at in _find_level_lines(ink, shortest)]
    uprights = [RulingLine(at, start, at, end) for start, end, at in _find_level_lines(np.ascontiguousarray(ink.T), shortest)]
    found = [*(RulingLine(*bar) for bar in bars), *levels, *uprights][:MAX_RULINGS]
    return [
        RulingLine(ruling.left / width, ruling.top / height, ruling.right / width, ruling.bottom / height) for ruling in found
    ]


def _find_level_lines(ink: Pixels, shortest: int) -> Iterator[tuple[float, float, float]]:
    """Yield (start, end, position across) of the level lines, in pixels."""
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (shortest, 1))
    level = cv2.morphologyEx(ink, cv2.MORPH_OPEN, kernel)
    # A slanted line is a staircase of runs that touch; a worn line has gaps of a few pixels.
    joined = cv2.dilate(level, cv2.getStructuringElement(cv2.MORPH_RECT, (5, 3)))
    _, _, stats, centres = cv2.connectedComponentsWithStats(joined)
    for (left, _, width, height, _), (_, middle) in zip(stats[1:].tolist(), centres[1:].tolist(), strict=True):
        if height <= _MAX_THICKNESS_PIXELS + _MAX_SLANT_RATIO * width:
            yield left, left + width, middle


def _find_bars(grey: Pixels, shortest: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (left, top, right, bottom) of the dark rectangles in pixels: the grounds of headings in light letters."""
    dark: Pixels = (grey < _DARK_GREY_LEVEL).astype(np.uint8)
    solid = cv2.morphologyEx(dark, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_RECT, (shortest, _MIN_GROUND_PIXELS)))
    _, _, stats, _ = cv2.connectedComponentsWithStats(solid)
    for left, top, width, height, _ in stats[1:].tolist():
        right, bottom = left + width, top + height
        at_rim = left == 0 or top == 0 or right == grey.shape[1] or bottom == grey.shape[0]
        if height > _MAX_THICKNESS_PIXELS and not at_rim and _is_bar(dark[top:bottom, left:right]):
            yield left, top, right, bottom


def _is_bar(dark: Pixels) -> bool:
    """Return whether pixels are dark except for letters: mostly, and along all four edges."""
    edges = (dark[1], dark[-2], dark[:, 1], dark[:, -2])
    return bool(dark.mean() > _MIN_DARK_SHARE and min(edge.mean() for edge in edges) > _MIN_DARK_EDGE_SHARE)
