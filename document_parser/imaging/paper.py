"""Flatten the photograph of a sheet of paper that was taken from the side, by the four edges of the sheet.

Lines of a table run apart in perspective, so that rows are joined with their neighbours. Only a sheet that is light on a darker
ground, and all of whose edges are straight, is flattened; a sheet that is merely turned is left to ``deskew``. What is beside
the sheet is cut off, so a picture with marks there is left as it is: they may be writing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

LONG_SIDE_PIXELS = 480
"""Pixels of the longer side of the reduced image on which the edges are found."""
MIN_CONTRAST_LEVELS = 40
"""Grey levels, of 255, by which the paper is lighter than the ground."""
PAPER_SHARE = 0.4, 0.985
"""Share of the picture that the sheet takes."""
MIN_EDGE_SHARE = 0.6
"""Share of the rows, or columns, of the picture on which an edge of the sheet is seen beside the ground."""
MAX_RESIDUAL_SHARE = 0.006
"""Mean distance of an edge from a straight line as a share of the longer side: a curled sheet or a hand over it has more."""
MIN_CONVERGENCE_DEGREES = 0.7
"""Angle between opposite edges from which the picture is in perspective."""
MAX_CONVERGENCE_DEGREES = 35.0
"""A larger angle is not that of a sheet that can be read."""

EDGE_MARGIN_PIXELS = 8
"""Pixels beside the edges of the sheet that show its shadow or its rim."""
MARK_LEVELS, MAX_MARKED_SHARE = 40, 0.0005
"""Grey levels by which a pixel beside the sheet differs from those around it to be part of a mark, and their share at most.

