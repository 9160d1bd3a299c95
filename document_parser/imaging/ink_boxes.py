"""Fit the boxes of words that were found on a page image to their ink.

A network that finds lines gives them margins, a fifth of a letter to its left and right and nearly half of one above and below,
so that boxes of neighbouring rows overlap and the gap between two columns is no wider than a space. Words of a text layer have
boxes of their letters; the layout measures both with one rule.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from document_parser.models import Word

Pixels = NDArray[np.uint8]
"""Rows of 8-bit pixels, blue, green, red."""
MIN_HEIGHT_PIXELS, MIN_WIDTH_PIXELS = 6, 4
"""A smaller box is left as it is: a pixel more or less would change it too much."""
MAX_RULED_SHARE = 0.85
"""A row or column with more ink than this is a ruling line's, not letters'."""
MIDDLE = 0.25, 0.75
"""Between these shares of the height of its box a line of letters has most of its ink."""
MIN_ROW_SHARE = 0.01
"""Ink of a row, over that of the fullest one, from which it is no noise."""
MAX_ROW_GAP_SHARE = 0.08
"""Rows without ink, over the height of the box, that may lie within letters, such as below the dot of an i."""
MAX_VALLEY_SHARE, MIN_RISE_SHARE = 0.06, 0.1
"""A row with less ink than this, over that of the fullest one, ends the letters if a row beyond it has this much more."""
MIN_FITTED_SHARE = 0.3
"""Height of the ink, over that of the box, below which the ink that was found is not that of the letters."""
MAX_KNOWN_GAP_SHARE = 0.12
"""White between two words, over the height of their letters, below which their border is looked for in the ink."""
MIN_GAP_SHARE = 0.3
"""White between two words, over the height of their letters, at least."""
MIN_GAP_RATIO = 2.0
"""White between a number and its unit over the widest white within them, at least, if they were read as one word."""
_GLUED = re.compile(r"([-+−<>]?\d[\d.,]*[*†‡]?)([^\W\d_%°][^\s\d]*)")
"""A number, maybe with a mark, and the letters of a unit right behind it."""


def fit_to_ink(words: Sequence[Word], pixels: Pixels) -> list[Word]:
    """Return the words of one level line, from left to right, with the box of the line's ink instead of the line's box.

    Words that touch are parted at the white between them, and a number from the unit that was read as one word with it.

    The words end as high and as low as the ink of their line; where the first begins and the last ends its ink does. Boxes are
    fractions of the image ``pixels``. The words stay as they are if the line is tiny or its ink cannot be told from the paper.
    """
    height, width = pixels.shape[:2]
    left, right = int(words[0].left * width), int(np.ceil(words[-1].right * width))
    top, bottom = int(min(word.top for word in words) * height), int(np.ceil(max(word.bottom for word in words) * height))
    if bottom - top < MIN_HEIGHT_PIXELS or right - left < MIN_WIDTH_PIXELS:
        return list(words)
    ink = _ink_of(pixels[top:bottom, left:right])
    rows = _rows_of_letters(ink.sum(axis=1))
    columns = np.flatnonzero(ink[rows].any(axis=0))
    if not len(columns) or rows.stop - rows.start < MIN_FITTED_SHARE * (bottom - top):
        return list(words)
    level = {"top": (top + rows.start) / height, "bottom": (top + rows.stop) / height}
    first, last = (left + int(columns[0])) / width, (left + int(columns[-1]) + 1) / width
    fitted = [word._replace(**level) for word in words]
    if first < fitted[0].right:
        fitted[0] = fitted[0]._replace(left=first)
    if last > fitted[-1].left:
        fitted[-1] = fitted[-1]._replace(right=last)
    white = _WhiteOfLine(np.asarray(~ink[rows].any(axis=0)), left, width, rows.stop - rows.start)
    return [part for word in _part_at_white(fitted, white) for part in _unglued(word, white)]


class _WhiteOfLine(NamedTuple):
    """The columns of a line without ink; where it begins, how wide its image is and how high its letters are, in pixels."""

    columns: NDArray[np.bool_]
    left: int
    width: int
    height: int

    def between(self, start: float, end: float) -> list[tuple[float, float]]:
        """Return the (left, right) ends of the white between two places within ink, narrowest first, in shares of the image."""
        first = max(0, round(start * self.width) - self.left)
        inked = first + np.flatnonzero(~self.columns[first : round(end * self.width) - self.left])
        gaps = sorted(((int(before) + 1, int(after)) for before, after in pairwise(inked)), key=lambda gap: gap[1] - gap[0])
        return [((self.left + one) / self.width, (self.left + other) / self.width) for one, other in gaps if other > one]

    def share_of(self, gap: tuple[float, float]) -> float:
        """Return the width of a gap over the height of the letters."""
        return (gap[1] - gap[0]) * self.width / self.height


def _part_at_white(words: Sequence[Word], white: _WhiteOfLine) -> list[Word]:
    """Return words with the white between those that seem to touch: the network tells only roughly where a word ends."""
    found = list(words)
    for number, (before, after) in enumerate(pairwise(words)):
        if white.share_of((before.right, after.left)) >= MAX_KNOWN_GAP_SHARE:
            continue
        first, last = (before.left + before.right) / 2, (after.left + after.right) / 2
        gaps = [gap for gap in white.between(before.left, after.right) if gap[1] > first and gap[0] < last]
        if gaps and white.share_of(gaps[-1]) >= MIN_GAP_SHARE:
            found[number] = found[number]._replace(right=gaps[-1][0])
            found[number + 1] = found[number + 1]._replace(left=gaps[-1][1])
    return found


def _unglued(word: Word, white: _WhiteOfLine) -> list[Word]:
    """Return a number and its unit as two words if the white between them is far wider than that between their letters."""
    if not (glued := _GLUED.fullmatch(word.text)):
        return [word]
    gaps = white.between(word.left, word.right)
    widest = gaps[-1] if gaps else (0.0, 0.0)
    others = white.share_of(gaps[-2]) if len(gaps) > 1 else 0.0
    if white.share_of(widest) < max(MIN_GAP_SHARE, MIN_GAP_RATIO * others):
        return [word]
    return [word._replace(text=glued[1], right=widest[0]), word._replace(text=glued[2], left=widest[1])]


def _ink_of(pixels: Pixels) -> NDArray[np.uint8]:
    """Return which pixels are ink, dark on light or light on dark, without ruling lines."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    _, dark = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
    ink = np.asarray(dark if dark.mean() <= 0.5 else 1 - dark, dtype=np.uint8)
    ink[ink.mean(axis=1) > MAX_RULED_SHARE] = 0
    ink[:, ink.mean(axis=0) > MAX_RULED_SHARE] = 0
    return ink


