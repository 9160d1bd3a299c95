"""Tell words that differ by the marks on their letters alone, as accents, carons and the stroke of the Polish l."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

_STRUCK = str.maketrans("łŁđĐøØı", "lLdDoOi")
"""Letters with a stroke, or without their dot, which Unicode does not take apart."""


def merge_marks(text: str, closer: str, known: Collection[str]) -> str:
    """Return a text with those words of a closer reading of it that have more marks, or other ones, on the same letters.

    Letters with marks that are neither ``known`` nor in the word are not taken: they are specks, and a lost mark is no gain.
    Nothing is taken if the other reading has not as many words.
    """
    words, others = text.split(), closer.split()
    if len(words) != len(others):
        return text
    return " ".join(other if _is_closer(word, other, known) else word for word, other in zip(words, others, strict=True))


def marked_letters(text: str) -> list[str]:
    """Return the letters of a text that have marks."""
    return [letter for letter in text if letter.isalpha() and without_marks(letter) != letter]


def without_marks(text: str) -> str:
    """Return a text without the marks on its letters. A raised figure keeps its height: it is no mark."""
    return "".join(sign for sign in unicodedata.normalize("NFD", text.translate(_STRUCK)) if not unicodedata.combining(sign))


def _is_closer(word: str, other: str, known: Collection[str]) -> bool:
    """Return whether another reading of a word has the same letters and marks that are no specks."""
    if word == other or without_marks(word) != without_marks(other):
        return False
    before, after = marked_letters(word), marked_letters(other)
    return len(after) >= len(before) and all(letter in known or letter in before for letter in after)
