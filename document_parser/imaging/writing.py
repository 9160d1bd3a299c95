"""Decide cheaply whether a picture may hold writing, before an engine reads it: a few milliseconds."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from document_parser.imaging.convert import decode_grey
from document_parser.models import PageImage

MIN_LETTERS = 10
"""Shapes like letters, each beside another of about its height, from which a picture may hold writing."""
MIN_GROUND_SHARE, GROUND_SPREAD_LEVELS = 0.4, 12
"""Share of the pixels that are ground, within GROUND_SPREAD_LEVELS, of 255, of its level: writing stands on even ground, light
or dark. Photographs have 0.2 to 0.35."""
INK_LEVELS = 50
"""Grey levels, of 255, by which writing differs from its ground."""
LETTER_HEIGHT_PIXELS = 5, 90
"""Height of a letter."""
MAX_LETTER_RATIO = 4.0
"""Longer over shorter side of a letter; two that touch are wider than one."""
LIKE_HEIGHT_RATIO = 1.7
"""Height of a letter over that of its neighbour, at most."""
MAX_SPACE_HEIGHTS = 0.9
"""White between two neighbours in heights of the higher one."""
MAX_SHAPES = 4000
"""More shapes are a pattern or a photograph."""


def may_hold_writing(image: PageImage) -> bool:
    """Return whether an image has rows of shapes like letters on even ground."""
    grey = decode_grey(image)
    counts = np.bincount(grey.ravel(), minlength=256)
    window = np.convolve(counts, np.ones(2 * GROUND_SPREAD_LEVELS + 1, dtype=np.int64), mode="same")
    if window.max() < MIN_GROUND_SHARE * grey.size:
        return False
    ground = int(window.argmax())
    ink = (np.abs(grey.astype(np.int16) - ground) > INK_LEVELS).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink)
    return _count_letters(stats[1:].astype(np.float64)) >= MIN_LETTERS


def _count_letters(shapes: NDArray[np.float64]) -> int:
    """Return how many shapes are like letters beside others. Rows of ``shapes`` are left, top, width and height in pixels."""
    left, top, width, height = shapes[:, :4].T
    low, high = LETTER_HEIGHT_PIXELS
    like = (height >= low) & (height <= high) & (np.maximum(width, height) <= MAX_LETTER_RATIO * np.minimum(width, height) + 2)
    left, top, width, height = (edge[like] for edge in (left, top, width, height))
    if not MIN_LETTERS <= len(left) <= MAX_SHAPES:
        return 0
    order = np.argsort(left)
    left, top, width, height = (edge[order] for edge in (left, top, width, height))
    found = np.zeros(len(left), dtype=bool)
    for step in range(1, min(40, len(left))):  # the next one to the right in its row is among the next ones of the picture
        taller = np.maximum(height[:-step], height[step:])
        alike = taller <= LIKE_HEIGHT_RATIO * np.minimum(height[:-step], height[step:])
        space = left[step:] - left[:-step] - width[:-step]
        shared = np.minimum(top[:-step] + height[:-step], top[step:] + height[step:]) - np.maximum(top[:-step], top[step:])
        near = alike & (space >= -0.2 * taller) & (space <= MAX_SPACE_HEIGHTS * taller) & (shared >= 0.5 * taller)
        found[:-step] |= near
        found[step:] |= near
    return int(found.sum())
