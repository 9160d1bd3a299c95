"""Say where on a page the value of a label may stand: behind it, right of it, below it, in a box before it."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

from document_parser.extraction.candidates import Pages, Place, stops
from document_parser.extraction.field_values import MAX_PLACE_CHARACTERS, NUMBERED
from document_parser.extraction.labels import LabelHit
from document_parser.extraction.values import find_box_before
from document_parser.extraction.view import PageView, Segment

SAME_LINE, RIGHT, BELOW, ABOVE, BESIDE = 1.0, 0.95, 0.8, 0.6, 0.5
"""How sure a value is by where it stands from its label. ``BESIDE`` is lower than the label and right of it."""
MAX_RIGHT_SEGMENTS = 6
"""Pieces of a line right of a label that are looked at."""
MAX_BELOW_HEIGHTS, MAX_TYPED_HEIGHTS, MAX_ABOVE_HEIGHTS = 2.6, 4.5, 1.5
"""A value stands at most this many heights of its label below it: any, and one that is known by its letters, such as a date.
The last is for values above a caption."""
MAX_BOX_HEIGHTS = 3.0
"""White between a check box and its label, in heights of the label, at most."""
_ADDITION = re.compile(r"\s*\([^()\d]{1,40}\)(?:\s*[.:])?")
"""Words in brackets that complete a label, as in "Name of registrant (or agent)"."""
CAPTION = re.compile(r"\W*\(.*\)\W*")
"""A text wholly in brackets: what a form prints at a line to say what is to be written there."""
_NEXT_NUMBER = re.compile(r"\s*\(?(?:\d{1,2}[a-z]?|[a-z])[.)]\s*$", re.IGNORECASE)
"""The number of the next question at the end of a text."""


def places_of(hit: LabelHit, pages: Pages, *, is_typed: bool = False) -> Iterator[tuple[Place, float]]:
    """Yield the places where the value of a label may stand, with how sure each is.

    ``is_typed`` says that a value is known by its letters, as a date is: it may then stand farther from its label.
    """
    segment, view = hit.segment, pages.view(hit.segment)
    behind = place_behind(hit, pages)
    yield behind, SAME_LINE
    if re.search(r"[:\d]", segment.text[behind.end :]) and not _NEXT_NUMBER.fullmatch(segment.text[behind.end :]):
        return  # another label with a value of its own
    for count, other in enumerate(view.right_of(segment)):
        if count == MAX_RIGHT_SEGMENTS or is_another_label(other, hit, pages):
            break
        yield Place(other, 0, _end_before_label(other, 1, pages)), RIGHT * (1 - 0.03 * count)
    if segment.text[behind.start :].strip(" :.#)") and hit.quality < 1:
        return
    left, right = column_of(hit, view, pages)
    for other, weight in _below(segment, min(right, view.width), view, is_typed=is_typed):
        if is_another_label(other, hit, pages):
            break
        start, end = other.within(left, right)
        if start < end:
            yield Place(other, start, end), weight
    if CAPTION.fullmatch(segment.text):
        above = next(view.above(segment, MAX_ABOVE_HEIGHTS * segment.height), None)
        if above is not None and not is_another_label(above, hit, pages):
            yield Place(above, 0, len(above.text)), ABOVE


def place_behind(hit: LabelHit, pages: Pages) -> Place:
    """Return what follows a label in its piece, without words in brackets that complete it, up to the next label."""
    text = hit.segment.text
    addition = _ADDITION.match(text, hit.end)
    start = addition.end() if addition else hit.end
    return Place(hit.segment, start, max(start, _end_before_label(hit.segment, start, pages, hit)))


def _end_before_label(segment: Segment, start: int, pages: Pages, behind: LabelHit | None = None) -> int:
    """Return where the next label after a place of a piece begins, with the number before it; the end if there is none.

    ``behind`` is the label before the place, if there is one: what is filled in there ends nothing.
    """
    hits = pages.hits_in(segment)  # from left to right
    near = slice(*(bisect_left(hits, at, key=lambda hit: hit.start) for at in (start, start + MAX_PLACE_CHARACTERS)))
    ends = (other.start for other in hits[near] if stops(other) and not (behind is not None and _is_filled_in(other, behind)))
    end = next(ends, len(segment.text))
    number = _NEXT_NUMBER.search(segment.text, start, end) if end < len(segment.text) else None
    return number.start() if number else end


def is_another_label(segment: Segment, hit: LabelHit, pages: Pages) -> bool:
    """Return whether a piece names something else, so that it is no value of the label.

    Such are known labels, questions, what ends with a colon, and the next number where the label has one.
    """
    if pages.begins_with_label(segment, hit.key) or segment.text.rstrip().endswith((":", "?")):
        return True
    return bool(NUMBERED.match(hit.segment.text) and NUMBERED.match(segment.text))


def column_of(hit: LabelHit, view: PageView, pages: Pages) -> tuple[float, float]:
    """Return from where to where on the page the values below a label stand: between the labels beside it."""
    left, right = 0.0, float("inf")
    for other in view.right_of(hit.segment):
        if is_another_label(other, hit, pages):
            right = min(right, other.left)
            break
    for other in view.left_of(hit.segment):
        if is_another_label(other, hit, pages):
            left = hit.segment.left
            break
    return left, right


def _below(segment: Segment, right: float, view: PageView, *, is_typed: bool) -> Iterator[tuple[Segment, float]]:
    """Yield the pieces below a label, with how sure each is; those of a known type also farther below and beside it."""
    height = segment.height
    found: list[tuple[Segment, float]] = []
    for other in view.below(segment, (MAX_TYPED_HEIGHTS if is_typed else MAX_BELOW_HEIGHTS) * height):
        near = abs(other.left - segment.left) < 3 * height or abs(other.right - segment.right) < 3 * height
        far = max(0.0, (other.top - segment.bottom) / height - MAX_BELOW_HEIGHTS)
        found.append((other, (BELOW if near else BELOW * 0.8) * 0.9**far))
    if is_typed:
        for other in view.between(segment.middle, segment.bottom + 1.5 * height):
            if segment.right <= other.left < min(right, segment.right + 4 * height) and other.top > segment.middle - 1:
                found.append((other, BESIDE))
    yield from sorted(found, key=lambda one: one[0].top)


def _is_filled_in(other: LabelHit, hit: LabelHit) -> bool:
    """Return whether what is a label elsewhere is all that stands behind a label and its colon: then it is the value."""
    text = hit.segment.text
    return other.key.startswith("known ") and text[hit.end : other.start].strip() == ":" and not text[other.end :].strip(" .")


def box_before(hit: LabelHit, pages: Pages) -> Place | None:
    """Return the check box right before a label, in its piece of the line or in the one before; None if there is none."""
    segment = hit.segment
    if segment.text[: hit.start].strip():
        found = find_box_before(segment.text[: hit.start])
        return Place(segment, found[0].start, found[0].end) if found else None
    for other in pages.view(segment).between(segment.top, segment.bottom):
        near = 0 <= segment.left - other.right < MAX_BOX_HEIGHTS * segment.height
        if near and abs(other.middle - segment.middle) < 0.5 * segment.height and (found := find_box_before(other.text)):
            return Place(other, found[0].start, found[0].end)
    return None
