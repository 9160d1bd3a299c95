"""Level and upright lines in the picture of a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from document_parser.models import Rule, Word

MOST_RULES = 2000
_SHORTEST_PIXELS = 25
_PARTS_OF_LONG_SIDE = 45
"""The shortest line that counts is this part of the long side: longer than a dash, or a stroke of a headline's letter."""
_NEIGHBOURHOOD = 31
_DARKER = 12
_THICKEST = 14
_SLANT = 0.02
_RIM = 0.12
_SLACK = 0.005

Pixels = NDArray[np.uint8]


def rules_around(words: Sequence[Word], pixels: Pixels) -> list[Rule]:
    """The lines of a picture that do not run through its words. Errors and measures as of ``rules_in``."""
    boxes = np.array([word[1:5] for word in words], dtype=np.float64).reshape(len(words), 4)
    return [rule for rule in rules_in(pixels) if not _strikes(rule, boxes)]


def _strikes(rule: Rule, boxes: NDArray[np.float64]) -> bool:
    """Whether a line lies well inside of a word: serifs that touch look like one."""
    left, top, right, bottom = boxes.T
    edge = (bottom - top) * _RIM
    within = (left <= rule.left + _SLACK) & (rule.right <= right + _SLACK)
    return bool((within & (top + edge < rule.top) & (rule.bottom < bottom - edge)).any())


def rules_in(pixels: Pixels) -> list[Rule]:
    """The lines of a picture, given as rows of blue, green and red, as fractions of its sides. MOST_RULES at most."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    method, dark = cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV
    ink: Pixels = cv2.adaptiveThreshold(grey, 255, method, dark, _NEIGHBOURHOOD, _DARKER).astype(np.uint8, copy=False)
    shortest = max(_SHORTEST_PIXELS, max(grey.shape) // _PARTS_OF_LONG_SIDE)
    height, width = grey.shape
    levels = [Rule(start, at, end, at) for start, end, at in _lines(ink, shortest)]
    uprights = [Rule(at, start, at, end) for start, end, at in _lines(np.ascontiguousarray(ink.T), shortest)]
    found = [*levels, *uprights][:MOST_RULES]
    return [Rule(rule.left / width, rule.top / height, rule.right / width, rule.bottom / height) for rule in found]


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
