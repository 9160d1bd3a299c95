"""Find drawings on a PDF page: charts and diagrams made of curves and slanted lines, unlike ruling lines and boxes around text.

Runs in the opener child. Bars alone look like the shading of a table: ``bar_charts`` distinguishes them.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator
from typing import Any

import pypdfium2.raw as pdfium

from document_parser.imaging.figure_boxes import merge_boxes
from document_parser.sources.pdf.objects import Box, PageObject, handle_of
from document_parser.sources.pdf.rulings import visible_paint_of

MAX_SHAPES = 1500
"""A page with more shapes is a map, or has its letters drawn."""
MAX_SHAPE_SEGMENTS = 60
"""Segments of a path that are looked at."""
MIN_BENDS = 6
"""Curves and slanted lines of a drawing: a box with round corners has four, a tick two."""
SEGMENTS_PER_CURVE = 3
"""Segments that PDFium counts for each curve."""
SLANT_RATIO = 0.05
"""A line is neither level nor upright if its smaller extent is more than this part of the larger one."""
MIN_SHAPE_SIDE_SHARE = 0.004
"""Share of the page; thinner paths are ruling lines."""
DRAWING_REACH_SHARE = 0.015
"""Share of the page's sides; shapes nearer to each other than this belong together."""
MIN_DRAWING_COVERED_SHARE = 0.2
"""Share of a drawing under the boxes of its shapes; ticks in the cells of a table cover less."""


def find_drawing_boxes(paths: Iterable[PageObject]) -> list[Box]:
    """Return the boxes of drawings made of a page's paths, in fractions of the upright page."""
    shapes: list[tuple[Box, float]] = []
    for address, _, _, box, _ in paths:
        if box is None or min(box[2] - box[0], box[3] - box[1]) < MIN_SHAPE_SIDE_SHARE:
            continue
        path = handle_of(address)
        if (bends := _count_bends(path)) and any(visible_paint_of(path)):
            shapes.append((box, bends))
        if len(shapes) > MAX_SHAPES:
            return []
    return [
        whole
        for whole in merge_boxes([box for box, _ in shapes], DRAWING_REACH_SHARE, DRAWING_REACH_SHARE)
        if _is_drawing(whole, shapes)
    ]


def _count_bends(path: Any) -> float:
    """Return the number of curves and of lines neither level nor upright in the first MAX_SHAPE_SEGMENTS segments of a path."""
    count = min(MAX_SHAPE_SEGMENTS, pdfium.FPDFPath_CountSegments(path))
    return sum(_iterate_bends(path, count)) if count > 1 else 0.0


def _iterate_bends(path: Any, count: int) -> Iterator[float]:
    """Yield for each bent segment the part of a bend that it makes."""
    x, y = ctypes.c_float(), ctypes.c_float()
    before = (0.0, 0.0)
    for number in range(count):
        segment = pdfium.FPDFPath_GetPathSegment(path, number)
        kind = pdfium.FPDFPathSegment_GetType(segment)
        pdfium.FPDFPathSegment_GetPoint(segment, x, y)
        across, down = abs(x.value - before[0]), abs(y.value - before[1])
        before = x.value, y.value
        if kind == pdfium.FPDF_SEGMENT_BEZIERTO:
            yield 1 / SEGMENTS_PER_CURVE
        elif kind == pdfium.FPDF_SEGMENT_LINETO and min(across, down) > SLANT_RATIO * max(across, down):
            yield 1.0


def _is_drawing(whole: Box, shapes: Iterable[tuple[Box, float]]) -> bool:
    """Return whether shapes cover enough of a box and bend often enough."""
    inside = [(box, bends) for box, bends in shapes if _contains(whole, box)]
    covered = sum((box[2] - box[0]) * (box[3] - box[1]) for box, _ in inside)
    enough = covered >= MIN_DRAWING_COVERED_SHARE * (whole[2] - whole[0]) * (whole[3] - whole[1])
    return enough and sum(bends for _, bends in inside) >= MIN_BENDS


def _contains(whole: Box, part: Box) -> bool:
    """Return whether a box lies inside another."""
    return whole[0] <= part[0] and whole[1] <= part[1] and whole[2] >= part[2] and whole[3] >= part[3]
