"""The page that is being read: its facts, its route, its attempts, and how a reading becomes the page."""

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
    ReaderName,
    Reading,
    Route,
)
from document_parser.pipeline.reading.candidate import Candidate, confidence_of
from document_parser.pipeline.reading.damage import damage_warnings
from document_parser.pipeline.reading.oriented_images import OrientedImages
from document_parser.pipeline.reading.page_result import (
    blocks_as_shown,
    build_blocks,
    fail_page,
    pack_words,
    unread_lines_as_shown,
    words_as_shown,
)
from document_parser.sources.base import PageSource

NOTHING_KEPT = "No text was found on the page, and the drawing on it is too small for a figure."
"""The message of the warning on a page that has no blocks in the end."""


@dataclass
class PageContext:
    """A page that is being read. ``page`` is the result under construction; ``kind`` and ``route`` were decided before."""

    source: PageSource
    facts: PageFacts
    page: Page
    engines: Engines
    options: Options
    retry_temperatures: Sequence[float]
    images: OrientedImages
    route: Route
    kind: PageKind = "plain"
    damaged: bool = False
    """Whether data of the page is damaged; its warnings say what."""
    unrecorded_tokens: int = 0
    """Tokens of readings since the last attempt that was recorded."""

    async def image_for(self, name: EngineName) -> PageImage:
        """Return the page image that this engine needs. Raises PageUnreadable and EngineError.

        If rendering shows that the image of the page is damaged, the page gets a warning.
        """
        spec = self.engines.get(name).image_spec_for(self.kind)
        image = await self.images.render(spec)
        if image.damage and not self.damaged:  # only rendering shows that
            self.damaged = True
            self.page.warnings += damage_warnings([image.damage], repaired=False)
        return replace(image, kind=self.kind)

    async def read(
        self, name: EngineName, image: PageImage, temperature: float | None = None, watch: Watch | None = None
    ) -> Reading:
        """Return what an engine reads in an image of the page, with the skew that was removed from the image.

        Raises EngineError, and StorageUnavailable and RedisError of the reading cache in workers.
        """
        reading = await self.engines.get(name).read(image, temperature=temperature, watch=watch)
        self.unrecorded_tokens += reading.prompt_tokens + reading.completion_tokens
        return replace(reading, skew=image.skew) if image.skew.degrees else reading

    def make_candidate(self, name: EngineName, reading: Reading) -> Candidate:
        """Return the reading as a candidate for the page, with the boxes of its blocks on the page as a viewer shows it."""
        reading = replace(reading, blocks=blocks_as_shown(reading.blocks, reading.skew))
        return Candidate(name, reading, 0 if name == "text_layer" else self.images.turn or 0)

    def record_attempt(
        self,
        name: ReaderName,
        outcome: str,
        reason: str,
        started: float,
        temperature: float | None = None,
        guard: GuardName | None = None,
        code: str = "",
    ) -> None:
        """Add an attempt to the page. ``reason`` must hold nothing of the page's contents: it is copied to the ledger.

        ``started`` is the start of the attempt on the monotonic clock, in seconds. ``code`` is that of an engine's error.
        """
        spent = {"milliseconds": round((time.monotonic() - started) * 1000), "tokens": self.unrecorded_tokens}
        fields = {"engine": name, "outcome": outcome, "reason": reason, "guard": guard, "code": code}
        fields |= self.engines.describe_model(name)
        self.unrecorded_tokens = 0
        self.page.attempts.append(Attempt.model_validate({**fields, **spent, "temperature": temperature}))

    def to_page(self, chosen: Candidate) -> Page:
        """Return the page with this candidate's blocks; a failed page if the caller wants no reading that is in doubt."""
        page, first = self.page, self.route.engines[0]
        if chosen.turn:
            _rotate(page, chosen.turn)
        page.engine = chosen.name
        page.blocks = build_blocks(page, chosen.reading)
        page.words = pack_words(words_as_shown(chosen.reading) or chosen.known_words)
        page.unread = unread_lines_as_shown(chosen.reading)
        page.confidence = confidence_of(chosen.reading)
        page.agreement = chosen.agreement
        page.warnings += [*chosen.notes, *chosen.doubts]
        if not page.blocks and not any(note.code == "low_coverage" for note in chosen.notes):
            page.warnings.append(PageWarning(code="low_coverage", message=NOTHING_KEPT))
        if chosen.name != first:
            message = f"{first} gave no usable reading; {chosen.name} read the page."
            page.warnings.append(PageWarning(code="engine_fallback", message=message))
        if (chosen.doubts or self.damaged) and self.options.on_low_quality == "fail":
            return fail_page(page, PageInDoubt())
        return page


def _rotate(page: Page, turn: int) -> None:
    """Set the rotation of a page, exchange its sides if needed, and turn the boxes of its hidden texts."""
    page.rotation = turn
    page.hidden = [text.model_copy(update={"box": text.box.turn(turn)}) for text in page.hidden]
    if turn in (90, 270):
        page.width, page.height = page.height, page.width
    page.warnings.append(PageWarning(code="rotated", message=f"The page was turned by {turn} degrees clockwise."))
