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

_IS_SPACE = np.array([not code or chr(code).isspace() for code in range(1 << 16)])
"""For each UTF-16 unit whether it separates words: white space, and PDFium's zero for what it cannot say."""


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
