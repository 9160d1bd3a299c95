"""Find the place of each word of a page's text, so that it can be laid invisibly over the picture of the page.

The words are those of the blocks, in reading order: what the other formats say is what is found in the PDF. Their places are
those of the words that the page was read from. A word of a block that none of them equals lies between its neighbours.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import NamedTuple
from unicodedata import normalize

from document_parser.export.base import clean
from document_parser.models import Block, BoundingBox, Page, PlacedWord
from document_parser.text.direction import has_right_to_left
from document_parser.text.word_places import MARGIN, split_run

TALL_RATIO = 1.8
"""From this ratio of height to width on, the box of a word of several letters is that of vertical writing."""
MIN_SLOPE_SHARE = 0.3
"""A line rises or falls if its ends differ by this share of its height."""
LETTER_WIDTH = 0.5
"""Width of a letter in heights of its line, where the place of a word is not known."""
WHOLE_PAGE = BoundingBox(left=0.0, top=0.0, right=1.0, bottom=1.0)

Point = tuple[float, float]


class PlacedRun(NamedTuple):
    """A word with its place on the upright page: where its base line starts and ends, and the corner above the start.

    ``line`` numbers the lines of the page: runs of one line that follow each other are written as one. ``link`` is an address.
    """

    text: str
    start: Point
    end: Point
    above: Point
    line: int
    link: str = ""


@dataclass(slots=True)
class _Piece:
    """A word that the page was read from. ``way`` is where its line runs to: right, down or up."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    way: str = "right"
    line: int = -1
    used: bool = False

    @property
    def centre(self) -> Point:
        """Return the middle of its box."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


class _Token(NamedTuple):
    """A word of a block, and its link."""

    text: str
    link: str


def place_words(page: Page) -> list[PlacedRun]:
    """Return all words of a page's blocks with their places, in reading order."""
    pieces = [piece for word in (page.words.unpack() if page.words else []) for piece in _pieces_of(word, page)]
    runs: list[PlacedRun] = []
    lines = 0
    for block in page.blocks:
        tokens = list(_tokens_of(block))
        if not tokens:
            continue
        box = block.box or WHOLE_PAGE
        inside = _lines_in(box if block.box else None, pieces, lines)
        places = _match(tokens, inside, in_order=block.table is None)
        lines = max([lines, *(piece.line + 1 for piece in inside)])
        placed = list(_place(tokens, places, inside, box, page, lines))
        runs += placed
        lines = max([lines, *(run.line + 1 for run in placed)])
    return runs


def comparable(text: str) -> str:
    """Return the letters and digits of a word in one form; the word itself if it has none."""
    plain = normalize("NFKC", text).casefold()
    return "".join(letter for letter in plain if letter.isalnum()) or plain


def _tokens_of(block: Block) -> Iterator[_Token]:
    """Yield the words of a block's text, with their links, then those of its table's cells."""
    text = clean(block.text)
    if text and not block.spans:
        yield from (_Token(word, "") for word in text.split())
    elif text:
        yield from _linked_tokens(block)
    for cell in block.table.cells if block.table is not None else ():
        yield from (_Token(word, "") for word in clean(cell.text).split())


def _linked_tokens(block: Block) -> Iterator[_Token]:
    """Yield the words of a text that has spans."""
    start = 0
    for word in block.text.split():
        start = block.text.index(word, start)
        links = (span.link for span in block.spans if span.link and span.start < start + len(word) and span.end > start)
        if cleaned := clean(word):
            yield _Token(cleaned, next(links, ""))
        start += len(word)


def _pieces_of(word: PlacedWord, page: Page) -> Iterator[_Piece]:
    """Yield the words of a run or line with their places."""
    height, width = (word.bottom - word.top) * (page.height or 1.0), (word.right - word.left) * (page.width or 1.0)
    if len(word.text) > 2 and height > TALL_RATIO * width:
        way = "down" if any("\u2e80" <= letter <= "\uffef" for letter in word.text) else "up"
        for piece in split_run(word.text, 0.0, word.bottom - word.top):
            text = word.text[piece.start : piece.start + piece.length]
            near, far = word.top + piece.left, word.top + piece.right
            if way == "up":
                near, far = word.bottom - piece.right, word.bottom - piece.left
            yield _Piece(text, word.left, near, word.right, far, way)
        return
    mirrored = has_right_to_left(word.text)
    for piece in split_run(word.text, word.left, word.right):
        left, right = piece.left, piece.right
        if mirrored:
            left, right = word.left + word.right - right, word.left + word.right - left
        yield _Piece(word.text[piece.start : piece.start + piece.length], left, word.top, right, word.bottom)


