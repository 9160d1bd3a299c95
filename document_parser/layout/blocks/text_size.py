"""Find the font size of a page's running text, by which its headings are told. Sizes are in points."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from document_parser.layout.blocks.block_kinds import has_sentence_end
from document_parser.layout.blocks.reading_order import Flow, Part
from document_parser.layout.lines.joining import CHECK_BOXES
from document_parser.layout.lines.lines import Line, body_size, lines_of
from document_parser.layout.tables.grid import Grid
from document_parser.models import Word

SAME_SIZE_SHARE = 0.02
"""Sizes that differ by at most this share are one."""
FORM_TEXT_SHARE = 0.7
"""Share of the letters of a scanned form that are no larger than its text."""
MIN_FORM_BOXES = 2
"""Check boxes of a page from which it is a form."""
MIN_TEXT_LETTERS = 200
"""Letters outside of tables, at least, whose usual size is that of the page's text, whatever the tables have."""


def text_size_of(parts: Sequence[Part], words: Sequence[Word]) -> float:
    """Return the font size of a page's running text.

    ``words`` are those outside of ruled tables. A page of large tables has few lines of text, whose size is larger than that of
    the tables: the size that most of these lines have counts, but for lines above a table, which are its heading, and for bold
    ones. Without such lines the tables decide. On a form that was scanned, what is filled in, or typed, is text as much as what
    is printed smaller.
    """
    words = [word for word in words if not word.mono] or words  # code is often set smaller than the text around it
    form = body_size(words, FORM_TEXT_SHARE) if _is_scanned_form(words) else 0.0
    tables = [word for part in parts if isinstance(part, Grid) for word in part.words]
    if not tables:
        return form or body_size(words)
    flowing = [word for part in parts if isinstance(part, Flow) for word in part.words if not word.mono]
    letters = sum(len(word.text) for word in flowing)
    everything = body_size(words) if letters >= MIN_TEXT_LETTERS else body_size([*flowing, *tables])
    return max(everything, form, _size_of_most(_text_lines(parts)))


def _is_scanned_form(words: Sequence[Word]) -> bool:
    """Return whether words are those of a form of which no font size is known."""
    return sum(word.text in CHECK_BOXES for word in words) >= MIN_FORM_BOXES and not any(word.size_points > 0 for word in words)


def _text_lines(parts: Sequence[Part]) -> list[Line]:
    """Return the lines outside of tables that may be running text: not bold, and no heading of a table."""
    found: list[Line] = []
    for part, below in pairwise([*parts, None]):
        if isinstance(part, Flow):
            lines = lines_of(part.words)
            headed = isinstance(below, Grid) and not has_sentence_end(lines[-1].text)
            found += lines[:-1] if headed else lines
    return [line for line in found if not line.bold and line.has_known_size]


def _size_of_most(lines: Sequence[Line]) -> float:
    """Return the size that most of some lines have, the smaller one of two; 0 if no two lines have one size."""
    best, most = 0.0, 1
    for line in sorted(lines, key=lambda line: line.size):
        count = sum(abs(other.size - line.size) <= SAME_SIZE_SHARE * line.size for other in lines)
        if count > most:
            best, most = line.size, count
    return best
