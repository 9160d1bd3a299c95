"""One page on its way from facts to blocks: what is known of it, what was tried, and how a reading becomes the page."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from document_parser.engines import Engines
from document_parser.engines.base import Watch
from document_parser.errors import DocumentParserError, PageInDoubt
from document_parser.models import (
    Attempt,
    Block,
    BoundingBox,
    EngineName,
    GuardName,
    Options,
    Page,
    PageError,
    PageFacts,
    PageImage,
    PageKind,
    PageWarning,
    Reading,
    Route,
    Rule,
    WarningCode,
    Word,
)
from document_parser.pipeline.damaged import damage_warnings
from document_parser.pipeline.figure_labels import with_labels
from document_parser.pipeline.figures import is_ground, placed
from document_parser.pipeline.layout import blocks_of
from document_parser.pipeline.pdf_pictures import figure_boxes
from document_parser.pipeline.upright import PageSource, UprightPictures
from document_parser.skew import Skew

UNSURE = 0.85
"""Below this mean confidence a page is flagged, and looked at once more: it may stand on its head."""


NOTHING_KEPT = "No text was found on the page, and what is drawn on it is too small for a figure."


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


@dataclass
class OnePage:
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
        reading = replace(reading, blocks=_as_shown(reading.blocks, reading.skew))
        return Candidate(name, reading, 0 if name == "text_layer" else self.pictures.turn or 0)

    def tell(
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

    def closed(self, chosen: Candidate) -> Page:
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


def page_blocks(page: Page, reading: Reading) -> list[Block]:
    """The blocks of a reading: those it has, or what the layout makes of its words, and the figures among them."""
    if reading.blocks:
        return reading.blocks
    blocks = _as_shown(blocks_of(reading.words, page.width, page.height, reading.rules), reading.skew)
    if not reading.figures:
        return blocks
    figures = [(box, with_labels(box, blocks)) for box in _figures(page, reading)]
    return placed(blocks, [box if is_ground(blocks, labelled) else labelled for box, labelled in figures])


def _figures(page: Page, reading: Reading) -> list[BoundingBox]:
    """The figures found in a picture that are large enough, on the page as shown."""
    boxes = (box.as_shown(reading.skew) for box in reading.figures)
    edges = [(box.left, box.top, box.right, box.bottom) for box in boxes]
    return figure_boxes(edges, page.width or 595.0, page.height or 842.0)


def _as_shown(blocks: list[Block], skew: Skew) -> list[Block]:
    if not skew.degrees:
        return blocks
    return [block.model_copy(update={"box": block.box and block.box.as_shown(skew)}) for block in blocks]


def words_as_shown(reading: Reading) -> list[Word]:
    """The words of a reading where they stand on the page as a viewer shows it, once it is upright."""
    if not reading.skew.degrees:
        return reading.words
    boxes = (BoundingBox.of(*reading.skew.as_shown(word[1:5])) for word in reading.words)
    return [word._replace(**box.model_dump()) for word, box in zip(reading.words, boxes, strict=True)]


async def text_layer_reading(source: PageSource, number: int) -> Reading:
    """The words of the text layer as a reading. Raises PageUnreadable."""
    words = await source.words(number)
    return Reading("text_layer", words=words, rules=await rules_around(words, source, number))


async def rules_around(words: list[Word], source: PageSource, number: int) -> list[Rule]:
    """The rules of a page; not asked for where there are no words for them to part."""
    return await source.rules(number) if words else []


def confidence_of(reading: Reading) -> float | None:
    """The mean confidence of the words, where the engine tells it."""
    sure = [word.confidence for word in reading.words if word.confidence is not None]
    return round(sum(sure) / len(sure), 4) if sure else None


def is_unsure(reading: Reading) -> bool:
    confidence = confidence_of(reading)
    return confidence is not None and confidence < UNSURE


def failed(page: Page, error: DocumentParserError) -> Page:
    """The page as one that could not be read, its attempts kept."""
    page.status = "failed"
    page.engine = None
    page.blocks = []
    page.error = PageError(code=error.code, message=error.message)
    page.warnings.append(PageWarning(code="page_failed", message=error.message))
    return page
