"""What stands on a PDF page, object by object, those inside of forms too. Runs in the opener child."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from typing import Any

import pypdfium2.raw as pdfium

from document_parser.engines.text_layer import Rect, UprightMap, upright_map

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

_MOST_OBJECTS = 10_000
_FORM_DEPTH = 6
COVERING = 0.9
"""Share of the page under a picture that hides all text painted before it."""


def objects_of(page: Any) -> Iterator[tuple[Any, int, UprightMap]]:
    """(object, its kind, the map from the space around it to the upright page) as painted, a form as what it holds.

    Ends at a depth and a number that bound the work. Raises PageUnreadable where the page has no area.
    """
    stack = [_members(page.raw, pdfium.FPDFPage_CountObjects, pdfium.FPDFPage_GetObject, upright_map(page))]
    for _ in range(_MOST_OBJECTS):
        member = None
        while stack and (member := next(stack[-1], None)) is None:
            stack.pop()
        if member is None:
            return
        found, place = member
        kind = pdfium.FPDFPageObj_GetType(found)
        if kind != pdfium.FPDF_PAGEOBJ_FORM:
            yield found, kind, place
        elif len(stack) <= _FORM_DEPTH:
            stack.append(_members(found, pdfium.FPDFFormObj_CountObjects, pdfium.FPDFFormObj_GetObject, inside(found, place)))


def _members(container: Any, count: Any, get: Any, place: UprightMap) -> Iterator[tuple[Any, UprightMap]]:
    for number in range(count(container)):
        yield get(container, number), place


def texts_under_pictures(page: Any) -> frozenset[int]:
    """Addresses of the text objects that an opaque picture over nearly the whole page was painted on: nobody sees them."""
    painted: list[int] = []
    hidden = 0
    for found, kind, place in objects_of(page):
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            painted.append(ctypes.cast(found, ctypes.c_void_p).value or 0)
        elif kind == pdfium.FPDF_PAGEOBJ_IMAGE and len(painted) > hidden and _covers(found, place):
            hidden = len(painted)
    return frozenset(painted[:hidden])


def _covers(picture: Any, place: UprightMap) -> bool:
    box = bounds_of(picture, place)
    if box is None or pdfium.FPDFPageObj_HasTransparency(picture):
        return False
    left, top, right, bottom = (min(1.0, max(0.0, edge)) for edge in box)
    return (right - left) * (bottom - top) >= COVERING


def bounds_of(found: Any, place: UprightMap) -> Box | None:
    """Left, top, right and bottom of an object as fractions of the upright page, not cut to it; None where it has no place."""
    edges = [pdfium.c_float() for _ in range(4)]
    if not pdfium.FPDFPageObj_GetBounds(found, *edges):
        return None
    box = place.box(Rect(*(edge.value for edge in edges)))
    return box if all(map(math.isfinite, box)) else None


def inside(found: Any, outer: UprightMap) -> UprightMap:
    """The map from the inside of a form or a path to the page: first its own matrix, then the one around it."""
    m = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(found, m):
        return outer
    a, b, c, d, e, f = outer
    return UprightMap(
        a * m.a + b * m.b, a * m.c + b * m.d, a * m.e + b * m.f + c,
        d * m.a + e * m.b, d * m.c + e * m.d, d * m.e + e * m.f + f,
    )  # fmt: skip
