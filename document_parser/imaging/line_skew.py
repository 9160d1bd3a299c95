"""Level what was found on a slightly skewed page image, by the slope of its text lines and of its ink.

Clearly skewed images are straightened before any engine sees them: see ``imaging.deskew``. This module corrects the remaining
skew for layout and ruling lines, which are sensitive to a slope that recognition is not.

There are two methods because neither does the work of the other, as measured on 42 scans and 58 receipts of the development
corpus. When images were straightened beforehand from 0.3 degrees on, RapidOCR read fewer words (mean F1 .882 to .880, and .961
to .959): turning softens small print. The slope of the ink, in place of that of the lines, put the lines of a typed page out of
order (.49 to .27). From 1.5 degrees on, straightening the image helps: the order of two pages went from .83 to .99.

The boxes of lines tell the slope roughly: on drawn scans of tables it was off by up to .9 degrees, which puts the ends of the
rows of a wide table into the rows above or below. That of the ink was off by .1 at most, the step that is tried, on 35 pages
whose skew is known. So the ink tells the slope wherever it stands out and the lines do not contradict it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from document_parser.imaging.deskew import DESKEW_STRIPS, measure_contrast, measure_profiles
from document_parser.models.skew import Skew

MIN_LINE_SKEW_DEGREES = 0.3
"""A smaller skew does no harm: over the width of a page a line falls by a third of its height."""
MAX_LINE_SKEW_DEGREES = 15.0
"""A larger slope is not that of a badly placed scan."""
MIN_LENGTH_RATIO = 5.0
"""A line counts for the slope if it is at least this many times as long as high."""
MIN_LINES = 3
"""Fewer such lines give no slope."""
MAX_SLOPE_DIFFERENCE_DEGREES = 1.0
"""Degrees from the median slope within which most of the text must lie: crumpled paper and adverts have no common slope."""
MIN_AGREEING_SHARE = 0.6
"""Share of the text whose slope must agree with the median; long and flat lines weigh more."""
INK_LONG_SIDE_PIXELS = 1400
"""Pixels of the long side of the reduced image on which slopes of the ink are tried, about."""
MAX_INK_SKEW_DEGREES, INK_STEP_DEGREES = 2.0, 0.1
"""The steepest slope of the ink that is tried, and the step between two: what is steeper was straightened before."""
MIN_INK_CONTRAST_RATIO = 2.5
"""Contrast of the best slope to the mean of all slopes, at least, if the ink has lines."""
INK_NEIGHBOURHOOD_PIXELS, INK_LEVELS = 61, 25
"""Ink is darker than the mean of its neighbourhood by so many grey levels, of 256: shadows are not."""
MAX_LONG_LINES_SHARE = 0.5
"""Share of the lines that are long, from which they alone tell the slope: bent lines of text have none for all the ink."""
MAX_INK_DIFFERENCE_DEGREES = 0.5
"""Degrees between the slopes of the ink and of the lines, at most; else the lines tell it."""
SAMPLE_STEP_PIXELS = 16
"""Every pixel at this distance is taken for the colour of the paper."""

Pixels = NDArray[np.uint8]
"""Rows of pixels of an image, 8 bits a channel."""
Corners = NDArray[np.float32]
"""Corners of boxes, (n, 4, 2), in pixels, clockwise from the top left."""


def find_line_skew(boxes: Corners, pixels: Pixels) -> Skew:
    """Return the skew of a page image from the boxes of its text lines and from its ink.

    ``boxes`` are in pixels, the pixels blue, green, red. The result has 0 degrees if the slope is outside MIN_LINE_SKEW_DEGREES
    to MAX_LINE_SKEW_DEGREES, or if neither the ink nor the lines agree on one.
    """
    height, width = pixels.shape[:2]
    none = Skew(shape=width / height)
    degrees = _slope_of(boxes, pixels)
    if not MIN_LINE_SKEW_DEGREES <= abs(degrees) <= MAX_LINE_SKEW_DEGREES:
        return none
    skew = none._replace(degrees=round(degrees, 2))
    middle = np.array((width / 2, height / 2))
    reach = np.abs((straighten_boxes(boxes, skew, pixels) - middle) / middle).max()
    return skew._replace(scale=round(1 / max(1.0, float(reach)), 4))


def straighten_boxes(boxes: Corners, skew: Skew, pixels: Pixels) -> Corners:
    """Return the boxes, in pixels, at their places on the straightened image."""
    return cv2.transform(boxes, _rotation_matrix(skew, pixels)).astype(np.float32, copy=False)


def straighten_pixels(pixels: Pixels, skew: Skew) -> Pixels:
    """Return the image with its text lines level, at the same size; corners have the colour of the paper."""
    height, width = pixels.shape[:2]
    # White corners beside grey paper would have edges that look like ruling lines.
    paper = np.median(pixels[::SAMPLE_STEP_PIXELS, ::SAMPLE_STEP_PIXELS], axis=(0, 1)).tolist()
    flags, border = cv2.INTER_LINEAR, cv2.BORDER_CONSTANT
    straight = cv2.warpAffine(
        pixels, _rotation_matrix(skew, pixels), (width, height), flags=flags, borderMode=border, borderValue=paper
    )
    return straight.astype(np.uint8, copy=False)


def _rotation_matrix(skew: Skew, pixels: Pixels) -> NDArray[np.float64]:
    """Return OpenCV's matrix that turns the image about its centre and shrinks it by ``skew.scale``."""
    height, width = pixels.shape[:2]
    return np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), skew.degrees, skew.scale), dtype=np.float64)


