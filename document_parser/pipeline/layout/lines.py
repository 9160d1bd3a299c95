"""Words to lines: what stands on one baseline, in the order it is read."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property, lru_cache
from operator import is_
from typing import TYPE_CHECKING

from document_parser.models import Word
from document_parser.pipeline.layout.scale import size_of
from document_parser.pipeline.layout.text import Part, parts_of_line

TALL = 1.7
"""A word this many times as high as the page's usual word is not used to tell lines apart (initials, titles)."""

KEPT = 64
"""Answers of ``lines_of`` that are kept while a page is laid out: those of the part of a page that is being looked at."""


class Extent:
    """Where words stand, whatever they make: the edges of the box around them, in points."""

    if TYPE_CHECKING:  # a field of some, found anew by others

        @property
        def words(self) -> Sequence[Word]: ...

    @cached_property
    def left(self) -> float:
        return min(word.left for word in self.words)

    @cached_property
    def right(self) -> float:
        return max(word.right for word in self.words)

    @cached_property
    def top(self) -> float:
        return min(word.top for word in self.words)

    @cached_property
    def bottom(self) -> float:
        return max(word.bottom for word in self.words)


@dataclass(frozen=True)
class Line(Extent):
    """Words on one baseline, left to right. Lengths are in points."""

    words: tuple[Word, ...]

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    @property
    def width(self) -> float:
        return self.right - self.left

    @cached_property
    def size(self) -> float:
        return body_size(self.words)

    @cached_property
    def parts(self) -> list[Part]:
        return parts_of_line(self.words)

    @cached_property
    def text(self) -> str:
        return "".join([text for text, _ in self.parts])

    @cached_property
    def weight(self) -> float:
        """The share of its letters that are bold."""
        return sum(len(word.text) for word in self.words if word.bold) / sum(len(word.text) for word in self.words)

    @cached_property
    def has_fraction(self) -> bool:
        return any(word.math and "\\frac" in word.text for word in self.words)

    @property
    def bold(self) -> bool:
        return self.weight >= 0.8

    @cached_property
    def measured(self) -> bool:
        """Whether font sizes are known rather than estimated from boxes."""
        return any(word.size_points > 0 for word in self.words)


def body_size(words: Iterable[Word]) -> float:
    """The font size in points that the middle character has; 10 where there are no words."""
    weighted = sorted((size_of(word), len(word.text)) for word in words)
    half = sum(weight for _, weight in weighted) / 2
    for size, weight in weighted:
        half -= weight
        if half <= 0:
            return size
    return 10.0


def lines_of(words: Sequence[Word]) -> list[Line]:
    """The words of one column as lines, top to bottom."""
    if not words:
        return []
    if len(words) == 1:
        return [Line((words[0],))]
    return list(_find.get()(_VeryWords(tuple(words))))


class _VeryWords:
    """The very same words in the same order, as a key: more than half of all lines are asked for again by the next rule."""

    __slots__ = ("_hash", "words")

    def __init__(self, words: tuple[Word, ...]) -> None:
        self.words = words
        self._hash = hash(tuple(map(id, words)))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _VeryWords) and len(self.words) == len(other.words) and all(map(is_, self.words, other.words))


def _lines_of(key: _VeryWords) -> tuple[Line, ...]:
    words = key.words
    limit = TALL * sorted(word.bottom - word.top for word in words)[len(words) // 2]
    usual = [word for word in words if word.bottom - word.top <= limit]
    rows = _rows(usual)
    for tall in _rows([word for word in words if word.bottom - word.top > limit]):
        _seat(tall, rows)
    rows.sort(key=lambda row: row.top)
    return tuple(Line(tuple(sorted(row.words, key=lambda word: word.left))) for row in rows)


_find: ContextVar[Callable[[_VeryWords], tuple[Line, ...]]] = ContextVar("lines_found", default=_lines_of)


@contextlib.contextmanager
def lines_kept() -> Iterator[None]:
    """Keep what ``lines_of`` finds for as long as one page is laid out: no words of a document outlive that."""
    token = _find.set(lru_cache(maxsize=KEPT)(_lines_of))
    try:
        yield
    finally:
        _find.reset(token)


REACH = 0.2
"""How far below and above a row, by its height, small marks still belong to it."""


@dataclass(slots=True)
class _Row:
    words: list[Word]
    top: float
    bottom: float
    end: float = 0.0
    """Nothing that begins below it is of this row."""

    def __post_init__(self) -> None:
        self.end = self.bottom + REACH * (self.bottom - self.top)

    def holds(self, top: float, bottom: float) -> float:
        """How much of the lower of the two lies beside the other; at least a half is one line.

        Small marks get some reach: a comma hangs below the letters where boxes are tight.
        """
        height, own = self.bottom - self.top, bottom - top
        reach = REACH * height if own < 0.5 * height else 0.0
        lower = bottom if bottom < self.bottom + reach else self.bottom + reach
        upper = top if top > self.top - reach else self.top - reach
        return (lower - upper) / ((height if height < own else own) or 1e-6)

    def add(self, word: Word) -> None:
        """The row's span follows its words by their mean, so that a slanted row does not swallow the next."""
        count = len(self.words)
        if word.bottom - word.top >= 0.6 * (self.bottom - self.top):
            self.top = (self.top * count + word.top) / (count + 1)
            self.bottom = (self.bottom * count + word.bottom) / (count + 1)
            self.end = self.bottom + REACH * (self.bottom - self.top)
        self.words.append(word)


def _rows(words: Sequence[Word]) -> list[_Row]:
    rows: list[_Row] = []
    for word in sorted(words, key=_height_of_middle):
        best, most = None, 0.5
        # The last rows are the only ones that can be beside it: words come by the height of their middle.
        for row in rows[-3:]:
            if row.end < word.top:
                continue
            held = row.holds(word.top, word.bottom)
            if held >= most and (best is None or held > most):
                best, most = row, held
        if best is None:
            rows.append(_Row([word], word.top, word.bottom))
        else:
            best.add(word)
    return rows


def _height_of_middle(word: Word) -> float:
    return word.top + word.bottom


def _seat(tall: _Row, rows: list[_Row]) -> None:
    """Put tall words into the first row they stand beside (an initial), or add them as a row of their own."""
    beside = [row for row in rows if min(row.bottom, tall.bottom) - max(row.top, tall.top) >= 0.5 * (row.bottom - row.top)]
    if beside:
        min(beside, key=lambda row: row.top).words.extend(tall.words)
    else:
        rows.append(tall)
