"""Write the content of one page, and remember which ranges of it are words, lines, paragraphs and cells.

Ranges count the code points of the page's content. They become offsets of the whole document when the page is complete.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from document_parser.export import escape, inline
from document_parser.export.base import clean, clean_runs
from document_parser.models import Block, BoundingBox, Page, PlacedWord, Span
from document_parser.text.spans import Run, Style, text_of
from document_parser.text.word_alignment import align_words
from document_parser.text.word_places import PagePiece, pieces_in

ContentFormat = Literal["text", "markdown"]
"""What the content is written in."""
SELECTION_MARKS = {"☑": "selected", "☒": "selected", "☐": "unselected"}
"""The check boxes of our texts, and the state that Azure has for each."""
_WORD = re.compile(r"\S+")
_MARK = re.compile("[☐☑☒]")


class Range(NamedTuple):
    """Characters of the page's content."""

    start: int
    end: int


@dataclass(slots=True)
class Placed:
    """A word, line, selection mark or formula: its range, its place in fractions of the page, and more facts of Azure's."""

    range: Range
    box: BoundingBox | None = None
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Text:
    """A text that was written: its range, its words, and where it stands."""

    range: Range
    words: list[Placed]
    box: BoundingBox | None


class PageContent:
    """The content of one page as it is written."""

    def __init__(self, page: Page, content_format: ContentFormat) -> None:
        """Start with nothing written."""
        self.is_markdown = content_format == "markdown"
        self.placed: Sequence[PlacedWord] = page.words.unpack() if page.words is not None else ()
        self.words: list[Placed] = []
        self.lines: list[Placed] = []
        self.marks: list[Placed] = []
        self.formulas: list[Placed] = []
        self._parts: list[str] = []
        self._length = 0

    @property
    def text(self) -> str:
        """Return what has been written."""
        return "".join(self._parts)

    @property
    def length(self) -> int:
        """Return how many code points have been written."""
        return self._length

    def put(self, text: str) -> Range:
        """Write a text as it is, and return its range."""
        start = self._length
        self._parts.append(text)
        self._length += len(text)
        return Range(start, self._length)

    def begin(self) -> None:
        """Begin a new block: write what stands between blocks, if there is one before it."""
        if self._length:
            self.put("\n\n" if self.is_markdown else "\n")

    def put_text(self, text: str, pieces: Sequence[PagePiece], box: BoundingBox | None, *, is_formula: bool = False) -> Text:
        """Write a text whose words stand in these places, with its lines, selection marks and formulas. ``text`` is not empty.

        ``box`` is that of the text, if it is known.
        """
        text, marks = self._with_marks(text)
        written = self.put(text)
        at = {mark.range.start for mark in marks}
        found = [match for match in _WORD.finditer(text) if written.start + match.start() not in at]
        aligned = align_words([match[0] for match in found], pieces)
        words = [
            Placed(Range(written.start + match.start(), written.start + match.end()), *_place_of(piece))
            for match, piece in zip(found, aligned, strict=True)
        ]
        lines = list(_lines_of(text, written.start, words, aligned, box))
        self.words += words
        self.lines += lines
        self.marks += marks
        self.formulas += self._formulas_of(text, written, box, is_formula=is_formula)
        return Text(written, words, box or around(words))

    def _with_marks(self, text: str) -> tuple[str, list[Placed]]:
        """Return the text with check boxes as Azure writes them, and these as selection marks of the content."""
        marks: list[Placed] = []
        parts: list[str] = []
        length = last = 0
        for match in _MARK.finditer(text):
            state = SELECTION_MARKS[match[0]]
            written = ("☒" if state == "selected" else "☐") if self.is_markdown else f":{state}:"
            before = text[last : match.start()]
            gap = " " if before and not before[-1].isspace() else ""
            behind = " " if match.end() < len(text) and not text[match.end()].isspace() else ""
            length += len(before) + len(gap)
            parts += [before, gap, written, behind]
            marks.append(Placed(Range(self._length + length, self._length + length + len(written)), more={"state": state}))
            length += len(written) + len(behind)
            last = match.end()
        return "".join([*parts, text[last:]]), marks

    def _formulas_of(self, text: str, written: Range, box: BoundingBox | None, *, is_formula: bool) -> Iterator[Placed]:
        """Yield the formulas of a text: all of it, or those between dollar signs."""
        if is_formula:
            yield Placed(written, box, {"kind": "display", "value": text.strip("$ \n")})
            return
        for start, end in escape.find_formula_ranges(text) if "$" in text else ():
            value = text[start:end].strip("$")
            yield Placed(Range(written.start + start, written.start + end), None, {"kind": "inline", "value": value})

    def pieces_of(self, block: Block) -> list[PagePiece]:
        """Return the words of the page within a block."""
        return list(pieces_in(block.box, self.placed)) if self.placed else []


def _place_of(piece: PagePiece | None) -> tuple[BoundingBox | None, dict[str, Any]]:
    """Return the box of a word of the page, and its confidence if its reader gives one."""
    if piece is None:
        return None, {}
    more = {} if piece.confidence is None else {"confidence": piece.confidence}
    return BoundingBox.of(piece.left, piece.top, piece.right, piece.bottom), more


def around(words: Sequence[Placed]) -> BoundingBox | None:
    """Return the box around words; None if none of them has a place."""
    boxes = [word.box for word in words if word.box is not None]
    if not boxes:
        return None
    return BoundingBox.of(
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    )


def _lines_of(
    text: str, start: int, words: Sequence[Placed], pieces: Sequence[PagePiece | None], box: BoundingBox | None
) -> Iterator[Placed]:
    """Yield the lines of a text: words of one line of the page, and within it, of one line of the text."""
    held: list[Placed] = []
    line: int | None = None
    for word, piece in zip(words, pieces, strict=True):
        ends = bool(held) and "\n" in text[held[-1].range.end - start : word.range.start - start]
        if held and (ends or (piece is not None and line is not None and piece.line != line)):
            yield _line_of(held, None)
            held, line = [], None
        held.append(word)
        line = piece.line if piece is not None else line
    if held:
        is_whole = held[0] is words[0] and around(words) is None
        yield _line_of(held, box if is_whole else None)


def _line_of(words: Sequence[Placed], box: BoundingBox | None) -> Placed:
    return Placed(Range(words[0].range.start, words[-1].range.end), around(words) or box)


def plain_text(text: str, spans: Sequence[Span], *, is_markdown: bool) -> str:
    """Return the text of a block without emphasis and links, but with ~~ around what is struck out; escaped for Markdown."""
    runs = [Run(run.text, Style(struck=run.style.struck)) for run in clean_runs(text, spans)]
    if is_markdown:
        return inline.format_paragraph(runs)
    return "".join(f"~~{run.text}~~" if run.style.struck else run.text for run in runs)


def cell_text(text: str, spans: Sequence[Span], *, is_markdown: bool) -> str:
    """Return the text of a cell on one line; within HTML for Markdown."""
    plain = " ".join(plain_text(text, spans, is_markdown=False).split())
    return html.escape(plain, quote=False) if is_markdown else plain


def comment_text(text: str) -> str:
    """Return a text on one line as the value of an attribute within a comment."""
    return html.escape(" ".join(clean(text).split())).replace("--", "&#45;-")


def heading_text(runs: Sequence[Run]) -> str:
    """Return the text of a heading on one line, escaped for Markdown."""
    return inline.format_heading([Run(text_of(runs))])