def _lines_in(box: BoundingBox | None, pieces: Iterable[_Piece], first: int) -> list[_Piece]:
    """Return the unused words in a box (or anywhere), line by line in the direction of writing; lines are numbered."""
    inside = [piece for piece in pieces if not piece.used and (box is None or _is_inside(piece, box))]
    level = sorted((one for one in inside if one.way == "right"), key=lambda one: one.centre[1])
    lines: list[list[_Piece]] = []
    for piece in level:
        last = lines[-1][-1] if lines else None
        middle = piece.centre[1]
        if last is not None and middle < last.bottom and piece.top < last.centre[1]:
            lines[-1].append(piece)
        else:
            lines.append([piece])
    for line in lines:
        backwards = 2 * sum(has_right_to_left(one.text) for one in line) > len(line)
        line.sort(key=lambda one: one.left, reverse=backwards)
    lines += [[one] for one in inside if one.way != "right"]
    for number, line in enumerate(lines, first):
        for piece in line:
            piece.line = number
    return [piece for line in lines for piece in line]


def _is_inside(piece: _Piece, box: BoundingBox) -> bool:
    across, down = piece.centre
    return box.left - MARGIN <= across <= box.right + MARGIN and box.top - MARGIN <= down <= box.bottom + MARGIN


def _match(tokens: Sequence[_Token], pieces: Sequence[_Piece], *, in_order: bool) -> list[Sequence[_Piece]]:
    """Return for each word of a block the words that it was read from; an empty sequence if they are not found.

    ``in_order`` says whether both are in the same order, which they are not in a table with cells of several lines.
    """
    wanted, there = [comparable(one.text) for one in tokens], [comparable(one.text) for one in pieces]
    found: list[Sequence[_Piece]] = [() for _ in tokens]
    gaps: list[tuple[int, int, int, int]] = []
    if in_order:
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, wanted, there).get_opcodes():
            if tag == "equal":
                for token, place in zip(range(i1, i2), range(j1, j2), strict=True):
                    found[token] = [pieces[place]]
                    pieces[place].used = True
            elif tag == "replace":
                gaps.append((i1, i2, j1, j2))
    free: dict[str, list[_Piece]] = defaultdict(list)
    for text, piece in zip(there, pieces, strict=True):
        if not piece.used:
            free[text].append(piece)
    for place, text in enumerate(wanted):
        if not found[place] and free[text]:
            found[place] = [free[text].pop(0)]
            found[place][0].used = True
    for gap in gaps:
        _spread(wanted, there, pieces, found, gap)
    return found


def _spread(
    wanted: Sequence[str],
    there: Sequence[str],
    pieces: Sequence[_Piece],
    found: list[Sequence[_Piece]],
    gap: tuple[int, int, int, int],
) -> None:
    """Give the words of a gap those that were read there, by their letters: words were joined, parted or misread."""
    i1, i2, j1, j2 = gap
    tokens = [place for place in range(i1, i2) if not found[place]]
    left = [place for place in range(j1, j2) if not pieces[place].used]
    if not tokens or not left:
        return
    letters = [place for place in left for _ in there[place]]
    scale = len(letters) / sum(len(wanted[place]) for place in tokens)
    start = 0.0
    for token in tokens:
        end = start + len(wanted[token]) * scale
        taken = dict.fromkeys(letters[int(start) : max(int(start) + 1, round(end))] or letters[-1:])
        found[token] = [pieces[place] for place in taken]
        start = end
    for place in left:
        pieces[place].used = True


def _place(
    tokens: Sequence[_Token],
    places: Sequence[Sequence[_Piece]],
    inside: Sequence[_Piece],
    box: BoundingBox,
    page: Page,
    free_line: int,
) -> Iterator[PlacedRun]:
    """Yield the words of a block with their places. ``free_line`` is the first number of a line that no piece has."""
    if not any(places):
        yield from _fill(tokens, box, page, free_line)
        return
    lines: dict[int, list[_Piece]] = defaultdict(list)
    for piece in inside:
        lines[piece.line].append(piece)
    bands = {number: _Band(line) for number, line in lines.items()}
    shared = _count_shares(places)
    last = next(place[0] for place in places if place)
    for token, place in zip(tokens, places, strict=True):
        if not place:  # right behind the word before it, on no room
            yield bands[last.line].run(token, last, 1.0, 1.0)
            continue
        by_line = [[one for one in place if one.line == number] for number in dict.fromkeys(one.line for one in place)]
        parts = _parts_by_line(token.text, by_line) if len(by_line) > 1 and _is_unspaced(token.text) else [token.text]
        for text, line in zip(parts, by_line, strict=False):
            first, final = line[0], line[-1]
            share = shared.get(id(first))
            if text and share is not None and len(line) == 1 and share.count > 1:
                yield bands[first.line].run(
                    _Token(text, token.link), first, share.taken / share.count, (share.taken + 1) / share.count
                )
                share.taken += 1
            elif text:
                yield bands[first.line].run(_Token(text, token.link), _joined(first, final), 0.0, 1.0)
        last = place[-1]


@dataclass(slots=True)
class _Share:
    """How many words one that was read stands for, and how many of them have their place."""

    count: int = 0
    taken: int = 0


