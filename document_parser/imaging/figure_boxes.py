"""Decide which embedded images of a page are figures: not the scan, no ornaments, and the strips of one image joined."""

from __future__ import annotations

from collections.abc import Iterable

from document_parser.models import BoundingBox
from document_parser.models.skew import Box

MIN_FIGURE_AREA_SHARE = 0.015
"""Share of the page; smaller images are logos, icons and ruling lines."""
MIN_FIGURE_SIDE_POINTS = 36.0
"""Points; an image with a shorter side is no figure."""
MAX_FIGURE_AREA_SHARE = 0.85
"""Share of the page; a larger image is the page's scan or its background."""
MAX_GAP_POINTS = 3.0
"""Points; images closer to each other than this are one figure."""
MAX_PIECES = 400
"""A page with more images than this is drawn with them, like a map; they do not add up to figures."""


def find_figure_boxes(boxes: Iterable[Box], width_points: float, height_points: float) -> list[BoundingBox]:
    """Return the boxes of figures among the boxes of images, in fractions of the page, row by row.

    ``boxes`` are in fractions too and may reach over the page's edges. The page's size is in points.
    """
    clipped = [found for found in map(_clip_to_page, boxes) if found is not None]
    if len(clipped) > MAX_PIECES:
        return []
    reach = MAX_GAP_POINTS / width_points, MAX_GAP_POINTS / height_points
    whole = [BoundingBox.of(*box) for box in merge_boxes(clipped, *reach)]
    kept = [box for box in whole if _is_figure(box, width_points, height_points)]
    return [box for row in _group_rows(kept) for box in sorted(row, key=lambda box: box.left)]


def _group_rows(boxes: list[BoundingBox]) -> list[list[BoundingBox]]:
    """Group boxes that lie side by side into rows, from top to bottom."""
    rows: list[list[BoundingBox]] = []
    for box in sorted(boxes, key=lambda box: (box.top, box.left)):
        if rows and box.top < (rows[-1][0].top + rows[-1][0].bottom) / 2:
            rows[-1].append(box)
        else:
            rows.append([box])
    return rows


def _clip_to_page(box: Box) -> Box | None:
    """Return the visible part of a box; None if there is none."""
    left, top, right, bottom = (min(1.0, max(0.0, edge)) for edge in box)
    return (left, top, right, bottom) if right > left and bottom > top else None


def merge_boxes(boxes: list[Box], across: float, down: float) -> list[Box]:
    """Merge boxes closer than ``across`` horizontally and ``down`` vertically until nothing changes.

    Boxes and distances in fractions of the page.
    """
    found: list[Box] = []
    for box in boxes:
        grown = box
        while touching := [other for other in found if _is_close(grown, other, across, down)]:
            found = [other for other in found if other not in touching]
            grown = _bounding_box([grown, *touching])
        found.append(grown)
    return found


def _is_close(one: Box, other: Box, across: float, down: float) -> bool:
    """Return whether the gap between two boxes is at most ``across`` and ``down``."""
    return (
        one[0] - across <= other[2] and other[0] - across <= one[2] and one[1] - down <= other[3] and other[1] - down <= one[3]
    )


def _bounding_box(boxes: list[Box]) -> Box:
    """Return the box around boxes."""
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )


def _is_figure(box: BoundingBox, width_points: float, height_points: float) -> bool:
    """Return whether a box is neither too small nor too large for a figure."""
    width, height = box.right - box.left, box.bottom - box.top
    long_enough = min(width * width_points, height * height_points) >= MIN_FIGURE_SIDE_POINTS
    return long_enough and MIN_FIGURE_AREA_SHARE <= width * height <= MAX_FIGURE_AREA_SHARE
