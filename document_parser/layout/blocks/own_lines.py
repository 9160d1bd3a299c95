"""Recognise lines that each stand for themselves: addresses, the fields of a form, names and what they are. In points."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from document_parser.layout.blocks.block_kinds import has_sentence_end
from document_parser.layout.lines.lines import Line

MAX_WORDS, MAX_CHARACTERS = 6, 42
"""Words and characters of a line of its own, at most: lines of text in narrow columns have as many, but go on."""
MIN_SURE_LINES = 3
"""Lines that all begin with a capital or a digit by chance in hardly any text, at least."""
MIN_ROOM_EM = 0.3
"""Font sizes left in the column, at least, if the first word of the next line would have had its place behind a line."""


def are_own_lines(lines: Sequence[Line], right: float) -> bool:
    """Return whether the lines of a group are lines of their own rather than a paragraph.

    Each is short and begins with a capital or a digit. Two of them also have digits both, or the next word would have fit in
    front of ``right``, the column's edge; none ends a sentence unless that is so for half of them.
    """
    if len(lines) < 2 or not all(map(_may_stand_alone, lines)):
        return False
    fits = [_would_fit(upper, lower, right) for upper, lower in pairwise(lines)]
    if 2 * sum(fits) >= len(fits):
        return True
    if any(has_sentence_end(line.text) or line.text[-1] in ",;-" for line in lines):
        return False
    return len(lines) >= MIN_SURE_LINES or all(any(map(str.isdigit, line.text)) for line in lines)


def _may_stand_alone(line: Line) -> bool:
    """Return whether a line is short and begins as a line of an address does."""
    first, last = line.text[:1], line.text[-1]
    short = len(line.text) <= MAX_CHARACTERS and len(line.text.split()) <= MAX_WORDS
    return short and (first.isupper() or first.isdigit()) and last not in "-\u00ad" and not any(w.math for w in line.words)


def _would_fit(upper: Line, lower: Line, right: float) -> bool:
    """Return whether the first word of a line would have had its place behind the line before it."""
    first = lower.words[0]
    return upper.right + first.right - first.left + (0.25 + MIN_ROOM_EM) * lower.size < right