def _count_shares(places: Sequence[Sequence[_Piece]]) -> dict[int, _Share]:
    """Return for each word that was read how many words of the block lie on it alone."""
    shares: dict[int, _Share] = defaultdict(_Share)
    for place in places:
        if len(place) == 1:
            shares[id(place[0])].count += 1
    return shares


def _is_unspaced(text: str) -> bool:
    """Return whether a word may be parted at the end of a line: it is of a script without spaces."""
    return any("\u2e80" <= letter <= "\ud7ff" or "\u0e00" <= letter <= "\u0eff" for letter in text)


def _parts_by_line(text: str, lines: Sequence[Sequence[_Piece]]) -> list[str]:
    """Return a text without spaces in parts, one for each line, by the number of letters that each has."""
    lengths = [sum(len(one.text) for one in line) for line in lines]
    scale = len(text) / (sum(lengths) or 1)
    ends = [round(sum(lengths[: count + 1]) * scale) for count in range(len(lengths))]
    return [text[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def _joined(first: _Piece, last: _Piece) -> _Piece:
    """Return one box around the words of a line from the first to the last."""
    if first is last:
        return first
    edges = min(first.left, last.left), min(first.top, last.top), max(first.right, last.right), max(first.bottom, last.bottom)
    return _Piece("", *edges, first.way, first.line)


class _Band:
    """A line of a page: all its words have the same height, and one base line, which may rise or fall."""

    def __init__(self, pieces: Sequence[_Piece]) -> None:
        """Find the base line of the words of a line."""
        self._way, self._line = pieces[0].way, pieces[0].line
        self._slope, self._start = 0.0, pieces[0].centre
        top, bottom = min(one.top for one in pieces), max(one.bottom for one in pieces)
        self._half = (bottom - top) / 2
        self._start = pieces[0].centre[0], (top + bottom) / 2
        if self._way != "right" or len(pieces) < 3:
            return
        heights = sorted(one.bottom - one.top for one in pieces)
        usual = heights[len(heights) // 2]
        mean_x = sum(one.centre[0] for one in pieces) / len(pieces)
        mean_y = sum(one.centre[1] for one in pieces) / len(pieces)
        spread = sum((one.centre[0] - mean_x) ** 2 for one in pieces)
        slope = sum((one.centre[0] - mean_x) * (one.centre[1] - mean_y) for one in pieces) / spread if spread else 0.0
        width = max(one.right for one in pieces) - min(one.left for one in pieces)
        if abs(slope) * width > MIN_SLOPE_SHARE * usual and 2 * self._half > 1.3 * usual:
            self._slope, self._start, self._half = slope, (mean_x, mean_y), usual / 2

    def run(self, token: _Token, piece: _Piece, start: float, end: float) -> PlacedRun:
        """Return a word on a part of a box, from one share of its length to another."""
        if self._way == "right":
            if has_right_to_left(token.text):
                start, end = 1 - end, 1 - start
            width = piece.right - piece.left
            left, right = piece.left + width * start, piece.left + width * end
            return PlacedRun(
                token.text,
                self._at(left, self._half),
                self._at(right, self._half),
                self._at(left, -self._half),
                self._line,
                token.link,
            )
        height = piece.bottom - piece.top
        if self._way == "down":
            near, far = piece.top + height * start, piece.top + height * end
            return PlacedRun(token.text, (piece.left, near), (piece.left, far), (piece.right, near), self._line, token.link)
        near, far = piece.bottom - height * start, piece.bottom - height * end
        return PlacedRun(token.text, (piece.right, near), (piece.right, far), (piece.left, near), self._line, token.link)

    def _at(self, across: float, below: float) -> Point:
        """Return the point of the line at a distance from the left edge of the page, above or below its middle."""
        return across, self._start[1] + self._slope * (across - self._start[0]) + below


def _fill(tokens: Sequence[_Token], box: BoundingBox, page: Page, first_line: int) -> Iterator[PlacedRun]:
    """Yield words spread over a box in lines, where nothing is known but the box."""
    width, height = (box.right - box.left) * (page.width or 1.0), (box.bottom - box.top) * (page.height or 1.0)
    letters = sum(len(token.text) + 1 for token in tokens)
    if width <= 0 or height <= 0:
        return
    size = min(height, math.sqrt(width * height / (LETTER_WIDTH * letters)))
    count = max(1, min(len(tokens), round(height / size)))
    rows: list[list[_Token]] = [[] for _ in range(count)]
    passed = 0
    for token in tokens:
        rows[min(count - 1, passed * count // letters)].append(token)
        passed += len(token.text) + 1
    step = (box.bottom - box.top) / count
    for number, row in enumerate(row for row in rows if row):
        unit = (box.right - box.left) / sum(len(token.text) + 1 for token in row)
        at, bottom = box.left, box.top + step * (number + 1)
        for token in row:
            end = at + unit * len(token.text)
            yield PlacedRun(token.text, (at, bottom), (end, bottom), (at, bottom - step), first_line + number, token.link)
            at = end + unit
