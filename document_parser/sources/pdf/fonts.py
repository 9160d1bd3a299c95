"""Determine the style of the fonts of a PDF from their names, flags, weights and angles."""

from __future__ import annotations

import ctypes
import re
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

from document_parser.sources.pdf.math_fonts import glyphs_of, is_formula_font
from document_parser.sources.pdf.symbol_fonts import symbol_glyphs_of

_BOLD_NAME = re.compile(
    r"bold|black|heavy|(?<![a-z])(?:semi|demi)(?![a-z])|demi\d|-medi(?!u)|-bd\b|cmbx|sfbx|ssbx", re.IGNORECASE
)
_REGULAR_NAME = re.compile(
    r"(?<![a-z])(?:regular|roman|book|light|thin)(?![a-z])|-(?:italic|oblique)(?:mt)?$"
    r"|^(?:(?:cm|ec|sf|lm)(?:r|rm|ti|sl|csc|ss|tt)\d|(?:helvetica|arial|times(?:newroman)?|courier(?:new)?|georgia|verdana)(?:ps)?(?:mt)?$)",
    re.IGNORECASE,
)
"""Names of regular fonts. A weight is measured from stems, which many files give wrong: a regular Latin Modern has one of 744,
Helvetica-Oblique of 1104."""
_ITALIC_NAME = re.compile(r"italic|oblique|slanted|-it\b|cmti|cmmi|sfti", re.IGNORECASE)
_MONO_NAME = re.compile(r"mono|courier|consol|menlo|cmtt|cmsltt|sftt|lmtt|typewriter|inconsolata|sourcecode", re.IGNORECASE)
_FIXED_PITCH_FLAG = 1
_ITALIC_FLAG = 1 << 6
_FORCE_BOLD_FLAG = 1 << 18
_BOLD_WEIGHT = 600
"""Weights from this one on are bold."""
_ITALIC_BOLD_WEIGHT = 700
"""The same for italic fonts. PDFium takes the weight from the width of the stems, and slanted stems are measured wider: some
programs write 122 for a plain italic, which is a weight of 610."""


class FontStyle(NamedTuple):
    """The style of a font.

    ``glyphs`` maps characters to what a font for formulas really shows in their places; None if they are what the text says.
    """

    bold: bool = False
    italic: bool = False
    math: bool = False
    glyphs: dict[int, str] | None = None
    mono: bool = False


def font_style_of(font: Any) -> FontStyle:
    """Return the style of a font from its name, its flags, its weight and its angle."""
    buffer = ctypes.create_string_buffer(256)
    pdfium.FPDFFont_GetBaseFontName(font, buffer, len(buffer))
    name = buffer.value.decode("latin-1").partition("+")[2] or buffer.value.decode("latin-1")
    named = name_style_of(name)
    flags = max(0, pdfium.FPDFFont_GetFlags(font))
    angle = ctypes.c_int()
    slanted = bool(pdfium.FPDFFont_GetItalicAngle(font, angle)) and angle.value != 0
    italic = named.italic or slanted or bool(flags & _ITALIC_FLAG)
    bold = named.bold or is_heavy(name, flags, pdfium.FPDFFont_GetWeight(font), italic=italic)
    return named._replace(bold=bold, italic=italic, mono=named.mono or bool(flags & _FIXED_PITCH_FLAG))


def is_heavy(name: str, flags: int, weight: int, *, italic: bool) -> bool:
    """Return whether a font is bold by its flag, or by its weight if its name is not that of a regular font."""
    least = _ITALIC_BOLD_WEIGHT if italic else _BOLD_WEIGHT
    return bool(flags & _FORCE_BOLD_FLAG) or (weight >= least and _REGULAR_NAME.search(name) is None)


def name_style_of(name: str) -> FontStyle:
    """Return the style that a font's name shows. ``name`` is without the prefix of a subset."""
    bold, italic, mono = (bool(pattern.search(name)) for pattern in (_BOLD_NAME, _ITALIC_NAME, _MONO_NAME))
    return FontStyle(bold, italic, is_formula_font(name), glyphs_of(name) or symbol_glyphs_of(name), mono)
