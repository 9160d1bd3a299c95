"""Level and upright lines, and dark bars, in the picture of a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from document_parser.models import RulingLine, Word

MOST_RULES = 2000
_SHORTEST_PIXELS = 25
_PARTS_OF_LONG_SIDE = 45
"""The shortest line that counts is this part of the long side: longer than a dash, or a stroke of a headline's letter."""
_NEIGHBOURHOOD = 31
_DARKER = 12
_THICKEST = 14
_SLANT = 0.02
_DARK = 128
_SOLID = 0.6
"""Share of a dark bar that is dark; the rest are light letters on it. A line of text has less ink."""
_RECTANGULAR = 0.9
"""Share of its edges that is."""
_THICK = 5
"""Of the ground above and below the letters, in pixels."""
_RIM = 0.12
_SLACK = 0.005

Pixels = NDArray[np.uint8]


def rules_around(words: Sequence[Word], pixels: Pixels) -> list[RulingLine]:
    """The lines of a picture that do not run through its words. Errors and measures as of ``rules_in``."""
    boxes = np.array([word[1:5] for word in words], dtype=np.float64).reshape(len(words), 4)
    return [rule for rule in rules_in(pixels) if not _strikes(rule, boxes)]


def _strikes(rule: RulingLine, boxes: NDArray[np.float64]) -> bool:
    """Whether a line lies well inside of a word: serifs that touch look like one."""
    left, top, right, bottom = boxes.T
    edge = (bottom - top) * _RIM
    within = (left <= rule.left + _SLACK) & (rule.right <= right + _SLACK)
    return bool((within & (top + edge < rule.top) & (rule.bottom < bottom - edge)).any())


def rules_in(pixels: Pixels) -> list[RulingLine]:
    """The lines and dark bars of a picture, as fractions of its sides: MOST_RULES at most. Its rows are of blue, green, red."""
    grey: Pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
    method, dark = cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV
    ink: Pixels = cv2.adaptiveThreshold(grey, 255, method, dark, _NEIGHBOURHOOD, _DARKER).astype(np.uint8, copy=False)
    shortest = max(_SHORTEST_PIXELS, max(grey.shape) // _PARTS_OF_LONG_SIDE)
    height, width = grey.shape
    bars = list(_bars(grey, shortest))
    for left, top, right, bottom in bars:
        # Beside its edge a bar is darker than its neighbourhood, which would join the lines that touch it to one thick one.
        ink[top:bottom, left:right] = 0
    levels = [RulingLine(start, at, end, at) for start, end, at in _lines(ink, shortest)]
    uprights = [RulingLine(at, start, at, end) for start, end, at in _lines(np.ascontiguousarray(ink.T), shortest)]
    found = [*(RulingLine(*bar) for bar in bars), *levels, *uprights][:MOST_RULES]
    return [RulingLine(rule.left / width, rule.top / height, rule.right / width, rule.bottom / height) for rule in found]


def _lines(ink: Pixels, shortest: int) -> Iterator[tuple[float, float, float]]:
    """(start, end, place across) of the level lines, in pixels."""
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (shortest, 1))
    level = cv2.morphologyEx(ink, cv2.MORPH_OPEN, kernel)
    # A slanted line is stairs of runs that touch; a worn one has gaps of a few pixels.
    joined = cv2.dilate(level, cv2.getStructuringElement(cv2.MORPH_RECT, (5, 3)))
    _, _, stats, centres = cv2.connectedComponentsWithStats(joined)
    for (left, _, width, height, _), (_, middle) in zip(stats[1:].tolist(), centres[1:].tolist(), strict=True):
        if height <= _THICKEST + _SLANT * width:
            yield left, left + width, middle


def _bars(grey: Pixels, shortest: int) -> Iterator[tuple[int, int, int, int]]:
    """(left, top, right, bottom) of the dark rectangles, in pixels: the grounds of headings in light letters."""
    dark: Pixels = (grey < _DARK).astype(np.uint8)
    solid = cv2.morphologyEx(dark, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_RECT, (shortest, _THICK)))
    _, _, stats, _ = cv2.connectedComponentsWithStats(solid)
    for left, top, width, height, _ in stats[1:].tolist():
        right, bottom = left + width, top + height
        at_rim = left == 0 or top == 0 or right == grey.shape[1] or bottom == grey.shape[0]
        if height > _THICKEST and not at_rim and _is_bar(dark[top:bottom, left:right]):
            yield left, top, right, bottom


def _is_bar(dark: Pixels) -> bool:
    """Whether pixels are dark but for letters: along all four edges, and mostly."""
    edges = (dark[1], dark[-2], dark[:, 1], dark[:, -2])
    return bool(dark.mean() > _SOLID and min(edge.mean() for edge in edges) > _RECTANGULAR)
