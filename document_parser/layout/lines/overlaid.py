"""Take level watermarks out of the text: large words that lie over several lines of it.

Lengths are in points, origin top left.
"""

from __future__ import annotations

from collections.abc import Sequence

from document_parser.layout.lines.lines import body_size
from document_parser.layout.lines.units import size_of
from document_parser.layout.lines.word_edges import points_of
from document_parser.models import Word

MIN_SIZE_RATIO = 2.0
"""Font size of a watermark divided by that of the page's text, at least."""
MIN_LETTERS = 3
"""Letters of a watermark, at least: a large single letter begins a paragraph."""
MIN_COVERED_WORDS = 2
"""Words of the text whose middle it covers, at least. Letters of a headline cover none."""
MAX_BAND_SHARE = 0.5
"""Share of the font size around the middle of its letters that counts as covered: boxes of letters are higher."""


def split_overlaid(words: Sequence[Word]) -> tuple[list[Word], list[Word]]:
    """Return (the words of the text, the large words that lie over it, whose line is a watermark)."""
    body = body_size(words)
    sizes = list(map(points_of, words))
    if sizes and min(sizes) > 0 and max(sizes) < MIN_SIZE_RATIO * body:
        return list(words), []  # the cheap sign: most pages have no such letters
    large = [word for word in words if size_of(word) >= MIN_SIZE_RATIO * body and word.direction % 180 == 0]
    if not large:
        return list(words), []
    text = [word for word in words if size_of(word) < MIN_SIZE_RATIO * body]
    over = [word for word in large if len(word.text) >= MIN_LETTERS and _count_covered(word, text) >= MIN_COVERED_WORDS]
    # The other words of its line may lie beside the text.
    marks = [word for word in large if any(word is one or _is_same_line(word, one) for one in over)]
    held = {id(word) for word in marks}
    return [word for word in words if id(word) not in held], marks


def _count_covered(large: Word, words: Sequence[Word]) -> int:
    """Return how many words have their middle on the letters of a large word."""
    middle, reach = (large.top + large.bottom) / 2, MAX_BAND_SHARE * size_of(large) / 2
    return sum(
        large.left < (word.left + word.right) / 2 < large.right and abs((word.top + word.bottom) / 2 - middle) < reach
        for word in words
    )


def _is_same_line(word: Word, other: Word) -> bool:
    """Return whether two large words are of one size and on one line."""
    return abs(size_of(word) - size_of(other)) < 0.1 * size_of(other) and abs(word.top - other.top) < 0.3 * size_of(other)
