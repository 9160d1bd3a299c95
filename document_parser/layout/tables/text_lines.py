"""Tell lines of running text from rows of cells by their spaces: those of a justified line are as wide as each other.

Wide spaces alone part a line like the white between columns does, above and below a table too. Lengths are in points.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from document_parser.layout.lines.lines import body_size
from document_parser.models import Word

MIN_WORDS = 5
"""Words of a line, at least, before its spaces say something."""
MAX_SPACE_RATIO = 1.7
"""Widest space divided by the middle one, at most: the space behind a sentence is a third wider, white between cells twice."""
MAX_SPACE_EM = 0.9
"""Font sizes of the middle space, at most: short headings stand as far apart as each other too, but further."""
MIN_WIDE_WORDS, MAX_WIDE_RATIO, MAX_WIDE_EM = 7, 1.35, 1.6
"""The same for the lines of a narrow justified text: more words with spaces that are nearly equal."""
MIN_WIDTH_SHARE = 0.7
"""Share of the width of what a line is in that it takes, at least: narrower ones may be the text of one cell."""
MIN_LETTERS_SHARE = 0.6
"""Share of the words that begin with a letter, at least: the others are numbers or signs."""


def is_text_line(words: Sequence[Word], width: float) -> bool:
    """Return whether words of one line, from left to right, are running text however wide its spaces are.

    ``width`` is that of the region or frame that the line is in.
    """
    if len(words) < MIN_WORDS or words[-1].right - words[0].left < MIN_WIDTH_SHARE * width:
        return False
    if sum(word.text[:1].isalpha() for word in words) < MIN_LETTERS_SHARE * len(words):
        return False
    spaces = sorted(after.left - before.right for before, after in pairwise(words))
    middle, widest, size = spaces[len(spaces) // 2], spaces[-1], body_size(words)
    if not 0 < middle < MAX_WIDE_EM * size:
        return False
    if middle < MAX_SPACE_EM * size and widest <= MAX_SPACE_RATIO * middle:
        return True
    return len(words) >= MIN_WIDE_WORDS and widest <= MAX_WIDE_RATIO * middle
