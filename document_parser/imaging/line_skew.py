"""What was found on a picture that lies a little askew, levelled by the slope of the lines of writing found on it.

Pictures that lie clearly askew come straightened already, whoever reads them: see pipeline.askew. Here is what that leaves,
for layout and rules, which mind a slope that the recognition does not. There are two ways because neither does the other's
work as well, on 42 scans and 58 receipts of the development corpus. Of pictures straightened before from 0.3 degrees on,
RapidOCR read fewer words (mean F1 .882 to .880, and .961 to .959): turning softens small print. The slope of the ink, in place
of that of the lines, put the lines of a typed page out of order (.49 to .27). From 1.5 degrees on, straightening the picture
helps: the order of two pages went from .83 to .99.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from document_parser.models.skew import Skew

LEAST_DEGREES = 0.3
"""Less does no harm: over the breadth of a page a line falls by a third of its height."""
MOST_DEGREES = 15.0
"""Beyond this it is no scan laid down badly."""
LONG = 5.0
"""A line this many times as long as high tells its slope."""
LEAST_LINES = 3
TOGETHER = 1.0
"""Degrees from the middle slope within which most of the writing must lie: crumpled paper and adverts have no slope."""
MOST = 0.6
EVERY = 16

Pixels = NDArray[np.uint8]
Corners = NDArray[np.float32]
"""Corners of boxes, (n, 4, 2), in pixels, clockwise from the top left."""


def skew_of(boxes: Corners, pixels: Pixels) -> Skew:
    """The skew of a picture, by the boxes of its lines; none where it is too small, too large, or the lines disagree."""
    height, width = pixels.shape[:2]
    none = Skew(shape=width / height)
    degrees = _common_slope(boxes)
    if not LEAST_DEGREES <= abs(degrees) <= MOST_DEGREES:
        return none
    skew = none._replace(degrees=round(degrees, 2))
    middle = np.array((width / 2, height / 2))
    reach = np.abs((straightened_boxes(boxes, skew, pixels) - middle) / middle).max()
    return skew._replace(scale=round(1 / max(1.0, float(reach)), 4))


def straightened_boxes(boxes: Corners, skew: Skew, pixels: Pixels) -> Corners:
    """The boxes as they stand on the straightened picture."""
    return cv2.transform(boxes, _matrix(skew, pixels)).astype(np.float32, copy=False)


def straightened_picture(pixels: Pixels, skew: Skew) -> Pixels:
    """The picture, of the same size, with its lines of writing level; its corners are filled with paper."""
    height, width = pixels.shape[:2]
    # White corners beside grey paper would have edges, which look like rules.
    paper = np.median(pixels[::EVERY, ::EVERY], axis=(0, 1)).tolist()
    flags, border = cv2.INTER_LINEAR, cv2.BORDER_CONSTANT
    straight = cv2.warpAffine(pixels, _matrix(skew, pixels), (width, height), flags=flags, borderMode=border, borderValue=paper)
    return straight.astype(np.uint8, copy=False)


def _matrix(skew: Skew, pixels: Pixels) -> NDArray[np.float64]:
    height, width = pixels.shape[:2]
    return np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), skew.degrees, skew.scale), dtype=np.float64)


def _common_slope(boxes: Corners) -> float:
    """The slope in degrees, falling to the right, on which most of the writing agrees; 0 where there is none."""
    along = (boxes[:, 1] + boxes[:, 2] - boxes[:, 0] - boxes[:, 3]) / 2
    lengths, heights = np.linalg.norm(along, axis=1), np.linalg.norm(boxes[:, 3] - boxes[:, 0], axis=1)
    long = lengths >= LONG * np.maximum(heights, 1)
    if long.sum() < LEAST_LINES:
        return 0.0
    slopes = np.degrees(np.arctan2(along[long, 1], along[long, 0]))
    order = np.argsort(slopes)
    # A capital at its head tilts the box of a short line.
    weights = (lengths**2 / np.maximum(heights, 1))[long][order]
    slopes, weights = slopes[order], weights / weights.sum()
    middle = float(slopes[np.searchsorted(np.cumsum(weights), 0.5)])
    return middle if weights[np.abs(slopes - middle) <= TOGETHER].sum() >= MOST else 0.0
