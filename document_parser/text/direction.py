"""Tell writing from right to left."""

from __future__ import annotations

import unicodedata


def has_right_to_left(text: str) -> bool:
    """Return whether a text contains a letter that is written from right to left."""
    return not text.isascii() and any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)
