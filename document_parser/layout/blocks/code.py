"""Recognise code: lines in a monospaced font. Their indents, inner spaces and blank lines are kept."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from document_parser.layout.lines.lines import Line, lines_of
from document_parser.models import Word
from document_parser.text.language import LAST_LATIN_LETTER
from document_parser.text.program_signs import count_program_signs

MAX_CODE_SHARE = 0.7
"""Share of a page's characters in a monospaced font, at most; a page with more is typewritten text, or a listing."""
MIN_PROGRAM_LINES_SHARE = 0.4
"""Share of the monospaced lines with signs of a program, at least, on a page that is a listing."""
CHARACTER_WIDTH_EM = 0.6
"""Width of a character in font sizes, if all words are too short to measure it."""
BLANK_LINE_RATIO = 1.7
"""Distance of two lines divided by the usual one above which a blank line lies between them."""
MAX_LINE_DISTANCE_EM = 3.2
"""Font sizes from one line of code to the next, at most."""


def unmark_typewriting(words: Sequence[Word]) -> list[Word]:
    """Return the words; on a page that is typewritten as a whole and no listing, no word counts as code."""
    typed = [word for word in words if word.mono]
    if sum(len(word.text) for word in typed) <= MAX_CODE_SHARE * sum(len(word.text) for word in words):
        return list(words)
    lines = lines_of(typed)
    if sum(count_program_signs(line.text) > 0 for line in lines) >= MIN_PROGRAM_LINES_SHARE * len(lines):
        return list(words)
    return [word._replace(mono=False) for word in words]


def is_code(line: Line) -> bool:
    """Return whether a line is set in a monospaced font, its line number aside.

    Other alphabets than Latin are often monospaced without being code: only text in Latin letters counts.
    """
    first, *rest = line.words
    words = rest if rest and first.text.isdecimal() else line.words
    return all(word.mono and (word.text.isascii() or _is_latin(word.text)) for word in words)


def _is_latin(text: str) -> bool:
    """Return whether all letters of a text are Latin ones."""
    return not any(letter.isalpha() and letter > LAST_LATIN_LETTER for letter in text)


def is_code_continued(last: Line, line: Line) -> bool:
    """Return whether two lines of code are close enough to belong to one block."""
    return (line.middle - last.middle) < MAX_LINE_DISTANCE_EM * max(last.size, line.size)


def code_of(lines: Sequence[Line]) -> str:
    """Return the text of code with one row per line; columns count from its leftmost character."""
    width = _character_width(lines)
    left = min(line.left for line in lines)
    pitches = [lower.middle - upper.middle for upper, lower in pairwise(lines)]
    usual = min(pitches, default=0.0)
    rows = [_row_of(lines[0], left, width)]
    for pitch, line in zip(pitches, lines[1:], strict=True):
        rows += ["", _row_of(line, left, width)] if pitch > BLANK_LINE_RATIO * usual else [_row_of(line, left, width)]
    return "\n".join(rows)


def _character_width(lines: Sequence[Line]) -> float:
    """Return the width of a character in points. Boxes are tight: a word's box is a little narrower than its characters."""
    widths = [(word.right - word.left) / (len(word.text) - 0.15) for line in lines for word in line.words if len(word.text) > 3]
    return median(widths) if widths else max(CHARACTER_WIDTH_EM * lines[0].size, 0.1)


def _row_of(line: Line, left: float, width: float) -> str:
    """Return the text of one line with its indent and the spaces between its words. ``left`` and ``width`` are in points."""
    row = " " * round((line.left - left) / width) + line.words[0].text
    for before, word in pairwise(line.words):
        # Typesetting programs may stretch the spaces of code a little.
        row += " " * max(1, int((word.left - before.right) / width + 0.3)) + word.text
    return row
