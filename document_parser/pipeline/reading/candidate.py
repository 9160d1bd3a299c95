"""A reading that may become the page, with what speaks against it."""

from __future__ import annotations

from dataclasses import dataclass, field

from document_parser.models import EngineName, PageWarning, Reading, WarningCode

UNSURE = 0.85
"""Below this mean confidence a page is flagged, and looked at once more: it may stand on its head."""


@dataclass
class Candidate:
    """A reading that may become the page. ``doubts`` speak against it, ``notes`` only tell what was done."""

    name: EngineName
    reading: Reading
    turn: int = 0
    agreement: float | None = None
    doubts: list[PageWarning] = field(default_factory=list)
    notes: list[PageWarning] = field(default_factory=list)

    def doubt(self, code: WarningCode, message: str) -> None:
        self.doubts.append(PageWarning(code=code, message=message))

    def note(self, code: WarningCode, message: str) -> None:
        self.notes.append(PageWarning(code=code, message=message))


def confidence_of(reading: Reading) -> float | None:
    """The mean confidence of the words, where the engine tells it."""
    sure = [word.confidence for word in reading.words if word.confidence is not None]
    return round(sum(sure) / len(sure), 4) if sure else None


def is_unsure(reading: Reading) -> bool:
    confidence = confidence_of(reading)
    return confidence is not None and confidence < UNSURE
