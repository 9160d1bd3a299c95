"""Tell the language of a text by the most common words of seventeen languages, such as articles and conjunctions."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

COMMON_WORDS = Path(__file__).with_name("common_words.json")
"""The words by language."""
MIN_COMMON_WORDS = 4
"""Common words of a language from which a text may be in it."""
CLEARLY_MORE = 1.6
"""How many times as many words of a language there must be as of the next."""
_WORD = re.compile(r"[^\W\d_]{2,}")


@cache
def common_words() -> Mapping[str, str]:
    """Return the language of each common word, as its code in ISO 639-1."""
    listed: dict[str, list[str]] = json.loads(COMMON_WORDS.read_text("utf-8"))
    return {word: language for language, words in listed.items() for word in words}


def share_of_common_words(texts: Iterable[str]) -> float:
    """Return which share of the words are among the most common ones of a language."""
    known = common_words()
    words = [word for text in texts for word in _WORD.findall(text.lower())]
    return sum(word in known for word in words) / max(1, len(words))


def language_of(texts: Iterable[str]) -> str:
    """Return the language of texts by their most common words, as its code in ISO 639-1; empty if that is not sure."""
    (first, most), (_, second) = [*_count_by_language(texts).most_common(2), ("", 0), ("", 0)][:2]
    return first if most >= MIN_COMMON_WORDS and most >= CLEARLY_MORE * second else ""


def likely_languages(texts: Iterable[str]) -> list[str]:
    """Return the languages of which texts have at least MIN_COMMON_WORDS common words, those with most first."""
    return [language for language, count in _count_by_language(texts).most_common() if count >= MIN_COMMON_WORDS]


def _count_by_language(texts: Iterable[str]) -> Counter[str]:
    known = common_words()
    return Counter(known[word] for text in texts for word in _WORD.findall(text.lower()) if word in known)
