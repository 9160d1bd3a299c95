"""Look at a document as people look for a value in it: pieces of lines with their places on the page."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Literal, NamedTuple

from document_parser.layout.lines.lines import body_size, lines_of, split_at_gaps
from document_parser.layout.lines.units import Scale
from document_parser.models import Block, BoundingBox, Page, PlacedWord, Table, Word
from document_parser.text.word_places import split_run

SEGMENT_GAP_EM = 1.3
"""White between two words of a line, in font sizes, that makes them two pieces: a label and its value, or two columns."""
LINE_POINTS, COLUMN_POINTS = 14.0, 160.0
"""Height of a line and width of a column with which parts that have no page are laid out."""

Origin = Literal["text_layer", "ocr", "model", "file", "xml"]
"""Where the words of a page come from. ``file`` is the structure of a file, ``xml`` the data of an electronic invoice."""


class Letters(NamedTuple):
    """A word of a segment: where its letters are in the segment's text, its edges in points, its confidence."""

    start: int
    end: int
    left: float
    top: float
    right: float
    bottom: float
    confidence: float | None


_UNKNOWN = -1.0
"""Stands for a confidence that the reader does not give."""


@dataclass(frozen=True)
class Segment:
    """A piece of a line without wide gaps. Edges are in points of the page as shown; ``number`` counts the page's segments.

    ``packed`` are its words, each as the seven numbers of Letters: a document has a million words, and few are looked at one by
    one. ``sheet`` is the width and height of the page. A segment of a block that has no words has the ``box`` of the block.
    """

    page: int
    number: int
    text: str
    left: float
    top: float
    right: float
    bottom: float
    packed: array[float]
    sheet: tuple[float, float]
    box: BoundingBox | None = None
    block_confidence: float | None = None

    @property
    def letters(self) -> list[Letters]:
        """Return the words from left to right; a segment without words is one."""
        if not self.packed:
            return [Letters(0, len(self.text), self.left, self.top, self.right, self.bottom, self.block_confidence)]
        step = len(Letters._fields)
        return [_unpack(self.packed[place : place + step]) for place in range(0, len(self.packed), step)]

    @property
    def middle(self) -> float:
        """Return the y position halfway between top and bottom."""
        return (self.top + self.bottom) / 2

    @property
    def height(self) -> float:
        """Return the height, at least one point."""
        return max(1.0, self.bottom - self.top)

    def boxes(self, start: int, end: int) -> list[BoundingBox]:
        """Return the boxes of the words that have letters in this range of the text, in fractions of the page."""
        if not self.packed:
            return [self.box] if self.box is not None else []
        across, down = self.sheet
        return [
            BoundingBox.of(one.left / across, one.top / down, one.right / across, one.bottom / down)
            for one in self.letters
            if one.start < end and one.end > start
        ]

    def within(self, left: float, right: float) -> tuple[int, int]:
        """Return the range of the text whose words have their middle between two positions in points; (0, 0) if none has."""
        if left <= self.left and self.right <= right:
            return 0, len(self.text)
        inside = [one for one in self.letters if left <= (one.left + one.right) / 2 <= right]
        return (inside[0].start, inside[-1].end) if inside else (0, 0)

    def confidence(self, start: int, end: int) -> float | None:
        """Return the lowest confidence of the words in this range; None if their reader gives none."""
        known = [one.confidence for one in self.letters if one.confidence is not None and one.start < end and one.end > start]
        return min(known, default=None)


def _unpack(numbers: array[float]) -> Letters:
    """Return a word of its seven numbers."""
    start, end, left, top, right, bottom, confidence = numbers
    return Letters(int(start), int(end), left, top, right, bottom, None if confidence == _UNKNOWN else confidence)


@dataclass(frozen=True, eq=False)
class PageView:
    """A page: its segments from top to bottom and from left to right, its tables, and where its words come from."""

    number: int
    width: float
    height: float
    segments: tuple[Segment, ...]
    tables: tuple[Table, ...]
    origin: Origin
    table_boxes: tuple[BoundingBox | None, ...] = ()
    """Where each table stands on the page, if that is known."""

    @cached_property
    def _tops(self) -> list[float]:
        return [segment.top for segment in self.segments]

    @cached_property
    def line_height(self) -> float:
        """Return the usual height of a piece in points."""
        return median([segment.height for segment in self.segments]) if self.segments else LINE_POINTS

    def right_of(self, segment: Segment) -> Iterator[Segment]:
        """Yield the segments on the same line right of this one, the nearest first."""
        near = sorted(self.between(segment.top - segment.height, segment.bottom), key=lambda other: other.left)
        for other in near:
            shared = min(segment.bottom, other.bottom) - max(segment.top, other.top)
            if other is not segment and other.left >= segment.right - 1 and shared >= 0.5 * min(segment.height, other.height):
                yield other

    def left_of(self, segment: Segment) -> Iterator[Segment]:
        """Yield the segments on the same line left of this one, the nearest first."""
        near = sorted(self.between(segment.top - segment.height, segment.bottom), key=lambda other: -other.right)
        for other in near:
            shared = min(segment.bottom, other.bottom) - max(segment.top, other.top)
            if other is not segment and other.right <= segment.left + 1 and shared >= 0.5 * min(segment.height, other.height):
                yield other

    def above(self, segment: Segment, within: float) -> Iterator[Segment]:
        """Yield the segments above this one that share some of its width, the nearest first. ``within`` is in points."""
        for other in sorted(self.between(segment.top - within, segment.middle), key=lambda other: -other.bottom):
            if (
                other is not segment
                and other.bottom < segment.middle
                and min(segment.right, other.right) > max(segment.left, other.left)
            ):
                yield other

    def below(self, segment: Segment, within: float) -> Iterator[Segment]:
        """Yield the segments below this one that share some of its width, the nearest first. ``within`` is in points."""
        near = self.between(segment.bottom - 0.4 * segment.height, segment.bottom + within)
        for other in sorted(near, key=lambda other: (round(other.top), other.left)):
            if (
                other is not segment
                and other.top > segment.middle
                and min(segment.right, other.right) > max(segment.left, other.left)
            ):
                yield other

    def between(self, top: float, bottom: float) -> Sequence[Segment]:
        """Return the segments that reach between two heights in points; none is higher than a tenth of the page."""
        first = bisect_right(self._tops, top - self.height / 10)
        return [one for one in self.segments[first : bisect_right(self._tops, bottom)] if one.bottom > top]


