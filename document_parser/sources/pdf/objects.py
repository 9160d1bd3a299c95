"""The objects of a PDF page with their boxes, including those inside form XObjects. Runs in the opener child."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

from document_parser.sources.pdf.coordinates import Rect, UprightMap, upright_map_of

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in fractions of the upright page."""
Point = tuple[float, float]
"""x and y."""

_MAX_OBJECTS = 10_000
"""Objects of a page that are visited."""
_MAX_FORM_DEPTH = 6
"""Forms within forms that are entered."""
_MAX_CLIP_PATHS, _MAX_CLIP_POINTS = 8, 16
"""Clip paths of an object, and points of a clip path, that are looked at."""
COVERING_SHARE = 0.9
"""Share of the page under an image that hides all text painted before it."""


class PageObject(NamedTuple):
    """An object's handle, its kind, and the map from the space around it to the upright page.

    ``box`` is in fractions of the upright page, not clipped to it; None if the object has no place. ``form`` is the address of
    the form that it is in; 0 if it is in none.
    """

    found: Any
    kind: int
    place: UprightMap
    box: Box | None
    form: int = 0


def objects_of(page: Any) -> Iterator[PageObject]:
    """Yield a page's objects in painting order, a form as the objects that it holds.

    Stops at a depth and a number that bound the work. Raises PageUnreadable if the page has no area.
    """
    edges = [ctypes.c_float() for _ in range(4)]
    stack = [_members(page.raw, pdfium.FPDFPage_CountObjects, pdfium.FPDFPage_GetObject, upright_map_of(page))]
    for _ in range(_MAX_OBJECTS):
        member = None
        while stack and (member := next(stack[-1], None)) is None:
            stack.pop()
        if member is None:
            return
        found, place, form = member
        kind = pdfium.FPDFPageObj_GetType(found)
        if kind != pdfium.FPDF_PAGEOBJ_FORM:
            yield PageObject(found, kind, place, _bounds_of(found, place, edges), form)
        elif len(stack) <= _MAX_FORM_DEPTH:
            inside = map_inside(found, place)
            count, get = pdfium.FPDFFormObj_CountObjects, pdfium.FPDFFormObj_GetObject
            stack.append(_members(found, count, get, inside, address_of(found)))


def _members(container: Any, count: Any, get: Any, place: UprightMap, form: int = 0) -> Iterator[tuple[Any, UprightMap, int]]:
    """Yield the objects of a page or form with the map around them and the form's address."""
    for number in range(count(container)):
        yield get(container, number), place, form


def find_texts_under_images(objects: Iterable[PageObject]) -> frozenset[int]:
    """Return the addresses of the text objects hidden by an opaque image painted later over nearly the whole page."""
    painted: list[int] = []
    hidden = 0
    for found, kind, _, box, _ in objects:
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            painted.append(address_of(found))
        elif kind == pdfium.FPDF_PAGEOBJ_IMAGE and len(painted) > hidden and _covers_page(found, box):
            hidden = len(painted)
    return frozenset(painted[:hidden])


def _covers_page(picture: Any, box: Box | None) -> bool:
    """Return whether an image is opaque and covers nearly the whole page."""
    if box is None or pdfium.FPDFPageObj_HasTransparency(picture):
        return False
    left, top, right, bottom = (min(1.0, max(0.0, edge)) for edge in box)
    return (right - left) * (bottom - top) >= COVERING_SHARE


def address_of(found: Any) -> int:
    """Return the address that identifies an object on its page, however its handle was obtained."""
    return ctypes.c_void_p.from_buffer(found).value or 0


def _bounds_of(found: Any, place: UprightMap, cells: Sequence[Any]) -> Box | None:
    """Return the box of an object; None if it has none. ``cells`` are the variables that PDFium writes to."""
    if not pdfium.FPDFPageObj_GetBounds(found, *cells):
        return None
    left, bottom, right, top = cells
    box = place.map_rect(Rect(left.value, bottom.value, right.value, top.value))
    return box if math.isfinite(sum(box)) else None


def map_inside(found: Any, outer: UprightMap) -> UprightMap:
    """Return the map from the inside of a form or a path to the page: first its own matrix, then the one around it."""
    m = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(found, m):
        return outer
    a, b, c, d, e, f = outer
    return UprightMap(
        a * m.a + b * m.b, a * m.c + b * m.d, a * m.e + b * m.f + c,
        d * m.a + e * m.b, d * m.c + e * m.d, d * m.e + e * m.f + f,
    )  # fmt: skip


def clip_window_of(found: Any, place: UprightMap) -> Box:
    """Return the part of the page that an object's clip paths leave open, in fractions, no larger than the page."""
    window = (0.0, 0.0, 1.0, 1.0)
    clip = pdfium.FPDFPageObj_GetClipPath(found)
    for number in range(min(_MAX_CLIP_PATHS, max(0, pdfium.FPDFClipPath_CountPaths(clip)))):
        points = _clip_points(clip, number)
        if points:
            xs, ys = [x for x, _ in points], [y for _, y in points]
            window = clip_box(window, place.map_rect(Rect(min(xs), min(ys), max(xs), max(ys))))
    return window


def _clip_points(clip: Any, number: int) -> list[Point]:
    """Return the points of a clip path."""
    x, y = ctypes.c_float(), ctypes.c_float()
    points = []
    for place in range(min(_MAX_CLIP_POINTS, max(0, pdfium.FPDFClipPath_CountPathSegments(clip, number)))):
        if pdfium.FPDFPathSegment_GetPoint(pdfium.FPDFClipPath_GetPathSegment(clip, number, place), x, y):
            points.append((x.value, y.value))
    return points


def clip_box(box: Box, window: Box) -> Box:
    """Return the part of a box inside another one; if there is none, its edges are in the wrong order."""
    return max(box[0], window[0]), max(box[1], window[1]), min(box[2], window[2]), min(box[3], window[3])
