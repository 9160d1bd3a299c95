"""Tell writing from right to left."""

from __future__ import annotations

import re
import unicodedata

# The blocks of Unicode that hold letters whose direction is R or AL; most texts have none of their characters.
_BLOCKS = re.compile(r"[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]")


def has_right_to_left(text: str) -> bool:
    """Return whether a text contains a letter that is written from right to left."""
    if text.isascii():
        return False
    return any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in _BLOCKS.findall(text))
