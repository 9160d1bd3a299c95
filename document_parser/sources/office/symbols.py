"""What the characters of symbol fonts show: Symbol, Wingdings, Wingdings 2 and 3, Webdings.

Source: dingbat-to-unicode (BSD-2-Clause, Michael Williamson), from the charts of Alan Wood; check boxes and ticks as the signs
of forms that they are used for.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("symbol_fonts.json")
"""By font in lower case: what the characters 32 to 255 show, U+FFFD for those that are not known."""
_FIRST = 32
_PRIVATE = 0xF000
"""Programs write a character of a symbol font as itself or with this added."""
_PRIVATE_CODE = re.compile("[\uf000-\uf0ff]")
_UNNAMED_FONT = "wingdings"
_BULLETS = {0xF0B7: "•", 0xF0A7: "▪", 0xF0D8: "➢"}
"""The bullets of Word, which are known without their font."""


def symbol_table(font: str | None) -> dict[int, str] | None:
    """Return the ``str.translate`` table of a symbol font; None for any other font."""
    return _tables().get(font.lower()) if font else None


def symbol_of(code: int, font: str | None) -> str:
    """Return what one character of a font shows; itself if that is not known. Empty for what is no character."""
    if not 0x20 <= code < 0x110000 or 0xD800 <= code < 0xE000:
        return ""
    table = symbol_table(font) or {}
    return table.get(code) or _BULLETS.get(code) or chr(code)


def without_private_codes(text: str) -> str:
    """Return a text whose font is not known, with the signs that its private codes most likely show."""
    return text if text.isascii() else _PRIVATE_CODE.sub(_likeliest, text)


def _likeliest(match: re.Match[str]) -> str:
    """Return what a private code shows: a bullet of Word, else what it is in Wingdings, from which most of them are."""
    code = ord(match[0])
    return _BULLETS.get(code) or _tables()[_UNNAMED_FONT].get(code, match[0])


@cache
def _tables() -> dict[str, dict[int, str]]:
    """Return the tables of all fonts."""
    known: dict[str, str] = json.loads(_FILE.read_text(encoding="utf-8"))
    return {font: _table_of(shown) for font, shown in known.items()}


def _table_of(shown: str) -> dict[int, str]:
    """Return the table of what the characters from _FIRST on show."""
    known = {code: sign for code, sign in enumerate(shown, _FIRST) if sign != "\ufffd"}
    return known | {_PRIVATE + code: sign for code, sign in known.items()}
