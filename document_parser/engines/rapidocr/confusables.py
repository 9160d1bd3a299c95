"""Digits and letters of one shape (1 and l, 0 and O), told apart by the word they stand in where the recognition itself doubts.

In many faces the shapes are the same and only the neighbours tell: "Tota1" is no word, nor is "29O" a number. A sign is
exchanged only for its look-alike, only where the recognition thought of that too, and only in a word whose other signs are all
letters, or all digits: longer codes of both (W134, A0O3H) stay as they are read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from re import Match

_LETTERS = {"0": "Oo", "1": "lI", "2": "Z", "5": "S", "8": "B"}
LOOK_ALIKES = _LETTERS | {letter: digit for digit, letters in _LETTERS.items() for letter in letters}
"""Of a digit the letters, of a letter the digit, that may be meant."""
LEAST_SIGNS = 3
"""Shorter words tell nothing: B2 and 5S are names of things."""
IN_A_WORD = 0.02
"""How probable a small letter must be to replace a digit between letters, one of them small: digits hardly ever stand there."""
ELSEWHERE = 0.25
"""... and elsewhere: No1, S319 and 2nd are written too."""

_DIGITS = "0123456789"
_WORD = re.compile(r"[^\W_]+")
_LATIN = re.compile(r"[0-9A-Za-z\u00aa-\u024f]+")
"""In other scripts digits stand between letters: 第1章."""

Probability = Callable[[int, str], float]
"""Of a sign at a place in the text, as the recognition sees it."""


def exchanges(text: str, probability: Probability) -> Iterator[tuple[int, str]]:
    """Places in a line's text, and the sign meant there instead."""
    for word in _WORD.finditer(text):
        place = _odd_one_out(word)
        if place is None or not _LATIN.fullmatch(word[0]):
            continue
        likely, meant = max((probability(place, other), other) for other in LOOK_ALIKES[text[place]])
        if likely >= (IN_A_WORD if meant.islower() and _between_letters(word, place) else ELSEWHERE):
            yield place, meant


def _odd_one_out(word: Match[str]) -> int | None:
    """The place of the only digit among letters, or the only letter among digits, where another sign looks like it."""
    signs = word[0]
    digits = [sign in _DIGITS for sign in signs]
    if len(signs) < LEAST_SIGNS or min(sum(digits), len(signs) - sum(digits)) != 1:
        return None
    place = digits.index(sum(digits) == 1)
    return word.start() + place if signs[place] in LOOK_ALIKES else None


def _between_letters(word: Match[str], place: int) -> bool:
    """Whether letters stand on both sides, and one of them is small."""
    before, after = word.string[word.start() : place][-1:], word.string[place + 1 : word.end()][:1]
    return before.isalpha() and after.isalpha() and (before.islower() or after.islower())
