"""Recognise fonts made for formulas by their names, and map what their glyphs show if a file does not say it.

TeX's symbol fonts have glyphs in places where other fonts have letters. Without a table of meanings in the file, PDFium reads a
prime as 0, a norm's bar as k, a sum as P. A backslash stays one: files with such a table have it for a difference of sets.

Source: the layouts are those of Computer Modern (Knuth, Computer Modern Typefaces, 1986), which most fonts for TeX follow.
"""

from __future__ import annotations

import re

_FORMULA = re.compile(
    r"^(?:cm(?:mi|sy|ex|bsy|mib)|ms[ab]m|eu(?:rm|rb|fm|fb|sm|sb|ex)\d|rtxmi|txmi|txsy|txex|pxmi|pxsy|pxex|ntxmi|newtxmi|rsfs"
    r"|stmary|wasy|esint|mnsymbol|bbm|bbold|dsrom|dsfont|mtmi|mtsy|mtex|kp--m|kpmath|fourier-math|zplm|mathptm|mathjax"
    r"|mathematicalpi|euclid(?:symbol|extra|fraktur|math)|cmtt_math)|math(?!er)",
    re.IGNORECASE,
)
_SYMBOLS = re.compile(r"^cmb?sy\d|^lmmathsymbols|^eusm|math\S*symbol(?!a)|^txsy|^pxsy|kp--m-sy(?!c)", re.IGNORECASE)
_EXTENSION = re.compile(r"^cmex\d|^lmmathext|^euex|math\S*extension|^txex|^pxex|kp--m-ex", re.IGNORECASE)

_SYMBOL_GLYPHS = str.maketrans(
    {
        "0": "\u2032", "1": "∞", "2": "∈", "3": "∋", "4": "△", "5": "▽", "6": "\u0338", "7": "↦",
        "8": "∀", "9": "∃", ":": "¬", ";": "∅", "<": "ℜ",
        "=": "ℑ", ">": "⊤", "?": "⊥", "@": "ℵ", "[": "∪", "]": "⊎", "^": "∧", "_": "∨", "`": "⊢", "a": "⊣",
        "b": "⌊", "c": "⌋", "d": "⌈", "e": "⌉", "f": "{", "g": "}", "h": "⟨", "i": "⟩", "j": "|", "k": "‖", "l": "↕", "n": "\\",
        "o": "≀", "p": "√", "q": "∐", "r": "∇", "s": "∫", "t": "⊔", "u": "⊓", "v": "⊑", "w": "⊒", "x": "§", "y": "†", "z": "‡",
        "!": "→", '"': "↑", "#": "↓", "$": "↔", "%": "↗", "&": "↘", "'": "≃",
    }
)  # fmt: skip
_EXTENSION_GLYPHS = str.maketrans(
    {
        "P": "∑", "Q": "∏", "R": "∫", "S": "⋃", "T": "⋂", "V": "⋀", "W": "⋁", "X": "∑", "Y": "∏", "Z": "∫", "[": "⋃",
        "^": "⋀", "_": "⋁", "`": "∐", "a": "∐", "H": "∮", "I": "∮", "F": "⊔", "G": "⊔", "J": "⊙", "K": "⊙", "L": "⊕", "M": "⊕",
        "N": "⊗", "O": "⊗", "p": "√", "q": "√", "r": "√", "s": "√", "b": "\u0302", "c": "\u0302", "d": "\u0302",
        "e": "\u0303", "f": "\u0303", "g": "\u0303", "h": "[", "i": "]", "n": "{", "o": "}", "j": "⌊", "k": "⌋", "l": "⌈",
        "m": "⌉", "D": "⟨", "E": "⟩",
    }
)  # fmt: skip


def is_formula_font(name: str) -> bool:
    """Return whether a font's name, without a subset's prefix, is that of a font for formulas only."""
    return _FORMULA.search(name) is not None


def glyphs_of(name: str) -> dict[int, str] | None:
    """Return the ``str.translate`` table from the characters of a symbol font to what it shows; None for any other font."""
    if _SYMBOLS.search(name):
        return _SYMBOL_GLYPHS
    return _EXTENSION_GLYPHS if _EXTENSION.search(name) else None
