"""Text objects of a PDF page that may be unseen by how they are painted. Runs in the opener child.

Painted invisibly, transparent, tiny, off the page, cut away, in the colour of what lies behind, or under something opaque.
Whether the text is unseen is decided by drawing the page: see ``hidden_text``.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from document_parser.models import HiddenReason
from document_parser.sources.pdf.objects import Box, Placed, address_of, window_of

CLEAR = 13
"""Alpha, of 255, up to which a text may be too faint to be seen."""
OPAQUE = 250
ALIKE = 48
"""Colours that differ by no more, of 255, in any channel may be one to the eye."""
LIGHT = 255 - ALIKE
_LOW = 1.5
"""Of the font's size, what a line of letters may be high at most."""
_LEAST_SIDE = 0.002
_MOST_COVERS = 4000
_AT_ONCE = 500
_TWIN, _MOST_TWINS = 0.3, 8
"""Of its height, how far the box of a twin may lie off."""
_UNPAINTED = (pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP)
_STROKED = pdfium.FPDF_TEXTRENDERMODE_STROKE
TINY_POINTS = 1.0
"""Letters of a smaller size cannot be read."""


class Suspect(NamedTuple):
    """A text object that may be unseen: its handle, why, and whether something else than text is painted where it stands.

    ``twins`` are text objects in the very same place. PDFium leaves out of the text what is painted a second time.
    """

    handle: Any
    cause: HiddenReason
    on_drawing: bool = False
    twins: tuple[Any, ...] = ()


class _Text(NamedTuple):
    handle: Any
    place: int
    box: Box
    colour: tuple[int, int, int]
    cause: HiddenReason | None


class _Cover(NamedTuple):
    """Something opaque; its colour is (-1, -1, -1) where it has many."""

    place: int
    box: Box
    colour: tuple[int, int, int]


def suspects_of(objects: Iterable[Placed], height_points: float) -> dict[int, Suspect]:
    """The text objects that may be unseen, by their address."""
    texts: list[_Text] = []
    covers: list[_Cover] = []
    painter = _Painter(height_points)
    for number, (found, kind, place, box) in enumerate(objects):
        if box is None:
            continue
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            texts.append(painter.text(found, number, box, place))
        elif min(box[2] - box[0], box[3] - box[1]) >= _LEAST_SIDE and len(covers) < _MOST_COVERS:
            covers += painter.cover(found, kind, number, box)
    return {address_of(text.handle): suspect for text, suspect in _with_twins(list(_suspected(texts, covers)), texts)}


class _Painter:
    """Reads how objects are painted; keeps the cells that PDFium writes its answers to."""

    def __init__(self, height_points: float) -> None:
        self._height = height_points
        self._cells = tuple(ctypes.c_uint() for _ in range(4))
        self._modes = ctypes.c_int(), ctypes.c_int()

    def text(self, found: Any, number: int, box: Box, place: Any) -> _Text:
        mode = pdfium.FPDFTextObj_GetTextRenderMode(found)
        colour, alpha = self._colour(found, stroked=mode == _STROKED)
        return _Text(found, number, box, colour, self._cause(found, mode, alpha, box, place))

    def _cause(self, found: Any, mode: int, alpha: int, box: Box, place: Any) -> HiddenReason | None:
        if mode in _UNPAINTED:
            return "invisible"
        if alpha <= CLEAR:
            return "transparent"
        if box[2] <= 0 or box[3] <= 0 or box[0] >= 1 or box[1] >= 1:
            return "outside"
        if (box[3] - box[1]) * self._height < _LOW * TINY_POINTS and self._size(found) < TINY_POINTS:
            return "size"
        clipped = pdfium.FPDFClipPath_CountPaths(pdfium.FPDFPageObj_GetClipPath(found)) > 0
        return "clipped" if clipped and not _holds(window_of(found, place), box) else None

    def _size(self, found: Any) -> float:
        """In points, as far as the object itself tells."""
        size, matrix = ctypes.c_float(), pdfium.FS_MATRIX()
        if not pdfium.FPDFTextObj_GetFontSize(found, size) or not pdfium.FPDFPageObj_GetMatrix(found, matrix):
            return math.inf
        return size.value * max(math.hypot(matrix.a, matrix.b), math.hypot(matrix.c, matrix.d))

    def cover(self, found: Any, kind: int, number: int, box: Box) -> list[_Cover]:
        """An object as one that may lie behind text or over it; none where it lets through."""
        if kind != pdfium.FPDF_PAGEOBJ_PATH:
            return [_Cover(number, box, (-1, -1, -1))]
        fill, stroke = self._modes
        pdfium.FPDFPath_GetDrawMode(found, fill, stroke)
        if not fill.value:
            return []
        colour, alpha = self._colour(found, stroked=False)
        return [_Cover(number, box, colour)] if alpha >= OPAQUE else []

    def _colour(self, found: Any, *, stroked: bool) -> tuple[tuple[int, int, int], int]:
        """(red, green, blue), alpha; opaque black where there is none to be had: a pattern."""
        red, green, blue, alpha = self._cells
        get = pdfium.FPDFPageObj_GetStrokeColor if stroked else pdfium.FPDFPageObj_GetFillColor
        if not get(found, red, green, blue, alpha):
            return (0, 0, 0), 255
        return (red.value, green.value, blue.value), alpha.value


