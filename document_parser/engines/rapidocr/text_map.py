"""Lines of writing parted from what is tall in them, in the detection's map, before boxes are put around its spots.

A fraction or a sum in a line of text makes one spot with it, and often with what stands above and below. The straight box
around such a spot is mostly paper: it counts as no writing and the whole line is lost, or it is read with two others.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

WRITING = 0.3
"""Where the map says more than this there is writing."""
LEAST_FILLED = 0.62
"""A spot that fills less of its box is looked at: a line of print fills .75 and more, an ellipse would fill .79."""
LONG = 8
"""... if it is this many times as long as the line in it is high, and so many pixels at least."""
LOWER = 25
"""Of a hundred columns so many are no higher than the line: two lines may be joined over more than half of their length."""
MOST_OF_A_LINE = 1.35
"""Columns up to this many times as high as the line are its own."""
ROOM = 0.7
"""How much of the line's height lies above and below its middle, beyond which it is cut."""
GAP = 3
"""Rows of the cut: the map is thickened by one before boxes are put around its spots."""

Map = NDArray[np.float32]
"""How surely there is writing, (height, width), 0 to 1."""


def parted(writing: Map) -> Map:
    """The map with a cut along every line that has something tall in it; the map itself where there is none."""
    spots, labels, stats, _ = cv2.connectedComponentsWithStats((writing > WRITING).astype(np.uint8), connectivity=8)
    cut = writing
    for spot in range(1, spots):
        left, top, width, height, area = (int(value) for value in stats[spot])
        if area >= LEAST_FILLED * width * height or width < LONG:
            continue
        outside = _beside_the_line(labels[top : top + height, left : left + width] == spot)
        if outside is None:
            continue
        if cut is writing:
            cut = writing.copy()
        cut[top : top + height, left : left + width][outside] = 0
    return cut


def _beside_the_line(spot: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """The rows just above and below the line in a spot, where it has more than the line; None where it has not."""
    columns = np.flatnonzero(spot.any(axis=0))
    tops = spot.argmax(axis=0)[columns]
    bottoms = spot.shape[0] - spot[::-1].argmax(axis=0)[columns]
    heights = bottoms - tops
    usual = float(np.percentile(heights, LOWER))
    own = heights <= MOST_OF_A_LINE * usual
    if own.all() or len(columns) < LONG * usual:
        return None
    middle = np.interp(np.arange(spot.shape[1]), columns[own], ((tops + bottoms) / 2)[own])
    away = np.abs(np.arange(spot.shape[0])[:, None] + 0.5 - middle[None, :]) - ROOM * usual
    outside: NDArray[np.bool_] = (away > 0) & (away <= GAP)
    return outside if (outside & spot).any() else None
