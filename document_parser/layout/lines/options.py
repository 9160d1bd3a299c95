"""Keep the options of a line together: a check box stands with its label in the line, not in a column of its own.

Lengths are in points of the upright page, origin top left.
"""

from __future__ import annotations

from itertools import pairwise

from document_parser.layout.lines.joining import CHECK_BOXES
from document_parser.layout.lines.lines import lines_of
from document_parser.layout.lines.units import size_of
from document_parser.models import Word

MAX_LABEL_GAP_EM = 1.6
"""Font sizes between a check box and its label, at most."""
MAX_OPTION_GAP_EM = 9.0
"""Font sizes between a text and the check box of the next option of its line, at most."""


def close_option_gaps(words: list[Word]) -> list[Word]:
    """Return the words without the gaps before check boxes that have a label: options below each other are no columns.

    The word before a gap reaches as far as the box behind it. Boxes without labels, as in a table of yes and no, stay.
    """
    if not any(word.text in CHECK_BOXES for word in words):
        return words
    wider: dict[int, Word] = {}
    for line in lines_of(words):
        for place, (before, box) in enumerate(pairwise(line.words)):
            label = line.words[place + 2] if place + 2 < len(line.words) else None
            if box.text not in CHECK_BOXES or label is None or before.text in CHECK_BOXES or label.text in CHECK_BOXES:
                continue
            size = size_of(label)
            if label.left - box.right <= MAX_LABEL_GAP_EM * size and 0 < box.left - before.right <= MAX_OPTION_GAP_EM * size:
                wider[id(before)] = before._replace(right=box.left)
    return [wider.get(id(word), word) for word in words]
