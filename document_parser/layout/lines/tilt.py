"""Straighten a page whose writing is tilted as a whole: a text matrix a few degrees off, or a drawing turned by any angle.

Boxes are fractions of the page, origin top left. Directions are those of ``Word.direction``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from document_parser.models import BoundingBox, Word
from document_parser.models.skew import Skew

MIN_TILTED_SHARE = 0.6
"""Share of a page's letters that are tilted alike, at least, if the page is."""
MAX_TILT_STEP_DEGREES = 2
"""Degrees by which the directions of words tilted alike differ, at most."""
MIN_TILTED_LETTERS = 40
"""Tilted letters of a page, at least: a stamp on an empty page is no page."""
HEIGHT_EM = 1.0
"""Height of a straightened word in font sizes; its box on the tilted page is higher, and grows with its length."""


def find_tilt(words: Sequence[Word]) -> int:
    """Return by how many degrees clockwise the lines of a page fall off a quarter turn, -45 to 45; 0 for a straight page."""
    if not any(word.direction % 90 for word in words):
        return 0
    letters: Counter[int] = Counter()
    for word in words:
        letters[_deviation(word.direction)] += len(word.text)
    tilt, _ = letters.most_common(1)[0]
    alike = sum(count for degrees, count in letters.items() if abs(degrees - tilt) <= MAX_TILT_STEP_DEGREES)
    return tilt if alike >= max(MIN_TILTED_LETTERS, MIN_TILTED_SHARE * letters.total()) else 0


def _deviation(direction: int) -> int:
    """Return by how much a direction is off the next quarter turn, -45 to 44 degrees."""
    return (direction + 45) % 90 - 45


def straighten_words(words: Sequence[Word], tilt: int, width: float, height: float) -> list[Word]:
    """Return the words of a tilted page with their places on the straight page. ``width`` and ``height`` are points."""
    skew = Skew(tilt, shape=width / height)
    return [_straighten(word, tilt, skew, width, height) for word in words]


def _straighten(word: Word, tilt: int, skew: Skew, width: float, height: float) -> Word:
    """Return a word with its place and direction on the straight page."""
    left, top, right, bottom = skew.straighten((word.left, word.top, word.right, word.bottom))
    off = _deviation(word.direction)
    if abs(off - tilt) > MAX_TILT_STEP_DEGREES:
        direction = word.direction if not off else (word.direction - tilt) % 360
        return word._replace(left=left, top=top, right=right, bottom=bottom, baseline=0.0, direction=direction)
    direction = (word.direction - off) % 360
    across, down = abs(math.cos(math.radians(tilt))), abs(math.sin(math.radians(tilt)))
    wide, high = (right - left) * width, (bottom - top) * height
    size = HEIGHT_EM * word.size_points or min(wide, high)
    along = max(0.3 * size, ((high if direction % 180 else wide) - size * down) / across)
    half_along, half_size = along / 2, size / 2
    half_width, half_height = (half_size, half_along) if direction % 180 else (half_along, half_size)
    x, y = (left + right) / 2, (top + bottom) / 2
    left, right, top, bottom = (
        x - half_width / width,
        x + half_width / width,
        y - half_height / height,
        y + half_height / height,
    )
    return word._replace(left=left, top=top, right=right, bottom=bottom, baseline=0.0, direction=direction)


def tilt_box(box: BoundingBox, tilt: int, width: float, height: float) -> BoundingBox:
    """Return the box on the tilted page around a box of the straight page."""
    return BoundingBox.of(*Skew(tilt, shape=width / height).unstraighten((box.left, box.top, box.right, box.bottom)))