def _holds(outer: Box, inner: Box) -> bool:
    slack = 0.001
    return (
        outer[0] - slack <= max(0.0, inner[0])
        and outer[1] - slack <= max(0.0, inner[1])
        and outer[2] + slack >= min(1.0, inner[2])
        and outer[3] + slack >= min(1.0, inner[3])
    )


def _suspected(texts: Sequence[_Text], covers: Sequence[_Cover]) -> Iterator[tuple[_Text, Suspect]]:
    """The texts that may be unseen by themselves, and those under or upon something that may make them so."""
    for start in range(0, len(texts), _AT_ONCE):
        part = texts[start : start + _AT_ONCE]
        for text, touched, under, upon in zip(part, *_beside(part, covers), strict=True):
            light = min(text.colour) >= LIGHT
            cause: HiddenReason | None = text.cause or ("covered" if under else "colour" if upon or light else None)
            if cause is not None:
                yield text, Suspect(text.handle, cause, touched)


def _with_twins(suspected: Sequence[tuple[_Text, Suspect]], texts: Sequence[_Text]) -> Iterator[tuple[_Text, Suspect]]:
    boxes = np.array([text.box for text in texts]) if suspected else np.zeros((0, 4))
    for text, suspect in suspected:
        near = np.flatnonzero(np.all(np.abs(boxes - text.box) <= _TWIN * (text.box[3] - text.box[1]), axis=1))
        twins = tuple(texts[number].handle for number in near.tolist() if texts[number] is not text)
        yield text, suspect._replace(twins=twins[:_MOST_TWINS])


def _beside(texts: Sequence[_Text], covers: Sequence[_Cover]) -> tuple[list[bool], list[bool], list[bool]]:
    """For each text, whether it touches any cover; one that is painted later; one below it that may have its colour."""
    if not covers:
        nothing = [False] * len(texts)
        return nothing, nothing, nothing
    ours, theirs = np.array([text.box for text in texts])[:, None], np.array([cover.box for cover in covers])[None]
    text, cover = np.nonzero(np.all((ours[..., :2] < theirs[..., 2:]) & (ours[..., 2:] > theirs[..., :2]), axis=2))
    later = np.array([one.place for one in covers])[cover] > np.array([one.place for one in texts])[text]
    fill, ink = np.array([one.colour for one in covers])[cover], np.array([one.colour for one in texts])[text]
    alike = (np.abs(fill - ink) <= ALIKE).all(axis=1) | (fill[:, 0] < 0)
    return _among(len(texts), text), _among(len(texts), text[later]), _among(len(texts), text[~later & alike])


def _among(count: int, places: NDArray[np.intp]) -> list[bool]:
    """For each of so many, whether it is among these places."""
    found = np.zeros(count, dtype=bool)
    found[places] = True
    told: list[bool] = found.tolist()
    return told
