"""Find where documents begin in a file that may hold several, by what its pages say.

Each sign for or against a beginning is a number from 0 to 1. Their weights are those of a logistic regression, which
``python -m benchmarks.classification.train`` fits on bundles that it makes of documents.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from math import exp, log, log1p, sqrt
from pathlib import Path
from typing import NamedTuple

import numpy as np

from document_parser.classification.evidence import OTHER, PageEvidence
from document_parser.classification.features import Floats
from document_parser.classification.model import CLASSES, NONE
from document_parser.classification.tokens import TokenCounts
from document_parser.models.classification import GENERIC

SPLIT_WEIGHTS = Path(__file__).with_name("split_weights.json")
"""File with the weight of each sign."""
BEGINS = 0.5
"""How likely a beginning is, at least, that splits a file before a page."""
MIN_REASON = 0.5
"""What a sign adds to the logit of a beginning, at least, to be named as a reason."""
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
OTHER_LETTERS = 0.35
"""Logarithm of the ratio of two pages' letters that are surely of different sizes."""
OTHER_MARGINS = 0.12
"""Difference of two pages' margins, as a share of the width, that are surely of different layouts."""
FULL = 0.75
"""Share of a page's height that its text reaches at least if the document goes on, in most cases."""

MAX_COMPARED = 3
"""Pages of a document with whose words those of the next page are compared, at most."""


class Beginning(NamedTuple):
    """A page with which a document begins, by its place among the pages, and why."""

    place: int
    reasons: tuple[str, ...]


class Sign(NamedTuple):
    """Something that speaks for or against a beginning: its name, how clear it is, from 0 to 1, and what to call it."""

    name: str
    value: float
    reason: str = ""


SIGNS = (
    "numbered first", "numbered on", "numbered otherwise", "last of its number", "same document number",
    "other document number", "new title", "known title", "other kind", "two receipts", "kind after text",
    "text after kind", "other head", "same head", "other size", "small letter", "carried", "alone first", "alone on",
    "other language", "same language", "other origin", "other letters", "other margins", "other top", "short page",
    "closed", "open", "date on top", "heading", "other words", "other types",
)  # fmt: skip
"""The names of all signs."""


@cache
def load_weights() -> tuple[float, Mapping[str, float]]:
    """Return what is added to all, and the weight of each sign."""
    stored = json.loads(SPLIT_WEIGHTS.read_text("utf-8"))
    return float(stored["base"]), stored["weights"]


def find_beginnings(
    pages: Sequence[PageEvidence], likely: Sequence[Floats], weights: tuple[float, Mapping[str, float]] | None = None
) -> list[Beginning]:
    """Return the pages with which documents begin, the first page always. ``likely`` are the probabilities of each page.

    Pages without words belong to the document before them. ``weights`` are those of the package by default.
    """
    base, by_name = weights or load_weights()
    found = [Beginning(0, ())]
    inked = [place for place, page in enumerate(pages) if page.words]
    for before, place in pairwise(inked):
        signs = signs_of(pages, likely, found[-1].place, before, place)
        weighed = [(by_name[sign.name] * sign.value, sign.reason) for sign in signs]
        if 1 / (1 + exp(-base - sum(weight for weight, _ in weighed))) >= BEGINS:
            named = sorted((one for one in weighed if one[1] and one[0] >= MIN_REASON), key=lambda one: -one[0])
            reasons = tuple(reason for _, reason in named)
            found.append(Beginning(place, reasons or (f"page {pages[place].number} differs from the page before it",)))
    return found


def signs_of(pages: Sequence[PageEvidence], likely: Sequence[Floats], start: int, before: int, place: int) -> list[Sign]:
    """Return what speaks for and against a beginning at ``place``.

    ``start`` is where the document before it began, ``before`` the last page of that with words.
    """
    document, last, page = pages[start:place], pages[before], pages[place]
    signs = [
        *_signs_of_numbers(page, last, document),
        *_signs_of_types(page, last, document, likely[place], likely[before]),
        *_signs_of_looks(page, last, document),
    ]
    return [sign for sign in signs if sign.value]


def _signs_of_numbers(page: PageEvidence, last: PageEvidence, document: Sequence[PageEvidence]) -> list[Sign]:
    """Return what the numbers of pages and of documents say."""
    signs = []
    if page.page_of is not None:
        number, count = page.page_of
        if number == 1:
            signs.append(Sign("numbered first", 1, f"page {page.number} says that it is 1 of {count}"))
        elif last.page_of == (number - 1, count) or number == len(document) + 1:
            signs.append(Sign("numbered on", 1))
        elif last.page_of is not None:
            signs.append(Sign("numbered otherwise", 1, f"page {page.number} says that it is {number} of {count}"))
    elif page.look.own_number == 1 and len(document) > 1:
        signs.append(Sign("alone first", 1, f"page {page.number} has the page number 1"))
    elif page.look.own_number > 1 and page.look.own_number in (last.look.own_number + 1, len(document) + 1):
        signs.append(Sign("alone on", 1))
    if last.page_of is not None and last.page_of[0] == last.page_of[1] and (page.page_of is None or page.page_of[0] == 1):
        signs.append(Sign("last of its number", 1, f"page {last.number} says that it is the last"))
    known = frozenset[str]().union(*(one.numbers for one in document))
    if page.numbers and known:
        if page.numbers & known:
            signs.append(Sign("same document number", 1))
        else:
            signs.append(Sign("other document number", 1, f"another number on page {page.number}: {sorted(page.numbers)[0]}"))
    return signs


