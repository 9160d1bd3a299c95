"""Tell in which script a line was read, and how surely."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from document_parser.models import Word

LATIN_SCRIPTS = frozenset({"Latin", "Vietnamese", "Fraktur"})
"""Scripts of Latin letters: their packs read each other's letters with confidence, as others of like shape."""
MIN_LETTERS, MIN_LETTER_SHARE = 6, 0.8
"""Letters of the script in a line, and their share of its letters, from which a reading says something of its script."""
MIN_READ_SHARE = 0.7
"""Share of a line's length that words cover at least if all of it was read; less counts against the confidence."""
MIN_CONFIDENCE_OF = {"Thai": 0.88}
"""Confidence of a script's packs in a line below which they say nothing.

Thai's reads English, Russian and Greek, upright or upside down, as Thai with .55 to .9, and Thai itself with .9 to .97.
findings/thai_pack_is_sure_of_other_letters.sh shows it for English.
"""
LETTER_NAMES: dict[str, tuple[str, ...]] = {
    "Vietnamese": ("LATIN",),
    "Fraktur": ("LATIN",),
    "Korean": ("HANGUL",),
    "Japanese": ("HIRAGANA", "KATAKANA", "CJK"),
    "Han": ("CJK",),
}
"""How the names of a script's letters in Unicode begin, where that is not the script's name."""


def confidence_in(words: Sequence[Word]) -> float:
    """Return the mean confidence of a line's words weighted by their length, 0 to 1. Parts without words count as 0."""
    lengths = [word.right - word.left for word in words]
    sure = sum((word.confidence or 0) * length for word, length in zip(words, lengths, strict=True))
    return sure / max(sum(lengths), MIN_READ_SHARE)


def confidence_as(script: str, words: Sequence[Word]) -> float:
    """Return the confidence in a line that packs of a script read, 0 to 1; 0 where their confidence says nothing."""
    sure = confidence_in(words)
    return sure if sure >= MIN_CONFIDENCE_OF.get(script, 0.0) else 0.0


def is_in_script(words: Sequence[Word], script: str) -> bool:
    """Return whether the letters of a line are of a script: figures and signs are read alike by all packs.

    Figures among the letters of a word count as letters of another script: a pack writes them for letters it does not know.
    """
    letters = [letter for word in words if has_letter(word.text) for letter in word.text if letter.isalnum()]
    own = sum(is_letter_of(letter, script) for letter in letters)
    return own >= max(MIN_LETTERS, MIN_LETTER_SHARE * len(letters))


def is_letter_of(letter: str, script: str) -> bool:
    """Return whether a character is a letter of a script."""
    return unicodedata.name(letter, "").startswith(LETTER_NAMES.get(script, (script.upper(),)))


def has_letter(text: str) -> bool:
    """Return whether a word has letters, not only figures and signs."""
    return any(map(str.isalpha, text))
