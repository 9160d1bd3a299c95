"""Find who signed a document: the name that is printed with the signature, not the strokes of the signature itself.

Forms print "type or print name under each signature" above, "(signature)" below or "By:" before the line, or only the oath
that is signed there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

from document_parser.extraction.candidates import Blank, Candidate, Findings, Pages, Place
from document_parser.extraction.labels import LabelHit
from document_parser.extraction.names import find_person
from document_parser.extraction.view import PageView, Segment

SIGNER_ROLE = "signer"
"""Role of the name of a person who signed."""
MAX_LINES = 8
"""Heights of a label below it, within which the signer's name is printed: first comes the signature."""
HANDWRITING_HEIGHTS = 1.5
"""A piece that is higher than this many usual lines was written by hand."""
MIN_HAND_CONFIDENCE = 0.85
"""How sure the reader must be of what was written by hand."""
MAX_WORDS = 8
"""A longer piece is a sentence, at which a search ends."""
AT_LABEL, AT_OATH, BY_HAND = 0.85, 0.7, 0.6
"""How sure a name is at a label and after an oath; the last is a factor for what was written by hand."""

_OATH = re.compile(r"\bundersigned\b|\bin witness whereof\b|\bpenalty of perjury\b", re.IGNORECASE)
_NOTARY = re.compile(r"\bbefore me\b|\bday\s?of\b|\bmy ?com+is+i?on\b|\(notary\b|\bnotary public,", re.IGNORECASE)
"""Where the part of the officer begins before whom an oath is signed: names in it are others."""


def find_signers(hits: Sequence[LabelHit], pages: Pages) -> Findings:
    """Return the names of signers, the surest first, and the labels at which there is none that can be read."""
    found = Findings()
    for hit in hits:
        if _is_label(hit):
            at_label = list(_at_label(hit, pages))
            found.candidates += at_label
            if not at_label:
                found.blanks.append(_blank_of(hit, pages))
    if not found.candidates:
        for view in pages.views:
            found.candidates += _after_oath(view)
    found.candidates.sort(key=lambda one: -one.score)
    return found


def _is_label(hit: LabelHit) -> bool:
    """Return whether the words of a label stand for themselves or before a name: "by" is a word of sentences as well."""
    text = hit.segment.text
    rest = text[hit.end :].strip(" :._)('’¹1")
    is_word = text[hit.start].islower() and bool(rest)
    return hit.begins_segment and hit.quality >= 0.9 and not is_word and (not rest or find_person(text[hit.end :]) is not None)


def _at_label(hit: LabelHit, pages: Pages) -> Iterator[Candidate]:
    """Yield the names behind, right of, below or above a label, the nearest printed one first."""
    segment, view = hit.segment, pages.view(hit.segment)
    label = segment.text[hit.start : hit.end]
    person = find_person(segment.text[hit.end :])
    if person is not None:
        place = Place(segment, hit.end + person[0], hit.end + person[1])
        yield Candidate(place.text, (place,), AT_LABEL * hit.quality, label)
        return
    beside = next(view.right_of(segment), None)
    if beside is not None and not pages.begins_with_label(beside, hit.key) and find_person(beside.text):
        yield from _printed([beside], AT_LABEL * hit.quality, label, view, segment.height)
        return
    column = [one for one in view.below(segment, MAX_LINES * segment.height) if one is not beside]
    below = takewhile(lambda one: len(one.text.split()) <= MAX_WORDS and not _NOTARY.search(one.text), column)
    above = view.above(segment, 2 * segment.height)
    names = list(_printed(below, AT_LABEL * hit.quality, label, view, segment.height))
    yield from names or _printed(above, AT_LABEL * hit.quality * 0.8, label, view, segment.height)


def _blank_of(hit: LabelHit, pages: Pages) -> Blank:
    """Return a label without a name that can be read; what was written there by hand is unreadable."""
    view = pages.view(hit.segment)
    for piece in view.below(hit.segment, MAX_LINES * hit.segment.height):
        if len(piece.text.split()) > MAX_WORDS or _NOTARY.search(piece.text):
            break
        if piece.height > HANDWRITING_HEIGHTS * min(hit.segment.height, view.line_height):
            return Blank(hit, piece.text.strip(), (Place(piece, 0, len(piece.text)),))
    return Blank(hit)


def _printed(pieces: Iterable[Segment], score: float, label: str, view: PageView, height: float) -> Iterator[Candidate]:
    """Yield the names among pieces: printed ones, else those written by hand that the reader is sure of."""
    by_hand: list[Candidate] = []
    printed = 0
    for piece in pieces:
        person = find_person(piece.text)
        if person is None:
            continue
        place = Place(piece, *person)
        sure = piece.confidence(*person)
        if piece.height <= HANDWRITING_HEIGHTS * min(height, view.line_height):
            yield Candidate(place.text, (place,), score * 0.95**printed, label)
            printed += 1
        elif sure is None or sure >= MIN_HAND_CONFIDENCE:
            by_hand.append(Candidate(place.text, (place,), score * BY_HAND, label))
    if not printed:
        yield from by_hand[-1:]


def _after_oath(view: PageView) -> Iterator[Candidate]:
    """Yield the names between the text of an oath and the part of the officer before whom it is signed."""
    oath = next((one for one in view.segments if _OATH.search(one.text)), None)
    if oath is None:
        return
    later = [one for one in view.segments if one.top > oath.middle]
    end = min((one.top for one in later if _NOTARY.search(one.text) and not one.text[:1].islower()), default=view.height)
    pieces = [one for one in later if one.bottom < end + one.height / 2]
    # Where no label says that it is a name, what was read of handwriting is none.
    yield from (one for one in _printed(pieces, AT_OATH, "", view, view.line_height) if one.score > AT_OATH * BY_HAND)
