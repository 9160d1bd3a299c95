"""Pictures of pages that were scanned askew: by how much, and straightened. Runs in the opener child, some milliseconds a page.

All engines see the straightened picture. What is less than LEAST_DEGREES, RapidOCR levels by its lines: see engines.straight.

The skew is the slope along which the ink varies most from line to line (Postl, "Detection of linear oblique structures and skew
scan in digitized documents", 1986), tried on narrow strips of the page that are moved against each other.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from document_parser.models.skew import Skew

LONG_SIDE = 900
STRIPS = 24
STEEPEST = 12.0
COARSE, FINE = 0.5, 0.1
"""Degrees between two slopes that are tried."""
LEAST_DEGREES = 1.5
"""Less is left alone: it is read as well, and a straightened picture is a little softer than the scan."""
CLEARLY = 1.4
"""The lines must stand out so many times better than on the picture as it is, and twice that better than on the mean slope."""
INKY = 40
EVERY = 16
FILLED = 0.9

Profiles = NDArray[np.float32]
"""Share of ink by row and strip."""


def skew_of_picture(grey: Image.Image, paper: int) -> float:
    """By how many degrees the lines of a grey picture fall to the right; 0 where it is too little, or there are no lines."""
    small = np.asarray(grey.reduce(max(1, round(max(grey.size) / LONG_SIDE))), dtype=np.int16)
    if min(small.shape) < STRIPS:
        return 0.0
    profiles = _profiles(np.abs(small - paper) > INKY)
    step = small.shape[1] / STRIPS
    coarse = {slope: _contrast(profiles, slope, step) for slope in np.arange(-STEEPEST, STEEPEST + COARSE, COARSE).tolist()}
    near = max(coarse, key=coarse.__getitem__)
    fine = {slope: _contrast(profiles, slope, step) for slope in np.arange(near - COARSE, near + COARSE, FINE).tolist()}
    best = max(fine, key=fine.__getitem__)
    usual = float(np.mean(list(coarse.values())))
    if abs(best) < LEAST_DEGREES or abs(near) >= STEEPEST or fine[best] < CLEARLY * max(coarse[0.0], 2 * usual):
        return 0.0
    return float(round(best, 1))


def _profiles(ink: NDArray[np.bool_]) -> Profiles:
    width = ink.shape[1]
    edges = np.linspace(0, width, STRIPS + 1).astype(int)[:-1]
    shares = np.add.reduceat(ink, edges, axis=1, dtype=np.float32) * np.float32(STRIPS / width)
    # What is filled from end to end is a picture or the edge of the scan.
    profiles: Profiles = np.where(shares > FILLED, np.float32(0), shares)
    return profiles


def _contrast(profiles: Profiles, slope: float, step: float) -> float:
    """How much the ink varies from row to row along lines of this slope."""
    height, strips = profiles.shape
    rise = np.round(np.tan(np.radians(slope)) * step * (np.arange(strips) - (strips - 1) / 2)).astype(int)
    rows = np.arange(height)[:, None] + rise
    moved = profiles[rows.clip(0, height - 1), np.arange(strips)] * ((rows >= 0) & (rows < height))
    return float((np.diff(moved.sum(axis=1)) ** 2).sum())


def straightened(picture: Image.Image, degrees: float) -> tuple[Image.Image, Skew]:
    """The picture, of the same size, with its lines level, and how it was made so; its corners are filled with paper."""
    width, height = picture.size
    skew = Skew(degrees, _scale(degrees, width / height), width / height)
    picture = picture if picture.mode == "L" else picture.convert("RGB")
    paper = np.median(np.asarray(picture)[::EVERY, ::EVERY], axis=(0, 1))
    fill = tuple(int(level) for level in np.atleast_1d(paper))
    cosine, sine = (part(math.radians(degrees)) / skew.scale for part in (math.cos, math.sin))
    across, down = width / 2, height / 2
    matrix = (cosine, -sine, across - cosine * across + sine * down, sine, cosine, down - sine * across - cosine * down)
    how, sampling = Image.Transform.AFFINE, Image.Resampling.BICUBIC
    return picture.transform(picture.size, how, matrix, sampling, fillcolor=fill if len(fill) > 1 else fill[0]), skew


def _scale(degrees: float, shape: float) -> float:
    """How much smaller the picture must become for all of it to stay on itself."""
    cosine, sine = math.cos(math.radians(degrees)), abs(math.sin(math.radians(degrees)))
    return round(1 / max(cosine + sine / shape, cosine + sine * shape), 4)
