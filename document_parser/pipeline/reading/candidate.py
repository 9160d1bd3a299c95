"""A reading that may become the page, with the doubts about it, and the confidence of a reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from document_parser.models import EngineName, PageWarning, Reading, WarningCode, Word

MIN_PAGE_CONFIDENCE = 0.85
"""Mean word confidence (0 to 1) below which a page is flagged and its direction is checked once more: it may be upside down."""


@dataclass
class Candidate:
    """A reading that may become the page.

    ``doubts`` are warnings that speak against it, ``notes`` are warnings that only report what was done. ``turn`` is the
    clockwise rotation in degrees at which it was read. ``agreement`` is the share of words (0 to 1) that a second reader has in
    common with it; None if no second reader was asked. ``known_words`` are words of the page from other sources, for a reading
    that has none of its own; boxes on the page as shown.
    """

    name: EngineName
    reading: Reading
    turn: int = 0
    agreement: float | None = None
    doubts: list[PageWarning] = field(default_factory=list)
    notes: list[PageWarning] = field(default_factory=list)
    known_words: Sequence[Word] = ()

    def doubt(self, code: WarningCode, message: str) -> None:
        """Add a warning that speaks against the reading."""
        self.doubts.append(PageWarning(code=code, message=message))

    def note(self, code: WarningCode, message: str) -> None:
        """Add a warning that only reports what was done."""
        self.notes.append(PageWarning(code=code, message=message))


def confidence_of(reading: Reading) -> float | None:
    """Return the mean confidence (0 to 1) of the reading's words; None if the engine reports none."""
    confidences = [word.confidence for word in reading.words if word.confidence is not None]
    return round(sum(confidences) / len(confidences), 4) if confidences else None


def is_unsure(reading: Reading) -> bool:
    """Return whether the mean confidence of the words is known and below ``MIN_PAGE_CONFIDENCE``."""
    confidence = confidence_of(reading)
    return confidence is not None and confidence < MIN_PAGE_CONFIDENCE
