"""Group words into lines: words on one baseline, in reading order."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter, is_
from typing import TYPE_CHECKING

from document_parser.layout.lazy import cached_property
from document_parser.layout.lines.joining import Part, parts_of_line
from document_parser.layout.lines.units import size_of
from document_parser.layout.lines.word_edges import bottom_of, height_of, left_of, points_of, right_of, text_of, top_of
from document_parser.models import Word

TALL_WORD_RATIO = 1.7
"""Height of a word divided by the page's usual word height: a higher word (initial, title) does not define lines."""

MAX_CACHED_CALLS = 512
"""Results of ``lines_of`` that are cached while a page is laid out: enough for nearly all regions and cells of a page."""
MAX_TERM_SPACE_EM = 0.6
"""Font sizes between a bold term and the text that it runs into, at most."""


class Extent:
    """The edges of the box around words, in points. Base class of lines, cells and grids."""

    if TYPE_CHECKING:  # a field in some subclasses, a cached property in others

        @property
        def words(self) -> Sequence[Word]:
            """Return the words inside the box."""
            ...

    @cached_property
    def left(self) -> float:
        """Return the x position of the left edge in points."""
        return min(map(left_of, self.words))

    @cached_property
    def right(self) -> float:
        """Return the x position of the right edge in points."""
        return max(map(right_of, self.words))

    @cached_property
    def top(self) -> float:
        """Return the y position of the top edge in points, from the top of the page."""
        return min(map(top_of, self.words))

    @cached_property
    def bottom(self) -> float:
        """Return the y position of the bottom edge in points, from the top of the page."""
        return max(map(bottom_of, self.words))


@dataclass(frozen=True)
class Line(Extent):
    """Words on one baseline, ordered from left to right. Lengths are in points."""

    words: tuple[Word, ...]

    @property
    def middle(self) -> float:
        """Return the y position halfway between top and bottom, in points."""
        return (self.top + self.bottom) / 2

    @property
    def width(self) -> float:
        """Return the distance from the left to the right edge, in points."""
        return self.right - self.left

    @cached_property
    def size(self) -> float:
        """Return the usual font size of the line in points."""
        return body_size(self.words)

    @cached_property
    def parts(self) -> list[Part]:
        """Return the line's text in pieces, with the word each piece comes from."""
        return parts_of_line(self.words)

    @cached_property
    def text(self) -> str:
        """Return the line's text."""
        return "".join([text for text, _ in self.parts])

    @cached_property
    def bold_share(self) -> float:
        """Return the share of the line's letters that are bold, from 0 to 1."""
        bold = [len(word.text) for word in self.words if word.bold]
        return sum(bold) / sum([len(word.text) for word in self.words]) if bold else 0.0

    @cached_property
    def opens_with_term(self) -> bool:
        """Return whether plain text follows bold words after no more than a space: labels of fields stand apart from values."""
        start = next((number for number, word in enumerate(self.words) if not word.bold), 0)
        if not start or any(word.bold for word in self.words[start:]):
            return False
        return self.words[start].left - self.words[start - 1].right <= MAX_TERM_SPACE_EM * self.size

    @cached_property
    def has_fraction(self) -> bool:
        """Return whether the line holds a fraction."""
        return any(word.math and "\\frac" in word.text for word in self.words)

    @property
    def bold(self) -> bool:
        """Return whether at least 80 % of the line's letters are bold."""
        return self.bold_share >= 0.8

    @cached_property
    def has_known_size(self) -> bool:
        """Return whether font sizes are known rather than estimated from boxes."""
        return self.words[0].size_points > 0 or any(word.size_points > 0 for word in self.words)

    @property
    def has_levelled_size(self) -> bool:
        """Return whether font sizes are estimated, and one for all lines of a scan whose estimates are near each other."""
        return self.words[0].estimated_points > 0


def split_at_gaps(line: Line, gap: float) -> list[Line]:
    """Split a line at gaps that are wider than ``gap`` points."""
    parts = [[line.words[0]]]
    reach = line.words[0].right
    for word in line.words[1:]:
        if word.left - reach > gap:
            parts.append([])
        parts[-1].append(word)
        reach = max(reach, word.right)
    return [Line(tuple(part)) for part in parts]


def body_size(words: Iterable[Word], share: float = 0.5) -> float:
    """Return the font size in points that this share of the characters does not exceed, the middle one's if none is given.

    It is 10 if there are no words.
    """
    words = list(words)
    sizes = list(map(points_of, words))
    known = set(sizes)
    if len(known) == 1 and (only := sizes[0]) > 0:
        return only
    if known and min(known) <= 0:
        sizes = [size if size > 0 else size_of(word) for size, word in zip(sizes, words, strict=True)]
    weights: defaultdict[float, int] = defaultdict(int)
    for size, letters in zip(sizes, map(len, map(text_of, words)), strict=True):
        weights[size] += letters
    if len(weights) == 1:
        return next(iter(weights))
    left = sum(weights.values()) * share
    for size, weight in sorted(weights.items()):
        left -= weight
        if left <= 0:
            return size
    return 10.0


def lines_of(words: Sequence[Word]) -> list[Line]:
    """Group the words of one column into lines, ordered from top to bottom. Boxes are in points. Empty without words."""
    if not words:
        return []
    if len(words) == 1:
        return [Line((words[0],))]
    return list(_find_lines.get()(SameWords(tuple(words))))


