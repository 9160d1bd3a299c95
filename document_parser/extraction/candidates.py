"""Hold what is found on the pages for a field: values with their places, labels without a value, and all labels of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

from document_parser.extraction.conventions import Conventions
from document_parser.extraction.labels import LabelHit
from document_parser.extraction.view import PageView, Segment
from document_parser.models.extraction import Match

MIN_STOP_QUALITY = 0.7
"""A label of at least this quality ends the value before it."""


class Place(NamedTuple):
    """A range of a segment's text."""

    segment: Segment
    start: int
    end: int

    @property
    def text(self) -> str:
        """Return the text of the range."""
        return self.segment.text[self.start : self.end]


@dataclass(frozen=True)
class Candidate:
    """A value that a field may have: where it stands, how sure it is (0 to 1), and the label beside it.

    A value of an electronic invoice has its ``attachment``, and ``shown_quote`` as its text: it may have no place on a page.
    ``match`` is how it agrees with its quote; empty for one that was taken from it.
    """

    value: Any
    places: tuple[Place, ...]
    score: float
    label: str = ""
    note: str = ""
    origin: Literal["", "xml", "model"] = ""
    attachment: str = ""
    shown_quote: str = ""
    match: Match | Literal[""] = ""

    @property
    def quote(self) -> str:
        """Return the text that the value was taken from."""
        return self.shown_quote or "\n".join(place.text for place in self.places)


@dataclass(frozen=True)
class Blank:
    """A label with nothing filled in, or with something that is no value of the field."""

    hit: LabelHit
    unreadable: str = ""
    places: tuple[Place, ...] = ()


@dataclass
class Findings:
    """What was found for a field: candidates, the surest first, and the labels without a value."""

    candidates: list[Candidate] = field(default_factory=list)
    blanks: list[Blank] = field(default_factory=list)


@dataclass(frozen=True)
class Pages:
    """The pages that are searched, with the label hits of each segment, and how the document writes numbers and dates."""

    views: Sequence[PageView]
    hits: Mapping[tuple[int, int], Sequence[LabelHit]]
    conventions: Conventions

    def view(self, segment: Segment) -> PageView:
        """Return the page of a segment."""
        return self._by_number[segment.page]

    @cached_property
    def _by_number(self) -> dict[int, PageView]:
        return {view.number: view for view in self.views}

    def hits_in(self, segment: Segment) -> Sequence[LabelHit]:
        """Return the labels in a segment."""
        return self.hits.get((segment.page, segment.number), ())

    def begins_with_label(self, segment: Segment, key: str) -> bool:
        """Return whether a segment is another label, so that it is no value of this field."""
        return any(hit.begins_segment and stops(hit) and hit.key != key for hit in self.hits_in(segment))


def stops(hit: LabelHit) -> bool:
    """Return whether a label ends the value before it."""
    return hit.is_stop and hit.quality >= MIN_STOP_QUALITY
