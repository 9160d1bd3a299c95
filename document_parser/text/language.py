"""Whether a text's letters can be those of a language written in Latin ones: told by how often each of them occurs."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise

from document_parser.models import FontInDoubt, Word
from document_parser.text.normalize import is_meaningless

LEAST_LETTERS = 16
MOST_LETTERS = 400
"""Of a font so many are looked at."""
MOSTLY = 0.8
"""Share of the letters that are Latin, of a text that can be judged."""
FEW_LETTERS = 40
UNLIKE = 0.5, 0.68
"""Below this cosine of its letters' frequencies with the usual ones a text is in doubt, of few letters or of many."""
LITTLE_UNLIKE, FEW_VOWELS = (0.56, 0.76), (0.2, 0.28)
"""Below the first it is where the share of vowels, with y, is below the second too."""
_NO_WORD = re.compile(r"[/@_]|\w[!:.$=<>\d]+\w|[a-z]\d|\d[a-z]", re.IGNORECASE)
"""Addresses, names of files and code have these; they say what no language says."""
ODD_CASES = 0.4
"""Share of the words in which capitals follow small letters more than once."""
ACCENTED = 0.4
"""Share of accented letters; Vietnamese has 0.3."""
MEANINGLESS = 0.3
LEAST_WORD, LEAST_WORDS = 3, 3

# Letters of running text per mille: the mean of English, French, German, Spanish, Italian, Portuguese and Dutch.
_USUAL = {
    "e": 141, "a": 98, "i": 75, "n": 76, "o": 70, "r": 66, "s": 70, "t": 67, "l": 46, "d": 46, "u": 45, "c": 34, "m": 29,
    "p": 24, "h": 24, "g": 19, "b": 14, "v": 16, "f": 13, "k": 8, "z": 7, "q": 7, "w": 8, "j": 4, "y": 6, "x": 3,
}  # fmt: skip
_LENGTH = math.sqrt(sum(count * count for count in _USUAL.values()))


def fonts_in_doubt(words: Iterable[tuple[Word, int]]) -> list[FontInDoubt]:
    """Of a page's words, each with the face it is set in, those of the faces whose letters may be others than they show.

    Fonts for formulas say what no language says, and are let be.
    """
    faces: dict[int, list[Word]] = defaultdict(list)
    for word, face in words:
        faces[face].append(word)
    return [
        FontInDoubt(words=found)
        for found in faces.values()
        if not found[0].math and (is_doubtful(word.text for word in found) or _has_no_meaning(found))
    ]


def _has_no_meaning(words: Iterable[Word]) -> bool:
    """Whether whole words of a font are of characters that say nothing; marks of lists and boxes to tick are no words."""
    text = "".join(word.text for word in words if len(word.text) >= LEAST_WORD)
    return len(text) >= LEAST_LETTERS and sum(map(is_meaningless, text)) > MEANINGLESS * len(text)


def is_doubtful(texts: Iterable[str]) -> bool:
    """Whether the words are hardly those of a language; False where there are too few, or of another script.

    The longer a text, the surer letters put in place of each other are told; an exchange of two is not.
    """
    words = _words(texts)
    letters = "".join(words)
    if len(letters) < LEAST_LETTERS:
        return False
    small = letters.lower()
    plain = small if small.isascii() else "".join(map(_plain, letters))
    counts = Counter(plain)
    if sum(counts[letter] for letter in _USUAL) < MOSTLY * len(letters):
        return False
    accented = 0 if plain is small else sum(one != letter.lower() for one, letter in zip(plain, letters, strict=True))
    return (
        _is_unlike(counts, len(letters))
        or accented > ACCENTED * len(letters)
        or _odd_cases(words) > ODD_CASES * max(LEAST_WORDS, len(words))
    )


def _is_unlike(counts: Mapping[str, int], letters: int) -> bool:
    like, many = _likeness(counts), letters > FEW_LETTERS
    vowels = sum(counts[letter] for letter in "aeiouy")
    return like < UNLIKE[many] or (like < LITTLE_UNLIKE[many] and vowels < FEW_VOWELS[many] * letters)


def _likeness(counts: Mapping[str, int]) -> float:
    """The cosine of the frequencies of plain letters with the usual ones, 0 to 1."""
    length = math.sqrt(sum(count * count for count in counts.values()))
    return sum(count * _USUAL.get(letter, 0) for letter, count in counts.items()) / (_LENGTH * length) if length else 0.0


def plain_letters(text: str) -> str:
    """The letters and digits of a text, small and without accents."""
    return "".join(_plain(char) for char in unicodedata.normalize("NFKC", text) if char.isalnum())


def _words(texts: Iterable[str]) -> list[str]:
    """The letters of different words, as many as are looked at."""
    found: dict[str, None] = {}
    left = MOST_LETTERS
    for text in texts:
        letters = text if text.isalpha() else "".join(filter(str.isalpha, text))
        if len(letters) >= LEAST_WORD and letters not in found and not _NO_WORD.search(text):
            found[letters] = None
            left -= len(letters)
            if left <= 0:
                break
    return list(found)


def _plain(letter: str) -> str:
    return letter.lower() if letter.isascii() else unicodedata.normalize("NFD", letter)[0].lower()


def _odd_cases(words: Iterable[str]) -> int:
    """How many words have a capital letter twice after a small one; CamelCase has few."""
    mixed = (word for word in words if not (word.isupper() or word[1:].islower()))
    return sum(sum(one.islower() and other.isupper() for one, other in pairwise(word)) > 1 for word in mixed)
