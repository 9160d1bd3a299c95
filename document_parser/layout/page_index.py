"""The words and drawn lines of a page in arrays, so that questions about many of them are answered in one step.

Lengths are in points, origin top left.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from document_parser.layout.lazy import cached_property
from document_parser.layout.lines.units import size_of
from document_parser.models import RulingLine, Word

MAX_THICKNESS_POINTS = 3.5
"""Points of the thinner side of a drawn box up to which it is a line; a thicker box is a fill."""

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Flags = NDArray[np.bool_]

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
        boxes = np.array([word[1:5] for word in self.words], dtype=np.float64).reshape(len(self.words), 4)
        self.left, self.top, self.right, self.bottom = boxes.T
        self.size: Floats = np.array([size_of(word) for word in self.words], dtype=np.float64)
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

    def places_of(self, words: Sequence[Word]) -> Integers:
        """Return the places of words of this page in the arrays."""
        return np.array([self.place[id(word)] for word in words], dtype=np.intp)

    def index_of(self, words: Sequence[Word]) -> PageIndex:
        """Return an index that has these words: this one, or a new one without lines if some are parts of words of the page."""
        return self if all(id(word) in self.place for word in words) else PageIndex(words)

    @cached_property
    def letters(self) -> Integers:
        """Return how many letters each word has."""
        return np.array([sum(map(str.isalpha, word.text)) for word in self.words], dtype=np.intp)

    @cached_property
    def digits(self) -> Integers:
        """Return how many digits each word has."""
        return np.array([sum(map(str.isdigit, word.text)) for word in self.words], dtype=np.intp)

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
        return np.array([_SENTENCE_END.search(word.text) is not None for word in self.words], dtype=np.bool_)

    @cached_property
    def ends_open(self) -> Flags:
        """Return which words end with a hyphen or a comma: a line of running text goes on."""
        return np.array([word.text[-1:] in "-\u2010\u00ad," for word in self.words], dtype=np.bool_)

    @cached_property
    def is_marker(self) -> Flags:
        """Return which words are a bullet or the number of an item or a clause."""
        return np.array([_LIST_MARKER.fullmatch(word.text) is not None for word in self.words], dtype=np.bool_)

    @cached_property
    def is_leader(self) -> Flags:
        """Return which words end with dots that lead to the next column."""
        return np.array([_LEADER.search(word.text) is not None for word in self.words], dtype=np.bool_)
