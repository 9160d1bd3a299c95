"""From fractions of the page to points and back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from document_parser.models import BoundingBox, Word

LINE_BOX_TO_SIZE = 0.8
"""Font size over the height of a line's box, where nobody tells the size: OCR boxes hold ascenders, descenders and a margin."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The size of the upright page in points."""

    width: float
    height: float

    def to_points(self, words: Iterable[Word]) -> list[Word]:
        """The words that show something, their boxes in points and ordered left < right, top < bottom."""
        return [self._word(word) for word in words if word.text.strip()]

    def _word(self, word: Word) -> Word:
        left, right = sorted((word.left * self.width, word.right * self.width))
        top, bottom = sorted((word.top * self.height, word.bottom * self.height))
        return word._replace(text=word.text.strip(), left=left, top=top, right=right, bottom=bottom)

    def box(self, words: Iterable[Word]) -> BoundingBox | None:
        """The box around words given in points, as fractions of the page."""
        return BoundingBox.around(
            word._replace(
                left=word.left / self.width,
                top=word.top / self.height,
                right=word.right / self.width,
                bottom=word.bottom / self.height,
            )
            for word in words
        )


def size_of(word: Word) -> float:
    """The font size in points, estimated from the box where it is not known; never zero."""
    return word.size_points if word.size_points > 0 else max(0.5, (word.bottom - word.top) * LINE_BOX_TO_SIZE)
