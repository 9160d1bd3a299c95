"""The objects of a PDF page with their boxes, including those inside form XObjects. Runs in the opener child."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium

from document_parser.sources.pdf import calls
from document_parser.sources.pdf.coordinates import Rect, UprightMap, upright_map_of

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in fractions of the upright page."""
Point = tuple[float, float]
"""x and y."""

_MAX_OBJECTS = 30_000
"""Objects of a page that are visited."""
_MAX_FORM_DEPTH = 6
"""Forms within forms that are entered."""
_MAX_CLIP_PATHS, _MAX_CLIP_POINTS = 8, 128
"""Clip paths of an object, and points of a clip path, that are looked at: the boxes of 25 cells of a row, which have 5 each."""
COVERING_SHARE = 0.9
"""Share of the page under an image that hides all text painted before it."""


class PageObject(NamedTuple):
    """An object's address, its kind, and the map from the space around it to the upright page.

    ``box`` is in fractions of the upright page, not clipped to it; None if the object has no place. ``form`` is the address of
    the form that it is in; 0 if it is in none.
    """

    address: int
    kind: int
    place: UprightMap
    box: Box | None
    form: int = 0

    @property
    def found(self) -> Any:
        """Return the handle for the functions of ``pypdfium2.raw``."""
        return handle_of(self.address)


def objects_of(page: Any) -> Iterator[PageObject]:
    """Yield a page's objects in painting order, a form as the objects that it holds.

    Stops at a depth and a number that bound the work. Raises PageUnreadable if the page has no area.
    """
    whole = _Container(address_of(page.raw), calls.count_page_objects, calls.get_page_object, upright_map_of(page))
    return _Walk().members_of(whole, 1)


class _Container(NamedTuple):
    """A page or a form with objects: its address, the calls that list them, and the map from its inside to the page."""

    address: int
    count: calls.Call
    get: calls.Call
    place: UprightMap
    form: int = 0


class _Walk:
    """A visit of a page's objects; ``_left`` is how many more may be visited."""

    def __init__(self) -> None:
        self._left = _MAX_OBJECTS

    def members_of(self, container: _Container, depth: int) -> Iterator[PageObject]:
        """Yield the objects of a page or form, and of the forms in it; a form counts as visited, and is not yielded."""
        for member in self._list(container):
            if not self._left:
                return
            self._left -= 1
            if member.kind != pdfium.FPDF_PAGEOBJ_FORM:
                yield member
            elif depth <= _MAX_FORM_DEPTH:
                inside = map_inside(member.found, container.place)
                count, get = calls.count_form_objects, calls.get_form_object
                yield from self.members_of(_Container(member.address, count, get, inside, member.address), depth + 1)

    def _list(self, container: _Container) -> Iterator[PageObject]:
        """Return the objects of a page or form, its forms among them."""
        numbers = range(min(self._left, container.count(container.address)))
        addresses = [container.get(container.address, number) or 0 for number in numbers]
        kinds, boxes = map(calls.get_kind, addresses), _boxes_of(addresses, container.place)
        rows = zip(addresses, kinds, repeat(container.place), boxes, repeat(container.form), strict=False)
        return map(PageObject._make, rows)


def _boxes_of(addresses: Sequence[int], place: UprightMap) -> list[Box | None]:
    """Return the boxes of objects, given by their addresses; None for one without a place."""
    edges = np.zeros((len(addresses), 4), dtype=np.float32)
    start, step = int(edges.ctypes.data), edges.itemsize
    cells = ((row, row + step, row + 2 * step, row + 3 * step) for row in range(start, start + edges.nbytes, 4 * step))
    found = [calls.get_bounds(address, *row) != 0 for address, row in zip(addresses, cells, strict=True)]
    with np.errstate(all="ignore"):
        boxes = place.map_edges(edges.astype(np.float64))
        is_placed = np.isfinite(boxes.sum(axis=1)) & np.array(found, dtype=bool)
    return [(*box,) if known else None for box, known in zip(boxes.tolist(), is_placed.tolist(), strict=True)]


