"""Find places where a text may be parted: after lines and sentences, between words and between characters as people see them.

Works on Markdown and plain text of any script. Places are offsets of characters (code points); a text is parted before them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Literal

Grain = Literal["line", "sentence", "word", "grapheme", "character"]
"""Where a text is parted, from the best place to the last resort."""
GRAINS: tuple[Grain, ...] = ("line", "sentence", "word", "grapheme", "character")
"""All grains, the best first."""

_CLOSING = r"[\"'\u2019\u201d\u00bb\u203a)\]}*_~`\uff09\u3009\u300b\u300d\u300f\u3011\u3015\u3017]*"
"""What may stand between the end of a sentence and the white space behind it."""
_PATTERNS: dict[str, str] = {
    # With the empty lines that follow; white space before the next line stays with it.
    "line": r"\n+",
    # A stop with white space behind it, unless a small letter follows as after an abbreviation; full-width stops need none.
    # The stops of Arabic, Urdu, Devanagari, Armenian, Ethiopic, Khmer, Burmese and Tibetan are among them.
    "sentence": rf"(?:[.!?\u2026\u061f\u06d4\u0589\u1362\u1367\u104b\u0964\u0965\u17d4\u0f0d]{_CLOSING}\s+(?![\p{{Ll}}\p{{M}}])"
    rf"|[\u3002\uff01\uff1f\uff0e\uff61]{_CLOSING}\s*(?![\p{{M}}]))(?=\S)",
    # White space, or beside a character of a script without spaces; closing punctuation stays with what is before it.
    "word": r"\s+(?=\S)(?!\p{M})|(?<=[\p{Han}\p{Hiragana}\p{Katakana}\u3000-\u303f\uff00-\uff65]\p{M}*)"
    r"(?![\p{M}\p{Pe}\p{Pf}\u3001\u3002\uff0c\uff0e\uff1a\uff1b\uff01\uff1f\u3005\u30fc\u200d\ufe00-\ufe0f\s])(?!$)"
    r"|(?<=[\p{L}\p{N}\p{M}])(?=[\p{Han}\p{Hiragana}\p{Katakana}])",
    "grapheme": r"\X",
    "character": r"(?s:.)",
}
"""What ends at a place where a text may be parted, by grain."""


@functools.cache
def _pattern(grain: Grain) -> Any:
    """Return the compiled pattern of a grain."""
    import regex  # loaded when a text is first parted; most processes never do

    return regex.compile(_PATTERNS[grain], regex.V1)


def find_breaks(text: str, grain: Grain) -> list[int]:
    """Return the places within a text, in order, before which it may be parted; never its beginning or its end.

    No place but those of ``character`` is inside what a reader sees as one character (Unicode Standard Annex 29).
    """
    found = {place for match in _pattern(grain).finditer(text) if 0 < (place := match.end()) < len(text)}
    if found and grain not in ("grapheme", "character"):
        found.intersection_update(match.end() for match in _pattern("grapheme").finditer(text))
    return sorted(found)


def pieces_of(text: str, grain: Grain) -> Iterator[str]:
    """Yield the pieces of a text between the places of ``find_breaks``; together they are the text."""
    for start, end in pairwise([0, *find_breaks(text, grain), len(text)]):
        if start < end:
            yield text[start:end]


def word_end(text: str, place: int) -> int:
    """Return the place, or the end of the word that it is within. Scripts without spaces have no words to end."""
    return next((found for found in range(place, len(text)) if not _is_within_word(text, found)), len(text))


def _is_within_word(text: str, place: int) -> bool:
    """Return whether the characters before and at a place belong to one word."""
    return bool(_within_word().match(text, max(0, place - 1), place + 1)) if place else False


@functools.cache
def _within_word() -> Any:
    import regex

    return regex.compile(
        r"[\w--[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]][\w\p{M}]|.\p{M}", regex.V1
    )
