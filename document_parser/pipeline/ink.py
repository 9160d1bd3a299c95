"""What the ink of a picture shows before anybody reads it. Runs in the opener child; a page takes about ten milliseconds.

The number of letters is found from the lines of writing: in narrow strips of the page every run of inked rows that is as high
as a line counts as many letters as fit its inked width, a letter being half as wide as the run is high. On 300 digital pages of
many makers the letters of the text layer came to .89 of that estimate at the median, and to .61 and .99 at the fifth and the
ninety-fifth of a hundred; pictures and handwriting make the estimate too high, print smaller than about five pixels too low.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from document_parser.models import INK_COLUMNS, INK_ROWS, InkFacts

LONG_SIDE = 1200
STRIPS = 12
CLEARLY = 40
"""Grey levels, of 256, between paper and ink."""

LEAST_HEIGHT = 4
HIGHEST = 0.05
LETTER_WIDTH = 0.5
FILLED = 0.9
TOUCHED = 0.02

UNEVEN = 1.75
"""The higher quarter of the lines over the lower one. Print stays below 1.5, French wills of 1914 begin at 1.8."""
RUNS_ENOUGH = 60

THIN = 6
SOLID = 0.97
"""Of its length this share of a drawn line is ink."""
LEVELS, UPRIGHTS = 3, 2
MANY_LEVELS = 8

Mask = NDArray[np.bool_]


def ink_facts(grey: Image.Image, paper: int) -> InkFacts:
    """The facts of a grey picture whose paper has this level."""
    small = np.asarray(grey.reduce(max(1, round(max(grey.size) / LONG_SIDE))), dtype=np.int16)
    ink: Mask = np.abs(small - paper) > CLEARLY
    inked = ink.astype(
        np.float32
    )  # sums of it are products of matrices: exact below 2**24, and far quicker than sums along an axis
    widths, heights = _runs(ink, inked)
    return InkFacts(
        letters=round(float((widths / (LETTER_WIDTH * heights)).sum())),
        ruled=_is_ruled(ink),
        uneven=_is_uneven(heights),
        cells=_cells(inked),
    )


def _runs(ink: Mask, inked: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Inked width and height, in pixels, of the pieces of lines found strip by strip."""
    height, width = ink.shape
    widths: list[float] = []
    heights: list[float] = []
    for left, right in pairwise(np.linspace(0, width, STRIPS + 1).astype(int)):
        strip = ink[:, left:right]
        share = (inked[:, left:right] @ np.ones(right - left, np.float32)).astype(np.float64) / max(1, right - left)
        for top, bottom in _bands((share > TOUCHED) & (share < FILLED)):
            if LEAST_HEIGHT <= bottom - top <= HIGHEST * height:
                widths.append(float(strip[top:bottom].any(axis=0).sum()))
                heights.append(float(bottom - top))
    return np.asarray(widths, dtype=np.float64), np.asarray(heights, dtype=np.float64)


def _bands(mask: Mask) -> list[tuple[int, int]]:
    """Start and end of every run of what is true."""
    steps = np.diff(np.concatenate(([0], mask.astype(np.int8), [0])))
    return list(zip(np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist(), strict=True))


def _is_uneven(heights: NDArray[np.float64]) -> bool:
    if len(heights) < RUNS_ENOUGH:
        return False
    low, high = np.percentile(heights, (25, 75))
    return bool(high >= UNEVEN * low)


def _is_ruled(ink: Mask) -> bool:
    height, width = ink.shape
    levels = _straight(ink, width // 10)
    uprights = _straight(np.ascontiguousarray(ink.T), max(40, height // 30))
    return (levels >= LEVELS and uprights >= UPRIGHTS) or levels >= MANY_LEVELS


def _straight(ink: Mask, length: int) -> int:
    """How many thin places across have a run of ink of at least this length."""
    if length < 1 or ink.shape[1] <= length:
        return 0
    runs = np.zeros(len(ink), dtype=np.bool_)
    places = np.flatnonzero(_has_solid_run(ink, length))
    sums = np.cumsum(np.pad(ink[places], ((0, 0), (1, 0))), axis=1, dtype=np.int32)
    runs[places] = (sums[:, length:] - sums[:, :-length]).max(axis=1) >= SOLID * length
    return sum(end - start <= THIN for start, end in _bands(runs))


def _has_solid_run(ink: Mask, length: int) -> Mask:
    """For each row, whether so many pixels in a row are ink as a run of this length with the gaps that it may have must have.

    Which rows those are is seen by a few comparisons of whole pictures; they are few, and only they are summed up.
    """
    gaps = math.floor((1 - SOLID) * length + 1e-9)
    solid: Mask = ink
    reach, need = 1, math.ceil((length - gaps) / (gaps + 1))
    while 2 * reach <= need:
        solid = solid[:, reach:] & solid[:, :-reach]
        reach *= 2
    return np.asarray(solid.any(axis=1))


def _cells(inked: NDArray[np.float32]) -> str:
    height, width = inked.shape
    rows = np.linspace(0, height, INK_ROWS + 1).astype(int)
    columns = np.linspace(0, width, INK_COLUMNS + 1).astype(int)
    if min(inked.shape) < max(INK_ROWS, INK_COLUMNS):
        return ""
    above, before = np.repeat(np.arange(INK_ROWS), np.diff(rows)), np.repeat(np.arange(INK_COLUMNS), np.diff(columns))
    counts = np.eye(INK_ROWS, dtype=np.float32)[:, above] @ inked @ np.eye(INK_COLUMNS, dtype=np.float32)[before]
    areas = np.outer(np.diff(rows), np.diff(columns))
    return np.packbits(counts > TOUCHED * areas).tobytes().hex()
