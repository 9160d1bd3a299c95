"""Convert fractions of the page to points and back, and estimate the font size of a word."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

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
_BASELINE = Word._fields.index("baseline")
"""Place of the baseline among the fields, the first five of which are a word's text and box."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The size of the upright page in points."""

    width: float
    height: float

    def to_points(self, words: Iterable[Word]) -> list[Word]:
        """Return the words that have text, with boxes in points, left <= right and top <= bottom."""
        width, height = self.width, self.height
        found: list[Word] = []
        for word in words:
            if not (text := word.text.strip()):
                continue
            left, right = word.left * width, word.right * width
            top, bottom = word.top * height, word.bottom * height
            if left > right:
                left, right = right, left
            if top > bottom:
                top, bottom = bottom, top
            looks = (*word[5:_BASELINE], word.baseline * height, *word[_BASELINE + 1 :])
            found.append(_NEW_WORD(Word, (text, left, top, right, bottom, *looks)))
        return found

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
