"""Keep the options of a line together: a check box stands with its label in the line, not in a column of its own.

Lengths are in points of the upright page, origin top left.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from document_parser.layout.lines.joining import CHECK_BOXES
from document_parser.layout.lines.lines import lines_of
from document_parser.layout.lines.units import size_of
from document_parser.models import Word

MAX_LABEL_GAP_EM = 1.6
"""Font sizes between a check box and its label, at most."""
MAX_OPTION_GAP_EM = 9.0
"""Font sizes between a text and the check box of the next option of its line, at most."""
MAX_EDGE_OFFSET_EM = 0.5
"""Font sizes by which the left edges of the boxes of one column, and of the lines of one label, may differ."""
MAX_LINE_GAP_EM = 0.8
"""Font sizes between two lines of one label, at most."""
MAX_LINE_OVERLAP_EM = 0.25
"""Font sizes by which the boxes of two lines of one label may overlap, at most."""


@dataclass(frozen=True, slots=True)
class _Option:
    """A check box with the first word of its label, and the word before the box in its line."""

    before: Word
    box: Word
    label: Word


def close_option_gaps(words: list[Word]) -> list[Word]:
    """Return the words without the gaps before check boxes that have a label: options below each other are no columns.

    The word before a gap reaches as far as the box behind it. Boxes without labels, as in a table of yes and no, stay, and so
    do those below each other of which one has a label of several lines: they are a column.
    """
    if not any(word.text in CHECK_BOXES for word in words):
        return words
    options = _find_options(words)
    sorted_words = sorted(words, key=lambda word: word.top)
    tops = [word.top for word in sorted_words]
    wrapped = [option for option in options if _is_label_of_lines(option.label, sorted_words, tops)]
    wider = {
        id(option.before): option.before._replace(right=option.box.left)
        for option in options
        if not any(_are_in_column(option.box, other.box) for other in wrapped)
    }
    return [wider.get(id(word), word) for word in words]


def _find_options(words: Sequence[Word]) -> list[_Option]:
    """Return the check boxes with a label behind a gap."""
    found = []
    for line in lines_of(words):
        for before, box, label in zip(line.words, line.words[1:], line.words[2:], strict=False):
            if box.text not in CHECK_BOXES or before.text in CHECK_BOXES or label.text in CHECK_BOXES:
                continue
            size = size_of(label)
            if label.left - box.right <= MAX_LABEL_GAP_EM * size and 0 < box.left - before.right <= MAX_OPTION_GAP_EM * size:
                found.append(_Option(before, box, label))
    return found


def _is_label_of_lines(label: Word, words: Sequence[Word], tops: Sequence[float]) -> bool:
    """Return whether a second line of a label begins right below its first word; ``words`` are sorted by their ``tops``."""
    size = size_of(label)
    first, last = label.bottom - MAX_LINE_OVERLAP_EM * size, label.bottom + MAX_LINE_GAP_EM * size
    below = words[bisect_left(tops, first) : bisect_left(tops, last)]
    return any(
        word.text not in CHECK_BOXES and abs(word.left - label.left) < MAX_EDGE_OFFSET_EM * size
        for word in below
        if not any(0 <= word.left - other.right <= MAX_LABEL_GAP_EM * size for other in below)  # a text that began before
    )


def _are_in_column(one: Word, other: Word) -> bool:
    """Return whether two check boxes stand below each other."""
    return abs(one.left - other.left) < MAX_EDGE_OFFSET_EM * size_of(one)
