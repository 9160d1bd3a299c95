"""Correct digits and letters of the same shape (1 and l, 0 and O) by the word around them, if the recognition is in doubt.

In many fonts the shapes are the same and only the neighbours decide: "Tota1" is no word, and "29O" is no number. A character is
replaced only by one of the same shape, only if the recognition considered that one too, and only in a word whose other
characters are all letters or all digits. Longer codes of both (W134, A0O3H) stay as they are read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from re import Match

_LETTERS = {"0": "Oo", "1": "lI", "2": "Z", "5": "S", "8": "B"}
CONFUSABLES = _LETTERS | {letter: digit for digit, letters in _LETTERS.items() for letter in letters}
"""By digit the letters, and by letter the digit, that may be meant."""
MIN_WORD_CHARACTERS = 3
"""Shorter words are left alone, because they decide nothing: B2 and 5S are names of things."""
MIN_PROBABILITY_IN_WORD = 0.02
"""Minimum probability of a small letter that replaces a digit between letters, one of them small.

Digits hardly ever occur there.
"""
MIN_PROBABILITY_ELSEWHERE = 0.25
"""Minimum probability of a replacement anywhere else: No1, S319 and 2nd are written too."""

_DIGITS = "0123456789"
_WORD = re.compile(r"[^\W_]+")
_LATIN = re.compile(r"[0-9A-Za-z\u00aa-\u024f]+")
"""Words of other scripts are left alone, because digits occur between their letters: 第1章."""

Probability = Callable[[int, str], float]
"""Return the probability that the recognition gives a character at a position of the text."""


def find_replacements(text: str, probability: Probability) -> Iterator[tuple[int, str]]:
    """Yield each position in a line's text where another character is meant, with that character."""
    for word in _WORD.finditer(text):
        place = _find_odd_character(word)
        if place is None or not _LATIN.fullmatch(word[0]):
            continue
        likely, meant = max((probability(place, other), other) for other in CONFUSABLES[text[place]])
        if likely >= (
            MIN_PROBABILITY_IN_WORD if meant.islower() and _is_between_letters(word, place) else MIN_PROBABILITY_ELSEWHERE
        ):
            yield place, meant


def _find_odd_character(word: Match[str]) -> int | None:
    """Return the position of the only digit among letters or the only letter among digits.

    None if there is no such character or none has the same shape.
    """
    signs = word[0]
    digits = [sign in _DIGITS for sign in signs]
    if len(signs) < MIN_WORD_CHARACTERS or min(sum(digits), len(signs) - sum(digits)) != 1:
        return None
    place = digits.index(sum(digits) == 1)
    return word.start() + place if signs[place] in CONFUSABLES else None


def _is_between_letters(word: Match[str], place: int) -> bool:
    """Return whether letters are on both sides of a position and one of them is small."""
    before, after = word.string[word.start() : place][-1:], word.string[place + 1 : word.end()][:1]
    return before.isalpha() and after.isalpha() and (before.islower() or after.islower())
