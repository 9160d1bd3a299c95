"""Read the writing in pictures of a digital page: its text layer says nothing of it.

The text becomes that of the figure, so that every format shows it as part of a picture, in the picture's place.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from document_parser.engines.registry import Engines
from document_parser.errors import EngineError, PageUnreadable
from document_parser.imaging.writing import may_hold_writing
from document_parser.layout.page import blocks_of
from document_parser.models import (
    Attempt,
    Block,
    BoundingBox,
    EngineName,
    Page,
    PageFacts,
    PageImage,
    PageImageSpec,
    PageWarning,
    Word,
)
from document_parser.pipeline.reading.figures import insert_figures, is_background
from document_parser.sources.base import PageSource
from document_parser.text.normalize import texts_of

PICTURE_ENGINE: EngineName = "rapidocr"
"""The engine that reads pictures on digital pages."""
MAX_PICTURES = 6
"""Pictures of one page that are looked at; a page with more of them is an album or a catalogue."""
SIGN_SPEC = PageImageSpec(dpi=100, max_long_side=800, encoding="rgb")
"""How a picture is rendered to see whether it may hold writing: some 10 ms."""
MIN_WORD_CONFIDENCE = 0.75
"""Words read with less confidence are taken for something else in the picture."""
MIN_LETTERS = 8
"""Letters and digits that a picture's text has at least; fewer are marks of a drawing."""
MIN_PICTURE_PIXELS = 400
"""Pixels of the shorter side of a picture that is read."""

UNREAD = "A picture on the page seems to hold writing, which was not read."
"""The message of the warning on a page with such a picture."""


async def find_written_pictures(source: PageSource, page: Page, facts: PageFacts) -> list[BoundingBox]:
    """Return the boxes of a page's pictures that may hold writing which the page has not. Raises PageUnreadable."""
    found = []
    for box in _textless_pictures(page, facts)[:MAX_PICTURES]:
        image = await source.render(facts.number, SIGN_SPEC.model_copy(update={"region": box}))
        if may_hold_writing(image):
            found.append(box)
    return found


def _textless_pictures(page: Page, facts: PageFacts) -> list[BoundingBox]:
    """Return the boxes of a page's pictures on which the text layer has no writing."""
    return [box for box in facts.pictures if not _holds_text(page.blocks, box)]


async def with_figure_texts(source: PageSource, page: Page, facts: PageFacts, engines: Engines) -> Page:
    """Return a page of the text layer with figures for its written pictures, each with the text in it.

    A page whose pictures cannot be rendered or read gets a warning: the page itself has been read.
    """
    if page.engine != "text_layer" or page.status != "done" or not facts.pictures:
        return page
    try:
        open_boxes = await find_written_pictures(source, page, facts)
    except PageUnreadable:
        return with_unread_warning(page)
    if not open_boxes:
        return page
    if PICTURE_ENGINE not in await engines.find_available():
        return with_unread_warning(page)
    started = time.monotonic()
    try:
        texts = [await _read_picture(source, facts, box, engines) for box in open_boxes]
    except (EngineError, PageUnreadable) as error:
        record_attempt(page, "error", f"pictures: {error.message}", started)
        return with_unread_warning(page)
    found = {box: text for box, text in zip(open_boxes, texts, strict=True) if text}
    record_attempt(page, "accepted", f"read the writing in {len(found)} of {len(open_boxes)} pictures", started)
    blocks = insert_figures(page.blocks, list(found))
    blocks = [
        block.model_copy(update={"text": found[block.box]}) if block.kind == "figure" and block.box in found else block
        for block in blocks
    ]
    read = page.model_copy(update={"blocks": blocks})
    # The pictures of a page are often of one kind: where some hold writing, those that nobody looked at may do so as well.
    return with_unread_warning(read) if len(_textless_pictures(page, facts)) > MAX_PICTURES else read


def with_unread_warning(page: Page) -> Page:
    """Return the page with the warning that a picture on it was not read."""
    return page.model_copy(update={"warnings": [*page.warnings, PageWarning(code="low_coverage", message=UNREAD)]})


def record_attempt(page: Page, outcome: str, reason: str, started: float) -> None:
    """Add an attempt of the engine that reads pictures to the page."""
    spent = round((time.monotonic() - started) * 1000)
    fields = {"engine": PICTURE_ENGINE, "outcome": outcome, "reason": reason, "milliseconds": spent}
    page.attempts.append(Attempt.model_validate(fields))


def _holds_text(blocks: Sequence[Block], box: BoundingBox) -> bool:
    """Return whether the text layer has the writing on a picture already: a background, or a chart with its labels."""
    return is_background(blocks, box) or any(
        block.box is not None
        and block.text
        and box.left <= (block.box.left + block.box.right) / 2 <= box.right
        and box.top <= (block.box.top + block.box.bottom) / 2 <= box.bottom
        for block in blocks
    )


async def _read_picture(source: PageSource, facts: PageFacts, box: BoundingBox, engines: Engines) -> str:
    """Return the writing in a picture, a line for each block of it; empty if there is hardly any."""
    image = await source.render(facts.number, picture_spec(engines).model_copy(update={"region": box}))
    width = (box.right - box.left) * facts.width_points
    height = (box.bottom - box.top) * facts.height_points
    return await read_writing(image, width, height, engines)


def picture_spec(engines: Engines) -> PageImageSpec:
    """Return how a picture is rendered to be read."""
    return engines.get(PICTURE_ENGINE).image_spec.model_copy(update={"min_short_side": MIN_PICTURE_PIXELS, "straighten": False})


async def read_writing(image: PageImage, width_points: float, height_points: float, engines: Engines) -> str:
    """Return the writing in the image of a picture, a line for each block of it; empty if there is hardly any.

    Raises EngineError.
    """
    reading = await engines.get(PICTURE_ENGINE).read(image)
    words = [word for word in reading.words if (word.confidence or 0.0) >= MIN_WORD_CONFIDENCE]
    if _count_letters(words) < MIN_LETTERS:
        return ""
    return "\n".join(texts_of(blocks_of(words, width_points, height_points, reading.rules)))


def _count_letters(words: Sequence[Word]) -> int:
    """Return the letters and digits of words."""
    return sum(sum(map(str.isalnum, word.text)) for word in words)
