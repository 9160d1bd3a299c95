"""The characters of a page that is shown turned, at the places where they are seen. Runs in the opener child."""

from __future__ import annotations

from document_parser.sources.pdf.coordinates import Rect, rect_from_edges
from document_parser.sources.pdf.glyphs import Characters
from document_parser.sources.pdf.page_text import PageText


class TurnedCharacters:
    """The characters of a page with ``/Rotate`` in a space whose x grows to the right on the upright page, and y upwards.

    ``quarters`` is by how many quarter turns clockwise the page is shown. Rules for lines that run to the right then hold.
    """

    def __init__(self, characters: Characters, quarters: int) -> None:
        self._characters = characters
        self._cos, self._sin = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarters % 4]

    @property
    def page_text(self) -> PageText:
        """Return the text that they are the characters of."""
        return self._characters.page_text

    def size_of(self, index: int) -> float:
        """Return the font size of a character in points."""
        return self._characters.size_of(index)

    def are_alike(self, index: int, other: int) -> bool:
        """Return whether two characters are of one size and in no font for formulas or symbols."""
        return self._characters.are_alike(index, other)

    def is_upright(self, index: int) -> bool:
        """Return whether a character stands upright in a line that runs to the right, on the page as it is shown."""
        return self._characters.is_upright(index)

    def origin_of(self, index: int) -> tuple[float, float]:
        """Return x and y of where a character begins on its baseline."""
        return self._turn(*self._characters.origin_of(index))

    def rect_of(self, index: int) -> Rect:
        """Return what a character covers."""
        return self._turn_rect(self._characters.rect_of(index))

    def loose_rect_of(self, index: int) -> Rect:
        """Return the box of a character by its font's measures."""
        return self._turn_rect(self._characters.loose_rect_of(index))

    def _turn(self, x: float, y: float) -> tuple[float, float]:
        return self._cos * x + self._sin * y, self._cos * y - self._sin * x

    def _turn_rect(self, rect: Rect) -> Rect:
        (x0, y0), (x1, y1) = self._turn(rect.left, rect.bottom), self._turn(rect.right, rect.top)
        return rect_from_edges(x0, y0, x1, y1)
