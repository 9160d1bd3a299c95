"""Characters that hardly any document uses: what a font with a false table of characters makes of usual ones."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_USUAL_SETS = ("gb2312", "shift_jis", "euc_kr")
"""Character sets of what is usual in Chinese, Japanese and Korean print, 5,000 to 7,000 Han characters each."""
_BIG5_USUAL = range(0xA440, 0xC680)
"""The first level of Big5: the 5,401 usual characters of Taiwan and Hong Kong."""
_HAN = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0x20000, 0x323B0))
_ODD = (
    (0x02C2, 0x02C6),
    (0x02CE, 0x02D0),
    (0x02D2, 0x02D8),
    (0x02DE, 0x02E0),
    (0x02E5, 0x0300),
    (0xA000, 0xA4D0),
    (0xA700, 0xA722),
)
"""Modifier letters that stand for signs of other codes, tone letters, Yi."""


@lru_cache(maxsize=4096)
def is_rare(char: str) -> bool:
    """Return whether a character is a Han character outside all usual sets, a modifier that no text has, or unassigned."""
    code = ord(char)
    if code < 0x02C2:
        return False
    if any(first <= code < end for first, end in _ODD):
        return True
    if any(first <= code < end for first, end in _HAN):
        return not _is_usual_han(char)
    return unicodedata.category(char) == "Cn"


def _is_usual_han(char: str) -> bool:
    """Return whether a Han character is in one of the usual character sets."""
    if any(_encodes(char, name) for name in _USUAL_SETS):
        return True
    try:
        return int.from_bytes(char.encode("big5")) in _BIG5_USUAL
    except UnicodeEncodeError:
        return False


def _encodes(char: str, name: str) -> bool:
    """Return whether a character set has a character."""
    try:
        char.encode(name)
    except UnicodeEncodeError:
        return False
    return True
