"""Find the date of a document that no label names: in the words of an oath or deed, or as the first date that stands alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from document_parser.extraction.candidates import Candidate, Pages, Place
from document_parser.extraction.values import Value, find_dates
from document_parser.extraction.view import PageView, Segment

NO_LABEL = "No label names this date. It is the first one of the document."
"""The note on a date without a label."""
MARK_MISSING = "A mark between the numbers of this date could not be read."
"""The note on a date of faded print."""
SIGNED, FIRST, WORN = 0.6, 0.5, 0.4
"""How sure a date is that an oath has, the first one of a document, and one of faded print."""
HEAD_SHARE = 0.4
"""Share of the first page, from the top, in which a document has its date."""
MAX_PIECES = 3
"""Pieces of a line that a date in words has at most: its blanks were filled in one by one."""
MAX_WORDS_BEFORE = 4
"""Words before a date in its piece, and small words behind it, at most: with more it is a date of a sentence."""

_DAY_OF = re.compile(r"\d\D{0,5}\bd?[aeo]y\s*o[frt]", re.IGNORECASE)
_ANOTHER_DAY = re.compile(
    r"\b(?:expir\w*|valid|until|till|through|from|since|between|before|after|by|for|to|of|period|ending|ended|due|rev|revised"
    r"|form|approval|filed|born|birth|dob|gültig|bis|vom|ab|fällig|geb\w*|valable|jusqu\w*|vence|hasta)\b\W*$",
    re.IGNORECASE,
)
"""Words before a date that make it another one than that of the document."""
_AMOUNT = re.compile(r"\D{0,4}\d[\d.,]*[.,]\d\d\D?")
_WORN = re.compile(r"(\d\d) ?(\d\d)[-/.](\d\d|(?:19|20)\d\d)")
_RANGE = re.compile(r"\s*(?:[-–—]|to|until|bis|au|al|through)\s*\d", re.IGNORECASE)


def signing_dates(pages: Pages) -> list[Candidate]:
    """Return the dates in words such as "this 16th day of June, 1995", with which oaths and deeds are signed."""
    return [candidate for view in pages.views for segment in view.segments for candidate in _in_words(segment, view, pages)]


def _in_words(segment: Segment, view: PageView, pages: Pages) -> Iterator[Candidate]:
    """Yield the date in words that begins in a piece of a line and may go on in the next ones."""
    start = _DAY_OF.search(segment.text)
    if not start:
        return
    pieces: list[Segment] = []
    for piece in (segment, *islice(view.right_of(segment), MAX_PIECES - 1)):
        pieces.append(piece)
        for value in find_dates(" ".join(one.text for one in pieces), pages.conventions):
            if value.start <= start.start() < value.end:
                yield Candidate(value.value, _places(value, pieces), SIGNED, note=value.ambiguous)
                return


def _places(value: Value, pieces: Sequence[Segment]) -> tuple[Place, ...]:
    """Return where a value of several pieces, joined by spaces, stands in each."""
    found, offset = [], 0
    for piece in pieces:
        start, end = max(0, value.start - offset), min(len(piece.text), value.end - offset)
        if start < end:
            found.append(Place(piece, start, end))
        offset += len(piece.text) + 1
    return tuple(found)


def first_dates(pages: Pages) -> list[Candidate]:
    """Return the first date of the first page that stands alone: receipts and letters give theirs without a label."""
    for view in pages.views[:1]:
        for segment in view.segments:
            for value in find_dates(segment.text, pages.conventions):
                if _stands_alone(value, segment) and not _is_in_list(segment, view) and _may_be_first(value, segment, pages):
                    place = Place(segment, value.start, value.end)
                    return [Candidate(value.value, (place,), FIRST, note=value.ambiguous or NO_LABEL)]
    return _worn_dates(pages)


def _worn_dates(pages: Pages) -> list[Candidate]:
    """Return the first piece read by OCR that is a date but for a mark between its numbers."""
    for view in pages.views[:1]:
        for segment in view.segments if view.origin == "ocr" else ():
            worn = _WORN.fullmatch(segment.text)
            values = find_dates(worn.expand(r"\1-\2-\3"), pages.conventions) if worn else []
            if values:
                return [Candidate(values[0].value, (Place(segment, 0, len(segment.text)),), WORN, note=MARK_MISSING)]
    return []


def _may_be_first(value: Value, segment: Segment, pages: Pages) -> bool:
    """Return whether a date is at the head of the document, or no other day is named in it: else it is one of many."""
    view = pages.view(segment)
    if segment.top < view.segments[0].top + HEAD_SHARE * view.height:
        return True
    texts = (one.text for view in pages.views for one in view.segments)
    return all(other.value == value.value for text in texts for other in find_dates(text, pages.conventions))


def _is_in_list(segment: Segment, view: PageView) -> bool:
    """Return whether an amount stands right of a date: it is the date of an entry."""
    beside = next(view.right_of(segment), None)
    return beside is not None and bool(_AMOUNT.fullmatch(beside.text))


def _stands_alone(value: Value, segment: Segment) -> bool:
    """Return whether a date is no part of a sentence or of a period, and no word makes it another day."""
    before, after = segment.text[: value.start], segment.text[value.end :]
    if _ANOTHER_DAY.search(before) or _RANGE.match(after):
        return False
    words_after = [word for word in after.split() if word.isalpha() and word.islower()]
    return len(before.split()) <= MAX_WORDS_BEFORE and len(words_after) < MAX_WORDS_BEFORE
