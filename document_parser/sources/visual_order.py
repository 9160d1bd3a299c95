"""The order in which people read shapes that lie on a slide: columns where white parts them, else rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_COLUMN_SHARE = 0.2
"""Columns beside rows are at least this wide, as a share of all that is cut; narrower ones are labels of the rows."""
MAX_CUTS = 64
"""Cuts within each other; more shapes than that in a staircase are read in rows."""


class Place(NamedTuple):
    """Where a shape lies, in any unit of length."""

    left: float
    top: float
    width: float = 0.0
    height: float = 0.0


def visual_order(places: Sequence[Place | None], row: float) -> list[int]:
    """Return the indices of shapes in the order in which they are read; those without a place come first.

    Upper edges that differ by at most ``row`` are in one row.
    """
    unknown = [index for index, place in enumerate(places) if place is None]
    known = [(index, place._replace(height=max(place.height, row))) for index, place in enumerate(places) if place is not None]
    return [*unknown, *(index for index, _ in _cut(known, row, 0))]


_Placed = tuple[int, Place]


def _cut(shapes: list[_Placed], row: float, depth: int) -> list[_Placed]:
    """Return shapes in order: cut at the widest white, between columns or between rows."""
    if len(shapes) < 2:
        return shapes
    across, x = _widest_gap([(place.left, place.left + place.width) for _, place in shapes])
    down, y = _widest_gap([(place.top, place.top + place.height) for _, place in shapes])
    if depth > MAX_CUTS or not (across or down):
        return _in_rows(shapes, row)
    if across and (not down or (across > down and _are_columns(shapes, x))):
        first, second = _split([place.left for _, place in shapes], shapes, x)
    else:
        first, second = _split([place.top for _, place in shapes], shapes, y)
    return [*_cut(first, row, depth + 1), *_cut(second, row, depth + 1)]


def _split(starts: Sequence[float], shapes: list[_Placed], edge: float) -> tuple[list[_Placed], list[_Placed]]:
    """Return the shapes that begin before an edge, and the others."""
    before = [shape for start, shape in zip(starts, shapes, strict=True) if start < edge]
    return before, [shape for start, shape in zip(starts, shapes, strict=True) if start >= edge]


def _widest_gap(intervals: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the width of the widest gap between intervals, and where it ends; 0 if there is none."""
    ordered = sorted(intervals)
    end, widest, edge = ordered[0][1], 0.0, 0.0
    for start, stop in ordered[1:]:
        if start - end > widest:
            widest, edge = start - end, start
        end = max(end, stop)
    return widest, edge


def _are_columns(shapes: list[_Placed], edge: float) -> bool:
    """Return whether both sides of an edge are wide enough for columns."""
    left = min(place.left for _, place in shapes)
    right = max(place.left + place.width for _, place in shapes)
    inner = max(place.left + place.width for _, place in shapes if place.left < edge)
    return min(inner - left, right - edge) >= _COLUMN_SHARE * (right - left)


def _in_rows(shapes: list[_Placed], row: float) -> list[_Placed]:
    """Return shapes by rows from the top, within a row from the left."""
    rows: list[list[_Placed]] = []
    for shape in sorted(shapes, key=lambda one: one[1].top):
        if rows and shape[1].top - rows[-1][0][1].top <= row:
            rows[-1].append(shape)
        else:
            rows.append([shape])
    return [shape for held in rows for shape in sorted(held, key=lambda one: one[1].left)]
