"""The words of a language, from the dictionaries of pyspellchecker, which has those of the languages listed here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import numpy as np

from document_parser.text.common_words import likely_languages

LANGUAGES = frozenset({"de", "en", "es", "fr", "it", "nl", "pt"})
"""Languages with a dictionary, as their codes in ISO 639-1. That of Russian is small, and others are not written in Latin."""
MAX_TRIED = 2
"""Languages whose dictionaries are tried, those with the most common words in the text."""
MIN_KNOWN_SHARE = 0.65
"""Share of the words of a text that its dictionary knows at least. On 34 scans it knows .71 to .98, others .5 at most."""
WORD = re.compile(r"[^\W\d_]{3,}")
"""A word that counts."""


class Dictionary:
    """Knows whether a word is one, whatever its case. Keeps a number for each word: a fifth of the memory of the words."""

    def __init__(self, language: str) -> None:
        """Load the words of one of LANGUAGES."""
        from spellchecker import SpellChecker

        words = SpellChecker(language=language).word_frequency.keys()
        self._hashes = np.sort(np.fromiter((hash(word.lower()) for word in words), np.int64))

    def __contains__(self, word: str) -> bool:
        """Return whether this is a word of the language."""
        number = hash(word.lower())
        place = int(np.searchsorted(self._hashes, number))
        return place < len(self._hashes) and int(self._hashes[place]) == number


@cache
def dictionary_of(language: str) -> Dictionary | None:
    """Return the dictionary of a language, loaded once in a process; None if there is none."""
    return Dictionary(language) if language in LANGUAGES else None


def dictionary_for(texts: Sequence[str]) -> Dictionary | None:
    """Return the dictionary that knows most words of a text; None if none does."""
    words = [word for text in texts for word in WORD.findall(text)]
    for language in likely_languages(texts)[:MAX_TRIED]:
        known = dictionary_of(language)
        if known is not None and sum(word in known for word in words) >= MIN_KNOWN_SHARE * len(words):
            return known
    return None
