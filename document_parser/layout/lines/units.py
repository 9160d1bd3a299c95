"""Convert fractions of the page to points and back, and estimate the font size of a word."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import gt

from document_parser.models import BoundingBox, RulingLine, Word

SIZE_TO_BOX_HEIGHT_RATIO = 0.8
"""Font size divided by the height of a line's box, if the size is unknown.

OCR boxes hold ascenders, descenders and a margin.
"""

MIN_MEASURED_LETTERS = 6
"""Letters of a word, at least, before its width counts for its font size."""
LETTER_WIDTH_EM = 0.5
"""Width of the mean Latin letter in font sizes."""
MIN_SIZE_POINTS = 0.5
"""The smallest font size."""

_NEW_WORD = tuple.__new__
"""Makes a Word of its fields at a third of the cost of ``_replace``, which counts for all words of a page."""
_BOX_END, _BASELINE = map(Word._fields.index, ("size_points", "baseline"))
"""Places of the fields behind a word's text and box, and of the baseline among them."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The size of the upright page in points."""

    width: float
    height: float

    def to_points(self, words: Iterable[Word]) -> list[Word]:
        """Return the words that have text, with boxes in points, left <= right and top <= bottom."""
        kept = [word for word in words if word[0] and not word[0].isspace()]
        if not kept:
            return []
        texts, lefts, tops, rights, bottoms, *looks = map(list, zip(*kept, strict=True))
        lefts, rights = _in_points(lefts, rights, self.width)
        tops, bottoms = _in_points(tops, bottoms, self.height)
        looks[_BASELINE - _BOX_END] = [baseline * self.height for baseline in looks[_BASELINE - _BOX_END]]
        rows = zip(map(str.strip, texts), lefts, tops, rights, bottoms, *looks, strict=True)
        return list(map(_NEW_WORD, repeat(Word), rows))

    def rulings_to_points(self, rules: Iterable[RulingLine]) -> list[RulingLine]:
        """Return drawn lines with boxes in points, left <= right and top <= bottom."""
        return [
            RulingLine(
                min(rule.left, rule.right) * self.width,
                min(rule.top, rule.bottom) * self.height,
                max(rule.left, rule.right) * self.width,
                max(rule.top, rule.bottom) * self.height,
            )
            for rule in rules
        ]

    def box_of(self, words: Iterable[Word]) -> BoundingBox | None:
        """Return the box around words, given in points, in fractions of the page. None if there are no words."""
        kept = list(words)
        if not kept:
            return None
        return BoundingBox.of(
            min([word.left for word in kept]) / self.width,
            min([word.top for word in kept]) / self.height,
            max([word.right for word in kept]) / self.width,
            max([word.bottom for word in kept]) / self.height,
        )


def _in_points(starts: Sequence[float], ends: Sequence[float], length: float) -> tuple[list[float], list[float]]:
    """Return the edges of words in points of a page of this length, the smaller one of each word first."""
    starts, ends = [start * length for start in starts], [end * length for end in ends]
    if any(map(gt, starts, ends)):
        pairs = [(end, start) if start > end else (start, end) for start, end in zip(starts, ends, strict=True)]
        return [start for start, _ in pairs], [end for _, end in pairs]
    return starts, ends


def size_of(word: Word) -> float:
    """Return the font size in points, estimated from the box if it is unknown; never zero.

    OCR boxes have margins that blur heights, so the width of a letter counts too if there are enough letters.
    """
    if word.size_points > 0 or word.estimated_points > 0:
        return word.size_points or word.estimated_points
    height = max(MIN_SIZE_POINTS, (word.bottom - word.top) * SIZE_TO_BOX_HEIGHT_RATIO)
    if len(word.text) < MIN_MEASURED_LETTERS or not word.text.isascii():
        return height
    width = max(MIN_SIZE_POINTS, (word.right - word.left) / len(word.text) / LETTER_WIDTH_EM)
    return math.sqrt(height * min(max(width, height / 2), height * 2))
