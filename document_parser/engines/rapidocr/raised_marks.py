"""Find raised digits and letters at the ends of words in the image of a line: a recognition writes them as ordinary ones.

A note's number behind an amount would make it ten times as large. The ink shows it: a mark is lower than the digits before it
and ends above their middle.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from document_parser.models.raised import RAISED

MAX_HEIGHT_RATIO = 0.8
"""Height of a mark over that of the letters before it."""
MIN_LIFT_RATIO = 0.22
"""Height of the foot of a mark above theirs, over their height. Text figures and small letters stand on the line."""
MAX_DROP_RATIO = 0.3
"""Distance of the head of a mark below theirs, over their height."""
MIN_BODY_PIXELS = 7
"""Height of letters below which nothing can be told of their marks."""
MAX_MARKS = 3
"""Raised characters at the end of a word that are looked for."""

_MARKED = re.compile(r"[^\W_][0-9a-pr-z][.,;:!?)\]]*$")
"""A word whose last letter may be a mark: a digit, or a small letter behind a digit."""
_MARKED_STOP = re.compile(r"[^\W\d_][.,;:!?)\]]+\d{1,3}$")
"""A word with a stop that may have a mark behind it."""
_TEX_MARK = re.compile(r"(?<=\w)\^\{([0-9a-z]{1,3})\}?|(?<=\d)\^([0-9a-z]{1,2})\b")
"""How the recognition writes a raised mark now and then."""
MIN_RULE_WIDTH_SHARE, MIN_RULE_WIDTH_RATIO = 0.6, 0.7
"""Width of a drawn line in the image of a line, at least, over that of the image and over its height: letters are narrower."""
RULE_EDGE_SHARE = 0.25
"""Share of the height at the top and at the foot of the image where a drawn line is that of a table's cell."""

Pixels = NDArray[np.uint8]
"""Rows of 8-bit pixels, blue, green, red."""


class _Glyph(NamedTuple):
    """A piece of ink between two columns without any, in pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def height(self) -> int:
        """Return the height in pixels."""
        return self.bottom - self.top


def may_have_marks(text: str) -> bool:
    """Return whether a word of a text may end with a mark: what is asked before its image is cut out."""
    return "^" in text or any(_ends_like_mark(word) for word in text.split())


def _ends_like_mark(word: str) -> bool:
    """Return whether the last letter of a word may be a mark: a digit, or a single small letter behind a digit."""
    if not _MARKED.search(word):
        return _MARKED_STOP.search(word) is not None
    bare = word.rstrip(".,;:!?)]")
    return bare[-1].isdigit() or bare[-2].isdigit()


def mark_raised(text: str, line: Pixels) -> str:
    """Return the text of a line with the raised characters at the ends of its words as such. ``line`` is its image.

    Raises cv2.error for an image without pixels.
    """
    text = _TEX_MARK.sub(lambda found: (found[1] or found[2]).translate(RAISED), text)
    words = text.split()
    if not any(map(_ends_like_mark, words)):
        return text
    parts = _split_words(_find_glyphs(line), len(words))
    if parts is None:
        return text
    return " ".join(_mark_word(word, part) if _ends_like_mark(word) else word for word, part in zip(words, parts, strict=True))


def _find_glyphs(line: Pixels) -> list[_Glyph]:
    """Return the pieces of ink from left to right; pieces above each other, as of an i, are one."""
    grey = cv2.cvtColor(line, cv2.COLOR_BGR2GRAY)
    _, ink = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
    if (ink > 0).mean() > 0.5:  # light letters on dark ground
        ink = cv2.bitwise_not(ink)
    ink = _without_rules(ink.astype(np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink)
    found: list[_Glyph] = []
    for left, top, width, height, area in sorted(stats[1:].tolist()):
        if area < 3 or height > 0.98 * line.shape[0] or width > 3 * line.shape[0]:
            continue
        glyph = _Glyph(left, top, left + width, top + height)
        before = found[-1] if found else None
        if before and min(before.right, glyph.right) - glyph.left > 0.6 * min(width, before.right - before.left):
            found[-1] = _Glyph(
                min(before.left, left),
                min(before.top, top),
                max(before.right, glyph.right),
                max(before.bottom, glyph.bottom),
            )
        else:
            found.append(glyph)
    return found


def _without_rules(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return ink without the drawn lines above and below the letters, which touch them in the cell of a table."""
    height, width = ink.shape
    least = round(max(MIN_RULE_WIDTH_SHARE * width, MIN_RULE_WIDTH_RATIO * height))
    edge = round(RULE_EDGE_SHARE * height)
    if least >= width or not edge:
        return ink
    rules = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((1, least), np.uint8))
    rules[edge:-edge] = 0
    if not rules.any():
        return ink
    return np.where(cv2.dilate(rules, np.ones((3, 1), np.uint8)) > 0, np.uint8(0), ink)


def _split_words(glyphs: list[_Glyph], words: int) -> list[list[_Glyph]] | None:
    """Return the glyphs of each word, parted at the widest gaps; None if there are too few."""
    if len(glyphs) < words:
        return None
    gaps = [after.left - before.right for before, after in pairwise(glyphs)]
    cuts = sorted(sorted(range(len(gaps)), key=lambda place: -gaps[place])[: words - 1])
    edges = [0, *(cut + 1 for cut in cuts), len(glyphs)]
    return [glyphs[start:end] for start, end in pairwise(edges)]


def _mark_word(word: str, glyphs: list[_Glyph]) -> str:
    """Return a word with its raised end marked, if its ink has about a piece for each letter."""
    bare = word.rstrip(".,;:!?)]")
    behind = len(word) - len(bare)
    if not 0 <= len(word) - len(glyphs) <= max(1, len(word) // 4):  # letters may touch; more pieces than letters are dirt
        return word
    before = len(word) - len(word.lstrip("([{<$£€\"'#"))  # higher than letters, or lower
    pieces = glyphs[before : len(glyphs) - behind]
    count = 0
    while count < min(MAX_MARKS, len(pieces) - 1, len(bare) - before - 1) and _is_raised(
        pieces[-1 - count], pieces[: -1 - count]
    ):
        count += 1
    if not count or not all(ord(letter) in RAISED for letter in bare[-count:]):
        return word
    return bare[:-count] + bare[-count:].translate(RAISED) + word[len(bare) :]


def _is_raised(mark: _Glyph, body: list[_Glyph]) -> bool:
    """Return whether a piece of ink is lower than the letters before it and stands above their foot."""
    high = max(glyph.height for glyph in body)
    if high < MIN_BODY_PIXELS:
        return False
    tall = [glyph for glyph in body if glyph.height >= 0.75 * high]
    foot, head = float(np.median([glyph.bottom for glyph in tall])), float(np.median([glyph.top for glyph in tall]))
    return (
        mark.height <= MAX_HEIGHT_RATIO * high
        and mark.height >= 0.3 * high
        and foot - mark.bottom >= MIN_LIFT_RATIO * high
        and mark.top - head <= MAX_DROP_RATIO * high
    )
