"""Find the words of two readings of a line that are one word, by their places, and take the surer ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from document_parser.models import Word

MIN_SAME_PLACE_SHARE = 0.7
"""Share of the length of two words that they have in common if they are one."""
MIN_GAIN = 0.03
"""Confidence that another reading of a word must have more."""


def are_in_one_place(word: Word, other: Word) -> bool:
    """Return whether two words of one line are the same one, read twice."""
    common = min(word.right, other.right) - max(word.left, other.left)
    return common >= MIN_SAME_PLACE_SHARE * (max(word.right, other.right) - min(word.left, other.left))


def with_surer_words(words: Sequence[Word], others: Iterable[Sequence[Word]]) -> list[Word]:
    """Return the words of a line, each as the reading has it that is surest of it. Words that none of ``others`` has stay."""
    found = list(words)
    for reading in others:
        found = [_surest([word, *(other for other in reading if are_in_one_place(word, other))]) for word in found]
    return found


def _surest(words: Sequence[Word]) -> Word:
    """Return the word of the greatest confidence; the first if none has clearly more."""
    best = max(words, key=lambda word: word.confidence or 0.0)
    return best if (best.confidence or 0.0) >= (words[0].confidence or 0.0) + MIN_GAIN else words[0]