def _rows_of_letters(counts: NDArray[np.uint64]) -> slice:
    """Return the rows from the fullest one of the middle, up and down to where the ink of the letters ends.

    ``counts`` are the pixels of ink of each row. Letters end at rows without ink, or, where the lines above and below reach
    in, at the row with the least ink before these.
    """
    height = len(counts)
    first, last = round(MIDDLE[0] * height), max(round(MIDDLE[0] * height) + 1, round(MIDDLE[1] * height))
    fullest = first + int(counts[first:last].argmax())
    if not counts[fullest]:
        return slice(0, 0)
    shares, gap = counts / float(counts[fullest]), max(1, round(MAX_ROW_GAP_SHARE * height))
    return slice(fullest - _reach(shares[fullest::-1], gap) + 1, fullest + _reach(shares[fullest:], gap))


def _reach(shares: NDArray[np.float64], gap: int) -> int:
    """Return how many of these rows, from the fullest one on, are of its letters.

    ``shares`` are their ink over that of the fullest one. Up to ``gap`` rows without ink may lie within letters.
    """
    reach, least, emptiest = 1, 1.0, 0
    for row, share in enumerate(shares):
        if share >= MIN_ROW_SHARE:
            if least < MAX_VALLEY_SHARE and share > least + MIN_RISE_SHARE:
                return min(reach, max(1, emptiest))
            if row - reach > gap:
                return reach
            reach = row + 1
        if share < least:
            least, emptiest = share, row
    return reach
