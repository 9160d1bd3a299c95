"""Find the marks that Fraktur leaves in a text that was read as antiqua, and put two readings of such a line together.

The long s is read as f: *fich*, *fchon*. Capitals are read as others, and neither reading is right in every word: the antiqua
one knows the umlauts and signs, that of a pack for Fraktur the letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from document_parser.models import Word

_MISREAD = re.compile(r"\b\w*fch\w+|\b(?:ift|fich|fie|fein(?:e[nmrs]?)?|fehr|felbft|unfer\w*)\b", re.IGNORECASE)
"""Words with an f in place of a long s: *sch*, and the most usual words. *fo* and *find* are words of other languages."""
MIN_MISREAD_SHARE = 0.005
"""Share of such words in a text from which it is Fraktur; pages of Fraktur have 0.008 to 0.05, German in antiqua none."""
MIN_SURE_CONFIDENCE = 0.6
"""Confidence of a word of the pack from which it counts. On five pages of 1780 to 1815, .3 to .9 differ by less than .02."""
MIN_ALIKE = 0.5
"""Similarity of two readings of one word."""
MIN_WORD_LETTERS = 2
"""Letters of a word from which the pack's reading is taken."""


def is_misread_fraktur(texts: Iterable[str]) -> bool:
    """Return whether lines that were read as antiqua are Fraktur."""
    words = [word for text in texts for word in text.split()]
    return len(_MISREAD.findall(" ".join(words))) >= max(1, MIN_MISREAD_SHARE * len(words))


def merge_fraktur(text: str, words: Sequence[Word]) -> str:
    """Return a line read as antiqua with the words that a pack for Fraktur is sure of."""
    parts = text.split()
    found = [word.text for word in words]
    for place, other in _align(parts, found):
        ours, theirs = _letters_of(parts[place]), _letters_of(found[other])
        sure = (words[other].confidence or 0) >= MIN_SURE_CONFIDENCE
        if sure and ours.isalpha() and theirs.isalpha() and len(theirs) >= MIN_WORD_LETTERS:
            parts[place] = parts[place].replace(ours, theirs)
    return " ".join(parts)


def _letters_of(word: str) -> str:
    """Return the longest part of a word without signs."""
    return max(re.findall(r"\w+", word), key=len, default="")


def _align(ours: Sequence[str], theirs: Sequence[str]) -> list[tuple[int, int]]:
    """Return the places of words that stand for each other, in order: the alignment with the greatest sum of similarities.

    Source: Needleman and Wunsch (1970), with gaps that cost nothing.
    """
    alike = [[SequenceMatcher(None, _form_of(one), _form_of(other)).ratio() for other in theirs] for one in ours]
    best = [[0.0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
    for i, row in enumerate(alike):
        for j, score in enumerate(row):
            best[i + 1][j + 1] = max(best[i][j + 1], best[i + 1][j], best[i][j] + score if score >= MIN_ALIKE else 0.0)
    pairs, i, j = [], len(ours), len(theirs)
    while i and j:
        if best[i][j] == best[i - 1][j]:
            i -= 1
        elif best[i][j] == best[i][j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    return pairs[::-1]


def _form_of(word: str) -> str:
    """Return a word without signs and case, its long s as s and its f as well: they are taken for each other."""
    return re.sub("[f\u017f]", "s", re.sub(r"\W", "", word).casefold())
