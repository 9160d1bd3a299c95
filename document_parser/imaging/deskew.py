"""Find the slope of the lines on a skewed page image, and straighten the image. Runs in the opener child.

Takes some milliseconds a page. All engines see the straightened image. RapidOCR levels a smaller skew by its own text lines:
see ``imaging.line_skew``.

Source: W. Postl, "Detection of linear oblique structures and skew scan in digitized documents", 1986: the skew is the slope
along which the ink varies most from line to line. Here slopes are tried on narrow strips of the page that are shifted against
each other.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from document_parser.models.skew import Skew

DESKEW_LONG_SIDE_PIXELS = 900
"""Pixels of the long side of the reduced image on which slopes are tried."""
DESKEW_STRIPS = 24
"""Vertical strips into which the page is divided."""
MAX_SKEW_DEGREES = 12.0
"""The steepest slope that is tried, in both directions."""
COARSE_STEP_DEGREES, FINE_STEP_DEGREES = 0.5, 0.1
"""Degrees between two slopes that are tried: first over the whole range, then around the best slope."""
MIN_SKEW_DEGREES = 1.5
"""A smaller skew is left: engines read it as well, and a straightened image is slightly softer than the scan."""
MIN_CONTRAST_RATIO = 1.4
"""Contrast of the best slope to that of level lines; against the mean of all slopes it must be twice this."""
INK_GREY_LEVELS = 40
"""Grey levels, of 256, by which a pixel differs from the paper to count as ink."""
SAMPLE_STEP_PIXELS = 16
"""Every pixel at this distance is taken for the colour of the paper."""
FILLED_SHARE = 0.9
"""A strip's row with a larger share of ink is part of a photograph or the edge of the scan, and does not count."""

Profiles = NDArray[np.float32]
"""Share of ink by strip and row."""


def find_skew_degrees(grey: Image.Image, paper: int) -> float:
    """Return the skew of a greyscale page image in degrees, positive if the lines fall to the right.

    ``paper`` is the grey level of the paper, 0 to 255. Returns 0 if the skew is below MIN_SKEW_DEGREES, or if no lines stand
    out.
    """
    small = np.asarray(grey.reduce(max(1, round(max(grey.size) / DESKEW_LONG_SIDE_PIXELS))), dtype=np.int16)
    if min(small.shape) < DESKEW_STRIPS:
        return 0.0
    profiles = measure_profiles(np.abs(small - paper) > INK_GREY_LEVELS)
    step = small.shape[1] / DESKEW_STRIPS
    coarse = {
        slope: measure_contrast(profiles, slope, step)
        for slope in np.arange(-MAX_SKEW_DEGREES, MAX_SKEW_DEGREES + COARSE_STEP_DEGREES, COARSE_STEP_DEGREES).tolist()
    }
    near = max(coarse, key=coarse.__getitem__)
    fine = {
        slope: measure_contrast(profiles, slope, step)
        for slope in np.arange(near - COARSE_STEP_DEGREES, near + COARSE_STEP_DEGREES, FINE_STEP_DEGREES).tolist()
    }
    best = max(fine, key=fine.__getitem__)
    usual = float(np.mean(list(coarse.values())))
    if (
        abs(best) < MIN_SKEW_DEGREES
        or abs(near) >= MAX_SKEW_DEGREES
        or fine[best] < MIN_CONTRAST_RATIO * max(coarse[0.0], 2 * usual)
    ):
        return 0.0
    return float(round(best, 1))


def measure_profiles(ink: NDArray[np.bool_]) -> Profiles:
    """Return the share of ink in each row of each strip; 0 where a row is filled."""
    width = ink.shape[1]
    edges = np.linspace(0, width, DESKEW_STRIPS + 1).astype(int)[:-1]
    shares = np.add.reduceat(ink, edges, axis=1, dtype=np.float32) * np.float32(DESKEW_STRIPS / width)
    # A row filled from end to end is part of a photograph or the edge of the scan.
    profiles: Profiles = np.ascontiguousarray(np.where(shares > FILLED_SHARE, np.float32(0), shares).T)
    return profiles


def measure_contrast(profiles: Profiles, slope: float, step: float) -> float:
    """Return how much the ink varies from row to row along lines of this slope. ``step`` is a strip's width in pixels."""
    strips, height = profiles.shape
    rise = np.round(np.tan(np.radians(slope)) * step * (np.arange(strips) - (strips - 1) / 2)).astype(int).tolist()
    total = np.zeros(height, np.float32)
    for profile, moved in zip(profiles, rise, strict=True):
        if abs(moved) < height:
            total[max(0, -moved) : height - max(0, moved)] += profile[max(0, moved) : height - max(0, -moved)]
    return float((np.diff(total) ** 2).sum())


def straighten(picture: Image.Image, degrees: float) -> tuple[Image.Image, Skew]:
    """Return the image with its lines level, at the same size, and the Skew that was removed.

    ``degrees`` is the skew that ``find_skew_degrees`` returns. The image is turned about its centre and shrunk so that all of
    it stays visible; the corners are filled with the colour of the paper.
    """
    width, height = picture.size
    skew = Skew(degrees, _shrink_factor(degrees, width / height), width / height)
    picture = picture if picture.mode == "L" else picture.convert("RGB")
    paper = np.median(np.asarray(picture)[::SAMPLE_STEP_PIXELS, ::SAMPLE_STEP_PIXELS], axis=(0, 1))
    fill = tuple(int(level) for level in np.atleast_1d(paper))
    cosine, sine = (part(math.radians(degrees)) / skew.scale for part in (math.cos, math.sin))
    across, down = width / 2, height / 2
    matrix = (cosine, -sine, across - cosine * across + sine * down, sine, cosine, down - sine * across - cosine * down)
    how, sampling = Image.Transform.AFFINE, Image.Resampling.BICUBIC
    return picture.transform(picture.size, how, matrix, sampling, fillcolor=fill if len(fill) > 1 else fill[0]), skew


def _shrink_factor(degrees: float, shape: float) -> float:
    """Return by how much the turned image must shrink to stay within its own size. ``shape`` is width over height."""
    cosine, sine = math.cos(math.radians(degrees)), abs(math.sin(math.radians(degrees)))
    return round(1 / max(cosine + sine / shape, cosine + sine * shape), 4)
