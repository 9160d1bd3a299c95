"""Read lines that are upside down, or run up the page, the other way round: stamps, and the headings of narrow columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from document_parser.engines.rapidocr.confidence import MIN_LOST_LETTERS
from document_parser.engines.rapidocr.lines import Corners, Pixels

if TYPE_CHECKING:
    from document_parser.engines.rapidocr.ocr import PpOcr, Read

MAX_CONFIDENCE = 0.85
"""Confidence of a line up to which it may be upside down; most lines that stand upright have more."""
MIN_TURNED_CONFIDENCE = 0.85
"""Confidence of a line the other way round from which it is read so. Stamps have .89 and more, scribbles up to .76."""
MIN_CONFIDENCE_GAIN = 0.15
"""How much surer the recognition must be of a line the other way round. It is as sure of signs that are the same, such as 8."""
MIN_LETTERS = 3
"""Letters and digits that a line must have the other way round: of fewer, many are others upside down (9 and 6, d and p)."""
MAX_SHARE = 0.5
"""Share of the lines of a page that may be in doubt. Of more, the page is upside down, handwritten or in unknown letters."""


def read_turned(ocr: PpOcr, pixels: Pixels, corners: Corners, read: Sequence[Read | None]) -> tuple[list[Read | None], Corners]:
    """Return the readings and the corners of lines, with those that read better the other way round turned.

    Corners are an array (n, 4, 2) in pixels, clockwise from where the text of a line begins. Raises RuntimeError.
    """
    from document_parser.engines.rapidocr.ocr import cut_out_lines

    doubtful = [place for place, one in enumerate(read) if one is not None and _is_doubtful(one)]
    if not doubtful or len(doubtful) > max(1, MAX_SHARE * len(read)):
        return list(read), corners
    turned = np.roll(corners[doubtful], 2, axis=1)
    readings, places = list(read), corners.copy()
    for place, other, box in zip(doubtful, ocr.read(cut_out_lines(pixels, turned)), turned, strict=True):
        if _is_better(other, read[place]):
            readings[place], places[place] = other, box
    return readings, places


def _is_doubtful(one: Read) -> bool:
    """Return whether a line may be upside down."""
    return one.confidence <= MAX_CONFIDENCE or one.lost_letters >= MIN_LOST_LETTERS


def _is_better(other: Read, one: Read | None) -> bool:
    """Return whether a line reads clearly better the other way round."""
    letters = sum(map(str.isalnum, other.text))
    sure = other.confidence >= MIN_TURNED_CONFIDENCE and other.lost_letters < MIN_LOST_LETTERS
    return sure and letters >= MIN_LETTERS and (one is None or other.confidence >= one.confidence + MIN_CONFIDENCE_GAIN)
