"""What stands on a PDF page, object by object, those inside of forms too. Runs in the opener child."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

from document_parser.sources.pdf.coordinates import Rect, UprightMap, upright_map

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""
Point = tuple[float, float]

_MOST_OBJECTS = 10_000
_FORM_DEPTH = 6
_CLIPS, _CLIP_POINTS = 8, 16
COVERING = 0.9
"""Share of the page under a picture that hides all text painted before it."""


class Placed(NamedTuple):
    """An object, its kind, and the map from the space around it to the upright page.

    ``box`` is its left, top, right and bottom as fractions of that, not cut to it; None where it has no place.
    """

    found: Any
    kind: int
    place: UprightMap
    box: Box | None


def objects_of(page: Any) -> Iterator[Placed]:
    """The objects as painted, a form as what it holds.

    Ends at a depth and a number that bound the work. Raises PageUnreadable where the page has no area.
    """
    edges = [ctypes.c_float() for _ in range(4)]
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
            yield Placed(found, kind, place, _bounds_of(found, place, edges))
        elif len(stack) <= _FORM_DEPTH:
            stack.append(_members(found, pdfium.FPDFFormObj_CountObjects, pdfium.FPDFFormObj_GetObject, inside(found, place)))


def _members(container: Any, count: Any, get: Any, place: UprightMap) -> Iterator[tuple[Any, UprightMap]]:
    for number in range(count(container)):
        yield get(container, number), place


def texts_under_pictures(objects: Iterable[Placed]) -> frozenset[int]:
    """Addresses of the text objects that an opaque picture over nearly the whole page was painted on: nobody sees them."""
    painted: list[int] = []
    hidden = 0
    for found, kind, _, box in objects:
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            painted.append(address_of(found))
        elif kind == pdfium.FPDF_PAGEOBJ_IMAGE and len(painted) > hidden and _covers(found, box):
            hidden = len(painted)
    return frozenset(painted[:hidden])


def _covers(picture: Any, box: Box | None) -> bool:
    if box is None or pdfium.FPDFPageObj_HasTransparency(picture):
        return False
    left, top, right, bottom = (min(1.0, max(0.0, edge)) for edge in box)
    return (right - left) * (bottom - top) >= COVERING


def address_of(found: Any) -> int:
    """What tells an object from the others of its page, in whatever way it was come by."""
    return ctypes.c_void_p.from_buffer(found).value or 0


def _bounds_of(found: Any, place: UprightMap, cells: Sequence[Any]) -> Box | None:
    """The box of an object; ``cells`` are what PDFium writes its answer to."""
    if not pdfium.FPDFPageObj_GetBounds(found, *cells):
        return None
    left, bottom, right, top = cells
    box = place.box(Rect(left.value, bottom.value, right.value, top.value))
    return box if math.isfinite(sum(box)) else None


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


def window_of(found: Any, place: UprightMap) -> Box:
    """The part of the page that an object's clipping leaves open, no larger than the page."""
    window = (0.0, 0.0, 1.0, 1.0)
    clip = pdfium.FPDFPageObj_GetClipPath(found)
    for number in range(min(_CLIPS, max(0, pdfium.FPDFClipPath_CountPaths(clip)))):
        points = _clip_points(clip, number)
        if points:
            xs, ys = [x for x, _ in points], [y for _, y in points]
            window = cut_to(window, place.box(Rect(min(xs), min(ys), max(xs), max(ys))))
    return window


def _clip_points(clip: Any, number: int) -> list[Point]:
    x, y = ctypes.c_float(), ctypes.c_float()
    points = []
    for place in range(min(_CLIP_POINTS, max(0, pdfium.FPDFClipPath_CountPathSegments(clip, number)))):
        if pdfium.FPDFPathSegment_GetPoint(pdfium.FPDFClipPath_GetPathSegment(clip, number, place), x, y):
            points.append((x.value, y.value))
    return points


def cut_to(box: Box, window: Box) -> Box:
    """The part of a box inside of another one; its edges are the wrong way round where there is none."""
    return max(box[0], window[0]), max(box[1], window[1]), min(box[2], window[2]), min(box[3], window[3])
