"""The level and upright lines and the filled boxes that a PDF page draws. Runs in the opener child."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import pypdfium2.raw as pdfium

from document_parser.models import RulingLine
from document_parser.sources.pdf.coordinates import UprightMap
from document_parser.sources.pdf.objects import Box, Placed, Point, cut_to, inside, window_of

MOST_RULES = 3000
_MOST_SEGMENTS = 20_000
_MOST_OF_A_PATH = 2_000
_THIN = 0.004
"""A box of this share of the page's side is a line. Of A4, about 3 points."""
_SHORT = 0.008
"""Lines shorter than this are parts of drawings, or letters drawn as shapes."""
_PAPER = 246
_CLEAR = 16
_FAINT = 1e-4


def extract_rules(objects: Iterable[Placed]) -> list[RulingLine]:
    """The rules among a page's objects as fractions of the upright page, MOST_RULES at most."""
    found: list[RulingLine] = []
    budget = _MOST_SEGMENTS
    for path, kind, place, box in objects:
        if kind != pdfium.FPDF_PAGEOBJ_PATH or box is None or _negligible(box):
            continue
        filled, stroked = visible(path)
        if not (filled or stroked):
            continue
        if _is_thin(box):
            lines = [box]
        else:
            budget -= min(_MOST_OF_A_PATH, pdfium.FPDFPath_CountSegments(path))
            lines = list(_lines_of(path, inside(path, place), filled, stroked))
        found += _shown(lines, window_of(path, place))
        if len(found) >= MOST_RULES or budget < 0:
            break
    return found[:MOST_RULES]


def _negligible(box: Box) -> bool:
    return max(box[2] - box[0], box[3] - box[1]) < _SHORT


def _is_thin(box: Box) -> bool:
    return min(box[2] - box[0], box[3] - box[1]) < _THIN


def visible(path: Any) -> tuple[bool, bool]:
    """(whether a path fills, whether it strokes) with a colour that shows on white."""
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    if not pdfium.FPDFPath_GetDrawMode(path, fill, stroke):
        return False, False
    return (
        fill.value != pdfium.FPDF_FILLMODE_NONE and _shows(path, pdfium.FPDFPageObj_GetFillColor),
        bool(stroke.value) and _shows(path, pdfium.FPDFPageObj_GetStrokeColor),
    )


def _shows(path: Any, colour_of: Any) -> bool:
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    if not colour_of(path, red, green, blue, alpha):
        return False
    return alpha.value >= _CLEAR and min(red.value, green.value, blue.value) < _PAPER


def _lines_of(path: Any, place: UprightMap, filled: bool, stroked: bool) -> Iterator[Box]:
    """The parts of a path that are thin or filled boxes, and else its level and upright lines where they are stroked."""
    for points, straight in _outlines(path, place):
        if len(points) < 2:
            continue
        edges = [_between(first, second) for first, second in pairwise(points)]
        box = _around(points)
        boxed = straight and 3 <= len(edges) <= 6 and all(map(_is_level_or_upright, edges))
        if (straight and _is_thin(box)) or (filled and boxed):
            yield box
        elif stroked:
            yield from filter(_is_level_or_upright, edges)


def _outlines(path: Any, place: UprightMap) -> Iterator[tuple[list[Point], bool]]:
    """The corners of each part of a path on the upright page, closed where it is, and whether no part of it is curved."""
    points: list[Point] = []
    straight = True
    x, y = ctypes.c_float(), ctypes.c_float()
    for number in range(min(_MOST_OF_A_PATH, pdfium.FPDFPath_CountSegments(path))):
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


def _between(first: Point, second: Point) -> Box:
    return min(first[0], second[0]), min(first[1], second[1]), max(first[0], second[0]), max(first[1], second[1])


def _around(points: list[Point]) -> Box:
    return min(x for x, _ in points), min(y for _, y in points), max(x for x, _ in points), max(y for _, y in points)


def _is_level_or_upright(edge: Box) -> bool:
    return min(edge[2] - edge[0], edge[3] - edge[1]) < _FAINT


def _shown(lines: list[Box], window: Box) -> Iterator[RulingLine]:
    reach = (window[0] - _FAINT, window[1] - _FAINT, window[2] + _FAINT, window[3] + _FAINT)
    for line in lines:
        left, top, right, bottom = cut_to(line, reach)
        if left <= right and top <= bottom and max(right - left, bottom - top) >= _SHORT:
            yield RulingLine(_share(left), _share(top), _share(right), _share(bottom))


def _share(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 5)
