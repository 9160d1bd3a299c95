"""Read the characters of a PDF page's text as PDFium counts them. Runs in the opener child."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from document_parser.sources.pdf.objects import address_of

Run = tuple[str, int, int]
"""Characters without white space: text, PDFium's index of the first one, their number."""

UPSIDE_DOWN = 2
"""What PDFium calls a page that is turned by 180 degrees."""
MAX_JUDGED_CHARACTERS = 200
"""Characters of which it is asked whether they are drawn upright, at most."""
MAX_UPRIGHT_ANGLE = 0.3
"""Angle of upright characters in radians, at most."""
_IS_SPACE = np.array([not code or chr(code).isspace() for code in range(1 << 16)])
"""For each UTF-16 unit whether it separates words: white space, and PDFium's zero for what it cannot say."""


def load_textpage(page: Any) -> Any:
    """Return PDFium's text page of a page, whose characters are in the order in which they are read.

    PDFium sorts the characters of a line from left to right on the turned page. On a page that is turned upside down while its
    text is not, that is backwards where each letter is placed by itself: such text is loaded from the page as it was drawn.
    """
    textpage = page.get_textpage()
    if pdfium.FPDFPage_GetRotation(page.raw) != UPSIDE_DOWN or not _runs_to_the_right(textpage.raw):
        return textpage
    textpage.close()
    pdfium.FPDFPage_SetRotation(page.raw, 0)
    try:
        return page.get_textpage()
    finally:
        pdfium.FPDFPage_SetRotation(page.raw, UPSIDE_DOWN)


def _runs_to_the_right(textpage: Any) -> bool:
    """Return whether most of the first characters are drawn upright, before the page is turned."""
    count = min(MAX_JUDGED_CHARACTERS, pdfium.FPDFText_CountChars(textpage))
    upright = sum(abs(pdfium.FPDFText_GetCharAngle(textpage, index)) < MAX_UPRIGHT_ANGLE for index in range(count))
    return bool(upright * 2 > count)


class PageText:
    """The characters of a loaded text page, addressable by PDFium's character index."""

    def __init__(self, textpage: Any) -> None:
        self.address = address_of(textpage.raw)
        self._raw = textpage.raw
        self.count: int = max(0, pdfium.FPDFText_CountChars(self._raw))
        self.codes = self._read()
        self.text = str(self.codes.astype("<u4").tobytes(), "utf-32-le", "surrogatepass")
        """One Python character per UTF-16 unit, as PDFium counts them."""
        # PDFium leaves characters without a meaning out of the text; then the two indexes differ.
        self.is_exact = len(self.codes) == self.count

    def _read(self) -> NDArray[np.uint16]:
        """Return the UTF-16 units of the text."""
        units = np.zeros(self.count + 1, dtype="<u2")
        buffer = units.ctypes.data_as(ctypes.POINTER(ctypes.c_ushort))
        written = pdfium.FPDFText_GetText(self._raw, 0, self.count, buffer) if self.count else 0
        return units[: max(0, written - 1)]

    def find_visible(self) -> NDArray[np.bool_]:
        """Return for each unit whether it is no white space."""
        return ~_IS_SPACE[self.codes]

    def index_of(self, position: int) -> int:
        """Return PDFium's index of the character at this position of ``text``."""
        return position if self.is_exact else max(0, pdfium.FPDFText_GetCharIndexFromTextIndex(self._raw, position))

    def character_at(self, index: int) -> str:
        """Return the character with this index of PDFium's."""
        return self.text[index] if self.is_exact else chr(pdfium.FPDFText_GetUnicode(self._raw, index))

    def runs(self) -> list[Run]:
        """Return the runs without white space, in PDFium's order."""
        borders = np.flatnonzero(np.diff(self.find_visible(), prepend=False, append=False))
        starts, ends = borders[::2].tolist(), borders[1::2].tolist()
        text = self.text
        if self.is_exact:
            return [(text[start:end], start, end - start) for start, end in zip(starts, ends, strict=True)]
        firsts, lasts = map(self.index_of, starts), (self.index_of(end - 1) for end in ends)
        places = zip(starts, ends, firsts, lasts, strict=True)
        return [(text[start:end], first, max(1, last - first + 1)) for start, end, first, last in places]
