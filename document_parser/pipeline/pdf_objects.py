"""What stands on a PDF page, object by object, those inside of forms too. Runs in the opener child."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pypdfium2.raw as pdfium

from document_parser.engines.text_layer import Rect, UprightMap, upright_map

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

_MOST_OBJECTS = 10_000
_FORM_DEPTH = 6


def objects_of(page: Any) -> Iterator[tuple[Any, int, UprightMap]]:
    """(object, its kind, the map from the space around it to the upright page), a form as what it holds.

    Ends at a depth and a number that bound the work. Raises PageUnreadable where the page has no area.
    """
    stack = [(page.raw, pdfium.FPDFPage_CountObjects, pdfium.FPDFPage_GetObject, upright_map(page), 0)]
    looked_at = 0
    while stack:
        container, count, get, place, depth = stack.pop()
        for number in range(count(container)):
            looked_at += 1
            if looked_at > _MOST_OBJECTS:
                return
            found = get(container, number)
            kind = pdfium.FPDFPageObj_GetType(found)
            if kind != pdfium.FPDF_PAGEOBJ_FORM:
                yield found, kind, place
            elif depth < _FORM_DEPTH:
                stack.append(
                    (found, pdfium.FPDFFormObj_CountObjects, pdfium.FPDFFormObj_GetObject, inside(found, place), depth + 1)
                )


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
