"""Estimate how wide words are printed, in thousandths of the size of the type, by the letters' widths in common fonts."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Face = Literal["sans", "serif", "mono"]
FACES: tuple[Face, ...] = ("sans", "serif", "mono")
"""Kinds of type: widths as in Helvetica, as in Times, and all letters of one width."""

TABLE = Path(__file__).with_name("letter_widths.json")
"""File with the letters of each width. The widths are those of Helvetica and Times, which most other fonts follow."""
USUAL_WIDTH, FULL_WIDTH, MONO_WIDTH = 550, 1000, 600
"""Widths of a letter that is not in the table, of one that fills a square (Chinese), and of any letter of a typewriter."""
SIDE_BEARINGS, MONO_SIDE_BEARINGS = 60, 120
"""White at both ends of a word, which belongs to its letters and is not ink."""
SPACE_WIDTH = 300
"""Width of a space."""


def word_widths(words: Sequence[str], face: Face) -> NDArray[np.float64]:
    """Return the widths of the ink of words."""
    if face == "mono":
        return np.array([max(MONO_WIDTH * len(word) - MONO_SIDE_BEARINGS, 60) for word in words], np.float64)
    table = _load_table()[face]
    return np.array([max(sum(_width_of(letter, table) for letter in word) - SIDE_BEARINGS, 60) for word in words], np.float64)


def _width_of(letter: str, table: Mapping[str, int]) -> int:
    """Return the width of a letter; one with an accent is as wide as without it."""
    if letter in table:
        return table[letter]
    if unicodedata.combining(letter):
        return 0
    plain = unicodedata.normalize("NFKD", letter)[0]
    if plain in table:
        return table[plain]
    return FULL_WIDTH if unicodedata.east_asian_width(letter) in "WF" else USUAL_WIDTH


@cache
def _load_table() -> dict[str, dict[str, int]]:
    """Return the width of each letter by face."""
    stored: dict[str, dict[str, str]] = json.loads(TABLE.read_text(encoding="utf-8"))
    return {
        face: {letter: int(width) for width, letters in widths.items() for letter in letters} for face, widths in stored.items()
    }
