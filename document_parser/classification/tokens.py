"""Count the words of a text in a fixed number of places: a hash of each word says which, so no word is ever stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from zlib import crc32

from document_parser.extraction.labels import tokens_of

PLACES = 1 << 14
"""How many counts there are. Few enough to be stored with the product, many enough that words seldom share one."""
STEM_LETTERS = 5
"""The first letters of a word, which most of its forms share, count beside it."""
MAX_TOKENS = 3000
"""Words of a page that are counted, at most."""
FIRST_UNSPACED = "⺀"
"""From this character on, scripts write words without white space: pairs of their characters are counted."""

TokenCounts = Counter[int]
"""How often each place was met."""


@lru_cache(maxsize=1 << 15)
def place_of(feature: str) -> int:
    """Return the place of a word or pair of words."""
    return crc32(feature.encode()) % PLACES


def count_tokens(texts: Iterable[str]) -> TokenCounts:
    """Return the counts of the words in some lines, of their stems, and of pairs of words next to each other."""
    found: TokenCounts = Counter()
    seen = 0
    for text in texts:
        words = list(_features(text))
        seen += len(words)
        for word in words:
            found[place_of(word)] += 1
            if len(word) > STEM_LETTERS:
                found[place_of(f"{word[:STEM_LETTERS]}-")] += 1
        for one, other in pairwise(words):
            found[place_of(f"{one} {other}")] += 1
        if seen > MAX_TOKENS:
            break
    return found


def _features(text: str) -> Iterable[str]:
    """Yield the words of a line; numbers by their lengths, unspaced scripts as pairs of characters."""
    for token in tokens_of(text):
        word = token.text
        if word >= FIRST_UNSPACED:
            yield from (word[place : place + 2] for place in range(max(1, len(word) - 1)))
        elif any(char.isdigit() for char in word):
            yield "0" * min(4, len(word))
        else:
            yield word
