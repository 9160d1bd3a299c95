"""Read the style of a PDF page's characters: size, direction and font. Runs in the opener child."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Container
from typing import Any, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium

from document_parser.models.skew import direction_of
from document_parser.sources.pdf import calls
from document_parser.sources.pdf.fonts import FontStyle, font_style_of
from document_parser.sources.pdf.page_text import PageText


class TextStyle(NamedTuple):
    """The style of the characters of one text object.

    ``direction`` is where its line runs to on the upright page, in degrees as ``direction_of`` counts them. ``face``
    distinguishes their font from the others of the page; ``marked`` is the object's address, if the caller asked for it.
    """

    size_points: float
    font: FontStyle
    direction: int = 0
    face: int = 0
    marked: int = 0

    def differs(self, other: TextStyle) -> bool:
        """Return whether the two distinguish parts of a formula, which may touch each other."""
        fonts = self.font.math != other.font.math or self.font.glyphs is not other.font.glyphs
        return fonts or abs(self.size_points - other.size_points) > 0.1 * self.size_points


_Setting = tuple[float, int | None, tuple[float, ...]]
"""What decides the style of a text object: font size, the font's address, and a, b, c and d of the matrix, if it has one."""
_NEW = tuple.__new__
"""Makes a TextStyle of another's fields at half the cost."""


class TextStyles:
    """The styles of a page's text objects, each read once. ``known`` has those read so far by the object's address.

    ``marked`` are the addresses of text objects that their styles are to name. ``quarters`` is by how many quarter turns
    clockwise the page is shown.
    """

    def __init__(self, page: Any, page_text: PageText, marked: Container[int]) -> None:
        self.known: dict[int | None, TextStyle] = {}
        self.quarters: int = max(0, pdfium.FPDFPage_GetRotation(page.raw))
        self._rotation: int = 90 * self.quarters
        self._address = page_text.address
        self._marked = marked
        self._alike: dict[_Setting, TextStyle] = {}
        self._fonts: dict[int | None, FontStyle] = {}
        self._matrix = np.zeros(6, dtype=np.float32)
        self._matrix_address = int(self._matrix.ctypes.data)

    def of(self, index: int) -> TextStyle:
        """Return the style of a character's text object, determined once."""
        text_object = calls.get_text_object(self._address, index)
        style = self.known.get(text_object)
        if style is None:
            style = self._read_style(index, text_object)
            if text_object in self._marked:
                style = style._replace(marked=text_object or 0)
            self.known[text_object] = style
        return style

    def runs_to_the_right(self, index: int) -> bool:
        """Return whether a character's line runs to the right in the page's own space, before the page is turned."""
        return self.of(index).direction == self._rotation

    def heading_of(self, index: int) -> tuple[float, float]:
        """Return where a character's line runs to in the page's own space, as a vector of length 1; to the right if unknown."""
        if not calls.get_char_matrix(self._address, index, self._matrix_address):
            return 1.0, 0.0
        a, b = self._matrix[:2].tolist()
        length = math.hypot(a, b)
        return (a / length, b / length) if 0 < length < math.inf else (1.0, 0.0)

    def _read_style(self, index: int, text_object: int | None) -> TextStyle:
        """Return a style for a text object alone, determined once for those of one size, matrix and font."""
        size, font = calls.get_font_size(self._address, index), calls.get_font(text_object) if text_object else None
        has_matrix = calls.get_char_matrix(self._address, index, self._matrix_address)
        setting: _Setting = size, font, tuple(self._matrix[:4].tolist()) if has_matrix else ()
        style = self._alike.get(setting)
        if style is None:
            style = self._alike[setting] = self._style_for(*setting)
        return _NEW(TextStyle, style)

    def _style_for(self, size: float, font: int | None, matrix: tuple[float, ...]) -> TextStyle:
        """Return the style of characters of a font size before their matrix, a, b, c and d, is applied; empty if unknown."""
        direction = 0
        if matrix:
            a, b, c, d = matrix
            # A negative font size turns the letters upside down, which generators use in mirrored spaces.
            ahead = -1.0 if size < 0 else 1.0
            if b or ahead * a <= 0:
                direction = direction_of(ahead * a, -ahead * b)
            direction = (direction + self._rotation) % 360
            size *= math.hypot(c, d)
        face, style = self._font_style_of(font)
        return TextStyle(round(size, 2) if math.isfinite(size) else 0.0, style, direction, face)

    def _font_style_of(self, font: int | None) -> tuple[int, FontStyle]:
        """Return a font's address and style, determined once."""
        if font not in self._fonts:
            self._fonts[font] = font_style_of(ctypes.cast(font, pdfium.FPDF_FONT)) if font else FontStyle()
        return font or 0, self._fonts[font]