Photographs of plain ground have 0.00002, a line of print cut off at the rim of the sheet 0.001 and more.
"""

Corners = NDArray[np.float64]
"""Four corners (x, y), clockwise from the top left."""
_Line = tuple[float, float]
"""Place at 0, and slope, of an edge: x over y for the left and right ones, y over x for the others."""


def flatten_paper(image: Image.Image) -> Image.Image:
    """Return the image with its sheet of paper seen from the front, at the same size; the image itself if it shows none.

    The sheet keeps its proportions; what is beside it becomes white.
    """
    return apply_flattening(image, find_flattening(image))


def find_flattening(image: Image.Image) -> list[float] | None:
    """Return the eight coefficients, in pixels, of the map from the flattened image to this one; None if it stays as it is."""
    small = image.convert("L")
    small.thumbnail((LONG_SIDE_PIXELS, LONG_SIDE_PIXELS), Image.Resampling.BILINEAR, reducing_gap=2.0)
    corners = find_paper(np.asarray(small))
    if corners is None or _has_marks_beside(small, corners):
        return None
    corners = corners * (image.width / small.width, image.height / small.height)
    across = (_length(corners[1] - corners[0]) + _length(corners[2] - corners[3])) / 2
    down = (_length(corners[3] - corners[0]) + _length(corners[2] - corners[1])) / 2
    scale = min(image.width / across, image.height / down)
    left, top = (image.width - across * scale) / 2, (image.height - down * scale) / 2
    right, bottom = image.width - left, image.height - top
    return _perspective(np.array([(left, top), (right, top), (right, bottom), (left, bottom)]), corners)


def apply_flattening(image: Image.Image, coefficients: list[float] | None) -> Image.Image:
    """Return an image flattened by what ``find_flattening`` found; the image itself if that is None."""
    if coefficients is None:
        return image
    white: tuple[int, ...] | int = 255 if image.mode == "L" else (255,) * len(image.getbands())
    return image.transform(image.size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC, fillcolor=white)


def in_fractions(coefficients: list[float], width: int, height: int) -> list[float]:
    """Return the map of ``find_flattening`` in fractions of an image of this size."""
    a, b, c, d, e, f, g, h = coefficients
    ratio = height / width
    return [a, b * ratio, c / width, d / ratio, e, f / height, g * width, h * height]


def _has_marks_beside(small: Image.Image, corners: Corners) -> bool:
    """Return whether the ground beside the sheet has marks on it."""
    beside = Image.new("1", small.size, 1)
    draw = ImageDraw.Draw(beside)
    outline = [tuple(corner) for corner in corners.tolist()]
    draw.polygon(outline, fill=0)
    draw.line([*outline, outline[0]], fill=0, width=2 * EDGE_MARGIN_PIXELS)
    ground = np.asarray(beside)
    around = np.asarray(small.filter(ImageFilter.MedianFilter(9)), dtype=np.int16)
    marked = np.abs(np.asarray(small, dtype=np.int16) - around) > MARK_LEVELS
    return bool((marked & ground).sum() > MAX_MARKED_SHARE * ground.sum())


def find_paper(grey: NDArray[np.uint8]) -> Corners | None:
    """Return the corners of a sheet in perspective, in pixels; None if there is none."""
    levels = np.percentile(grey, (3, 60))
    if levels[1] - levels[0] < MIN_CONTRAST_LEVELS:
        return None
    paper = grey > (levels[0] + levels[1]) / 2
    if not PAPER_SHARE[0] <= paper.mean() <= PAPER_SHARE[1]:
        return None
    left, right = _fit_edge(paper), _fit_edge(paper[:, ::-1])
    top, bottom = _fit_edge(paper.T), _fit_edge(paper.T[:, ::-1])
    if left is None or right is None or top is None or bottom is None:
        return None
    height, width = grey.shape
    right, bottom = (width - 1 - right[0], -right[1]), (height - 1 - bottom[0], -bottom[1])
    apart = max(abs(_angle(left) - _angle(right)), abs(_angle(top) - _angle(bottom)))
    if not MIN_CONVERGENCE_DEGREES <= apart <= MAX_CONVERGENCE_DEGREES:
        return None
    corners = np.array([_meet(left, top), _meet(right, top), _meet(right, bottom), _meet(left, bottom)])
    slack = 0.06 * max(width, height)
    inside = (corners >= -slack).all() and (corners <= (width + slack, height + slack)).all()
    return corners if inside else None


def _fit_edge(paper: NDArray[np.bool_]) -> _Line | None:
    """Return the line on which the sheet begins from the left: (x at the top, x over y); None if that is no line."""
    height, width = paper.shape
    rows = np.flatnonzero(paper.mean(axis=1) > 0.3)
    first = paper[rows].argmax(axis=1).astype(np.float64)
    seen = (first > 0) & (first < width / 2)  # where the sheet reaches the rim its edge is not seen
    if seen.sum() < MIN_EDGE_SHARE * height:
        return None
    y, x = rows[seen].astype(np.float64), first[seen]
    for _ in range(4):
        slope, start = np.polyfit(y, x, 1)
        off = np.abs(x - start - slope * y)
        kept = off <= max(1.5, 2.5 * float(np.median(off)))
        if kept.sum() < 0.7 * MIN_EDGE_SHARE * height:
            return None
        if kept.all():
            break
        y, x = y[kept], x[kept]
    slope, start = np.polyfit(y, x, 1)
    if len(y) < MIN_EDGE_SHARE * height or np.abs(x - start - slope * y).mean() > MAX_RESIDUAL_SHARE * max(height, width):
        return None
    return float(start), float(slope)


def _angle(line: _Line) -> float:
    """Return the slope of an edge in degrees."""
    return float(np.degrees(np.arctan(line[1])))


def _meet(upright: _Line, level: _Line) -> tuple[float, float]:
    """Return where an upright edge, x = a + b·y, meets a level one, y = c + d·x."""
    x = (upright[0] + upright[1] * level[0]) / (1 - upright[1] * level[1])
    return x, level[0] + level[1] * x


def _length(vector: NDArray[np.float64]) -> float:
    """Return the length of a vector."""
    return float(np.hypot(*vector))


def _perspective(target: Corners, source: Corners) -> list[float]:
    """Return Pillow's eight coefficients of the map from the target's corners to the source's."""
    rows, values = [], []
    for (x, y), (u, v) in zip(target, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    found: list[float] = np.linalg.solve(np.array(rows), np.array(values)).tolist()
    return found