def find_texts_under_images(objects: Iterable[PageObject]) -> frozenset[int]:
    """Return the addresses of the text objects hidden by an opaque image painted later over nearly the whole page."""
    painted: list[int] = []
    hidden = 0
    for address, kind, _, box, _ in objects:
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            painted.append(address)
        elif kind == pdfium.FPDF_PAGEOBJ_IMAGE and len(painted) > hidden and _covers_page(handle_of(address), box):
            hidden = len(painted)
    return frozenset(painted[:hidden])


def _covers_page(picture: Any, box: Box | None) -> bool:
    """Return whether an image is opaque and covers nearly the whole page."""
    if box is None or pdfium.FPDFPageObj_HasTransparency(picture):
        return False
    left, top, right, bottom = (min(1.0, max(0.0, edge)) for edge in box)
    return (right - left) * (bottom - top) >= COVERING_SHARE


def handle_of(address: int) -> Any:
    """Return the handle of a page object for the functions of ``pypdfium2.raw``."""
    return ctypes.cast(address, pdfium.FPDF_PAGEOBJECT)


def address_of(found: Any) -> int:
    """Return the address that identifies an object on its page, however its handle was obtained."""
    return ctypes.c_void_p.from_buffer(found).value or 0


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
    windows = clip_windows_of(found, place)
    if not windows:
        return 1.0, 1.0, 0.0, 0.0
    lefts, tops, rights, bottoms = zip(*windows, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def clip_windows_of(found: Any, place: UprightMap) -> list[Box]:
    """Return the parts of the page that an object's clip paths leave open, in fractions; none if they leave nothing open.

    A clip path may consist of several boxes: the cells of a row that one filled box colours. Other shapes count as the box
    around them, and a path with more points than are looked at as one that clips nothing.
    """
    windows: list[Box] = [(0.0, 0.0, 1.0, 1.0)]
    clip = pdfium.FPDFPageObj_GetClipPath(found)
    for number in range(min(_MAX_CLIP_PATHS, max(0, pdfium.FPDFClipPath_CountPaths(clip)))):
        boxes = [place.map_rect(box) for box in _clip_boxes(clip, number)]
        parts = [clip_box(window, box) for window in windows for box in boxes]
        windows = [part for part in parts if part[0] <= part[2] and part[1] <= part[3]] if boxes else windows
    return windows


def _clip_boxes(clip: Any, number: int) -> list[Rect]:
    """Return the boxes of a clip path: of each of its parts if these are level boxes side by side, else the one around them.

    Boxes with more white than fill are margins around the text of one cell, whose own fill Word draws apart.
    """
    count = max(0, pdfium.FPDFClipPath_CountPathSegments(clip, number))
    if not 0 < count <= _MAX_CLIP_POINTS:
        return []
    x, y = ctypes.c_float(), ctypes.c_float()
    parts: list[list[tuple[float, float]]] = []
    for place in range(count):
        segment = pdfium.FPDFClipPath_GetPathSegment(clip, number, place)
        if pdfium.FPDFPathSegment_GetType(segment) == pdfium.FPDF_SEGMENT_MOVETO or not parts:
            parts.append([])
        if pdfium.FPDFPathSegment_GetPoint(segment, x, y):
            parts[-1].append((x.value, y.value))
    parts = [part for part in parts if len(part) > 1]
    boxes = [_box_around(part) for part in parts]
    whole = _box_around([point for part in parts for point in part])
    filled = sum(box.right - box.left for box in boxes)
    return boxes if all(map(_is_level_box, parts)) and filled > (whole.right - whole.left) / 2 else [whole]


def _is_level_box(points: Sequence[tuple[float, float]]) -> bool:
    """Return whether the corners of a shape are those of a box with level and upright edges."""
    return len({round(x, 2) for x, _ in points}) == 2 == len({round(y, 2) for _, y in points})


def _box_around(points: Sequence[tuple[float, float]]) -> Rect:
    """Return the box around points."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return Rect(min(xs), min(ys), max(xs), max(ys))


def clip_box(box: Box, window: Box) -> Box:
    """Return the part of a box inside another one; if there is none, its edges are in the wrong order."""
    return max(box[0], window[0]), max(box[1], window[1]), min(box[2], window[2]), min(box[3], window[3])