def _slope_of(boxes: Corners, pixels: Pixels) -> float:
    """Return the slope in degrees, positive to the right and down: the ink's, unless the lines have another; 0 for none."""
    by_lines = _common_slope(boxes)
    mostly_long = _are_long(boxes).sum() > MAX_LONG_LINES_SHARE * len(boxes)
    if len(boxes) < MIN_LINES or mostly_long or abs(by_lines or 0.0) > MAX_INK_SKEW_DEGREES:
        return by_lines or 0.0
    by_ink = _slope_of_ink(pixels)
    agree = by_ink is not None and (by_lines is None or abs(by_ink - by_lines) <= MAX_INK_DIFFERENCE_DEGREES)
    return by_ink if by_ink is not None and agree else by_lines or 0.0


def _slope_of_ink(pixels: Pixels) -> float | None:
    """Return the slope in degrees along which the ink varies most from line to line; None if none stands out.

    See ``imaging.deskew`` for the method.
    """
    factor = max(1, round(max(pixels.shape) / INK_LONG_SIDE_PIXELS))
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA).astype(np.float32)
    if min(small.shape) < DESKEW_STRIPS:
        return None
    paper = cv2.blur(small, (INK_NEIGHBOURHOOD_PIXELS, INK_NEIGHBOURHOOD_PIXELS))
    profiles = measure_profiles(np.asarray(paper - small > INK_LEVELS))
    steps = round(MAX_INK_SKEW_DEGREES / INK_STEP_DEGREES)
    slopes = [number * INK_STEP_DEGREES for number in range(-steps, steps + 1)]
    contrasts = [measure_contrast(profiles, slope, small.shape[1] / DESKEW_STRIPS) for slope in slopes]
    best = int(np.argmax(contrasts))
    within = 0 < best < len(slopes) - 1
    return slopes[best] if within and contrasts[best] > MIN_INK_CONTRAST_RATIO * float(np.mean(contrasts)) else None


def _common_slope(boxes: Corners) -> float | None:
    """Return the slope in degrees, positive to the right and down, on which most of the text agrees; None if there is none."""
    along = _directions_of(boxes)
    lengths, heights = np.linalg.norm(along, axis=1), np.linalg.norm(boxes[:, 3] - boxes[:, 0], axis=1)
    long = _are_long(boxes)
    if long.sum() < MIN_LINES:
        return None
    slopes = (np.degrees(np.arctan2(along[long, 1], along[long, 0])) + 90) % 180 - 90  # a line on its head slopes as others
    order = np.argsort(slopes)
    # A capital at its start tilts the box of a short line.
    weights = (lengths**2 / np.maximum(heights, 1))[long][order]
    slopes, weights = slopes[order], weights / weights.sum()
    middle = float(slopes[np.searchsorted(np.cumsum(weights), 0.5)])
    return middle if weights[np.abs(slopes - middle) <= MAX_SLOPE_DIFFERENCE_DEGREES].sum() >= MIN_AGREEING_SHARE else None


def _directions_of(boxes: Corners) -> Corners:
    """Return from where to where the middle of each box runs, (n, 2), in pixels."""
    return np.asarray((boxes[:, 1] + boxes[:, 2] - boxes[:, 0] - boxes[:, 3]) / 2, dtype=np.float32)


def _are_long(boxes: Corners) -> NDArray[np.bool_]:
    """Return which boxes are long enough to show a slope."""
    heights = np.linalg.norm(boxes[:, 3] - boxes[:, 0], axis=1)
    return np.asarray(np.linalg.norm(_directions_of(boxes), axis=1) >= MIN_LENGTH_RATIO * np.maximum(heights, 1))
