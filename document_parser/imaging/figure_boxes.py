"""Which pictures of a PDF page are figures: not its scan, no ornament, strips of one picture put together."""

from __future__ import annotations

from collections.abc import Iterable

from document_parser.models import BoundingBox
from document_parser.models.skew import Box

LEAST_AREA = 0.015
"""Of the page; smaller pictures are logos, icons and rules."""
LEAST_SIDE_POINTS = 36.0
MOST_AREA = 0.85
"""A picture that covers more of the page is its scan, or its background."""
TOUCHING_POINTS = 3.0
MOST_PIECES = 400
"""A page of more pictures than this is drawn with them, like a map; what they show is no sum of figures."""


def figure_boxes(boxes: Iterable[Box], width_points: float, height_points: float) -> list[BoundingBox]:
    """The places of figures among those of pictures, as fractions of the page, row by row."""
    cut = [found for found in map(_on_page, boxes) if found is not None]
    if len(cut) > MOST_PIECES:
        return []
    reach = TOUCHING_POINTS / width_points, TOUCHING_POINTS / height_points
    whole = [BoundingBox.of(*box) for box in together(cut, *reach)]
    kept = [box for box in whole if _is_figure(box, width_points, height_points)]
    return [box for row in _rows(kept) for box in sorted(row, key=lambda box: box.left)]


def _rows(boxes: list[BoundingBox]) -> list[list[BoundingBox]]:
    """Boxes side by side together, the rows from top to bottom."""
    rows: list[list[BoundingBox]] = []
    for box in sorted(boxes, key=lambda box: (box.top, box.left)):
        if rows and box.top < (rows[-1][0].top + rows[-1][0].bottom) / 2:
            rows[-1].append(box)
        else:
            rows.append([box])
    return rows


def _on_page(box: Box) -> Box | None:
    """The part of a picture that can be seen."""
    left, top, right, bottom = (min(1.0, max(0.0, edge)) for edge in box)
    return (left, top, right, bottom) if right > left and bottom > top else None


def together(boxes: list[Box], across: float, down: float) -> list[Box]:
    """Boxes that lie within this reach of each other as one, until none does."""
    found: list[Box] = []
    for box in boxes:
        grown = box
        while touching := [other for other in found if _touch(grown, other, across, down)]:
            found = [other for other in found if other not in touching]
            grown = _around([grown, *touching])
        found.append(grown)
    return found


def _touch(one: Box, other: Box, across: float, down: float) -> bool:
    return (
        one[0] - across <= other[2] and other[0] - across <= one[2] and one[1] - down <= other[3] and other[1] - down <= one[3]
    )


def _around(boxes: list[Box]) -> Box:
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )


def _is_figure(box: BoundingBox, width_points: float, height_points: float) -> bool:
    width, height = box.right - box.left, box.bottom - box.top
    long_enough = min(width * width_points, height * height_points) >= LEAST_SIDE_POINTS
    return long_enough and LEAST_AREA <= width * height <= MOST_AREA
