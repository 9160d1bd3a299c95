"""Text of a PDF page that nobody sees: white on white, transparent, tiny, covered, cut away. Runs in the opener child.

What may be unseen is told by how objects are painted, which costs next to nothing. Only where there is such text, the page is
drawn with and without it: where no pixel of a word's box changes, nobody sees the word. So white text on a dark band stays, and
so does text on a picture.
"""

from __future__ import annotations

import ctypes
import math
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from document_parser.models import BoundingBox, HiddenReason, HiddenText, Word
from document_parser.sources.pdf.objects import Box, Placed, address_of, window_of
from document_parser.sources.pdf.text_layer import extract_marked

TINY_POINTS = 1.0
"""Letters of a smaller size cannot be read."""
CLEAR = 13
"""Alpha, of 255, up to which a text may be too faint to be seen."""
OPAQUE = 250
ALIKE = 48
"""Colours that differ by no more, of 255, in any channel may be one to the eye."""
LIGHT = 255 - ALIKE
SEEN = 12
"""A pixel that changes by more than this, of 255, is seen to change."""
INKED = 96
"""Writing differs from its paper by this much at least."""
PAPER, PAPER_SPREAD = 0.35, 20
"""In the box of a drawn word this share of the pixels is paper, within so much, of 255, of its level. In a photo it is not."""
MOSTLY = 0.5
"""Unseen words in a row say what is written in a drawing where this share of their letters stands on something like writing."""
DPI = 100.0
MOST_PIXELS = 2000
"""Of the drawn part's longer side."""
_LOW = 1.5
"""Of the font's size, what a line of letters may be high at most."""
_LEAST_SIDE = 0.002
_MOST_COVERS = 4000
_AT_ONCE = 500
_TWIN, _MOST_TWINS = 0.3, 8
"""Of its height, how far the box of a twin may lie off."""

Boxes = NDArray[np.float64]
Pixels = NDArray[np.int16]
_UNPAINTED = (pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP)
_STROKED = pdfium.FPDF_TEXTRENDERMODE_STROKE


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


class Found(NamedTuple):
    """A word of the text layer, why nobody sees it, and whether it stands on a drawing of something like writing.

    ``address`` is that of its text object, where that is looked at; ``face`` tells its font from others.
    """

    word: Word
    hidden: HiddenReason | None = None
    drawn: bool = False
    address: int = 0
    face: int = 0


class Layer(NamedTuple):
    """The words of a page that can be seen, each with the face it is set in, and its other texts."""

    words: list[tuple[Word, int]]
    hidden: list[HiddenText]


def seen_and_unseen(page: Any, textpage: Any, objects: Iterable[Placed], suspects: Mapping[int, Suspect]) -> Layer:
    """What of a page's text layer can be seen. Raises PageUnreadable as ``extract_words`` does.

    Among the seen are words that say what is written in a picture, or in shapes of letters, where they stand.
    """
    if not suspects:
        return Layer([(word, style.face) for word, style in extract_marked(page, textpage, frozenset()).words], [])
    found, cut = _looked_at(page, textpage, objects, suspects)
    unseen = {address: suspects[address] for address in (one.address for one in found if one.hidden) if address in suspects}
    if cut and len(unseen) < len(suspects):
        # Words end where an object of another mark begins; only those that are unseen shall break any.
        found, _ = _looked_at(page, textpage, objects, unseen)
    seen = [(one.word, one.face) for one in found if one.hidden is None]
    return Layer(seen, list(_texts((one for one in found if one.hidden), _Places(word for word, _ in seen))))


def _looked_at(
    page: Any, textpage: Any, objects: Iterable[Placed], suspects: Mapping[int, Suspect]
) -> tuple[list[Found], bool]:
    """All words of a page, those of the suspects judged; and whether any word was cut because a suspect begins in it."""
    twins = {address_of(twin) for suspect in suspects.values() for twin in suspect.twins}
    words, cut = extract_marked(page, textpage, frozenset({*suspects, *twins}))
    found = [Found(word, address=style.marked, face=style.face) for word, style in words]
    read = {one.address for one in found}
    alone = {address: _without_twins(suspect, read) for address, suspect in suspects.items()}
    told = iter(_judged(page, objects, [(one, alone[one.address]) for one in found if one.address in alone]))
    return [one for run in _runs(next(told) if one.address in alone else one for one in found) for one in run], cut


def _runs(words: Iterable[Found]) -> Iterator[list[Found]]:
    """Words in a row that are unseen for the same reason, or seen; what stands for a drawing counts as seen."""
    for reason, run in groupby(words, key=lambda one: one.hidden):
        found = list(run)
        drawn = sum(len(one.word.text) for one in found if one.drawn)
        pardoned = reason is not None and drawn >= MOSTLY * sum(len(one.word.text) for one in found)
        yield [one._replace(hidden=None) for one in found] if pardoned else found


def _without_twins(suspect: Suspect, read: Container[int]) -> Suspect:
    """The suspect with those twins that say the same: a twin that is read by itself says something else."""
    return suspect._replace(twins=tuple(twin for twin in suspect.twins if address_of(twin) not in read))


class _Places:
    """Where each text is seen."""

    def __init__(self, seen: Iterable[Word]) -> None:
        self._words: dict[str, list[Word]] = defaultdict(list)
        for word in seen:
            self._words[word.text].append(word)

    def holds(self, word: Word) -> bool:
        """Whether the same text is seen in the same place: painted twice, and nothing lost."""
        across, down = (word.left + word.right) / 2, (word.top + word.bottom) / 2
        same = self._words.get(word.text, ())
        return any(other.left <= across <= other.right and other.top <= down <= other.bottom for other in same)


