"""Map the characters of fonts for symbols to what they show, as far as texts need it: check boxes, ticks and bullets.

Source: the character charts of Wingdings and Wingdings 2 (Microsoft typography), and Unicode's mapping of them (L2/11-052).
"""

from __future__ import annotations

import re

_WINGDINGS = {
    "\xa8": "☐", "o": "☐", "q": "☐", "r": "☐", "\xfe": "☑", "\xfd": "☒", "x": "☒", "\xfc": "✓", "\xfb": "✗", "n": "■", "l": "●",
    "\xa7": "▪", "\xd8": "➢", "v": "❖", "\xe0": "→",
}  # fmt: skip
_WINGDINGS_2 = {"\xa3": "☐", "*": "☐", "R": "☑", "S": "☒", "T": "☒", "P": "✓", "O": "✗"}


def _with_private_codes(glyphs: dict[str, str]) -> dict[int, str]:
    """Return a table for ``str.translate``; programs write a character of a symbol font as itself or with a private code."""
    return str.maketrans(glyphs) | {0xF000 + ord(character): shown for character, shown in glyphs.items()}


_TABLES = (
    (re.compile(r"^wingdings\s*-?2", re.IGNORECASE), _with_private_codes(_WINGDINGS_2)),
    (re.compile(r"^wingdings(?!\s*-?[23])", re.IGNORECASE), _with_private_codes(_WINGDINGS)),
)


def symbol_glyphs_of(name: str) -> dict[int, str] | None:
    """Return the ``str.translate`` table of a symbol font by its name, without a subset's prefix; None for any other font."""
    return next((table for pattern, table in _TABLES if pattern.search(name)), None)