def _signs_of_types(
    page: PageEvidence, last: PageEvidence, document: Sequence[PageEvidence], likely: Floats, likely_last: Floats
) -> list[Sign]:
    """Return what titles and types say."""
    signs = []
    title = max(
        (hit for name, hit in page.titles.items() if name not in (GENERIC, OTHER)), key=lambda hit: hit.strength, default=None
    )
    if title is not None and title.strength >= STRONG_TITLE:
        known = {hit.text.casefold() for one in document for hit in one.titles.values()}
        name = "known title" if title.text.casefold() in known else "new title"
        signs.append(Sign(name, title.strength, f"title {title.text!r} on page {page.number}"))
    here, there = _type_of(likely), _type_of(likely_last)
    shown, shown_last = here.replace("_", " "), there.replace("_", " ")
    if here and there and here != there:
        signs.append(Sign("other kind", 1, f"page {page.number} is of another kind ({shown}) than page {last.number}"))
    elif here == there == "receipt":
        signs.append(Sign("two receipts", 1, f"page {page.number} is a receipt by itself"))
    elif here and _is_running_text(likely_last):
        signs.append(Sign("kind after text", 1, f"page {page.number} is of another kind ({shown}) than the text before it"))
    elif there and _is_running_text(likely):
        reason = f"page {page.number} is running text after a page of another kind ({shown_last})"
        signs.append(Sign("text after kind", 1, reason))
    signs.append(Sign("other types", max(0.0, 1 - float(np.sqrt(likely * likely_last).sum()))))
    return signs


def _signs_of_looks(page: PageEvidence, last: PageEvidence, document: Sequence[PageEvidence]) -> list[Sign]:
    """Return what letterheads, sizes, layout, language and words say, and how the page before ends."""
    signs = []
    look, former = page.look, last.look
    if min(len(page.head), len(last.head)) >= MIN_HEAD_WORDS:
        shared = len(page.head & last.head) / len(page.head | last.head)
        if shared < UNLIKE_HEAD:
            signs.append(Sign("other head", 1, f"another letterhead on page {page.number}"))
        elif shared > LIKE_HEAD:
            signs.append(Sign("same head", 1))
    sides = zip(sorted(page.size), sorted(last.size), strict=True)
    if any(abs(one - other) > SAME_SIZE * max(one, other, 1.0) for one, other in sides):
        signs.append(Sign("other size", 1, f"page {page.number} has another size"))
    if look.language and former.language:
        differs = look.language != former.language
        signs.append(Sign("other language" if differs else "same language", 1, f"page {page.number} is in another language"))
    if look.origin != former.origin:
        signs.append(Sign("other origin", 1, f"of page {page.number} and page {last.number} one alone is a scan"))
    sizes = abs(log(max(look.line_height, 1.0) / max(former.line_height, 1.0)))
    signs.append(Sign("other letters", min(1.0, sizes / OTHER_LETTERS), f"page {page.number} has letters of another size"))
    margins = max(abs(look.left - former.left), abs(look.right - former.right))
    signs.append(Sign("other margins", min(1.0, margins / OTHER_MARGINS), f"page {page.number} has other margins"))
    signs += [
        Sign("other top", min(1.0, abs(look.top - former.top) / OTHER_MARGINS)),
        Sign("short page", max(0.0, FULL - former.bottom) / FULL, f"page {last.number} is not full"),
        Sign("closed", float(former.closes), f"page {last.number} ends with a signature"),
        Sign("open", float(former.ends_open)),
        Sign("date on top", float(look.date_on_top)),
        Sign("heading", float(look.has_heading)),
        Sign("small letter", float(page.starts_small)),
        Sign("carried", float(page.is_carried)),
        Sign("other words", 1 - _likeness(page.tokens, document), f"page {page.number} has other words"),
    ]
    return signs


def _likeness(tokens: TokenCounts, document: Sequence[PageEvidence]) -> float:
    """Return how like the words of a page are to those of the end of a document: the cosine of their counts, 0 to 1."""
    known: TokenCounts = TokenCounts()
    for one in document[-MAX_COMPARED:]:
        known.update(one.tokens)
    shared = sum(log1p(count) * log1p(known[place]) for place, count in tokens.items() if place in known)
    lengths = sqrt(sum(log1p(one) ** 2 for one in tokens.values()) * sum(log1p(one) ** 2 for one in known.values()))
    return shared / lengths if lengths else 0.0


def _is_running_text(likely: Floats) -> bool:
    """Return whether a page is surely ordinary text."""
    return bool(likely[CLASSES.index(GENERIC)] >= SURE_TEXT)


def _type_of(likely: Floats) -> str:
    """Return the type of a page; empty if it is not sure, or one that any document may have pages of."""
    best = int(np.argmax(likely))
    return CLASSES[best] if likely[best] >= SURE_TYPE and CLASSES[best] not in (GENERIC, NONE) else ""
