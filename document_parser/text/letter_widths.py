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
RIDGE = 2e-6
"""How strongly letters keep their usual widths: a letter's error of 60 units weighs as much as a word's of 8 %."""
SPACE_WIDTH = 300
"""Width of a space."""


def word_widths(words: Sequence[str], face: Face) -> NDArray[np.float64]:
    """Return the widths of the ink of words."""
    if face == "mono":
        return np.array([max(MONO_WIDTH * len(word) - MONO_SIDE_BEARINGS, 60) for word in words], np.float64)
    table = _load_table()[face]
    return np.array([max(sum(_width_of(letter, table) for letter in word) - SIDE_BEARINGS, 60) for word in words], np.float64)


def fit_word_widths(
    words: Sequence[str], widths: NDArray[np.float64], known: Sequence[int], measured: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the widths of words with the letters as wide as they are in the words whose widths were measured.

    ``widths`` are the estimates so far, ``known`` the places of the measured words. Source: ridge regression (Hoerl and
    Kennard, 1970) of what the estimates lack: a letter that hardly occurs keeps its width.
    """
    letters = {letter: place for place, letter in enumerate(sorted(set("".join(words))))}
    counts = np.zeros((len(words), len(letters) + 1))
    for row, word in zip(counts, words, strict=True):
        row[-1] = 1
        for letter in word:
            row[letters[letter]] += 1
    seen = counts[np.asarray(known)]
    trust = 1 / np.maximum(measured, 1)  # errors grow with the word
    weighted = seen * trust[:, None]
    lacking = (measured - widths[np.asarray(known)]) * trust
    ridge = RIDGE * np.eye(counts.shape[1])
    changes = np.linalg.solve(weighted.T @ weighted + ridge, weighted.T @ lacking)
    return np.maximum(widths + counts @ changes, 60.0)


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
