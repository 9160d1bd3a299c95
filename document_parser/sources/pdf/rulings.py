"""Find the level and upright ruling lines and the filled boxes that a PDF page draws. Runs in the opener child."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import pypdfium2.raw as pdfium

from document_parser.models import RulingLine
from document_parser.sources.base import MAX_RULINGS
from document_parser.sources.pdf.coordinates import UprightMap
from document_parser.sources.pdf.dotted_lines import join_dots
from document_parser.sources.pdf.objects import Box, PageObject, Point, clip_box, clip_windows_of, handle_of, map_inside

_MAX_SEGMENTS = 20_000
"""Path segments of a page that are looked at."""
_MAX_PATH_SEGMENTS = 2_000
"""Segments of one path that are looked at."""
_MAX_DOTS = 50_000
"""Small boxes of a page that may be the dots of lines, at most."""
_THIN_SHARE = 0.004
"""Share of the page's side; a thinner box is a line. About 3 points of A4."""
_MIN_LENGTH_SHARE = 0.008
"""Share of the page's side; shorter lines are parts of drawings, or letters drawn as shapes."""
_PAPER_LEVEL = 246
"""A colour whose channels all have this level or more, of 255, does not show on white."""
_MIN_ALPHA = 16
"""A lower alpha, of 255, does not show."""
_SLACK_SHARE = 1e-4
"""Share of the page's side by which a level or upright line may deviate, or reach over its clip window."""


def extract_rulings(objects: Iterable[PageObject]) -> list[RulingLine]:
    """Return the ruling lines among a page's objects in fractions of the upright page, MAX_RULINGS at most."""
    found: list[RulingLine] = []
    dots: list[tuple[int, UprightMap, Box]] = []
    budget = _MAX_SEGMENTS
    for address, kind, place, box, _ in objects:
        if kind != pdfium.FPDF_PAGEOBJ_PATH or box is None:
            continue
        if _is_negligible(box):
            dots.append((address, place, box))
            continue
        path = handle_of(address)
        filled, stroked = visible_paint_of(path)
        if not (filled or stroked):
            continue
        if _is_thin(box):
            lines = [box]
        else:
            budget -= min(_MAX_PATH_SEGMENTS, pdfium.FPDFPath_CountSegments(path))
            lines = list(_lines_of(path, map_inside(path, place), filled, stroked))
        found += [line for window in clip_windows_of(path, place) for line in _clip_lines(lines, window)]
        if len(found) >= MAX_RULINGS or budget < 0:
            break
    found += _dotted_lines(dots)
    return found[:MAX_RULINGS]


def _dotted_lines(dots: Sequence[tuple[int, UprightMap, Box]]) -> Iterator[RulingLine]:
    """Yield the lines that dots draw which are objects of their own: (address, place, box of each)."""
    for line, first in join_dots([box for _, _, box in dots[:_MAX_DOTS]]):
        address, place, _ = dots[first]
        path = handle_of(address)
        if any(visible_paint_of(path)):
            for window in clip_windows_of(path, place):
                yield from _clip_lines([line], window)


def _is_negligible(box: Box) -> bool:
    """Return whether a box is too short for a ruling line."""
    return max(box[2] - box[0], box[3] - box[1]) < _MIN_LENGTH_SHARE


def _is_thin(box: Box) -> bool:
    """Return whether a box is as thin as a line."""
    return min(box[2] - box[0], box[3] - box[1]) < _THIN_SHARE


def visible_paint_of(path: Any) -> tuple[bool, bool]:
    """Return (whether a path fills, whether it strokes) with a colour that shows on white."""
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    if not pdfium.FPDFPath_GetDrawMode(path, fill, stroke):
        return False, False
    return (
        fill.value != pdfium.FPDF_FILLMODE_NONE and _is_visible_colour(path, pdfium.FPDFPageObj_GetFillColor),
        bool(stroke.value) and _is_visible_colour(path, pdfium.FPDFPageObj_GetStrokeColor),
    )


def _is_visible_colour(path: Any, colour_of: Any) -> bool:
    """Return whether the colour that ``colour_of`` reads from a path shows on white."""
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    if not colour_of(path, red, green, blue, alpha):
        return False
    return alpha.value >= _MIN_ALPHA and min(red.value, green.value, blue.value) < _PAPER_LEVEL


def _lines_of(path: Any, place: UprightMap, filled: bool, stroked: bool) -> Iterator[Box]:
    """Yield the ruling lines of a path in fractions of the upright page.

    These are its parts that are thin or filled boxes; of other parts, the level and upright lines if they are stroked.
    """
    for points, straight in outlines_of(path, place):
        if len(points) < 2:
            continue
        edges = [_edge_box(first, second) for first, second in pairwise(points)]
        box = _bounding_box(points)
        boxed = straight and 3 <= len(edges) <= 6 and all(map(_is_level_or_upright, edges))
        if (straight and _is_thin(box)) or (filled and boxed):
            yield box
        elif stroked:
            yield from filter(_is_level_or_upright, edges)


def outlines_of(path: Any, place: UprightMap) -> Iterator[tuple[list[Point], bool]]:
    """Yield the corners of each part of a path on the upright page, closed if it is closed, and whether it has no curve."""
    points: list[Point] = []
    straight = True
    x, y = ctypes.c_float(), ctypes.c_float()
    for number in range(min(_MAX_PATH_SEGMENTS, pdfium.FPDFPath_CountSegments(path))):
        segment = pdfium.FPDFPath_GetPathSegment(path, number)
        kind = pdfium.FPDFPathSegment_GetType(segment)
        if kind == pdfium.FPDF_SEGMENT_MOVETO and points:
            yield points, straight
            points, straight = [], True
        straight = straight and kind != pdfium.FPDF_SEGMENT_BEZIERTO
        pdfium.FPDFPathSegment_GetPoint(segment, x, y)
        points.append((place.a * x.value + place.b * y.value + place.c, place.d * x.value + place.e * y.value + place.f))
        if pdfium.FPDFPathSegment_GetClose(segment):
            points.append(points[0])
    yield points, straight


def _edge_box(first: Point, second: Point) -> Box:
    """Return the box of a straight edge."""
    return min(first[0], second[0]), min(first[1], second[1]), max(first[0], second[0]), max(first[1], second[1])


def _bounding_box(points: list[Point]) -> Box:
    """Return the box around points."""
    return min(x for x, _ in points), min(y for _, y in points), max(x for x, _ in points), max(y for _, y in points)


def _is_level_or_upright(edge: Box) -> bool:
    """Return whether an edge is level or upright."""
    return min(edge[2] - edge[0], edge[3] - edge[1]) < _SLACK_SHARE


def _clip_lines(lines: list[Box], window: Box) -> Iterator[RulingLine]:
    """Yield the parts of lines inside a clip window that are long enough."""
    reach = (window[0] - _SLACK_SHARE, window[1] - _SLACK_SHARE, window[2] + _SLACK_SHARE, window[3] + _SLACK_SHARE)
    for line in lines:
        left, top, right, bottom = clip_box(line, reach)
        if left <= right and top <= bottom and max(right - left, bottom - top) >= _MIN_LENGTH_SHARE:
            yield RulingLine(_clamp(left), _clamp(top), _clamp(right), _clamp(bottom))


def _clamp(value: float) -> float:
    """Return a fraction rounded and limited to the page."""
    return round(min(1.0, max(0.0, value)), 5)
