"""Find boxes for blocks that a model wrote without any, from words with boxes that say the same.

The words come from the text layer or from an OCR engine. Boxes are fractions of the page, origin top left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from document_parser.models import Block, BoundingBox, Word
from document_parser.text.normalize import texts_of, tokenize

MAX_OCCURRENCES = 4
"""A word that occurs more often on the page than this does not show where a block is."""
MIN_MATCHED_SHARE = 0.6
"""Share of a block's words that must be found close together; with fewer, the block gets no box."""
MAX_SPREAD_RATIO = 1.25
"""A block may be spread over this many times as many words of the page as it has itself."""
MAX_SLACK_WORDS = 5
"""Words added before and after the matched part of the page at most: the block's own first and last words may be frequent
ones."""


class _TokenWord(NamedTuple):
    """A word in comparable form with the word of the page that it comes from."""

    text: str
    word: Word


def place_blocks(blocks: Sequence[Block], words: Sequence[Word]) -> None:
    """Set the box of every block that has none to the box around the words of the page that say the same.

    A block keeps None if fewer than ``MIN_MATCHED_SHARE`` of its words are found close together. Boxes are fractions of the
    page, origin top left.
    """
    page_words = list(_split_words(words))
    positions: dict[str, list[int]] = defaultdict(list)
    for number, (text, _) in enumerate(page_words):
        positions[text].append(number)
    for block in blocks:
        if block.box is None:
            block.box = _box_of(tokenize(" ".join(texts_of([block]))), page_words, positions)


def _split_words(words: Sequence[Word]) -> Iterator[_TokenWord]:
    """Yield the words of runs and lines one by one; each gets its share of the width by its number of characters."""
    for run in words:
        width = (run.right - run.left) / max(1, len(run.text))
        start = 0
        for piece in run.text.split():
            start = run.text.index(piece, start)
            left = run.left + start * width
            start += len(piece)
            own = run._replace(text=piece, left=left, right=run.left + start * width)
            yield from (_TokenWord(token, own) for token in tokenize(piece))


def _box_of(wanted: list[str], page_words: Sequence[_TokenWord], positions: dict[str, list[int]]) -> BoundingBox | None:
    """Return the box around the words of the page that match ``wanted``, or None if too few match."""
    if not wanted:
        return None
    window = _find_window(wanted, positions)
    if window is None:
        return None
    asked = set(wanted)
    found = [place for place in page_words[window[0] : window[1]] if place.text in asked]
    if len(found) < MIN_MATCHED_SHARE * len(wanted):
        return None
    return BoundingBox.around(place.word for place in found)


def _find_window(wanted: list[str], positions: dict[str, list[int]]) -> tuple[int, int] | None:
    """Return the part of the page's words, as (first, end), in which most of the rarer wanted words are close together."""
    distinctive = sorted(
        {place for word in set(wanted) if len(found := positions.get(word, [])) <= MAX_OCCURRENCES for place in found}
    )
    if not distinctive:
        distinctive = sorted({place for word in set(wanted) for place in positions.get(word, [])})
    if not distinctive:
        return None
    reach = int(MAX_SPREAD_RATIO * len(wanted)) + 2
    best, first = (0, 0), 0
    for last, place in enumerate(distinctive):
        while place - distinctive[first] > reach:
            first += 1
        best = max(best, (last - first + 1, -first))
    start = distinctive[-best[1]]
    end = distinctive[-best[1] + best[0] - 1]
    slack = min(MAX_SLACK_WORDS, max(0, len(wanted) - (end - start)))
    return max(0, start - slack), end + 1 + slack
