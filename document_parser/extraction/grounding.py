"""Find the words of a page that a text consists of: a value without them is one that the document does not have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple
from weakref import WeakKeyDictionary

from document_parser.extraction.candidates import Place
from document_parser.extraction.labels import tokens_of
from document_parser.extraction.view import PageView, Segment

MAX_OCCURRENCES = 400
"""Places of a text on a page that are looked at, at most."""
ROW_HEIGHTS = 2.5
"""Texts whose lines are at most this many heights apart may be in the same row."""


class _At(NamedTuple):
    """A token of a page: its segment's place among the page's, and where it is in the segment's text."""

    segment: int
    start: int
    end: int
    place: int


@dataclass(frozen=True)
class _PageIndex:
    """The tokens of a page, by text and by segment."""

    view: PageView

    @cached_property
    def by_segment(self) -> list[list[tuple[str, _At]]]:
        """Return the tokens of each segment."""
        return [
            [(token.text, _At(number, token.start, token.end, place)) for place, token in enumerate(tokens_of(segment.text))]
            for number, segment in enumerate(self.view.segments)
        ]

    @cached_property
    def by_text(self) -> dict[str, list[_At]]:
        """Return the places of each token."""
        found: dict[str, list[_At]] = defaultdict(list)
        for tokens in self.by_segment:
            for text, at in tokens:
                found[text].append(at)
        return found


_INDEXES: WeakKeyDictionary[PageView, _PageIndex] = WeakKeyDictionary()


def occurrences(text: str, view: PageView) -> Iterator[tuple[Place, ...]]:
    """Yield the places of a text on a page, from top to bottom: its words in order, in one line or in several."""
    wanted = [token.text for token in tokens_of(text)]
    if not wanted:
        return
    index = _INDEXES.get(view)
    if index is None:
        index = _INDEXES[view] = _PageIndex(view)
    for first in index.by_text.get(wanted[0], [])[:MAX_OCCURRENCES]:
        found = _follow(wanted, first, index)
        if found:
            yield tuple(_places(found, view))


def _follow(wanted: Sequence[str], first: _At, index: _PageIndex) -> list[_At]:
    """Return the tokens of a text that begins at a token of the page; an empty list if it does not go on."""
    found = [first]
    for word in wanted[1:]:
        last = found[-1]
        line = index.by_segment[last.segment]
        if last.place + 1 < len(line) and line[last.place + 1][0] == word:
            found.append(line[last.place + 1][1])
            continue
        below = next(_first_below(word, last, index), None)
        if below is None:
            return []
        found.append(below)
    return found


def _first_below(word: str, last: _At, index: _PageIndex) -> Iterator[_At]:
    """Yield the first token of a piece right of or below that of a token, if it is the word that is looked for."""
    segment = index.view.segments[last.segment]
    if last.place + 1 < len(index.by_segment[last.segment]):
        return  # the piece goes on with another word
    for other in (*index.view.right_of(segment), *index.view.below(segment, 2.5 * segment.height)):
        tokens = index.by_segment[other.number]
        if tokens and tokens[0][0] == word:
            yield tokens[0][1]


def _places(found: Sequence[_At], view: PageView) -> Iterator[Place]:
    """Yield tokens as ranges of their segments; those that follow each other in a segment are one range."""
    start = found[0]
    last = start
    for at in found[1:]:
        if at.segment != last.segment:
            yield Place(view.segments[start.segment], start.start, last.end)
            start = at
        last = at
    yield Place(view.segments[start.segment], start.start, last.end)


def ground_row(texts: Sequence[str], view: PageView, below: float) -> list[tuple[Place, ...]]:
    """Return the places of the texts of a table's row, empty for a text that is not found in it.

    ``below`` is the top of the row before, in points: of several rows with the same texts the next one is meant.
    """
    options = [list(occurrences(text, view)) for text in texts]
    tops = sorted({places[0].segment.top for found in options for places in found})
    if not tops:
        return [() for _ in texts]

    def fits(top: float) -> tuple[int, bool, float]:
        near = sum(any(_is_near(places, top) for places in found) for found in options)
        return near, top >= below - 1, -top

    best = max(tops, key=fits)
    return [
        min(
            (places for places in found if _is_near(places, best)),
            key=lambda places: abs(places[0].segment.top - best),
            default=(),
        )
        for found in options
    ]


def _is_near(places: tuple[Place, ...], top: float) -> bool:
    """Return whether places begin in the row whose top is at a height."""
    segment: Segment = places[0].segment
    return abs(segment.top - top) <= ROW_HEIGHTS * segment.height