def _texts(unseen: Iterable[Found], places: _Places) -> Iterator[HiddenText]:
    """Words in a row that are unseen for the same reason, those left out that are seen as well."""
    told = (one for one in unseen if not places.holds(one.word))
    for reason, run in groupby(told, key=lambda one: one.hidden):
        words = [one.word for one in run]
        box = BoundingBox.around(words)
        if reason is not None and box is not None:
            yield HiddenText(text=" ".join(word.text for word in words), words=len(words), box=box, hidden=reason)


def _judged(page: Any, objects: Iterable[Placed], doubted: Sequence[tuple[Found, Suspect]]) -> list[Found]:
    """Each of these words, with why nobody sees it."""
    told = [one._replace(hidden=_told(one.word, suspect)) for one, suspect in doubted]
    open_ones = [place for place, found in enumerate(told) if found.hidden is None]
    if open_ones:
        drawings = _Drawings(page, objects, [doubted[place] for place in open_ones])
        for place in open_ones:
            told[place] = drawings.verdict(*doubted[place])
    return told


def _told(word: Word, suspect: Suspect) -> HiddenReason | None:
    """What can be said of a word without a look at the page."""
    if word.right <= 0 or word.bottom <= 0 or word.left >= 1 or word.top >= 1:
        return "outside"
    return "size" if 0 < word.size_points < TINY_POINTS and suspect.cause == "size" else None


class _Drawings:
    """The part of a page where doubtful words stand, drawn with and without their text objects."""

    def __init__(self, page: Any, objects: Iterable[Placed], doubted: Sequence[tuple[Found, Suspect]]) -> None:
        whole = BoundingBox.around(one.word for one, _ in doubted)
        assert whole is not None
        self._page, self._objects = page, objects
        self._frame = _Frame.around(page, whole)
        shown = self._frame.drawn(page)
        with _taken_away([handle for _, suspect in doubted for handle in (suspect.handle, *suspect.twins)]):
            self._change = np.abs(shown - self._frame.drawn(page)).max(axis=2)

    @cached_property
    def _textless(self) -> Pixels:
        """What is drawn beside text."""
        with _taken_away([one.found for one in self._objects if one.kind == pdfium.FPDF_PAGEOBJ_TEXT]):
            return self._frame.drawn(self._page)

    def verdict(self, found: Found, suspect: Suspect) -> Found:
        box = self._frame.slices(found.word)
        change = self._change[box]
        if not change.size or change.max() > SEEN:
            return found
        return found._replace(hidden=suspect.cause, drawn=suspect.on_drawing and _like_writing(self._textless[box]))


def _like_writing(pixels: Pixels) -> bool:
    """Whether a box has ink on even paper, light or dark."""
    grey = pixels.mean(axis=2)
    low, high = grey.min(), grey.max()
    if high - low < INKED:
        return False
    return bool(max((grey >= high - PAPER_SPREAD).mean(), (grey <= low + PAPER_SPREAD).mean()) >= PAPER)


class _Frame(NamedTuple):
    """A part of a page in pixels, and the size of the whole page in them."""

    left: int
    top: int
    width: int
    height: int
    page_width: int
    page_height: int

    @classmethod
    def around(cls, page: Any, part: BoundingBox) -> _Frame:
        across, down = pdfium.FPDF_GetPageWidthF(page.raw), pdfium.FPDF_GetPageHeightF(page.raw)
        longest = max((part.right - part.left) * across, (part.bottom - part.top) * down, 1.0)
        scale = min(DPI / 72, MOST_PIXELS / longest)
        wide, high = max(1, round(across * scale)), max(1, round(down * scale))
        left, top = int(part.left * wide), int(part.top * high)
        return cls(left, top, int(part.right * wide) + 1 - left, int(part.bottom * high) + 1 - top, wide, high)

    def drawn(self, page: Any) -> Pixels:
        """The part as rows of pixels of three channels."""
        bitmap = pypdfium2.PdfBitmap.new_native(self.width, self.height, pdfium.FPDFBitmap_BGRx)
        bitmap.fill_rect((255, 255, 255, 255), 0, 0, self.width, self.height)
        place = (-self.left, -self.top, self.page_width, self.page_height, 0, pdfium.FPDF_ANNOT)
        pdfium.FPDF_RenderPageBitmap(bitmap.raw, page.raw, *place)
        return np.asarray(bitmap.to_numpy()[..., :3], dtype=np.int16)

    def slices(self, word: Word) -> tuple[slice, slice]:
        """The rows and columns of a word."""
        left, right = int(word.left * self.page_width), int(word.right * self.page_width) + 1
        top, bottom = int(word.top * self.page_height), int(word.bottom * self.page_height) + 1
        return slice(top - self.top, bottom - self.top), slice(left - self.left, right - self.left)


@contextmanager
def _taken_away(handles: Sequence[Any]) -> Iterator[None]:
    """A page without these objects, for a while."""
    for handle in handles:
        pdfium.FPDFPageObj_SetIsActive(handle, False)
    try:
        yield
    finally:
        for handle in handles:
            pdfium.FPDFPageObj_SetIsActive(handle, True)
