"""Find text objects of a PDF page that may be invisible by how they are painted. Runs in the opener child.

They are painted invisibly, transparent, tiny, off the page, clipped away, in the colour of what is behind them, under something
opaque, or in a layer, which may be switched off. Whether the text is really invisible is decided by rendering the page: see
``hidden_text``.
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
from document_parser.sources.pdf import calls
from document_parser.sources.pdf.coordinates import UprightMap
from document_parser.sources.pdf.objects import Box, PageObject, clip_window_of, handle_of

MAX_CLEAR_ALPHA = 13
"""Alpha, of 255, up to which a text may be too faint to be seen."""
MIN_OPAQUE_ALPHA = 250
"""Alpha, of 255, from which on a filled path may hide what lies under it."""
SAME_COLOUR_LEVELS = 48
"""Colours that differ by no more, of 255, in any channel may look the same."""
MIN_LIGHT_LEVEL = 255 - SAME_COLOUR_LEVELS
"""A text whose channels all have this level or more may not show on white paper."""
_LINE_HEIGHT_EM = 1.5
"""Height of a line of letters at most, in font sizes."""
_MIN_COVER_SIDE_SHARE = 0.002
"""Share of the page's side; what is thinner hides no text."""
_MAX_COVERS = 4000
"""Objects other than text that are compared with texts."""
_BATCH_TEXTS = 500
"""Texts that are compared with the covers at once."""
_TWIN_REACH_RATIO, _MAX_TWINS = 0.3, 8
"""Largest offset of a twin's box, over the height of the text's box; and the number of twins of a text that are kept."""
_UNPAINTED_MODES = (pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP)
"""Rendering modes of text that is not painted."""
_STROKE_MODE = pdfium.FPDF_TEXTRENDERMODE_STROKE
"""Rendering mode of text whose outlines are painted."""
MIN_TEXT_POINTS = 1.0
"""Letters of a smaller size cannot be read."""


_Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""


class Suspect(NamedTuple):
    """A text object that may be invisible: its handle, and the cause.

    ``on_drawing`` says whether something other than text is painted at its place. ``twins`` are text objects at the very same
    place. PDFium leaves out of the text what is painted a second time.
    """

    handle: Any
    cause: HiddenReason
    on_drawing: bool = False
    twins: tuple[Any, ...] = ()


class _Text(NamedTuple):
    """A text object: its address, its place in painting order, its box, its colour, and why it may be invisible by itself."""

    address: int
    place: int
    box: Box
    colour: _Colour
    cause: HiddenReason | None


class _Cover(NamedTuple):
    """Something opaque; its colour is (-1, -1, -1) if it has many."""

    place: int
    box: Box
    colour: _Colour


def suspects_of(
    objects: Iterable[PageObject], height_points: float, hidden_layers: frozenset[int] = frozenset()
) -> dict[int, Suspect]:
    """Return the text objects that may be invisible, by their address. ``height_points`` is the height of the page.

    ``hidden_layers`` are the addresses of texts in layers that are off.
    """
    texts: list[_Text] = []
    covers: list[_Cover] = []
    reader = _PaintReader(height_points)
    for number, (address, kind, place, box, _) in enumerate(objects):
        if box is None:
            continue
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            text = reader.read_text(address, number, box, place)
            texts.append(text._replace(cause="layer") if address in hidden_layers else text)
        elif min(box[2] - box[0], box[3] - box[1]) >= _MIN_COVER_SIDE_SHARE and len(covers) < _MAX_COVERS:
            covers += reader.read_cover(address, kind, number, box)
    return {text.address: suspect for text, suspect in _add_twins(list(_find_suspects(texts, covers)), texts)}


