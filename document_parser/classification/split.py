"""Find where documents begin in a file that may hold several, by what its pages say."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from document_parser.classification.evidence import OTHER, PageEvidence
from document_parser.classification.features import Floats
from document_parser.classification.model import CLASSES, NONE
from document_parser.models.classification import GENERIC

BEGINS = 1.6
"""Evidence for a beginning, less that against it, at least, that splits a file before a page."""
STRONG_TITLE = 0.6
"""Strength of a title, at least, that may begin a document."""
SURE_TYPE = 0.6
"""How likely the type of a page is, at least, that counts as its type."""
SURE_TEXT = 0.9
"""How likely a page is ordinary text, at least, that is no page of another kind of document."""
UNLIKE_HEAD, LIKE_HEAD = 0.1, 0.6
"""Shares of the words at the tops of two pages that are on both: below and above these the letterheads differ or agree."""
MIN_HEAD_WORDS = 4
"""Words at the top of a page, at least, that are compared."""
SAME_SIZE = 0.06
"""By how much of itself a side of a page may differ from that of another of the same size, as scans do. A turned page is the
same size."""


class Beginning(NamedTuple):
    """A page with which a document begins, by its place among the pages, and why."""

    place: int
    reasons: tuple[str, ...]


class _Sign(NamedTuple):
    """Something that speaks for (above 0) or against a beginning."""

    weight: float
    reason: str = ""


def find_beginnings(pages: Sequence[PageEvidence], likely: Sequence[Floats]) -> list[Beginning]:
    """Return the pages with which documents begin, the first page always. ``likely`` are the probabilities of each page.

    Pages without words belong to the document before them.
    """
    found = [Beginning(0, ())]
    inked = [place for place, page in enumerate(pages) if page.words]
    for before, place in pairwise(inked):
        start = found[-1].place
        signs = [*_signs_of_numbering(pages, start, before, place), *_signs_of_looks(pages, likely, start, before, place)]
        if sum(sign.weight for sign in signs) >= BEGINS:
            reasons = [sign.reason for sign in sorted(signs, key=lambda sign: -sign.weight) if sign.weight > 0 and sign.reason]
            found.append(Beginning(place, tuple(reasons)))
    return found


def _signs_of_numbering(pages: Sequence[PageEvidence], start: int, before: int, place: int) -> list[_Sign]:
    """Return what the numbers of pages and of documents say."""
    page, last = pages[place], pages[before]
    signs = []
    if page.page_of is not None:
        number, count = page.page_of
        if number == 1:
            signs.append(_Sign(3.0, f"page {page.number} says that it is 1 of {count}"))
        elif last.page_of == (number - 1, count) or number == place - start + 1:
            signs.append(_Sign(-4.0))
        elif last.page_of is not None:
            signs.append(_Sign(1.0, f"page {page.number} says that it is {number} of {count}"))
    if last.page_of is not None and last.page_of[0] == last.page_of[1] and (page.page_of is None or page.page_of[0] == 1):
        signs.append(_Sign(1.5, f"page {last.number} says that it is the last"))
    known = frozenset[str]().union(*(one.numbers for one in pages[start:place]))
    if page.numbers and known:
        if page.numbers & known:
            signs.append(_Sign(-4.0))
        else:
            signs.append(_Sign(2.5, f"another number on page {page.number}: {sorted(page.numbers)[0]}"))
    return signs


def _signs_of_looks(
    pages: Sequence[PageEvidence], likely: Sequence[Floats], start: int, before: int, place: int
) -> list[_Sign]:
    """Return what titles, types, letterheads and sizes say."""
    page, last = pages[place], pages[before]
    signs = []
    title = max(
        (hit for name, hit in page.titles.items() if name not in (GENERIC, OTHER)), key=lambda hit: hit.strength, default=None
    )
    if title is not None and title.strength >= STRONG_TITLE:
        known = {hit.text.casefold() for one in pages[start:place] for hit in one.titles.values()}
        weight = 0.5 if title.text.casefold() in known else 1.6
        signs.append(_Sign(weight, f"title {title.text!r} on page {page.number}"))
    here, there = _type_of(likely[place]), _type_of(likely[before])
    if here and there and here != there:
        signs.append(_Sign(1.6, f"page {page.number} is of another kind ({here.replace('_', ' ')}) than page {last.number}"))
    elif here == there == "receipt":
        signs.append(_Sign(1.2, f"page {page.number} is a receipt by itself"))
    elif here and _is_running_text(likely[before]):
        signs.append(_Sign(1.0, f"page {page.number} is of another kind ({here.replace('_', ' ')}) than the text before it"))
    elif there and _is_running_text(likely[place]):
        signs.append(_Sign(0.8, f"page {page.number} is running text after a page of another kind ({there.replace('_', ' ')})"))
    if min(len(page.head), len(last.head)) >= MIN_HEAD_WORDS:
        shared = len(page.head & last.head) / len(page.head | last.head)
        if shared < UNLIKE_HEAD:
            signs.append(_Sign(0.6, f"another letterhead on page {page.number}"))
        elif shared > LIKE_HEAD:
            signs.append(_Sign(-1.0))
    sides = zip(sorted(page.size), sorted(last.size), strict=True)
    if any(abs(one - other) > SAME_SIZE * max(one, other, 1.0) for one, other in sides):
        signs.append(_Sign(1.0, f"page {page.number} has another size"))
    if page.starts_small:
        signs.append(_Sign(-1.5))
    if page.is_carried:
        signs.append(_Sign(-1.0))
    return signs


def _is_running_text(likely: Floats) -> bool:
    """Return whether a page is surely ordinary text."""
    return bool(likely[CLASSES.index(GENERIC)] >= SURE_TEXT)


def _type_of(likely: Floats) -> str:
    """Return the type of a page; empty if it is not sure, or one that any document may have pages of."""
    best = int(np.argmax(likely))
    return CLASSES[best] if likely[best] >= SURE_TYPE and CLASSES[best] not in (GENERIC, NONE) else ""
