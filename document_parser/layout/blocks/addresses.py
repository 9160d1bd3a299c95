"""Tell addresses and signatures side by side, which are read one after the other, from rows of labels and values.

The fields of an invoice often begin at the same two places as the addresses above them. Lengths are in points.
"""

from __future__ import annotations

from collections.abc import Sequence

from document_parser.layout.lines.lines import Line
from document_parser.layout.tables.side_by_side import are_blocks
from document_parser.models import Word

MIN_FIELDS = 2
"""Rows of a label and its value below two addresses, at least."""
MAX_LABEL_WORDS = 4
"""Words of a label, at most."""
MIN_WHITE_EM = 0.25
"""Font sizes of white between addresses and fields, at least."""
MIN_BLANK_UNDERSCORES = 8
"""Underscores that are a line to sign or to write on, at least."""
MAX_SIGNATURE_LINES = 4
"""Lines of a signature, at most: the line to sign on, a name, an office, a date."""


def is_blank(word: Word) -> bool:
    """Return whether a word is a line of underscores to write on."""
    return len(word.text) >= MIN_BLANK_UNDERSCORES and not word.text.strip("_")


def are_signatures(left: Sequence[Line], right: Sequence[Line]) -> bool:
    """Return whether both sides are a line to sign on with the name, and what else is known of the signer, below it."""
    return all(
        1 < len(lines) <= MAX_SIGNATURE_LINES and all(map(is_blank, lines[0].words)) and not any(map(is_blank, _below(lines)))
        for lines in (left, right)
    )


def _below(lines: Sequence[Line]) -> list[Word]:
    """Return the words below the first line."""
    return [word for line in lines[1:] for word in line.words]


def find_fields_edge(left: Sequence[Line], right: Sequence[Line], size: float) -> float | None:
    """Return the height between two addresses side by side and the fields below them; None if the lines are something else.

    ``left`` and ``right`` are the lines on both sides of a gutter, ``size`` is the font size in points.
    """
    count = 0
    for label, value in zip(reversed(left), reversed(right), strict=False):
        if not _is_field(label, value):
            break
        count += 1
    above = left[: len(left) - count], right[: len(right) - count]
    if count < MIN_FIELDS or not all(above) or not are_blocks(above, size):
        return None
    end = max(line.bottom for lines in above for line in lines)
    start = min(left[-count].top, right[-count].top)
    return (end + start) / 2 if start - end >= MIN_WHITE_EM * size else None


def _is_field(label: Line, value: Line) -> bool:
    """Return whether two lines on one height are a label and its value: the label has a colon, or only the value digits."""
    level = abs(label.middle - value.middle) < (label.bottom - label.top) / 3
    if not level or len(label.text.split()) > MAX_LABEL_WORDS or any(map(str.isdigit, label.text)):
        return False
    return label.text.endswith(":") or any(map(str.isdigit, value.text))
