"""Find the words of a scan that a line strikes out. Boxes are fractions of the image."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby

import cv2
import numpy as np
from numpy.typing import NDArray

from document_parser.models import RulingLine, Word

Pixels = NDArray[np.uint8]
"""Rows of 8-bit pixels, blue, green, red."""
MIN_INKED_SHARE = 0.96
"""Share of the row of a strike that is inked, at least."""
BESIDE_SHARE, BESIDE_SHARES = 0.15, (0.1, 0.7)
"""Distance to the rows above and below a strike, in heights of the box, and the share of them that is inked, least and most.

Below the serifs of blurred print, which touch along the line that letters stand on, only a few letters go on.
"""
STRIKE_SHARE = 0.36, 0.66
"""How far below the top of a word's box a strike lies, in shares of its height: between the lines that small letters end at."""
MIN_COVERED_SHARE = 0.75
"""Share of a word's width that a strike covers, at least."""
MIN_LETTERS = 2
"""Letters and digits of a word that may be struck out, at least: a dash is a line too."""
MAX_OVERHANG_SHARE = 0.6
"""How far a strike may reach over the words that it strikes out, in heights of their boxes. Lines of tables reach further."""
_LINE_IN_SPACE = re.compile(r"(?<=\w)[-—–](?=\w)")


def find_struck(words: Sequence[Word], rulings: Iterable[RulingLine], pixels: Pixels) -> set[Word]:
    """Return the words that one of these lines strikes out: it runs through them and ends with them.

    ``pixels`` are those of the image, blue, green, red. Raises cv2.error for an image without pixels.
    """
    struck: set[Word] = set()
    shape = pixels.shape[1] / pixels.shape[0]
    for ruling in rulings:
        under = [word for word in words if _runs_through(ruling, word) and _is_inked_through(word, pixels)]
        if under:
            reach = MAX_OVERHANG_SHARE * max(word.bottom - word.top for word in under) / shape
            if min(word.left for word in under) - reach <= ruling.left and ruling.right <= max(w.right for w in under) + reach:
                struck.update(under)
    return struck


def _is_inked_through(word: Word, pixels: Pixels) -> bool:
    """Return whether one row of pixels in the middle of a word is inked from end to end, and rows above and below are not.

    The letters of blurred print touch in the picture that shows faint lines too, but not where only dark pixels count.
    """
    height, width = pixels.shape[:2]
    left, right = round(word.left * width), round(word.right * width)
    top, bottom = round(word.top * height), round(word.bottom * height)
    grey = cv2.cvtColor(pixels[top:bottom, left:right], cv2.COLOR_BGR2GRAY)
    _, ink = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
    inked = np.flatnonzero(ink.any(axis=0))
    if len(inked) < MIN_LETTERS:
        return False
    rows = ink[:, inked[0] : inked[-1] + 1].mean(axis=1)
    first, last = (round(share * len(rows)) for share in STRIKE_SHARE)
    line = first + int(rows[first:last].argmax())
    near = round(BESIDE_SHARE * len(rows))
    beside = [rows[max(0, line - near)], rows[min(len(rows) - 1, line + near)]]
    least, most = BESIDE_SHARES
    return bool(rows[line] >= MIN_INKED_SHARE and least <= min(beside) and max(beside) <= most)


def split_at_strikes(words: Sequence[Word], struck: Collection[Word]) -> list[Word]:
    """Return the words of a line as runs that are struck out or are not.

    Hyphens between letters of the former are the line in the spaces that it runs through.
    """
    runs = []
    for is_struck, group in groupby(words, key=struck.__contains__):
        run = list(group)
        text = " ".join(word.text for word in run)
        left, top, right, bottom = run[0].left, min(w.top for w in run), run[-1].right, max(w.bottom for w in run)
        text = _LINE_IN_SPACE.sub(" ", text) if is_struck else text
        runs.append(run[0]._replace(text=text, left=left, top=top, right=right, bottom=bottom, struck=is_struck))
    return runs


def _runs_through(ruling: RulingLine, word: Word) -> bool:
    """Return whether a line runs through most of a word at the height of a strike."""
    across = min(ruling.right, word.right) - max(ruling.left, word.left)
    if across < MIN_COVERED_SHARE * (word.right - word.left) or sum(map(str.isalnum, word.text)) < MIN_LETTERS:
        return False
    height, middle = word.bottom - word.top, (ruling.top + ruling.bottom) / 2
    return STRIKE_SHARE[0] * height <= middle - word.top <= STRIKE_SHARE[1] * height
