"""Separate lines of writing from taller things in them, in the detection map, before boxes are put around its spots.

A fraction or a sum in a line of text makes one spot with the line, and often with the lines above and below. The straight box
around such a spot is mostly empty paper: it does not count as writing and the whole line is lost, or it is read together with
two others.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

MIN_WRITING_PROBABILITY = 0.3
"""There is writing where the map has more than this."""
MIN_FILLED_SHARE = 0.62
"""A spot that fills less of its box is examined. A line of print fills 0.75 and more; an ellipse would fill 0.79."""
MIN_LENGTH_RATIO = 8
"""A spot is examined if it is this many times as long as the line in it is high, and at least this many pixels long."""
LINE_HEIGHT_PERCENTILE = 25
"""Percentile of the heights of a spot's columns that is the height of its line.

It is low because two lines may be joined over more than half of their length.
"""
MAX_LINE_COLUMN_RATIO = 1.35
"""Columns up to this many times as high as the line belong to the line alone."""
CUT_DISTANCE_RATIO = 0.7
"""Distance from the line's middle to the cuts above and below it, over the line's height."""
CUT_PIXELS = 3
"""Height of a cut. The map is thickened by one pixel before boxes are put around its spots."""

Map = NDArray[np.float32]
"""How confident the detection is of writing, (height, width), 0 to 1."""


def split_lines(writing: Map) -> Map:
    """Return the map with a cut along every line that contains something tall. The map itself if there is no such line."""
    spots, labels, stats, _ = cv2.connectedComponentsWithStats(
        (writing > MIN_WRITING_PROBABILITY).astype(np.uint8), connectivity=8
    )
    cut = writing
    for spot in range(1, spots):
        left, top, width, height, area = (int(value) for value in stats[spot])
        if area >= MIN_FILLED_SHARE * width * height or width < MIN_LENGTH_RATIO:
            continue
        outside = _find_cut(labels[top : top + height, left : left + width] == spot)
        if outside is None:
            continue
        if cut is writing:
            cut = writing.copy()
        cut[top : top + height, left : left + width][outside] = 0
    return cut


def _find_cut(spot: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Return the pixels just above and below the line in a spot. None if the spot is no more than the line."""
    columns = np.flatnonzero(spot.any(axis=0))
    tops = spot.argmax(axis=0)[columns]
    bottoms = spot.shape[0] - spot[::-1].argmax(axis=0)[columns]
    heights = bottoms - tops
    usual = float(np.percentile(heights, LINE_HEIGHT_PERCENTILE))
    own = heights <= MAX_LINE_COLUMN_RATIO * usual
    if own.all() or len(columns) < MIN_LENGTH_RATIO * usual:
        return None
    middle = np.interp(np.arange(spot.shape[1]), columns[own], ((tops + bottoms) / 2)[own])
    away = np.abs(np.arange(spot.shape[0])[:, None] + 0.5 - middle[None, :]) - CUT_DISTANCE_RATIO * usual
    outside: NDArray[np.bool_] = (away > 0) & (away <= CUT_PIXELS)
    return outside if (outside & spot).any() else None
