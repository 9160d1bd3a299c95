"""Drawings of a PDF page: charts and diagrams made of curves and slanted lines, told from rules and boxes around text.

Runs in the opener child. Bars alone look like the shading of a table: pdf_bars.py tells them apart.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator
from typing import Any

import pypdfium2.raw as pdfium

from document_parser.imaging.figure_boxes import together
from document_parser.sources.pdf.objects import Box, Placed
from document_parser.sources.pdf.rulings import visible

MOST_SHAPES = 1500
"""A page of more is a map, or has its letters drawn."""
MOST_OF_A_SHAPE = 60
"""Segments of a path that are looked at."""
LEAST_BENDS = 6
"""Curves and slanted lines of a drawing: a box with round corners has four, a tick two."""
POINTS_OF_A_CURVE = 3
"""Each of them is a segment to PDFium."""
SLANTED = 0.05
"""A line is neither level nor upright where its lesser extent is more than this part of the greater."""
LEAST_SIDE = 0.004
"""Of the page; thinner paths are rules."""
REACH = 0.015
"""Shapes nearer than this share of the page's sides belong together."""
LEAST_COVERED = 0.2
"""How much of a drawing lies under the boxes of its shapes; ticks in the cells of a table cover less."""


def drawing_boxes(paths: Iterable[Placed]) -> list[Box]:
    """The places of drawings made of a page's paths, as fractions of the upright page."""
    shapes: list[tuple[Box, float]] = []
    for path, _, _, box in paths:
        if box is None or min(box[2] - box[0], box[3] - box[1]) < LEAST_SIDE:
            continue
        if (bends := _bends(path)) and any(visible(path)):
            shapes.append((box, bends))
        if len(shapes) > MOST_SHAPES:
            return []
    return [whole for whole in together([box for box, _ in shapes], REACH, REACH) if _is_drawing(whole, shapes)]


def _bends(path: Any) -> float:
    """How many curves a path has, and lines neither level nor upright, among its first MOST_OF_A_SHAPE segments."""
    count = min(MOST_OF_A_SHAPE, pdfium.FPDFPath_CountSegments(path))
    return sum(_bent(path, count)) if count > 1 else 0.0


def _bent(path: Any, count: int) -> Iterator[float]:
    x, y = ctypes.c_float(), ctypes.c_float()
    before = (0.0, 0.0)
    for number in range(count):
        segment = pdfium.FPDFPath_GetPathSegment(path, number)
        kind = pdfium.FPDFPathSegment_GetType(segment)
        pdfium.FPDFPathSegment_GetPoint(segment, x, y)
        across, down = abs(x.value - before[0]), abs(y.value - before[1])
        before = x.value, y.value
        if kind == pdfium.FPDF_SEGMENT_BEZIERTO:
            yield 1 / POINTS_OF_A_CURVE
        elif kind == pdfium.FPDF_SEGMENT_LINETO and min(across, down) > SLANTED * max(across, down):
            yield 1.0


def _is_drawing(whole: Box, shapes: Iterable[tuple[Box, float]]) -> bool:
    inside = [(box, bends) for box, bends in shapes if _holds(whole, box)]
    covered = sum((box[2] - box[0]) * (box[3] - box[1]) for box, _ in inside)
    enough = covered >= LEAST_COVERED * (whole[2] - whole[0]) * (whole[3] - whole[1])
    return enough and sum(bends for _, bends in inside) >= LEAST_BENDS


def _holds(whole: Box, part: Box) -> bool:
    return whole[0] <= part[0] and whole[1] <= part[1] and whole[2] >= part[2] and whole[3] >= part[3]
