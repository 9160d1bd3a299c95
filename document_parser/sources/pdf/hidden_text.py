"""Separate the invisible text of a PDF page: white on white, transparent, tiny, covered, clipped away, in a layer that is off.

How objects are painted shows which text may be invisible, at hardly any cost. Only if there is such text, the page is rendered
with and without it: if no pixel of a word's box changes, the word is invisible. So white text on a dark band stays, and so does
text on an image. Runs in the opener child.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium

from document_parser.models import BoundingBox, HiddenReason, HiddenText, Word
from document_parser.sources.pdf.hidden_candidates import MIN_TEXT_POINTS, Suspect
from document_parser.sources.pdf.objects import PageObject, address_of
from document_parser.sources.pdf.page_text import PageText
from document_parser.sources.pdf.rendering import MIN_CHANGE_LEVELS, Pixels, Region, objects_removed
from document_parser.sources.pdf.text_layer import extract_marked_words

MIN_INK_LEVELS = 96
"""Levels, of 255, by which writing differs from its paper at least."""
MIN_PAPER_SHARE, PAPER_SPREAD_LEVELS = 0.35, 20
"""In the box of a drawn word this share of the pixels is paper, within PAPER_SPREAD_LEVELS, of 255, of its level. In a photo it
is not."""
MIN_DRAWN_SHARE = 0.5
"""Invisible words in a row repeat what is written in a drawing if this share of their letters lies on something like
writing."""


class LayerWord(NamedTuple):
    """A word of the text layer, why it is invisible, and whether it lies on a drawing of something like writing.

    ``address`` is that of its text object, if that is a suspect; ``face`` distinguishes its font from others.
    """

    word: Word
    hidden: HiddenReason | None = None
    drawn: bool = False
    address: int = 0
    face: int = 0


class SplitText(NamedTuple):
    """The visible words of a page, each with the face it is set in, and its hidden texts."""

    words: list[tuple[Word, int]]
    hidden: list[HiddenText]


def split_visible_text(page: Any, text: PageText, objects: Iterable[PageObject], suspects: Mapping[int, Suspect]) -> SplitText:
    """Split a page's text layer into visible words and hidden texts. Raises PageUnreadable as ``extract_words`` does.

    Words that repeat what is written in an image, or in shapes of letters, at their place count as visible.
    """
    if not suspects:
        return SplitText([(word, style.face) for word, style in extract_marked_words(page, text, frozenset()).words], [])
    found, was_split = _judge_page(page, text, objects, suspects)
    unseen = {address: suspects[address] for address in (one.address for one in found if one.hidden) if address in suspects}
    if was_split and len(unseen) < len(suspects):
        # A word ends where an object with another mark begins; only invisible objects may split words.
        found, _ = _judge_page(page, text, objects, unseen)
    seen = [(one.word, one.face) for one in found if one.hidden is None]
    return SplitText(seen, list(_merge_hidden((one for one in found if one.hidden), _VisiblePlaces(word for word, _ in seen))))


def _judge_page(
    page: Any, text: PageText, objects: Iterable[PageObject], suspects: Mapping[int, Suspect]
) -> tuple[list[LayerWord], bool]:
    """Return all words of a page, those of suspects judged, and whether a word was split because a suspect begins in it."""
    twins = {address_of(twin) for suspect in suspects.values() for twin in suspect.twins}
    words, was_split = extract_marked_words(page, text, frozenset({*suspects, *twins}))
    found = [LayerWord(word, address=style.marked, face=style.face) for word, style in words]
    read = {one.address for one in found}
    alone = {address: _drop_read_twins(suspect, read) for address, suspect in suspects.items()}
    judged = iter(_judge_words(page, objects, [(one, alone[one.address]) for one in found if one.address in alone]))
    return [
        one for run in _group_runs(next(judged) if one.address in alone else one for one in found) for one in run
    ], was_split


def _group_runs(words: Iterable[LayerWord]) -> Iterator[list[LayerWord]]:
    """Yield words in a row that are hidden for the same reason, or visible; what repeats a drawing counts as visible."""
    for reason, run in groupby(words, key=lambda one: one.hidden):
        found = list(run)
        drawn = sum(len(one.word.text) for one in found if one.drawn)
        repeats_drawing = reason is not None and drawn >= MIN_DRAWN_SHARE * sum(len(one.word.text) for one in found)
        yield [one._replace(hidden=None) for one in found] if repeats_drawing else found


def _drop_read_twins(suspect: Suspect, read: Container[int]) -> Suspect:
    """Return the suspect with the twins that repeat it: a twin that is read by itself is another text."""
    return suspect._replace(twins=tuple(twin for twin in suspect.twins if address_of(twin) not in read))


class _VisiblePlaces:
    """Where each text is visible."""

    def __init__(self, seen: Iterable[Word]) -> None:
        self._words: dict[str, list[Word]] = defaultdict(list)
        for word in seen:
            self._words[word.text].append(word)

    def includes(self, word: Word) -> bool:
        """Return whether the same text is visible at the same place: painted twice, and nothing lost."""
        across, down = (word.left + word.right) / 2, (word.top + word.bottom) / 2
        same = self._words.get(word.text, ())
        return any(other.left <= across <= other.right and other.top <= down <= other.bottom for other in same)


def _merge_hidden(unseen: Iterable[LayerWord], places: _VisiblePlaces) -> Iterator[HiddenText]:
    """Yield words in a row that are hidden for the same reason, without those that are visible as well."""
    hidden = (one for one in unseen if not places.includes(one.word))
    for reason, run in groupby(hidden, key=lambda one: one.hidden):
        words = [one.word for one in run]
        box = BoundingBox.around(words)
        if reason is not None and box is not None:
            yield HiddenText(text=" ".join(word.text for word in words), words=len(words), box=box, hidden=reason)


def _judge_words(page: Any, objects: Iterable[PageObject], suspected: Sequence[tuple[LayerWord, Suspect]]) -> list[LayerWord]:
    """Return each of these words with the reason why it is invisible; None if it is visible."""
    judged = [one._replace(hidden=_reason_without_rendering(one.word, suspect)) for one, suspect in suspected]
    undecided = [place for place, found in enumerate(judged) if found.hidden is None]
    if undecided:
        renderings = _Renderings(page, objects, [suspected[place] for place in undecided])
        for place in undecided:
            judged[place] = renderings.judge(*suspected[place])
    return judged


def _reason_without_rendering(word: Word, suspect: Suspect) -> HiddenReason | None:
    """Return why a word is invisible as far as that is known without rendering the page; None if it is not."""
    if word.right <= 0 or word.bottom <= 0 or word.left >= 1 or word.top >= 1:
        return "outside"
    if suspect.cause == "layer":
        return "layer"
    return "size" if 0 < word.size_points < MIN_TEXT_POINTS and suspect.cause == "size" else None


class _Renderings:
    """The part of a page with doubtful words, rendered with and without their text objects."""

    def __init__(self, page: Any, objects: Iterable[PageObject], suspected: Sequence[tuple[LayerWord, Suspect]]) -> None:
        whole = BoundingBox.around(one.word for one, _ in suspected)
        assert whole is not None
        self._page, self._objects = page, objects
        self._region = Region.around(page, whole)
        shown = self._region.render(page)
        with objects_removed([handle for _, suspect in suspected for handle in (suspect.handle, *suspect.twins)]):
            self._change = np.abs(shown - self._region.render(page)).max(axis=2)

    @cached_property
    def _textless(self) -> Pixels:
        """The rendering of everything except text."""
        with objects_removed([one.found for one in self._objects if one.kind == pdfium.FPDF_PAGEOBJ_TEXT]):
            return self._region.render(self._page)

    def judge(self, found: LayerWord, suspect: Suspect) -> LayerWord:
        """Return the word with the suspect's cause if no pixel of its box changes without its text object."""
        box = self._region.slices_of(found.word[1:5])
        change = self._change[box]
        if not change.size or change.max() > MIN_CHANGE_LEVELS:
            return found
        return found._replace(hidden=suspect.cause, drawn=suspect.on_drawing and _is_like_writing(self._textless[box]))


def _is_like_writing(pixels: Pixels) -> bool:
    """Return whether a box has ink on even paper, light or dark."""
    grey = pixels.mean(axis=2)
    low, high = grey.min(), grey.max()
    if high - low < MIN_INK_LEVELS:
        return False
    return bool(max((grey >= high - PAPER_SPREAD_LEVELS).mean(), (grey <= low + PAPER_SPREAD_LEVELS).mean()) >= MIN_PAPER_SHARE)
