"""Find the words of a page that a part of a block's text was written from, so that a part has a smaller box than its block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from document_parser.models import BoundingBox, PlacedWord
from document_parser.text.normalize import tokenize

WHOLE_SHARE = 0.95
"""Share of a block's words from which a part of its text is the whole block."""
MIN_FOUND_SHARE = 0.6
"""Share of a part's words that must be found, in order; with fewer, its place is that of the block."""
LOOK_AHEAD = 8
"""Words of the page that may be skipped between two words of the text: Markdown and page differ in marks and hyphens."""
MAX_STARTS = 40
"""Places where a text may begin that are tried, at most."""
MARGIN = 0.003
"""How far the middle of a word may be outside the box of its block, in fractions of the page."""


class RunPiece(NamedTuple):
    """A word of a run: where it starts in the run's text, how long it is, and its left and right edge."""

    start: int
    length: int
    left: float
    right: float


def split_run(text: str, left: float, right: float) -> Iterator[RunPiece]:
    """Yield the words of a run or line with their edges, by the usual widths of their letters, in the unit of the edges."""
    names = text.split()
    if len(names) == 1:
        yield RunPiece(0, len(text), left, right)
        return
    # The API cites without numpy unless a line of OCR must be parted.
    from document_parser.text.letter_widths import SPACE_WIDTH, word_widths

    widths = [float(width) for width in word_widths(names, "sans")]
    unit = (right - left) / (sum(widths) + SPACE_WIDTH * (len(names) - 1)) if names else 0.0
    start = 0
    for name, width in zip(names, widths, strict=True):
        start = text.index(name, start)
        yield RunPiece(start, len(name), left, left + width * unit)
        start += len(name)
        left += (width + SPACE_WIDTH) * unit


class PagePiece(NamedTuple):
    """A word of the page with the number of its line, its box in fractions of the page, and its confidence from 0 to 1."""

    text: str
    line: int
    left: float
    top: float
    right: float
    bottom: float
    confidence: float | None


class _Token(NamedTuple):
    """A word of the page in comparable form, with the number of its line and its box."""

    text: str
    line: int
    left: float
    top: float
    right: float
    bottom: float


def boxes_of_part(part: str, words: Sequence[PlacedWord], box: BoundingBox, at: float | None = None) -> list[BoundingBox]:
    """Return the boxes of a part of a block's text, one for each line; the block's own box if it is not found in it.

    ``words`` are those of the page, ``box`` is that of the block. ``at`` is the share of the block's text before the part, from
    0 to 1, which decides between several places with the same words; None if it is not known.
    """
    tokens = _tokens_in(box, words)
    wanted = tokenize(part)
    if not tokens or not wanted or len(wanted) >= WHOLE_SHARE * len(tokens):
        return [box]
    found = _align(wanted, tokens, at)
    return list(_by_line(found)) if len(found) >= MIN_FOUND_SHARE * len(wanted) else [box]


def _tokens_in(box: BoundingBox, words: Sequence[PlacedWord]) -> list[_Token]:
    """Return the words within a box in comparable form, line by line and from left to right."""
    return [
        _Token(token, piece.line, piece.left, piece.top, piece.right, piece.bottom)
        for piece in pieces_in(box, words)
        for token in tokenize(piece.text)
    ]


def pieces_in(box: BoundingBox | None, words: Sequence[PlacedWord]) -> Iterator[PagePiece]:
    """Yield the words within a box, or of the whole page, line by line and from left to right. Runs and lines are parted."""
    inside = [word for word in words if box is None or _is_inside(word, box)]
    lines: list[list[PlacedWord]] = []
    for word in sorted(inside, key=lambda word: (word.top + word.bottom) / 2):
        last = lines[-1][-1] if lines else None
        if last is not None and (word.top + word.bottom) / 2 < last.bottom and word.top < (last.top + last.bottom) / 2:
            lines[-1].append(word)
        else:
            lines.append([word])
    for number, line in enumerate(lines):
        for word in sorted(line, key=lambda word: word.left):
            for piece in split_run(word.text, word.left, word.right):
                text = word.text[piece.start : piece.start + piece.length]
                yield PagePiece(text, number, piece.left, word.top, piece.right, word.bottom, word.confidence)


def _is_inside(word: PlacedWord, box: BoundingBox) -> bool:
    across, down = (word.left + word.right) / 2, (word.top + word.bottom) / 2
    return box.left - MARGIN <= across <= box.right + MARGIN and box.top - MARGIN <= down <= box.bottom + MARGIN


def _align(wanted: Sequence[str], tokens: Sequence[_Token], at: float | None) -> list[_Token]:
    """Return the words of the page that are the wanted ones in order, from the start with which most are found."""
    expected = len(tokens) * at if at is not None else 0.0
    starts = [place for place, token in enumerate(tokens) if token.text in wanted[:3]]
    nearest = sorted(starts, key=lambda place: abs(place - expected))[:MAX_STARTS]
    found = [(_follow(wanted, tokens, place), abs(place - expected)) for place in nearest]
    return max(found, key=lambda one: (len(one[0]), -one[1]), default=([], 0.0))[0]


def _follow(wanted: Sequence[str], tokens: Sequence[_Token], start: int) -> list[_Token]:
    """Return the words of the page from a start that are the wanted ones in order; those that are not there are left out."""
    found: list[_Token] = []
    place = start
    for word in wanted:
        ahead = enumerate(islice(tokens, place, place + LOOK_AHEAD))
        step = next((count for count, token in ahead if token.text == word), None)
        if step is not None:
            found.append(tokens[place + step])
            place += step + 1
    return found


def _by_line(found: Sequence[_Token]) -> Iterator[BoundingBox]:
    """Yield a box around the words of each line."""
    lines: dict[int, list[_Token]] = {}
    for token in found:
        lines.setdefault(token.line, []).append(token)
    for line in lines.values():
        yield BoundingBox.of(
            min(one.left for one in line),
            min(one.top for one in line),
            max(one.right for one in line),
            max(one.bottom for one in line),
        )
