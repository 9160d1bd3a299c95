"""Decide by the frequency of its letters whether a text can be of a language written in Latin letters."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise

from document_parser.models import SuspectFont, Word
from document_parser.text.normalize import is_meaningless
from document_parser.text.rare import is_rare

MIN_LETTERS = 16
"""A text of fewer letters is not judged."""
MAX_LETTERS = 400
"""How many letters of a font are examined."""
MIN_LATIN_SHARE = 0.8
"""A text is judged only if at least this share of its letters is Latin."""
LAST_LATIN_LETTER = "\u024f"
"""The last of the Latin letters with marks that European languages have. Those of Vietnamese alone come later."""
MAX_SHORT_TEXT_LETTERS = 40
"""A text of up to this many letters counts as short."""
MIN_LIKENESS = 0.5, 0.68
"""Minimum cosine between the frequencies of a text's letters and the usual ones, for a short and a long text."""
MIN_LIKENESS_FEW_VOWELS = 0.56, 0.76
"""The same minimum for a short and a long text with few vowels."""
MIN_VOWEL_SHARE = 0.2, 0.28
"""A short or a long text with a smaller share of vowels, with y, has few vowels."""
_NO_WORD = re.compile(r"[/@_]|\w[!:.$=<>\d]+\w|[a-z]\d|\d[a-z]", re.IGNORECASE)
"""Addresses, file names and code look like this; their letters do not follow a language."""
_MEANING = re.compile(r"[ -~\u00a0-\u2fff\u3000-\ud7ff]*")
"""Texts that have nothing without a meaning, as most have."""
MAX_ODD_CASE_SHARE = 0.4
"""Maximum share of words in which capitals follow small letters more than once."""
MAX_ACCENTED_SHARE = 0.4
"""Maximum share of accented letters. Vietnamese has 0.3."""
MAX_MEANINGLESS_SHARE = 0.3
"""Maximum share of characters without meaning in the whole words of a font."""
MIN_WORD_LETTERS = 3
"""Words with fewer letters are not examined."""
MIN_WORDS = 3
"""The share of words with odd capitals is taken of at least this many words."""

MIN_ODD_WORDS = 2
"""Words of signs, or amounts without a digit, of a font without digits from which it is suspect."""
MIN_ODD_SHARE = 0.6
"""Share of the words of such a font that are odd."""
MIN_SIGNS = 3
"""Different signs of a word that is odd; bars, dots and stars repeat one or two."""
MIN_RARE_CHARACTERS = 2
"""Rare characters of a font from which its words that hold them are suspect. One may be that of a name."""
_AMOUNT = re.compile(r"[^\d\s.,]{1,3}(?:[.,'][^\d\s.,]{3})*[.,][^\d\s.,]{2}")
"""What has the shape of an amount and no digits."""

_USUAL = {
    "e": 141, "a": 98, "i": 75, "n": 76, "o": 70, "r": 66, "s": 70, "t": 67, "l": 46, "d": 46, "u": 45, "c": 34, "m": 29,
    "p": 24, "h": 24, "g": 19, "b": 14, "v": 16, "f": 13, "k": 8, "z": 7, "q": 7, "w": 8, "j": 4, "y": 6, "x": 3,
}  # fmt: skip
"""Letters per mille of running text: the mean of English, French, German, Spanish, Italian, Portuguese and Dutch."""
_LENGTH = math.sqrt(sum(count * count for count in _USUAL.values()))
"""Length of the vector of usual frequencies."""


def find_suspect_fonts(words: Iterable[tuple[Word, int]]) -> list[SuspectFont]:
    """Return the words of each font whose letters may be others than those shown.

    Each word of the page comes with a number for its font. Fonts for formulas are left out, because their letters do not follow
    a language.
    """
    faces: dict[int, list[Word]] = defaultdict(list)
    for word, face in words:
        faces[face].append(word)
    return [
        SuspectFont(words=suspect) for found in faces.values() if not found[0].math and (suspect := _suspect_words_of(found))
    ]


def _suspect_words_of(words: list[Word]) -> list[Word]:
    """Return the words of a font that may be others: all of them, or those with rare characters. Empty for a sound font."""
    if is_doubtful(word.text for word in words) or _has_no_meaning(words) or _is_numberless(words):
        return words
    rare = [word for word in words if not word.text.isascii() and any(map(is_rare, word.text))]
    return rare if sum(is_rare(char) for word in rare for char in word.text) >= MIN_RARE_CHARACTERS else []


