"""Put boxes around the spots of a detection map.

Source: the post-processing of Liao et al., "Real-time Scene Text Detection with Differentiable Binarization" (2020), step by
step as in PaddleOCR and RapidOCR and with the same boxes. RapidOCR's own code cannot be imported without its configuration, its
engines and an HTTP client: a second of processor time and 18 MiB in every process that reads.
"""

from __future__ import annotations

import cv2
import numpy as np
import pyclipper
from numpy.typing import NDArray

from document_parser.engines.rapidocr.text_map import MIN_WRITING_PROBABILITY, Map

MAX_BOXES = 5000
"""Maximum number of spots that are examined."""
MIN_CONFIDENCE = 0.5
"""Minimum mean of the map inside a box that holds writing."""
GROWTH_RATIO = 1.6
"""The map shows lines shrunken: boxes grow by this times their area over their circumference."""
MIN_SIDE_PIXELS = 3
"""Minimum shorter side of a spot in pixels of the map."""
DILATION_KERNEL = np.ones((2, 2), dtype=np.uint8)
"""The map is thickened by this kernel before its spots are outlined."""

Quad = NDArray[np.float32]
"""Four corners, (4, 2), in pixels, clockwise from the top left."""


def boxes_of(writing: Map, width: int, height: int) -> NDArray[np.float32]:
    """Return the boxes of writing, (n, 4, 2), in pixels of the image that the map was made from.

    ``width`` and ``height`` are the size of that image in pixels.
    """
    mask = cv2.dilate((writing > MIN_WRITING_PROBABILITY).astype(np.uint8), DILATION_KERNEL)
    contours, _ = cv2.findContours(mask * np.uint8(255), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    rows, columns = writing.shape
    found = []
    for contour in contours[:MAX_BOXES]:
        spot, side = _smallest_box_around(contour)
        if side < MIN_SIDE_PIXELS or _mean_inside(writing, spot) < MIN_CONFIDENCE:
            continue
        box, side = _smallest_box_around(_expand(spot))
        if side < MIN_SIDE_PIXELS + 2:
            continue
        box[:, 0] = np.clip(np.round(box[:, 0] / columns * width), 0, width)
        box[:, 1] = np.clip(np.round(box[:, 1] / rows * height), 0, height)
        box = np.clip(_sort_clockwise(box.astype(np.int32)), 0, (width - 1, height - 1)).astype(np.float32)
        if min(int(np.linalg.norm(box[0] - box[1])), int(np.linalg.norm(box[0] - box[3]))) > MIN_SIDE_PIXELS:
            found.append(box)
    return np.array(found, dtype=np.float32).reshape(-1, 4, 2)


def _smallest_box_around(points: NDArray[np.generic]) -> tuple[Quad, float]:
    """Return the smallest box around these points, its corners clockwise from the top left, and its shorter side."""
    rectangle = cv2.minAreaRect(points)  # type: ignore[arg-type]  # points are whole numbers or float32
    corners = sorted(cv2.boxPoints(rectangle), key=lambda corner: float(corner[0]))
    left, right = corners[:2], corners[2:]
    if left[1][1] <= left[0][1]:
        left.reverse()
    if right[1][1] <= right[0][1]:
        right.reverse()
    return np.array([left[0], right[0], right[1], left[1]]), min(rectangle[1])


def _mean_inside(writing: Map, box: Quad) -> float:
    """Return the mean of the map inside the box."""
    rows, columns = writing.shape
    left, top = (int(np.clip(np.floor(side.min()), 0, most - 1)) for side, most in zip(box.T, (columns, rows), strict=True))
    right, bottom = (int(np.clip(np.ceil(side.max()), 0, most - 1)) for side, most in zip(box.T, (columns, rows), strict=True))
    mask = np.zeros((bottom - top + 1, right - left + 1), dtype=np.uint8)
    cv2.fillPoly(mask, [(box - np.array((left, top), dtype=np.float32)).astype(np.int32)], (1,))
    return cv2.mean(writing[top : bottom + 1, left : right + 1], mask)[0]


def _expand(box: Quad) -> NDArray[np.int64]:
    """Return the outline of a box grown evenly in all directions, with round corners."""
    x, y = box.astype(np.float64).T
    area = abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2
    circumference = float(np.hypot(x - np.roll(x, -1), y - np.roll(y, -1)).sum())
    offset = pyclipper.PyclipperOffset()
    offset.AddPath(box, pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    return np.array(offset.Execute(area * GROWTH_RATIO / circumference)).reshape((-1, 1, 2))


def _sort_clockwise(box: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the corners of a box of whole pixels clockwise from the top left."""
    across = box[np.argsort(box[:, 0])]
    left, right = across[:2], across[2:]
    (top_left, bottom_left), (top_right, bottom_right) = left[np.argsort(left[:, 1])], right[np.argsort(right[:, 1])]
    return np.array([top_left, top_right, bottom_right, bottom_left])
