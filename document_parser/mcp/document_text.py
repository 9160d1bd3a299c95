"""A document's Markdown with the place of each of its pieces, and what is asked of it: pages, blocks, sections, and texts."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from document_parser.errors import PlaceNotFound
from document_parser.mcp.folding import Folded, fold, fold_with_origins
from document_parser.models import BoundingBox, Chunk, PageBox

MAX_CANDIDATES = 5
"""How many headings an error names."""


class TextRange(NamedTuple):
    """Characters of the Markdown from ``start`` on; the one at ``end`` is not included."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Part:
    """A block of the document, or a part of a long one, as the Markdown has it. It begins at character ``start``."""

    start: int
    text: str
    pages: tuple[int, ...]
    blocks: tuple[tuple[int, int], ...]
    kind: str
    headings: tuple[str, ...]
    box: PageBox | None
    table_header: str

    @property
    def end(self) -> int:
        """Return the character after the last one."""
        return self.start + len(self.text)

    @property
    def page(self) -> int:
        """Return the page on which it begins."""
        return self.pages[0] if self.pages else 1


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, its level and page, and the range of what it heads. ``path`` has the headings above and the heading itself."""

    text: str
    level: int
    page: int
    range: TextRange
    path: tuple[str, ...]


class DocumentText:
    """The text of one revision of a document."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        """Take the document in chunks without overlap, each within one block."""
        self.parts = [_part_of(chunk) for chunk in chunks]
        self._starts = [part.start for part in self.parts]

    @property
    def length(self) -> int:
        """Return the number of characters of the Markdown."""
        return self.parts[-1].end if self.parts else 0

    def parts_in(self, wanted: TextRange) -> Iterator[Part]:
        """Yield the parts that a range overlaps, in order, whole."""
        index = max(0, bisect_right(self._starts, wanted.start) - 1)
        while index < len(self.parts) and self.parts[index].start < wanted.end:
            if self.parts[index].end > wanted.start:
                yield self.parts[index]
            index += 1

    @cached_property
    def sections(self) -> list[Section]:
        """Return the headings in order, each with the range to the next one of its level or a higher one."""
        heads = [part for part in self.parts if part.kind == "heading" and part.text.startswith("#")]
        levels = [len(part.text) - len(part.text.lstrip("#")) for part in heads]
        ends, open_ones = [self.length] * len(heads), list[int]()
        for index, (part, level) in enumerate(zip(heads, levels, strict=True)):
            while open_ones and levels[open_ones[-1]] >= level:
                ends[open_ones.pop()] = part.start
            open_ones.append(index)
        texts = [" ".join(part.text.lstrip("#").split()) for part in heads]
        return [
            Section(text, level, part.page, TextRange(part.start, end), part.headings)
            for part, level, end, text in zip(heads, levels, ends, texts, strict=True)
        ]

    @cached_property
    def _pages(self) -> dict[int, TextRange]:
        found: dict[int, TextRange] = {}
        for part in self.parts:
            for page in part.pages:
                before = found.get(page, TextRange(part.start, part.end))
                found[page] = TextRange(min(before.start, part.start), max(before.end, part.end))
        return found

    def page(self, number: int) -> TextRange:
        """Return what a page has; an empty range for a page without text. Raises PlaceNotFound."""
        if number in self._pages:
            return self._pages[number]
        last = max(self._pages, default=0)
        if 1 <= number <= last:
            behind = min(page for page in self._pages if page > number)
            return TextRange(self._pages[behind].start, self._pages[behind].start)
        raise PlaceNotFound(f"The document has no text on page {number}; the last page with text is {last}.", last_page=last)

    def block(self, page: int, index: int) -> TextRange:
        """Return what a block of a page has. Raises PlaceNotFound."""
        within = self.page(page)
        found = [part for part in self.parts_in(within) if (page, index) in part.blocks]
        if not found:
            known = sorted({block for part in self.parts_in(within) for number, block in part.blocks if number == page})
            shown = f"; the blocks with text are {known[0]} to {known[-1]}" if known else ""
            raise PlaceNotFound(f"Page {page} has no block {index} with text{shown}.", page=page)
        return TextRange(found[0].start, found[-1].end)

    def find_sections(self, heading: str) -> list[Section]:
        """Return the sections with this heading, the best first: the same text, else one that contains it.

        Headings above it may stand before it: ``Methods > Data``. Raises PlaceNotFound.
        """
        path = [fold(one) for one in heading.split(" > ")]
        ends = [section for section in self.sections if [fold(one) for one in section.path[-len(path) :]] == path]
        whole = fold(heading)
        same = ends or [section for section in self.sections if fold(section.text) == whole]
        found = same or [section for section in self.sections if whole and whole in fold(section.text)]
        if not found:
            raise PlaceNotFound(self._no_heading())
        return found

    def _no_heading(self) -> str:
        if not self.sections:
            return "The document has no headings. Read it by page, or search in it."
        named = "; ".join(section.text[:80] for section in self.sections[:MAX_CANDIDATES])
        return f"The document has no such heading. Its first headings are: {named}. Ask status for all of them."

    @cached_property
    def _folded(self) -> tuple[str, list[int]]:
        """Return the whole text as it is compared, and where each part begins in it."""
        texts, starts, at = [], [], 0
        for part in self.parts:
            text = fold(part.text)
            starts.append(at)
            if text:
                texts.append(text)
                at += len(text) + 1
        return " ".join(texts), starts

    def count(self, phrase: str) -> int:
        """Return how often the document has a folded phrase."""
        return self._folded[0].count(phrase)

    def find(self, phrase: str, start: int = 0) -> Iterator[TextRange]:
        """Yield the ranges of the Markdown from ``start`` on that have a folded phrase, which is not empty."""
        text, starts = self._folded
        # A phrase may begin in a part that begins earlier.
        at = starts[max(0, bisect_right(self._starts, start) - 1)] if starts else 0
        while (at := text.find(phrase, at)) >= 0:
            found = TextRange(self._origin(at), self._origin(at + len(phrase) - 1) + 1)
            if found.start >= start:
                yield found
            at += len(phrase)

    def parts_with(self, words: Sequence[str]) -> list[Part]:
        """Return the parts that have all of these folded words."""
        text, starts = self._folded
        bounds = [*starts, len(text) + 1][1:]
        return [
            part
            for part, begin, end in zip(self.parts, starts, bounds, strict=True)
            if begin < end and all(text.find(word, begin, end) >= 0 for word in words)
        ]

    def longest_beginning(self, words: Sequence[str]) -> int:
        """Return how many of these folded words, from the first on, the document has one behind another."""
        text = self._folded[0]
        return bisect_left(range(1, len(words) + 1), True, key=lambda count: " ".join(words[:count]) not in text)

    def part_at(self, start: int) -> Part:
        """Return the part that has a character."""
        return self.parts[max(0, bisect_right(self._starts, start) - 1)]

    def _origin(self, at: int) -> int:
        """Return the character of the Markdown that a character of the folded text comes from."""
        starts = self._folded[1]
        index = bisect_right(starts, at) - 1
        part = self.parts[index]
        return part.start + _folded_part(part.text).origins[at - starts[index]]


@lru_cache(maxsize=8)
def _folded_part(text: str) -> Folded:
    """Return a part with the origins of its characters; hits that follow each other are mostly in the same one."""
    return fold_with_origins(text)


def box_around(boxes: Sequence[PageBox]) -> PageBox | None:
    """Return the box around those of the first page; None if there are none."""
    on_first = [box for box in boxes if box.page == boxes[0].page]
    if not on_first:
        return None
    around = BoundingBox.of(
        min(box.left for box in on_first),
        min(box.top for box in on_first),
        max(box.right for box in on_first),
        max(box.bottom for box in on_first),
    )
    return PageBox(page=boxes[0].page, **around.model_dump())


def _part_of(chunk: Chunk) -> Part:
    continues = chunk.table is not None and chunk.table.rows.start > 0
    return Part(
        start=chunk.span.start,
        text=chunk.text,
        pages=tuple(chunk.pages),
        blocks=tuple((block.page, block.index) for block in chunk.blocks),
        kind=chunk.kind,
        headings=tuple(chunk.headings),
        box=box_around(chunk.boxes),
        table_header=chunk.table.header if continues and chunk.table is not None else "",
    )
