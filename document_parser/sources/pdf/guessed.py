"""Count the characters of a text layer that the file gives no meaning: PDFium guesses a letter. Runs in the opener child."""

from __future__ import annotations

import ctypes

import numpy as np
import pypdfium2.raw as pdfium

from document_parser.sources.pdf import calls
from document_parser.sources.pdf.fonts import font_style_of
from document_parser.sources.pdf.glyph_lines import needs_glyphs
from document_parser.sources.pdf.page_text import PageText

_HYPHENS = frozenset("-\x02\ufffe\u00ad")
"""Characters that PDFium puts at the end of a line where a word is broken; they have no meaning in the file either."""


def count_guessed(text: PageText, sampled_faults: bool) -> int:
    """Return how many characters PDFium guesses, fonts for formulas and symbols aside, whose glyphs are known by other means.

    All characters are asked for only if a sample had such (``sampled_faults``), or if the page has letters that join or stack:
    writers forget the glyphs of parts of them.
    """
    if not sampled_faults and not needs_glyphs(text.codes):
        return 0
    known: dict[int, bool] = {}
    count = 0
    for index in map(text.index_of, np.flatnonzero(text.find_visible()).tolist()):
        if calls.has_map_error(text.address, index) == 1 and text.character_at(index) not in _HYPHENS:
            font = calls.get_font(calls.get_text_object(text.address, index)) or 0
            if font not in known:
                known[font] = _is_known_otherwise(font)
            count += not known[font]
    return count


def _is_known_otherwise(font: int) -> bool:
    """Return whether a font, given by its address, is for formulas or symbols."""
    style = font_style_of(ctypes.cast(font, pdfium.FPDF_FONT)) if font else None
    return style is not None and (style.math or style.glyphs is not None)
