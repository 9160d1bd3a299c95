"""Lines of writing as RapidOCR finds them: where they are, where they run to, and the words of the page model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from document_parser.models import BoundingBox, RulingLine, Word
from document_parser.models.skew import direction_of

if TYPE_CHECKING:
    from document_parser.engines.rapidocr.word_spans import Span

MIN_TALL_RATIO = 1.5
"""A box counts as tall if its height is this many times its width, and as wide the other way round."""
MIN_LONG_LINE_RATIO = 3.0
"""Length over height from which a line is long enough to count its letters, and from which its box shows where it runs to."""
MAX_LEVEL_DEGREES = 3
"""Slope of a line, at most, whose words are told apart: the layout reads steeper lines as wholes."""
Pixels = NDArray[np.uint8]
"""Rows of pixels in the order blue, green, red."""
Corners = NDArray[np.float32]
"""Corners of boxes in pixels, clockwise from the top left."""
CORNER_EDGES = np.array(((0, 1), (2, 1), (2, 3), (0, 3)))
"""Which edges of a box (left, top, right, bottom) meet in its corners, clockwise from the top left."""


class Line(NamedTuple):
    """A line of writing: its text, and its corners in pixels, clockwise from the top left."""

    text: str
    corners: Corners
    confidence: float
    lost_letters: float = 0.0
    """About how many letters were left out of the text."""
    spans: tuple[Span, ...] = ()
    """Places of its words, in shares of its length; empty if there are fewer than two."""
    mended: int = 0
    """How many of its letters and spaces a dictionary has decided."""


def word_of(line: Line, pixels: Pixels) -> Word:
    """Return a line as a word, its box in fractions of the image."""
    corners = line.corners / np.array(pixels.shape[1::-1])
    left, top = np.clip(corners.min(axis=0), 0, 1)
    right, bottom = np.clip(corners.max(axis=0), 0, 1)
    box = (float(left), float(top), float(right), float(bottom))
    return Word(line.text, *box, confidence=round(line.confidence, 4), direction=direction_of_line(line))


def parts_of_lines(
    lines: Sequence[Line], wholes: Sequence[Word], drawn: Sequence[RulingLine], pixels: Pixels
) -> dict[Word, list[Word]]:
    """Return the words of each level line, with boxes of their ink; where words are struck out, these and what is between them.

    ``wholes`` are the lines, ``drawn`` the ruling lines of the image.
    """
    from document_parser.imaging.ink_boxes import fit_to_ink
    from document_parser.imaging.strikes import find_struck, split_at_strikes

    found = {
        whole: words_of_line(line, whole, pixels) for line, whole in zip(lines, wholes, strict=False) if not is_steep(whole)
    }
    struck = find_struck([word for words in found.values() for word in words], drawn, pixels)
    parted = {whole: words if struck.isdisjoint(words) else split_at_strikes(words, struck) for whole, words in found.items()}
    return {whole: fit_to_ink(words, pixels) for whole, words in parted.items()}


def is_steep(line: Word) -> bool:
    """Return whether a line is too steep for the layout to read its words apart."""
    return min(line.direction, 360 - line.direction) > MAX_LEVEL_DEGREES


def words_of_line(line: Line, whole: Word, pixels: Pixels) -> list[Word]:
    """Return the words of a line; the line itself if they are not known.

    ``whole`` is the line without a check box before it.
    """
    texts = whole.text.split()
    fits = len(texts) == len(line.spans) or (whole.text != line.text and len(texts) < len(line.spans))
    if len(texts) < 2 or not fits:
        return [whole]
    upper_left, upper_right, lower_right, lower_left = line.corners / np.array(pixels.shape[1::-1])
    words: list[Word] = []
    for text, (start, end) in zip(texts, line.spans[-len(texts) :], strict=True):
        edges = ((upper_left, upper_right), (lower_left, lower_right))
        corners = np.clip([one + share * (other - one) for one, other in edges for share in (start, end)], 0, 1)
        (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        # A check box before the line is none of its words: its place may be in the span of the first.
        left = left if words or right <= whole.left else max(left, whole.left)
        words.append(whole._replace(text=text, left=left, top=top, right=right, bottom=bottom))
    return words


def direction_of_line(line: Line) -> int:
    """Return where a line runs to, in degrees as ``direction_of`` counts them. A tall box was read from the top down.

    The box of a few letters is about as high as wide and says nothing: such a line counts as running to the right.
    """
    ahead, down = line.corners[1] - line.corners[0], line.corners[3] - line.corners[0]
    across, along = math.hypot(*ahead), math.hypot(*down)
    if max(across, along) < MIN_LONG_LINE_RATIO * min(across, along):
        return 0
    return direction_of(*map(float, ahead if across > along else down))


def boxes_of(lines: Sequence[Line]) -> Corners:
    """Return the corners of lines as one array (n, 4, 2), in pixels."""
    return np.array([line.corners for line in lines], dtype=np.float32).reshape(-1, 4, 2)


def page_boxes_of(lines: Sequence[Line], pixels: Pixels) -> NDArray[np.float64]:
    """Return left, top, right and bottom of each line in fractions of the image, as an array (n, 4)."""
    corners = boxes_of(lines) / np.array(pixels.shape[1::-1])
    return np.concatenate((corners.min(axis=1), corners.max(axis=1)), axis=1)


def is_on_figure(figures: Sequence[BoundingBox], line: Line, pixels: Pixels) -> bool:
    """Return whether the centre of a line lies on a figure."""
    across, down = (line.corners.mean(axis=0) / pixels.shape[1::-1]).tolist()
    return any(box.left <= across <= box.right and box.top <= down <= box.bottom for box in figures)


def extents_of(lines: Sequence[Line]) -> tuple[Corners, Corners]:
    """Return the heights and the lengths of lines in pixels, whichever way they run."""
    heights, lengths = np.maximum(np.sort(_sizes_of(boxes_of(lines)), axis=0), 1)
    return heights, lengths


def _sizes_of(boxes: Corners) -> tuple[Corners, Corners]:
    """Return the widths and the heights of boxes given by four corners, clockwise from the top left."""
    return np.linalg.norm(boxes[:, 1] - boxes[:, 0], axis=1), np.linalg.norm(boxes[:, 3] - boxes[:, 0], axis=1)


def are_tall(boxes: Corners) -> list[bool]:
    """Return for each box whether it is clearly higher than wide."""
    width, height = _sizes_of(boxes)
    return [bool(tall) for tall in height >= MIN_TALL_RATIO * width]


def run_mostly_downwards(boxes: Corners) -> bool:
    """Return whether the boxes that run down the page have a greater total length than those that run across it."""
    width, height = _sizes_of(boxes)
    down = float(height[height >= MIN_TALL_RATIO * width].sum())
    return down > float(width[width >= MIN_TALL_RATIO * height].sum())
