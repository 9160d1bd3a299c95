"""Find the bullets of lists that a PDF page draws as shapes, as browsers print them. Runs in the opener child."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from document_parser.models import Word
from document_parser.sources.pdf.objects import Box, PageObject

SIZE_EM = 0.2, 0.62
"""Size of a bullet in font sizes of its item; smaller shapes are dots of a leader or a pattern, larger ones check boxes."""
MIN_SIZE_POINTS, MAX_SIZE_POINTS = 1.0, 16.0
"""Side of a bullet in points."""
MAX_SIDES_RATIO = 1.2
"""Longer over shorter side."""
GAP_EM = 0.2, 2.5
"""White between a bullet and its item, in font sizes."""
MAX_LEVEL_SHIFT_EM = 0.3
"""Font sizes between the middles of a bullet and of the low letters of its item, at most."""
LOW_LETTERS_EM = 0.25
"""Font sizes from the baseline to the middle of low letters."""
MIN_ALIGNED = 2
"""Bullets of one kind at one place of their lines, at least; a single dot marks a place on a map or a point of a chart."""
MAX_SHAPES = 2_000
"""A page with more small shapes is a drawing."""
MAX_DISTANCE_POINTS = 1.0
"""By how much bullets of one list are out of line, at most."""
_SQUARE_SEGMENTS = 5
DISC, CIRCLE, SQUARE = "•", "◦", "▪"


class _Bullet(NamedTuple):
    """A shape that is a bullet: its sign, its box in fractions of the page, and the word that its item begins with."""

    sign: str
    box: Box
    item: Word


def find_bullets(objects: Iterable[PageObject], words: Sequence[Word], width: float, height: float) -> list[Word]:
    """Return the bullets among a page's paths as words before their items. ``width`` and ``height`` are in points."""
    paths = [(one, one.box) for one in objects if one.kind == pdfium.FPDF_PAGEOBJ_PATH and one.box]
    boxes = np.array([box for _, box in paths]).reshape(len(paths), 4) * (width, height, width, height)
    small = np.flatnonzero(_are_small(boxes)).tolist()
    if not words or not MIN_ALIGNED <= len(small) <= MAX_SHAPES:
        return []
    lines = _Lines(words, width, height)
    found = []
    for place in small:
        shape, box = paths[place]
        item = None if _is_framed(boxes[place], boxes) else lines.item_behind(*boxes[place].tolist())
        if item is not None and (sign := _sign_of(shape)):
            found.append(_Bullet(sign, box, item))
    return (
        [_word_of(bullet) for bullet in found] if any(_count_aligned(one, found, width) >= MIN_ALIGNED for one in found) else []
    )


def _are_small(boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which boxes, in points, have the size of a bullet of some font size and sides of nearly one length."""
    sides = boxes[:, 2:] - boxes[:, :2]
    shorter, longer = sides.min(axis=1), sides.max(axis=1)
    return np.asarray((shorter > MIN_SIZE_POINTS) & (longer < MAX_SIZE_POINTS) & (longer < MAX_SIDES_RATIO * shorter))


def _is_framed(box: NDArray[np.float64], boxes: NDArray[np.float64]) -> bool:
    """Return whether a shape is the mark inside of a check box or an option, which is a small box itself."""
    around = (boxes[:, :2] < box[:2]).all(axis=1) & (boxes[:, 2:] > box[2:]).all(axis=1)
    return bool((around & _are_small(boxes)).any())


def _count_aligned(bullet: _Bullet, bullets: Iterable[_Bullet], width: float) -> int:
    """Return how many bullets of its kind begin where one does, itself included."""
    return sum(
        other.sign == bullet.sign and abs(other.box[0] - bullet.box[0]) * width < MAX_DISTANCE_POINTS for other in bullets
    )


class _Lines:
    """The words of a page, with their places in points."""

    def __init__(self, words: Sequence[Word], width: float, height: float) -> None:
        self._words = words
        places = np.array([word[1:5] for word in words]) * (width, height, width, height)
        self._left, self._top, self._right, self._bottom = places.T
        self._size = np.array([word.size_points or height * (word.bottom - word.top) for word in words])
        self._baseline = np.array([height * (word.baseline or word.bottom) for word in words])

    def item_behind(self, left: float, top: float, right: float, bottom: float) -> Word | None:
        """Return the word that a shape is the bullet of; None if it is none."""
        level = (self._top < bottom) & (self._bottom > top)
        behind = np.where(level & (self._left >= right), self._left - right, np.inf)
        nearest = int(behind.argmin())
        em = self._size[nearest]
        if not (GAP_EM[0] * em <= behind[nearest] <= GAP_EM[1] * em and SIZE_EM[0] * em <= right - left <= SIZE_EM[1] * em):
            return None
        before = np.where(level & (self._left < right), left - self._right, np.inf)
        low_letters = self._baseline[nearest] - LOW_LETTERS_EM * em
        is_level = abs((top + bottom) / 2 - low_letters) <= MAX_LEVEL_SHIFT_EM * em
        return self._words[nearest] if is_level and before.min() >= GAP_EM[1] * em else None


def _sign_of(shape: PageObject) -> str:
    """Return the sign that a shape stands for; empty for one that is not painted."""
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    if not pdfium.FPDFPath_GetDrawMode(shape.found, fill, stroke):
        return ""
    if fill.value:
        return SQUARE if pdfium.FPDFPath_CountSegments(shape.found) <= _SQUARE_SEGMENTS else DISC
    return CIRCLE if stroke.value else ""


def _word_of(bullet: _Bullet) -> Word:
    """Return a bullet as a word on the line of its item."""
    plain = bullet.item._replace(bold=False, italic=False, math=False, struck=False, link="", confidence=None)
    return plain._replace(text=bullet.sign, left=round(bullet.box[0], 5), right=round(bullet.box[2], 5))
