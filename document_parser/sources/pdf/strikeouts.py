"""Find the words of a PDF page that annotations strike out. Runs in the opener child."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium

from document_parser.models import Word
from document_parser.sources.pdf.coordinates import Rect, UprightMap, upright_map_of
from document_parser.sources.pdf.links import find_words_under
from document_parser.sources.pdf.objects import Box

MAX_ANNOTATIONS = 2000
"""Annotations of a page that are looked at."""
MAX_QUADS = 200
"""Lines of one annotation that are looked at."""
MAX_LEVEL_SHARE = 0.25
"""Share of the shorter side of a strike by which its corners may be off those of the box around it, if it is level."""
Corners = tuple[tuple[float, float], ...]
"""The four corners of a struck-out line in order around it: x and y."""
_UNSEEN_FLAGS = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW


def mark_annotated_strikes(words: list[Word], page: Any) -> list[Word]:
    """Return the words, those under a visible StrikeOut annotation marked as struck out.

    Raises PageUnreadable if the page has no area.
    """
    strikes = list(_find_strikes(page))
    if not strikes or not words:
        return words
    places = np.array([word[1:5] for word in words])
    struck = {number for strike in strikes for number in _words_under(places, strike)}
    return [word._replace(struck=True) if number in struck else word for number, word in enumerate(words)]


def _words_under(places: Any, strike: Corners) -> Sequence[int]:
    """Return the numbers of the words that a strike covers: of a slanted one, those whose middle it holds."""
    across, down = zip(*strike, strict=True)
    box = min(across), min(down), max(across), max(down)
    short = min(math.dist(corner, after) for corner, after in zip(strike, (*strike[1:], strike[0]), strict=True))
    if all(_is_corner(corner, box, MAX_LEVEL_SHARE * short) for corner in strike):
        return find_words_under(places, box)
    x, y = (places[:, 0] + places[:, 2]) / 2, (places[:, 1] + places[:, 3]) / 2
    sides = [
        (bx - ax) * (y - ay) - (by - ay) * (x - ax) for (ax, ay), (bx, by) in zip(strike, (*strike[1:], strike[0]), strict=True)
    ]
    inside = np.all([side >= 0 for side in sides], axis=0) | np.all([side <= 0 for side in sides], axis=0)
    return [int(number) for number in np.flatnonzero(inside)]


def _is_corner(place: tuple[float, float], box: Box, slack: float) -> bool:
    """Return whether a place is a corner of a box, as those of a level or upright strike are."""
    (x, y), (left, top, right, bottom) = place, box
    return min(x - left, right - x) <= slack and min(y - top, bottom - y) <= slack


def _find_strikes(page: Any) -> Iterator[Corners]:
    """Yield the corners of struck-out lines, in order around them, in fractions of the upright page."""
    place = None
    for number in range(min(MAX_ANNOTATIONS, max(0, pdfium.FPDFPage_GetAnnotCount(page.raw)))):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, number)
        if not annotation:
            continue
        try:
            shown = not pdfium.FPDFAnnot_GetFlags(annotation) & _UNSEEN_FLAGS
            if shown and pdfium.FPDFAnnot_GetSubtype(annotation) == pdfium.FPDF_ANNOT_STRIKEOUT:
                place = place or upright_map_of(page)
                yield from (_corners_on(place, quad) for quad in _quads_of(annotation))
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)


def _corners_on(place: UprightMap, quad: Sequence[tuple[float, float]]) -> Corners:
    """Return the corners of a quadrilateral on the upright page, in order around it, whatever order the file has."""
    corners = [place.map_rect(Rect(x, y, x, y))[:2] for x, y in quad]
    middle_x, middle_y = (sum(values) / len(corners) for values in zip(*corners, strict=True))
    return tuple(sorted(corners, key=lambda corner: math.atan2(corner[1] - middle_y, corner[0] - middle_x)))


def _quads_of(annotation: Any) -> Iterator[list[tuple[float, float]]]:
    """Yield the corners of each line of an annotation, in points of the page; of its rectangle if it has none."""
    quad = pdfium.FS_QUADPOINTSF()
    count = max(0, pdfium.FPDFAnnot_CountAttachmentPoints(annotation))
    for number in range(min(MAX_QUADS, count)):
        if pdfium.FPDFAnnot_GetAttachmentPoints(annotation, ctypes.c_size_t(number), quad):
            yield [(quad.x1, quad.y1), (quad.x2, quad.y2), (quad.x3, quad.y3), (quad.x4, quad.y4)]
    rect = pdfium.FS_RECTF()
    if not count and pdfium.FPDFAnnot_GetRect(annotation, rect):
        yield [(rect.left, rect.top), (rect.right, rect.top), (rect.left, rect.bottom), (rect.right, rect.bottom)]