def view_page(page: Page, *, origin: Origin | None = None) -> PageView:
    """Return a page as segments: of the words that it was read from, or of its blocks if it has no page image."""
    tables = tuple(block.table for block in page.blocks if block.table is not None)
    boxes = tuple(block.box for block in page.blocks if block.table is not None)
    words = page.words.unpack() if page.words is not None else []
    if words:
        width, height = page.width or 595.0, page.height or 842.0
        placed = tuple(_segments(page.number, words, width, height))
        return PageView(page.number, width, height, placed, tables, origin or _origin(page), boxes)
    segments = tuple(_segments_of_blocks(page))
    depth = max((one.bottom for one in segments), default=LINE_POINTS)
    return PageView(page.number, 595.0, depth, segments, tables, origin or ("file" if page.location else _origin(page)), boxes)


def _origin(page: Page) -> Origin:
    """Return where the words of a page come from."""
    if page.engine == "text_layer" or page.engine is None:
        return "text_layer"
    return "ocr" if page.engine in ("rapidocr", "tesseract") else "model"


def _segments(number: int, placed: Sequence[PlacedWord], width: float, height: float) -> Iterator[Segment]:
    """Yield the segments of a page's words, from top to bottom. Words without a size have the height of their line."""
    words = Scale(width, height).to_points([Word(one.text, *one[1:5], confidence=one.confidence) for one in placed])
    usual = body_size(words)
    count = 0
    for line in lines_of(words):
        # Sizes are estimated from the ink: a word without tall letters must not count as small print.
        for part in split_at_gaps(line, SEGMENT_GAP_EM * max(line.size, usual)):
            yield _segment(number, count, part.words, width, height)
            count += 1


def _segment(page: int, number: int, words: Sequence[Word], width: float, height: float) -> Segment:
    """Return words of a line as a segment; a word may be a whole line of an OCR engine."""
    text, packed = "", array("d")
    for word in words:
        text += " " if text else ""
        sure = _UNKNOWN if word.confidence is None else word.confidence
        for piece in split_run(word.text, word.left, word.right):
            start = len(text) + piece.start
            packed.extend((start, start + piece.length, piece.left, word.top, piece.right, word.bottom, sure))
        text += word.text
    return Segment(
        page,
        number,
        text,
        min(word.left for word in words),
        min(word.top for word in words),
        max(word.right for word in words),
        max(word.bottom for word in words),
        packed,
        (width, height),
    )


def _segments_of_blocks(page: Page) -> Iterator[Segment]:
    """Yield the lines and cells of blocks as segments on a page that is made up; they have no boxes unless their block has."""
    top, number = 0.0, 0
    for block in page.blocks:
        for cells in _rows_of(block):
            tallest = 1
            for column, text in cells:
                for line, part in enumerate(text.split("\n")):
                    if not part.strip():
                        continue
                    tallest = max(tallest, line + 1)
                    left, high = column * COLUMN_POINTS, top + line * LINE_POINTS
                    edges = (left, high, left + min(len(part) * 5.0, COLUMN_POINTS - 5), high + LINE_POINTS - 2)
                    yield Segment(page.number, number, part, *edges, array("d"), (1.0, 1.0), block.box, block.confidence)
                    number += 1
            top += tallest * LINE_POINTS


def _rows_of(block: Block) -> Iterable[Sequence[tuple[int, str]]]:
    """Yield the rows of a block as (column, text): those of a table, or the text of any other block as one."""
    if block.table is None:
        yield [(0, block.text)]
        return
    rows: dict[int, list[tuple[int, str]]] = {}
    for cell in block.table.cells:
        rows.setdefault(cell.row, []).append((cell.column, cell.text))
    yield from (rows[row] for row in sorted(rows))
