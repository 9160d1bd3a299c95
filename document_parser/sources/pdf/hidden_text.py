"""Text of a PDF page that nobody sees: white on white, transparent, tiny, covered, cut away. Runs in the opener child.

What may be unseen is told by how objects are painted, which costs next to nothing. Only where there is such text, the page is
drawn with and without it: where no pixel of a word's box changes, nobody sees the word. So white text on a dark band stays, and
so does text on a picture.
"""

from __future__ import annotations

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
from document_parser.sources.pdf.hidden_candidates import TINY_POINTS, Suspect
from document_parser.sources.pdf.objects import Placed, address_of
from document_parser.sources.pdf.text_layer import extract_marked

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

Boxes = NDArray[np.float64]
Pixels = NDArray[np.int16]


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
