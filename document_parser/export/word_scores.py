"""How sure the words of a page are: its readers' confidence, for words of its Markdown, for blocks and for the page."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from document_parser.models import Block, Page, PlacedWord
from document_parser.text.normalize import tokenize
from document_parser.text.word_places import MARGIN

CERTAIN = 1.0
"""The confidence of a text layer's words, which nobody has recognised."""
_WORD = re.compile(r"<[^<>]*>|[^\s<]+|<")
"""A tag of HTML, which is no word, or what stands between white space and tags."""


class ScoredWord(NamedTuple):
    """A word of a text, where it starts, and its confidence from 0 to 1."""

    text: str
    start: int
    confidence: float


class WordScores:
    """The confidence of what is on a page. A word is sought among those of the page within the box of its block."""

    def __init__(self, page: Page) -> None:
        """Unpack the words of the page."""
        self._words = page.words.unpack() if page.words is not None else []
        self._page = page
        known = [word.confidence for word in self._words if word.confidence is not None]
        self._average = page.confidence if page.confidence is not None else _mean(known)
        if self._average is None and page.engine == "text_layer":
            self._average = CERTAIN
        self._least = min(known, default=self._average)

    def of_page(self) -> tuple[float, float] | None:
        """Return the mean and the least confidence; None if no reader gave any."""
        if self._average is None or self._least is None:
            return None
        return round(self._average, 4), round(self._least, 4)

    def of_block(self, block: Block, text: str) -> tuple[float | None, float | None]:
        """Return the mean and the least confidence of a block's words; None if it has none, or no reader gave any."""
        found = [word.confidence for word in self.of_words(block, text)]
        mean = _mean(found)
        return (None if mean is None else round(mean, 4)), min(found, default=None)

    def of_words(self, block: Block, text: str) -> Iterator[ScoredWord]:
        """Yield the words of a block's Markdown; marks alone are none. Without any score nothing is yielded.

        A word that is not found has the confidence of its block, or of the page.
        """
        otherwise = block.confidence if block.confidence is not None else self._average
        if otherwise is None:
            return
        found = self._by_token(block)
        for match in _WORD.finditer(text):
            tokens = [] if match[0].startswith("<") else tokenize(match[0])
            scores = [found[token].popleft() for token in tokens if found.get(token)]
            if tokens:
                yield ScoredWord(match[0], match.start(), round(min(scores, default=otherwise), 4))

    def _by_token(self, block: Block) -> dict[str, deque[float]]:
        """Return the confidences of the words within a block by their comparable form, in the order of the page."""
        found: defaultdict[str, deque[float]] = defaultdict(deque)
        for word in self._words:
            if word.confidence is not None and _is_within(word, block):
                for token in tokenize(word.text):
                    found[token].append(word.confidence)
        return found


def _is_within(word: PlacedWord, block: Block) -> bool:
    """Return whether the middle of a word is in the box of a block; True for a block without one."""
    box = block.box
    if box is None:
        return True
    across, down = (word.left + word.right) / 2, (word.top + word.bottom) / 2
    return box.left - MARGIN <= across <= box.right + MARGIN and box.top - MARGIN <= down <= box.bottom + MARGIN


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
