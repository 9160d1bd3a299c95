"""Drop words that are painted again at their place: for a fat or shadowed look, or by a program that writes a page twice.

PDFium drops a text object that repeats one just before it; other splits of the same text into objects stay. Lengths in points.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from document_parser.models import Word

MAX_LETTER_OFFSET_EM = 0.12
"""Distance of two equal single letters in font sizes, at most: two l side by side are 0.22 apart."""
MAX_OFFSET_RATIO = 0.25
"""Distance of the two, across and down, over the height of the word, at most."""

_STRIP_POINTS = 12.0
"""Height of the strips of the page in which equal words are compared."""


def drop_repeated(words: Sequence[Word]) -> list[Word]:
    """Return the words without those that stand already at nearly the same place; the first one stays."""
    several = {text for text, count in Counter([word.text for word in words]).items() if count > 1}
    seen: defaultdict[tuple[str, int], list[Word]] = defaultdict(list)
    kept: list[Word] = []
    for word in words:
        text = word.text
        if text in several:
            strip = int(word.top / _STRIP_POINTS)
            # Most of these words stand alone in their strips, where a look-up costs less than a loop over nothing.
            near = [*seen.get((text, strip - 1), ()), *seen.get((text, strip), ()), *seen.get((text, strip + 1), ())]
            if near and any(_is_at(word, other) for other in near):
                continue
            seen[text, strip].append(word)
        kept.append(word)
    return kept


def _is_at(word: Word, other: Word) -> bool:
    """Return whether a word lies nearly where another one does."""
    single = len(word.text) == 1
    reach = MAX_LETTER_OFFSET_EM * word.size_points if single else MAX_OFFSET_RATIO * (other.bottom - other.top)
    return (
        abs(word.left - other.left) <= reach
        and abs(word.top - other.top) <= reach
        and abs(word.right - other.right) <= 2 * reach
    )
