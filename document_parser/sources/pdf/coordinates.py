"""Places on a PDF page: rectangles of its own space, and the map to fractions of the upright page."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from document_parser.errors import PageUnreadable


class Rect(NamedTuple):
    """A rectangle in points of the page's own, unturned space: origin bottom left, y grows upwards."""

    left: float
    bottom: float
    right: float
    top: float

    def union(self, other: Rect) -> Rect:
        """Return the smallest rectangle around both."""
        return Rect(
            min(self.left, other.left),
            min(self.bottom, other.bottom),
            max(self.right, other.right),
            max(self.top, other.top),
        )

    def is_near(self, other: Rect) -> bool:
        """Return whether both may be parts of one word: on one line, upright or turned, with a gap below their height.

        The height of boxes beside each other is that of their letters, also if each holds one narrow letter. Boxes above each
        other are turned writing, or two lines, which only the smaller sides tell apart.
        """
        across = max(self.left, other.left) - min(self.right, other.right)
        along = max(self.bottom, other.bottom) - min(self.top, other.top)
        if along < 0 <= across:
            return across < max(self.top - self.bottom, other.top - other.bottom)
        size = max(min(self.right - self.left, self.top - self.bottom), min(other.right - other.left, other.top - other.bottom))
        return min(across, along) < 0 and max(across, along) < size


def rect_from_edges(left: float, bottom: float, right: float, top: float) -> Rect:
    """Return a rectangle from edges that may be given in the wrong order."""
    if left > right:
        left, right = right, left
    if bottom > top:
        bottom, top = top, bottom
    return Rect(left, bottom, right, top)


def union_of(rects: Iterable[Rect]) -> Rect:
    """Return the smallest rectangle around one or more."""
    return reduce(Rect.union, rects)


class UprightMap(NamedTuple):
    """Maps points of the page's own space to fractions of the upright page: u = a·x + b·y + c, v = d·x + e·y + f."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    def map_rect(self, rect: Rect) -> tuple[float, float, float, float]:
        """Return left, top, right, bottom in fractions of the upright page, not clipped to it."""
        u0 = self.a * rect.left + self.b * rect.bottom + self.c
        u1 = self.a * rect.right + self.b * rect.top + self.c
        v0 = self.d * rect.left + self.e * rect.bottom + self.f
        v1 = self.d * rect.right + self.e * rect.top + self.f
        # Called several hundred times a page: two comparisons cost less than four calls.
        if u0 > u1:
            u0, u1 = u1, u0
        if v0 > v1:
            v0, v1 = v1, v0
        return u0, v0, u1, v1

    def map_edges(self, edges: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return many rectangles as ``map_rect`` does: left, top, right and bottom of each from left, bottom, right and top."""
        left, bottom, right, top = edges.T
        across = np.stack((self.a * left + self.b * bottom + self.c, self.a * right + self.b * top + self.c))
        down = np.stack((self.d * left + self.e * bottom + self.f, self.d * right + self.e * top + self.f))
        return np.stack((across.min(axis=0), down.min(axis=0), across.max(axis=0), down.max(axis=0)), axis=1)


def upright_map_of(page: Any) -> UprightMap:
    """Return the map of a PDFium page, crop box and ``/Rotate`` applied. Raises PageUnreadable if the page has no area."""
    box = pdfium.FS_RECTF()
    pdfium.FPDF_GetPageBoundingBox(page.raw, box)
    width, height = box.right - box.left, box.top - box.bottom
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise PageUnreadable("The page has no area.")
    x, y = (1 / width, -box.left / width), (1 / height, -box.bottom / height)
    match pdfium.FPDFPage_GetRotation(page.raw):
        case 1:
            return UprightMap(0, y[0], y[1], x[0], 0, x[1])
        case 2:
            return UprightMap(-x[0], 0, 1 - x[1], 0, y[0], y[1])
        case 3:
            return UprightMap(0, -y[0], 1 - y[1], -x[0], 0, 1 - x[1])
    return UprightMap(x[0], 0, x[1], 0, -y[0], 1 - y[1])