class _PaintReader:
    """Reads how objects are painted; keeps the array that PDFium writes colours to."""

    def __init__(self, height_points: float) -> None:
        self._height = height_points
        self._channels = np.zeros(4, dtype=np.uint32)
        self._addresses = [int(self._channels.ctypes.data) + self._channels.itemsize * number for number in range(4)]

    def read_text(self, address: int, number: int, box: Box, place: UprightMap) -> _Text:
        """Return a text object with what decides whether it shows."""
        mode = calls.get_render_mode(address)
        colour, alpha = self._read_colour(address, stroked=mode == _STROKE_MODE)
        return _Text(address, number, box, colour, self._cause_of(address, mode, alpha, box, place))

    def _cause_of(self, address: int, mode: int, alpha: int, box: Box, place: UprightMap) -> HiddenReason | None:
        """Return why a text may be invisible by itself; None if nothing suggests it."""
        left, top, right, bottom = box
        if mode in _UNPAINTED_MODES:
            return "invisible"
        if alpha <= MAX_CLEAR_ALPHA:
            return "transparent"
        if right <= 0 or bottom <= 0 or left >= 1 or top >= 1:
            return "outside"
        if (bottom - top) * self._height < _LINE_HEIGHT_EM * MIN_TEXT_POINTS and _size_points_of(address) < MIN_TEXT_POINTS:
            return "size"
        clipped = calls.count_clip_paths(calls.get_clip_path(address)) > 0
        return "clipped" if clipped and not _contains(clip_window_of(handle_of(address), place), box) else None

    def read_cover(self, address: int, kind: int, number: int, box: Box) -> list[_Cover]:
        """Return an object as one that may lie behind text or over it; none if it is not opaque."""
        if kind != pdfium.FPDF_PAGEOBJ_PATH:
            return [_Cover(number, box, (-1, -1, -1))]
        fill, stroke = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDFPath_GetDrawMode(handle_of(address), fill, stroke)
        if not fill.value:
            return []
        colour, alpha = self._read_colour(address, stroked=False)
        return [_Cover(number, box, colour)] if alpha >= MIN_OPAQUE_ALPHA else []

    def _read_colour(self, address: int, *, stroked: bool) -> tuple[_Colour, int]:
        """Return ((red, green, blue), alpha); opaque black if there is none to read, as for a pattern."""
        get = calls.get_stroke_colour if stroked else calls.get_fill_colour
        if not get(address, *self._addresses):
            return (0, 0, 0), 255
        red, green, blue, alpha = self._channels.tolist()
        return (red, green, blue), alpha


def _size_points_of(address: int) -> float:
    """Return the font size of a text object in points, as far as the object itself defines it."""
    size, matrix, found = ctypes.c_float(), pdfium.FS_MATRIX(), handle_of(address)
    if not pdfium.FPDFTextObj_GetFontSize(found, size) or not pdfium.FPDFPageObj_GetMatrix(found, matrix):
        return math.inf
    return size.value * max(math.hypot(matrix.a, matrix.b), math.hypot(matrix.c, matrix.d))


def _contains(outer: Box, inner: Box) -> bool:
    """Return whether the part of a box on the page lies inside another, with a small slack."""
    slack = 0.001
    return (
        outer[0] - slack <= max(0.0, inner[0])
        and outer[1] - slack <= max(0.0, inner[1])
        and outer[2] + slack >= min(1.0, inner[2])
        and outer[3] + slack >= min(1.0, inner[3])
    )


def _find_suspects(texts: Sequence[_Text], covers: Sequence[_Cover]) -> Iterator[tuple[_Text, Suspect]]:
    """Yield the texts that may be invisible by themselves, and those under or on something that may make them so."""
    for start in range(0, len(texts), _BATCH_TEXTS):
        part = texts[start : start + _BATCH_TEXTS]
        for text, touched, under, upon in zip(part, *_match_covers(part, covers), strict=True):
            light = min(text.colour) >= MIN_LIGHT_LEVEL
            cause: HiddenReason | None = text.cause or ("covered" if under else "colour" if upon or light else None)
            if cause is not None:
                yield text, Suspect(handle_of(text.address), cause, touched)


def _add_twins(suspected: Sequence[tuple[_Text, Suspect]], texts: Sequence[_Text]) -> Iterator[tuple[_Text, Suspect]]:
    """Yield the suspects with their twins."""
    boxes = np.array([text.box for text in texts]) if suspected else np.zeros((0, 4))
    for text, suspect in suspected:
        near = np.flatnonzero(np.all(np.abs(boxes - text.box) <= _TWIN_REACH_RATIO * (text.box[3] - text.box[1]), axis=1))
        twins = tuple(handle_of(texts[number].address) for number in near.tolist() if texts[number] is not text)
        yield text, suspect._replace(twins=twins[:_MAX_TWINS])


def _match_covers(texts: Sequence[_Text], covers: Sequence[_Cover]) -> tuple[list[bool], list[bool], list[bool]]:
    """Return three flags for each text: it touches a cover; a cover is painted over it; one below it may have its colour."""
    if not covers:
        nothing = [False] * len(texts)
        return nothing, nothing, nothing
    ours, theirs = np.array([text.box for text in texts])[:, None], np.array([cover.box for cover in covers])[None]
    text, cover = np.nonzero(np.all((ours[..., :2] < theirs[..., 2:]) & (ours[..., 2:] > theirs[..., :2]), axis=2))
    later = np.array([one.place for one in covers])[cover] > np.array([one.place for one in texts])[text]
    fill, ink = np.array([one.colour for one in covers])[cover], np.array([one.colour for one in texts])[text]
    alike = (np.abs(fill - ink) <= SAME_COLOUR_LEVELS).all(axis=1) | (fill[:, 0] < 0)
    return _membership(len(texts), text), _membership(len(texts), text[later]), _membership(len(texts), text[~later & alike])


def _membership(count: int, places: NDArray[np.intp]) -> list[bool]:
    """Return for each of ``count`` places whether it is among ``places``."""
    found = np.zeros(count, dtype=bool)
    found[places] = True
    members: list[bool] = found.tolist()
    return members
