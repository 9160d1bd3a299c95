"""The words and drawn lines of a page in arrays, so that questions about many of them are answered in one step.

Lengths are in points, origin top left.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from document_parser.layout.lazy import cached_property
from document_parser.layout.lines.units import size_of
from document_parser.layout.lines.word_edges import points_of
from document_parser.models import RulingLine, Word

MAX_THICKNESS_POINTS = 3.5
"""Points of the thinner side of a drawn box up to which it is a line; a thicker box is a fill."""

MAX_MARKER_LETTERS = 5
"""Letters of a list marker, at most: a Roman number."""

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Flags = NDArray[np.bool_]

_EDGES = itemgetter(1, 2, 3, 4)
"""Left, top, right and bottom of a word; many times as fast as four attributes."""
_SENTENCE_END = re.compile(r"[.!?;。؟][\"'”’)\]]*$")
_LIST_MARKER = re.compile(r"[•◦▪‣·∙●○■□–—*☐☑☒-]|[\[(]?(?:\d{1,3}(?:\.\d{1,3})*|[a-zA-Z]|[ivxIVX]{1,5})[\])]?\.?")
_LEADER = re.compile(r"[.…·_ ]{3,}$")


@dataclass(frozen=True, slots=True)
class Rules:
    """Horizontal lines (y, start, end), vertical ones (x, start, end) and fills (left, top, right, bottom), one a row."""

    level: Floats
    upright: Floats
    fills: Floats

    @classmethod
    def from_boxes(cls, rules: Sequence[RulingLine]) -> Rules:
        """Return the lines and fills of drawn boxes."""
        left, top, right, bottom = boxes = np.array(rules, dtype=np.float64).reshape(len(rules), 4).T
        width, height = right - left, bottom - top
        level = (height <= MAX_THICKNESS_POINTS) & (width > height)
        upright = (width <= MAX_THICKNESS_POINTS) & ~level
        return cls(
            level=np.stack([(top + bottom) / 2, left, right], axis=1)[level],
            upright=np.stack([(left + right) / 2, top, bottom], axis=1)[upright],
            fills=boxes.T[~level & ~upright],
        )


class PageIndex:
    """The words of a page, one place in each array for each word, and the lines drawn around them."""

    def __init__(self, words: Sequence[Word], rules: Sequence[RulingLine] = ()) -> None:
        self.words = tuple(words)
        self.place = {id(word): number for number, word in enumerate(self.words)}
        edges = chain.from_iterable(map(_EDGES, self.words))
        self.boxes: Floats = np.fromiter(edges, np.float64, 4 * len(self.words)).reshape(len(self.words), 4)
        self.left, self.top, self.right, self.bottom = self.boxes.T
        self.size: Floats = np.fromiter(map(points_of, self.words), np.float64, len(self.words))
        for place in np.flatnonzero(self.size <= 0).tolist():
            self.size[place] = size_of(self.words[place])
        self.bold: Flags = np.array([word.bold for word in self.words], dtype=np.bool_)
        self.rules = Rules.from_boxes(rules)

    @cached_property
    def middle_x(self) -> Floats:
        """Return the x position of the middle of each word."""
        return (self.left + self.right) / 2

    @cached_property
    def middle_y(self) -> Floats:
        """Return the y position of the middle of each word."""
        return (self.top + self.bottom) / 2

    def words_within(self, left: float, top: float, right: float, bottom: float) -> list[Word]:
        """Return the words whose middle lies between these edges, not on them."""
        level = (top < self.middle_y) & (self.middle_y < bottom)
        beside = (left < self.middle_x) & (self.middle_x < right)
        return [self.words[place] for place in (level & beside).nonzero()[0].tolist()]

    def places_of(self, words: Sequence[Word]) -> Integers:
        """Return the places of words of this page in the arrays."""
        return np.fromiter(map(self.place.__getitem__, map(id, words)), np.intp, len(words))

    def index_of(self, words: Sequence[Word]) -> PageIndex:
        """Return an index that has these words: this one, or a new one without lines if some are parts of words of the page."""
        return self if self.place.keys() >= set(map(id, words)) else PageIndex(words)

    @cached_property
    def letters(self) -> Integers:
        """Return how many letters each word has."""
        texts = [word.text for word in self.words]
        return np.array([len(text) if text.isalpha() else sum(map(str.isalpha, text)) for text in texts], dtype=np.intp)

    @cached_property
    def digits(self) -> Integers:
        """Return how many digits each word has."""
        texts = [word.text for word in self.words]
        return np.array([0 if text.isalpha() else sum(map(str.isdigit, text)) for text in texts], dtype=np.intp)

    @cached_property
    def characters(self) -> Integers:
        """Return how many characters each word has."""
        return np.array([len(word.text) for word in self.words], dtype=np.intp)

    @cached_property
    def spaces(self) -> Integers:
        """Return how many spaces are in each word: some engines find runs of words."""
        return np.array([word.text.count(" ") for word in self.words], dtype=np.intp)

    @cached_property
    def starts_lower(self) -> Flags:
        """Return which words begin with a small letter."""
        return np.array([word.text[:1].islower() for word in self.words], dtype=np.bool_)

    @cached_property
    def ends_sentence(self) -> Flags:
        """Return which words end with the end of a sentence or of a clause."""
        return np.array([_ends_so(word.text, _SENTENCE_END) for word in self.words], dtype=np.bool_)

    @cached_property
    def ends_open(self) -> Flags:
        """Return which words end with a hyphen or a comma: a line of running text goes on."""
        return np.array([word.text[-1:] in "-\u2010\u00ad," for word in self.words], dtype=np.bool_)

    @cached_property
    def is_marker(self) -> Flags:
        """Return which words are a bullet or the number of an item or a clause."""
        texts = [word.text for word in self.words]
        return np.array(
            [not _is_long_word(text) and _LIST_MARKER.fullmatch(text) is not None for text in texts], dtype=np.bool_
        )

    @cached_property
    def is_leader(self) -> Flags:
        """Return which words end with dots that lead to the next column."""
        return np.array([_ends_so(word.text, _LEADER) for word in self.words], dtype=np.bool_)


def _ends_so(text: str, end: re.Pattern[str]) -> bool:
    """Return whether a text has an end that holds no letters or digits, as most texts have."""
    return not text[-1:].isalnum() and end.search(text) is not None


def _is_long_word(text: str) -> bool:
    """Return whether a text is letters alone, and more of them than a marker has."""
    return len(text) > MAX_MARKER_LETTERS and text.isalpha()