def _is_numberless(words: Iterable[Word]) -> bool:
    """Return whether the words of a font are mostly signs in a row, or amounts without digits: its digits decode to others."""
    texts = [word.text for word in words if len(word.text) >= MIN_WORD_LETTERS]
    if not texts or any(map(str.isdigit, "".join(texts))):
        return False
    odd = sum(_is_row_of_signs(text) or _AMOUNT.fullmatch(text) is not None for text in texts)
    return odd >= MIN_ODD_WORDS and odd >= MIN_ODD_SHARE * len(texts)


def _is_row_of_signs(text: str) -> bool:
    """Return whether a text has no letter and several different signs, symbols and shapes left out."""
    return not any(map(str.isalnum, text)) and len({char for char in text if unicodedata.category(char) != "So"}) >= MIN_SIGNS


def _has_no_meaning(words: Iterable[Word]) -> bool:
    """Return whether too many characters in the whole words of a font have no meaning.

    List marks and check boxes are not words.
    """
    text = "".join(word.text for word in words if len(word.text) >= MIN_WORD_LETTERS)
    if len(text) < MIN_LETTERS or _MEANING.fullmatch(text):
        return False
    return sum(map(is_meaningless, text)) > MAX_MEANINGLESS_SHARE * len(text)


def is_doubtful(texts: Iterable[str]) -> bool:
    """Return whether the words do not look like words of a language. False if there are too few, or if the script is not Latin.

    The longer the text, the more reliably replaced letters are found; an exchange of two letters is not found.
    """
    words = _collect_words(texts)
    letters = "".join(words)
    if len(letters) < MIN_LETTERS:
        return False
    small = letters.lower()
    plain = small if small.isascii() else "".join(map(_plain_letter_of, letters))
    counts = Counter(plain)
    latin = len(letters) if plain is small else sum(letter <= LAST_LATIN_LETTER for letter in letters)
    if latin < MIN_LATIN_SHARE * len(letters):
        return False
    accented = 0 if plain is small else latin - sum(map(str.isascii, letters))
    return (
        _is_unlike(counts, len(letters))
        or accented > MAX_ACCENTED_SHARE * len(letters)
        or _count_odd_cases(words) > MAX_ODD_CASE_SHARE * max(MIN_WORDS, len(words))
    )


def _is_unlike(counts: Mapping[str, int], letters: int) -> bool:
    """Return whether the letters are too unlike those of a language, also by their share of vowels."""
    like, many = _likeness_of(counts), letters > MAX_SHORT_TEXT_LETTERS
    vowels = sum(counts[letter] for letter in "aeiouy")
    return like < MIN_LIKENESS[many] or (like < MIN_LIKENESS_FEW_VOWELS[many] and vowels < MIN_VOWEL_SHARE[many] * letters)


def _likeness_of(counts: Mapping[str, int]) -> float:
    """Return the cosine of the frequencies of plain letters with the usual ones, 0 to 1."""
    length = math.sqrt(sum(count * count for count in counts.values()))
    return sum(count * _USUAL.get(letter, 0) for letter, count in counts.items()) / (_LENGTH * length) if length else 0.0


def plain_letters(text: str) -> str:
    """Return the letters and digits of a text, small and without accents."""
    return "".join(_plain_letter_of(char) for char in unicodedata.normalize("NFKC", text) if char.isalnum())


def _collect_words(texts: Iterable[str]) -> list[str]:
    """Return the letters of the different words, up to MAX_LETTERS."""
    found: dict[str, None] = {}
    left = MAX_LETTERS
    for text in texts:
        letters = text if text.isalpha() else "".join(filter(str.isalpha, text))
        if len(letters) >= MIN_WORD_LETTERS and letters not in found and not _NO_WORD.search(text):
            found[letters] = None
            left -= len(letters)
            if left <= 0:
                break
    return list(found)


def _plain_letter_of(letter: str) -> str:
    """Return the letter, small and without accent."""
    return letter.lower() if letter.isascii() else unicodedata.normalize("NFD", letter)[0].lower()


def _count_odd_cases(words: Iterable[str]) -> int:
    """Return how many words have a capital letter after a small one twice; CamelCase has few of them."""
    mixed = (word for word in words if not (word.isupper() or word[1:].islower()))
    return sum(sum(one.islower() and other.isupper() for one, other in pairwise(word)) > 1 for word in mixed)