class SameWords:
    """A cache key for the same word objects in the same order: the next rule asks for more than half of all lines again."""

    __slots__ = ("_hash", "words")

    def __init__(self, words: tuple[Word, ...]) -> None:
        self.words = words
        self._hash = hash(tuple(map(id, words)))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SameWords) and len(self.words) == len(other.words) and all(map(is_, self.words, other.words))


def _lines_of(key: SameWords) -> tuple[Line, ...]:
    """Group words into lines without a cache."""
    words = key.words
    heights = [bottom - top for top, bottom in map(height_of, words)]
    limit = TALL_WORD_RATIO * sorted(heights)[len(words) // 2]
    if max(heights) <= limit:
        rows = _group_rows(words)
    else:
        rows = _group_rows([word for word, height in zip(words, heights, strict=True) if height <= limit])
        for tall in _group_rows([word for word, height in zip(words, heights, strict=True) if height > limit]):
            _attach_tall_row(tall, rows)
    rows.sort(key=attrgetter("top"))
    return tuple(Line(tuple(sorted(row.words, key=left_of))) for row in rows)


_find_lines: ContextVar[Callable[[SameWords], tuple[Line, ...]]] = ContextVar("lines_found", default=_lines_of)


@contextlib.contextmanager
def cache_lines() -> Iterator[None]:
    """Cache the results of ``lines_of`` while one page is laid out; no words of a document stay in memory after that.

    The cache takes a third off the layout's time.
    """
    token = _find_lines.set(lru_cache(maxsize=MAX_CACHED_CALLS)(_lines_of))
    try:
        yield
    finally:
        _find_lines.reset(token)


MAX_SHARED_WIDTH_SHARE = 0.5
"""Share of its width by which a run of several words lies over or under another run, at most, on the same line."""
ROW_REACH_SHARE = 0.2
"""Share of a row's height by which small marks may lie below or above it and still belong to it."""


MAX_NEAR_ROWS = 3
"""Rows that a word is compared with, at most."""


@dataclass(slots=True)
class _Row:
    """Words of one line under construction, with the line's mean top and bottom in points."""

    words: list[Word]
    top: float
    bottom: float
    end: float = 0.0
    """The y position in points below which no word of this row begins."""

    def __post_init__(self) -> None:
        self.end = self.bottom + ROW_REACH_SHARE * (self.bottom - self.top)

    def overlap_with(self, top: float, bottom: float) -> float:
        """Return the overlap of two heights as a share of the smaller one; at least 0.5 means one line.

        Small marks get an extra reach: a comma hangs below the letters if boxes are tight.
        """
        height, own = self.bottom - self.top, bottom - top
        reach = ROW_REACH_SHARE * height if own < 0.5 * height else 0.0
        lower = bottom if bottom < self.bottom + reach else self.bottom + reach
        upper = top if top > self.top - reach else self.top - reach
        return (lower - upper) / ((height if height < own else own) or 1e-6)

    def add(self, word: Word, top: float, bottom: float) -> None:
        """Add a word with its edges.

        Top and bottom of the row follow the mean of the words, so that a slanted row does not take in the next one.
        """
        count = len(self.words)
        if bottom - top >= 0.6 * (self.bottom - self.top):
            self.top = (self.top * count + top) / (count + 1)
            self.bottom = (self.bottom * count + bottom) / (count + 1)
            self.end = self.bottom + ROW_REACH_SHARE * (self.bottom - self.top)
        self.words.append(word)

    def stands_over(self, run: Word) -> bool:
        """Return whether a run of the row lies over or under much of another run: lines of a curled page overlap in height."""
        return any(" " in word.text and _shared_width(word, run) >= MAX_SHARED_WIDTH_SHARE for word in self.words)


def _shared_width(one: Word, other: Word) -> float:
    """Return the width that two words share as a share of the narrower one's."""
    shared = min(one.right, other.right) - max(one.left, other.left)
    return shared / (min(one.right - one.left, other.right - other.left) or 1e-6)


def _group_rows(words: Sequence[Word]) -> list[_Row]:
    """Group words into rows by the overlap of their heights."""
    rows: list[_Row] = []
    near: list[_Row] = []
    edges = list(map(height_of, words))
    middles = list(map(sum, edges))
    for place in sorted(range(len(words)), key=middles.__getitem__):
        word, (top, bottom) = words[place], edges[place]
        best, most = None, 0.5
        # Only the last rows can be beside it: words are sorted by the height of their middle.
        for row in near:
            if row.end < top:
                continue
            held = row.overlap_with(top, bottom)
            if held >= most and (best is None or held > most) and not (" " in word.text and row.stands_over(word)):
                best, most = row, held
        if best is None:
            rows.append(_Row([word], top, bottom))
            near = rows[-MAX_NEAR_ROWS:]
        else:
            best.add(word, top, bottom)
    return rows


def _attach_tall_row(tall: _Row, rows: list[_Row]) -> None:
    """Add tall words to the first row beside them (an initial), or append them as a row of their own."""
    runs = [word for word in tall.words if " " in word.text]
    beside = [
        row
        for row in rows
        if min(row.bottom, tall.bottom) - max(row.top, tall.top) >= 0.5 * (row.bottom - row.top)
        and not any(map(row.stands_over, runs))
    ]
    if beside:
        min(beside, key=lambda row: row.top).words.extend(tall.words)
    else:
        rows.append(tall)
