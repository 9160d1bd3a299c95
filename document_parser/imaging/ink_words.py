"""Find the words of a page image by its ink alone: where they are, how wide they are, and in which line.

No network reads anything here, so a page costs about twenty milliseconds. Letters are connected spots of ink. Ink closer than
about a letter and a half makes a segment, a piece of a line. Within a segment the gaps are of two kinds, those between letters
and those between words; they are told apart as in Otsu, "A threshold selection method from gray-level histograms" (1979).
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

INK_GREY_LEVELS = 60
"""Grey levels, of 256, by which a pixel differs from the paper to count as ink; at most half of the darkest ink's."""
DARKEST_SHARE = 0.01
"""Share of the pixels that are the darkest ink."""

MIN_SPOT_PIXELS = 3
"""A smaller spot is dust."""
MAX_LETTER_HEIGHT_SHARE = 0.05
"""A spot higher than this share of the page's height is no letter."""
MAX_LETTER_WIDTH_SHARE = 0.2
"""A spot wider than this share of the page's width is no letter, nor letters that touch."""
MAX_LETTER_RATIO, MIN_RULING_PIXELS = 15, 40
"""A spot more than this many times as wide as high, and at least this wide, is a ruling line."""
MIN_LETTER_HEIGHT_PIXELS, MIN_LETTER_WIDTH_PIXELS = 5, 2
"""Smaller spots say nothing of the size of the letters."""
MIN_LETTERS = 5
"""A page with fewer letters has no words to compare."""

SEGMENT_GAP_RATIO = 1.6
"""Letters closer than this many times the median height of letters are in one segment."""
MIN_SEGMENT_HEIGHT_RATIO = 0.6
"""A segment lower than this part of the median height is a row of dots or dashes."""

WORD_GAP_RATIO = 0.38
"""Words are this far apart, over the height of the letters, if the gaps of the segment do not show it."""
MIN_WORD_GAP_RATIO, MAX_WORD_GAP_RATIO, MAX_LETTER_GAP_RATIO = 0.25, 1.3, 0.9
"""Limits, over the height of the letters, of the smallest gap between words and the largest one between letters."""
MIN_GAPS, MANY_GAPS = 4, 8
"""Fewer gaps show nothing; fewer than many show only a clear difference."""
CLEAR_WORD_GAP_RATIO = 0.34
"""The smallest gap between words, over the height of the letters, where there are not many gaps."""
MIN_GAP_CONTRAST = 2.0
"""Gaps between words are on average this many times as wide as those between letters."""
SIZE_PERCENTILE = 82
"""Percentile of the heights of a segment's letters that stands for the size of its type: capitals, ascenders and digits."""

Grey = NDArray[np.uint8]
"""Rows of grey pixels."""
Boxes = NDArray[np.int64]
"""Left, top, right and bottom in pixels, (n, 4)."""


class InkWords(NamedTuple):
    """The words of a page image in the order of its segments, which stand from the top down.

    ``segments`` has the number of each word's segment, ``sizes`` the height in pixels of the letters of that segment.
    ``paper`` is the grey level of the paper; if it is dark, ``grey`` and ``paper`` are inverted.
    """

    grey: Grey
    paper: int
    boxes: Boxes
    segments: NDArray[np.int64]
    sizes: NDArray[np.float64]

    @property
    def lines(self) -> int:
        """Return how many pieces of lines there are."""
        return len(np.unique(self.segments))


