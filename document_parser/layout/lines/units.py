"""Convert fractions of the page to points and back, and estimate font sizes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
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

CAPITAL_HEIGHT_EM, SMALL_HEIGHT_EM, DEPTH_EM = 0.71, 0.5, 0.21
"""Heights above the line of capitals, figures and letters with an ascender, and of others, and the depth of those below it."""
FULL_HEIGHT_EM = 0.9
"""Height of a line in letters other than Latin, Greek and Cyrillic ones."""
SCAN_SIZE_SHARE = 0.92
"""Part of the estimated size that counts on scans: the gaps that part columns and cells are measured in sizes, and blur and the
edges of a network's boxes narrow them.
"""
ESTIMATE_SHARE = 0.12
"""By this share of a size estimates of it differ, at most."""
_SMALL = frozenset("acegmnopqrsuvwxyzαγεηικμνοπρςστυχωагежзиклмнопрстхцчшщъыьэюяçęąşų.,:;…·-–—_~+=<>«»")
"""Signs that do not reach the height of capitals."""
_DEEP = frozenset("gjpqyçęąşųßQβγζημξρφχψруфцщд,;()[]{}|/@$§")
"""Signs that reach below the line."""
_UPRIGHT_LETTERS_END = "ӿ"
"""The last letter of the Latin, Greek and Cyrillic blocks."""

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
    height = max(0.5, (word.bottom - word.top) * SIZE_TO_BOX_HEIGHT_RATIO)
    if len(word.text) < MIN_MEASURED_LETTERS or not word.text.isascii():
        return height
    width = max(0.5, (word.right - word.left) / len(word.text) / LETTER_WIDTH_EM)
    return math.sqrt(height * min(max(width, height / 2), height * 2))


def estimate_sizes(parts_of_lines: Mapping[Word, Sequence[Word]], scale: Scale) -> dict[Word, float]:
    """Return the font sizes of the lines of a scan, in points.

    ``parts_of_lines`` are the words of each line, whose boxes are those of their ink. The boxes and lengths of the lines
    themselves tell which of them are of one size; how large it is tells the ink of the usual line.
    """
    lines = {line: _size_of_line(scale.to_points([line])[0]) for line in parts_of_lines}
    ratios = [
        _size_of_ink(line.text, scale.height * max(part.bottom - part.top for part in parts)) / lines[line]
        for line, parts in parts_of_lines.items()
    ]
    usual = sorted(ratios)[len(ratios) // 2] if ratios else 1.0
    return {line: SCAN_SIZE_SHARE * usual * size for line, size in _level(lines).items()}


def _size_of_line(line: Word) -> float:
    """Return the font size of a line by its height, and by the width of its letters where they are about half as wide."""
    if len(line.text) < MIN_MEASURED_LETTERS or any(sign > _UPRIGHT_LETTERS_END and sign.isalpha() for sign in line.text):
        return size_of(line)
    return size_of(line._replace(text="n" * len(line.text)))


def _size_of_ink(text: str, height: float) -> float:
    """Return the font size of a line of this text whose ink is so high, in the same unit.

    Capitals are about .71 of the size high, small letters .5, and descenders .21 deep, as in most text faces: which of them the
    text has says what the height stands for.
    """
    if any(sign > _UPRIGHT_LETTERS_END and sign.isalpha() for sign in text):
        return height / FULL_HEIGHT_EM
    above = SMALL_HEIGHT_EM if _SMALL.issuperset(text.replace(" ", "")) else CAPITAL_HEIGHT_EM
    return height / (above + (0.0 if _DEEP.isdisjoint(text) else DEPTH_EM))


def _level(sizes: Mapping[Word, float]) -> dict[Word, float]:
    """Return the estimated sizes of lines with one size for those that differ by no more than estimates of one size do.

    The size of the middle letter comes first: the lines near it have it. Then that of the others, and so on.
    """
    left = dict(sorted(sizes.items(), key=lambda item: item[1]))
    found: dict[Word, float] = {}
    while left:
        usual = _middle_size(left)
        near = [line for line, size in left.items() if abs(size - usual) <= ESTIMATE_SHARE * usual]
        found |= dict.fromkeys(near, usual)
        for line in near:
            del left[line]
    return found


def _middle_size(sizes: Mapping[Word, float]) -> float:
    """Return the size of the middle letter of lines in the order of their sizes."""
    rest = sum(len(line.text) for line in sizes) / 2
    for line, size in sizes.items():
        rest -= len(line.text)
        if rest <= 0:
            return size
    raise ValueError("There are no lines.")
