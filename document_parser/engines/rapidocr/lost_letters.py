"""Count the letters of a line that recognition left out because it does not know them.

PP-OCR writes nothing for a letter outside its alphabet, such as Cyrillic ones or Vietnamese vowels with two marks, and its
confidence in the others stays high. What it leaves out shows as ink between two characters that are farther apart than their
widths explain.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

STEP_PIXELS = 8
"""Width of a line's picture that one step of recognition's answer stands for."""
WIDE = frozenset("mMwW—@%æœ")
NARROW = frozenset("iljtfrI1.,;:'!|()[]/ -\"`íìîïıł")
WIDE_RATIO, NARROW_RATIO, CAPITAL_RATIO = 1.5, 0.6, 1.25
"""Widths of these characters and of capitals over that of a usual letter."""
USUAL_PIXELS = 20.0
"""Distance of usual letters in a line 48 pixels high, if too few are read to measure it."""
MAX_PIXELS = 26.0
"""Maximum distance of usual letters; where most letters are lost, the measured one is too large."""
MIN_MEASURED = 3
"""Distances that must be known to take their median."""
MIN_EXCESS_RATIO = 0.7
"""Part of a letter's distance by which a gap must be too wide."""
EDGE_RATIO = 0.4
"""Part of a letter's distance at each side of a gap in which ink belongs to the characters beside it."""
MIN_INK_RATIO = 0.5
"""Part of the excess that must have ink."""
MIN_INK_ROWS = 2
"""Dark pixels in a column that make it inked."""
MAX_ROW_SHARE = 0.85
"""A row with more ink than this is a ruling."""
FRAME_ROWS = 4
"""Rows at the upper and lower edge that are left out, where neighbouring lines reach in."""
MAX_FULL_WIDTH_SHARE = 0.3
"""Share of Chinese and Japanese characters above which a line is not judged: recognition knows them, and they stand apart."""


def count_lost_letters(line: NDArray[np.float32], steps: NDArray[np.float64], text: Sequence[str]) -> float:
    """Return about how many letters of a line were left out.

    ``line`` is the picture given to recognition without its padding, brightness from -1 to 1. ``steps`` are the steps of the
    answer in whose middle the characters of ``text`` are.
    """
    if sum(unicodedata.east_asian_width(sign) in "WF" for sign in text) > MAX_FULL_WIDTH_SHARE * len(text):
        return 0.0
    ink = find_inked_columns(line)
    if not ink.any():
        return 0.0
    first, last = (int(edge) for edge in np.flatnonzero(ink)[[0, -1]])
    places = np.concatenate(([first], (steps + 0.5) * STEP_PIXELS, [last + 1]))
    ratios = np.array([0.0, *map(_width_ratio_of, text), 0.0])
    gaps, expected = np.diff(places), (ratios[1:] + ratios[:-1]) / 2
    inner = gaps[1:-1] / expected[1:-1] if len(text) > MIN_MEASURED else np.array([USUAL_PIXELS])
    usual = min(float(np.median(inner)), MAX_PIXELS)
    lost = 0.0
    for place in np.flatnonzero(gaps - expected * usual > MIN_EXCESS_RATIO * usual):
        edge = EDGE_RATIO * usual
        inked = int(ink[max(0, int(places[place] + edge)) : max(0, int(places[place + 1] - edge))].sum())
        excess = gaps[place] - expected[place] * usual
        if inked >= MIN_INK_RATIO * min(excess, usual):
            lost += min(excess, inked) / usual
    return lost


def find_inked_columns(line: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which columns of a line have ink, whether it is dark on light or light on dark."""
    grey = ((line + 1) * 127.5).astype(np.uint8)
    _, dark = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
    marks = np.asarray(dark if dark.mean() <= 0.5 else 1 - dark)[FRAME_ROWS:-FRAME_ROWS]
    marks = marks[marks.mean(axis=1) < MAX_ROW_SHARE]
    found: NDArray[np.bool_] = marks.sum(axis=0) >= MIN_INK_ROWS
    return found


def _width_ratio_of(sign: str) -> float:
    if unicodedata.east_asian_width(sign) in "WF":
        return 2.0
    if sign in WIDE:
        return WIDE_RATIO
    if sign in NARROW:
        return NARROW_RATIO
    return CAPITAL_RATIO if sign.isupper() else 1.0