def find_ink_words(grey: Grey) -> InkWords:
    """Return the words in a grey page image; none if it has hardly any letters."""
    grey, paper, ink = _find_ink(grey)
    outlines, nesting = cv2.findContours(ink, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    nothing = InkWords(grey, paper, np.zeros((0, 4), np.int64), np.zeros(0, np.int64), np.zeros(0))
    if not outlines:
        return nothing
    left, top, width, height = np.array([cv2.boundingRect(outline) for outline in outlines], np.int64).T
    outer = nesting[0, :, 3] < 0  # the others are outlines of holes
    letters = outer & _are_letters(width, height, grey.shape)
    sized = letters & (height >= MIN_LETTER_HEIGHT_PIXELS) & (width >= MIN_LETTER_WIDTH_PIXELS)
    if sized.sum() < MIN_LETTERS:
        return nothing
    size = float(np.median(height[sized]))
    for spot in np.flatnonzero(outer & ~letters):
        if width[spot] * height[spot] >= MIN_SPOT_PIXELS:  # a ruling or a picture, which would join the lines that it touches
            cv2.drawContours(ink, outlines, int(spot), (0,), cv2.FILLED, hierarchy=nesting, maxLevel=1)
    segments, heights = _find_segments(ink, size)
    found = np.flatnonzero(letters)
    own = _segment_at(segments, left[found], top[found], width[found], height[found])
    kept = (own > 0) & (heights[own] >= MIN_SEGMENT_HEIGHT_RATIO * size)
    found, own = found[kept], own[kept]
    if not len(found):
        return nothing
    order = np.lexsort((left[found], own))
    found, own = found[order], own[order]
    boxes = np.stack((left[found], top[found], (left + width)[found], (top + height)[found]), axis=1)
    return _sort_down(_split_words(grey, paper, boxes, own))


def _find_ink(grey: Grey) -> tuple[Grey, int, Grey]:
    """Return the image dark on light, the level of its paper, and where its ink is."""
    counts = cv2.calcHist([np.ascontiguousarray(grey[::3, ::3])], [0], None, [256], [0, 256]).ravel()
    paper = int(np.convolve(counts, np.ones(9), "same").argmax())
    if paper < 128:
        grey, paper, counts = (255 - grey).astype(np.uint8), 255 - paper, counts[::-1]
    darkest = int(np.searchsorted(np.cumsum(counts), DARKEST_SHARE * counts.sum()))
    limit = paper - min(INK_GREY_LEVELS, (paper - darkest) // 2 + 1)
    return grey, paper, cv2.threshold(grey, limit, 1, cv2.THRESH_BINARY_INV)[1].astype(np.uint8, copy=False)


def _are_letters(width: NDArray[np.int64], height: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which spots may be letters, parts of letters, or letters that touch."""
    ruling = (width > MAX_LETTER_RATIO * height) & (width > MIN_RULING_PIXELS)
    letters: NDArray[np.bool_] = (
        (width * height >= MIN_SPOT_PIXELS)
        & (height <= MAX_LETTER_HEIGHT_SHARE * shape[0])
        & (width <= MAX_LETTER_WIDTH_SHARE * shape[1])
        & ~ruling
    )
    return letters


def _find_segments(ink: Grey, size: float) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the number of the segment at every second pixel, 0 for none, and the height of each segment in pixels."""
    high, wide = (side // 2 * 2 for side in ink.shape)
    ink = ink[:high, :wide]
    half = ink[::2, ::2] | ink[1::2, ::2] | ink[::2, 1::2] | ink[1::2, 1::2]
    reach = max(3, int(SEGMENT_GAP_RATIO * size / 2)) | 1
    closed = cv2.morphologyEx(half, cv2.MORPH_CLOSE, np.ones((1, reach), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=4, ltype=cv2.CV_32S)
    return labels.astype(np.int32, copy=False), 2 * stats[:, 3].astype(np.int64)


def _segment_at(
    segments: NDArray[np.int32],
    left: NDArray[np.int64],
    top: NDArray[np.int64],
    width: NDArray[np.int64],
    height: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the segment of each letter. The middle of a letter at the end of a segment may be paper: then others are tried."""
    rows = np.minimum((top + height // 2) // 2, segments.shape[0] - 1)
    own = np.zeros(len(left), np.int64)
    for share in (0.5, 0.85, 0.15, 0.97, 0.03):
        columns = np.minimum((left + share * width).astype(np.int64) // 2, segments.shape[1] - 1)
        own = np.where(own == 0, segments[rows, columns], own)
    return own


def _split_words(grey: Grey, paper: int, letters: Boxes, segments: NDArray[np.int64]) -> InkWords:
    """Return the words that letters make, which are in the order of their segments and from left to right."""
    left, right = letters[:, 0], letters[:, 2]
    far = np.int64(1 << 20)
    reached = np.maximum.accumulate(right + segments * far) - segments * far
    gaps = np.concatenate(([0], left[1:] - reached[:-1]))
    begins = np.concatenate(([True], segments[1:] != segments[:-1]))
    firsts = np.flatnonzero(begins)
    sizes = np.zeros(len(letters))
    starts = begins.copy()
    for first, end in zip(firsts, [*firsts[1:], len(letters)], strict=True):
        heights = letters[first:end, 3] - letters[first:end, 1]
        tall = heights[heights >= heights.max() / 2]
        sizes[first:end] = np.percentile(heights, SIZE_PERCENTILE)
        starts[first + 1 : end] = gaps[first + 1 : end] > _word_gap(gaps[first + 1 : end], float(np.median(tall)))
    words = np.flatnonzero(starts)
    low = np.minimum.reduceat(letters[:, :2], words)
    high = np.maximum.reduceat(letters[:, 2:], words)
    return InkWords(grey, paper, np.concatenate((low, high), axis=1), segments[words], sizes[words])


def _word_gap(gaps: NDArray[np.int64], height: float) -> float:
    """Return the gap in pixels above which a gap of this segment is one between words."""
    usual = WORD_GAP_RATIO * height
    values = np.sort(gaps[gaps > 0])
    if len(values) < MIN_GAPS:
        return usual
    after = values[1:]
    cuts = np.flatnonzero(
        (after > values[:-1])
        & (after <= MAX_WORD_GAP_RATIO * height)
        & (after >= MIN_WORD_GAP_RATIO * height)
        & (values[:-1] < MAX_LETTER_GAP_RATIO * height)
    )
    if not len(cuts):
        return usual
    sums, below = np.cumsum(values), cuts + 1
    small, large = sums[cuts] / below, (sums[-1] - sums[cuts]) / (len(values) - below)
    best = int((below * (len(values) - below) * (np.minimum(large, 2 * height) - small) ** 2).argmax())
    cut = int(cuts[best])
    unclear = len(values) < MANY_GAPS and values[cut + 1] < CLEAR_WORD_GAP_RATIO * height
    if large[best] < MIN_GAP_CONTRAST * small[best] or unclear:
        return usual
    return float(values[cut] + values[cut + 1]) / 2


def _sort_down(words: InkWords) -> InkWords:
    """Return the words with their segments from the top down, and in each segment from left to right."""
    _, numbers = np.unique(words.segments, return_inverse=True)
    middles = np.bincount(numbers, (words.boxes[:, 1] + words.boxes[:, 3]) / 2) / np.bincount(numbers)
    order = np.lexsort((words.boxes[:, 0], numbers, middles[numbers]))
    place = np.empty(len(middles), np.int64)
    place[np.argsort(middles, kind="stable")] = np.arange(len(middles))
    return words._replace(
        boxes=words.boxes[order],
        segments=place[numbers][order],
        sizes=words.sizes[order],
    )
