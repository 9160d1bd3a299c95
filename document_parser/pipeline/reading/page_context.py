"""One page on its way from facts to blocks: what is known of it, what was tried, and how a reading becomes the page."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from document_parser.engines.base import Watch
from document_parser.engines.registry import Engines
from document_parser.errors import PageInDoubt
from document_parser.models import (
    Attempt,
    EngineName,
    GuardName,
    Options,
    Page,
    PageFacts,
    PageImage,
    PageKind,
    PageWarning,
    Reading,
    Route,
)
from document_parser.pipeline.reading.candidate import Candidate, confidence_of
from document_parser.pipeline.reading.damage import damage_warnings
from document_parser.pipeline.reading.oriented_images import UprightPictures
from document_parser.pipeline.reading.page_result import as_shown, failed, page_blocks
from document_parser.sources.base import PageSource

NOTHING_KEPT = "No text was found on the page, and what is drawn on it is too small for a figure."


@dataclass
class PageContext:
    """A page being read. ``page`` is what becomes of it, ``kind`` and ``route`` are what was decided before."""

    source: PageSource
    facts: PageFacts
    page: Page
    engines: Engines
    options: Options
    retry_temperatures: Sequence[float]
    pictures: UprightPictures
    route: Route
    kind: PageKind = "plain"
    damaged: bool = False
    """Whether data of the page is damaged: its warnings say what."""

    async def picture_for(self, name: EngineName) -> PageImage:
        """The picture that this engine wants of such a page. Raises PageUnreadable and EngineError."""
        spec = self.engines.get(name).picture_for(self.kind)
        image = await self.pictures.take(spec)
        if image.damage and not self.damaged:  # only drawing it has shown that
            self.damaged = True
            self.page.warnings += damage_warnings([image.damage], repaired=False)
        return replace(image, kind=self.kind)

    async def read(
        self, name: EngineName, image: PageImage, temperature: float | None = None, watch: Watch | None = None
    ) -> Reading:
        """What an engine reads in a picture of the page, and how that was straightened. Raises EngineError."""
        reading = await self.engines.get(name).read(image, temperature=temperature, watch=watch)
        return replace(reading, skew=image.skew) if image.skew.degrees else reading

    def candidate(self, name: EngineName, reading: Reading) -> Candidate:
        """The reading as one that may become the page; its blocks stand where the page as shown has them."""
        reading = replace(reading, blocks=as_shown(reading.blocks, reading.skew))
        return Candidate(name, reading, 0 if name == "text_layer" else self.pictures.turn or 0)

    def record_attempt(
        self,
        name: EngineName,
        outcome: str,
        reason: str,
        started: float,
        temperature: float | None = None,
        guard: GuardName | None = None,
    ) -> None:
        """Put an attempt into the why-trail. ``reason`` holds nothing of the page's contents: it goes into the ledger."""
        spent = round((time.monotonic() - started) * 1000)
        fields = {"engine": name, "outcome": outcome, "reason": reason, "guard": guard}
        self.page.attempts.append(Attempt.model_validate({**fields, "temperature": temperature, "milliseconds": spent}))

    def to_page(self, chosen: Candidate) -> Page:
        """The page as this candidate reads it; failed where the caller wants no reading that is in doubt."""
        page, first = self.page, self.route.engines[0]
        if chosen.turn:
            _turn(page, chosen.turn)
        page.engine = chosen.name
        page.blocks = page_blocks(page, chosen.reading)
        page.confidence = confidence_of(chosen.reading)
        page.agreement = chosen.agreement
        page.warnings += [*chosen.notes, *chosen.doubts]
        if not page.blocks and not any(note.code == "low_coverage" for note in chosen.notes):
            page.warnings.append(PageWarning(code="low_coverage", message=NOTHING_KEPT))
        if chosen.name != first:
            message = f"{first} gave no usable reading; {chosen.name} read the page."
            page.warnings.append(PageWarning(code="engine_fallback", message=message))
        if (chosen.doubts or self.damaged) and self.options.on_low_quality == "fail":
            return failed(page, PageInDoubt())
        return page


def _turn(page: Page, turn: int) -> None:
    page.rotation = turn
    page.hidden = [text.model_copy(update={"box": text.box.turned(turn)}) for text in page.hidden]
    if turn in (90, 270):
        page.width, page.height = page.height, page.width
    page.warnings.append(PageWarning(code="rotated", message=f"The page was turned by {turn} degrees clockwise."))
