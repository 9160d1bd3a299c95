"""Read the parts of flowing documents: their blocks come from the file, only the writing in their images from an engine."""

from __future__ import annotations

import time

from document_parser.engines.registry import Engines
from document_parser.errors import EngineError, PageUnreadable
from document_parser.imaging.writing import may_hold_writing
from document_parser.models import AccuracyMode, Attempt, Page, PageFacts
from document_parser.pipeline.reading.figure_texts import (
    PICTURE_ENGINE,
    SIGN_SPEC,
    picture_spec,
    read_writing,
    record_attempt,
    with_unread_warning,
)
from document_parser.pipeline.reading.figures import picture_places
from document_parser.pipeline.reading.page_result import new_page
from document_parser.sources.base import PageSource

MAX_READ_PICTURES = 40
"""Embedded images of one part that are looked at for writing; the part gets a warning if it has more."""
ASSUMED_DPI = 144.0
"""Resolution of an embedded image, by which the size of its writing is judged."""
ROUTE = "the structure of the file"
"""Why a part is read by no engine, in words."""


async def read_part_without_engine(source: PageSource, facts: PageFacts, mode: AccuracyMode, engines: Engines) -> Page | None:
    """Return a part as its file says it; None if an engine must read the writing in its images. Raises PageUnreadable."""
    page = await _load(source, facts)
    if mode == "fast" or not await _written_pictures(source, page):
        return page
    return None if PICTURE_ENGINE in await engines.find_available() else with_unread_warning(page)


async def read_part(source: PageSource, facts: PageFacts, mode: AccuracyMode, engines: Engines) -> Page:
    """Return a part with the writing in its images, which is read unless the mode is fast. Raises PageUnreadable."""
    page = await _load(source, facts)
    places = picture_places(page.blocks)
    if mode == "fast" or not places:
        return page
    written = await _written_pictures(source, page)
    if written and PICTURE_ENGINE not in await engines.find_available():
        return with_unread_warning(page)
    blocks, started = list(page.blocks), time.monotonic()
    try:
        for index in written:
            text = await _read_picture(source, facts.number, index, engines)
            place = places[index]
            blocks[place] = blocks[place].model_copy(update={"text": join_description(blocks[place].text, text)})
    except (EngineError, PageUnreadable) as error:
        record_attempt(page, "error", f"pictures: {error.message}", started)
        return with_unread_warning(page)
    if written:
        record_attempt(page, "accepted", f"read the writing in {len(written)} of {len(places)} pictures", started)
    page = page.model_copy(update={"blocks": blocks})
    return with_unread_warning(page) if len(places) > MAX_READ_PICTURES else page


def join_description(description: str, writing: str) -> str:
    """Return the text of a figure: what the file says of its image, then the writing in it, which may say the same."""
    said, read = (" ".join(text.split()).casefold() for text in (description, writing))
    if said in read:
        return writing
    return description if read in said else f"{description}\n{writing}"


async def _load(source: PageSource, facts: PageFacts) -> Page:
    """Return the part as its file says it. Raises PageUnreadable."""
    started = time.monotonic()
    part = await source.part(facts.number)
    page = new_page(facts, ROUTE)
    page.location, page.blocks, page.engine = part.location, part.blocks, "text_layer"
    page.warnings += part.warnings
    page.status = "done" if page.blocks else "blank"
    spent = round((time.monotonic() - started) * 1000)
    page.attempts.append(Attempt(engine="text_layer", outcome="accepted", reason=ROUTE, milliseconds=spent))
    return page


async def _written_pictures(source: PageSource, page: Page) -> list[int]:
    """Return which embedded images may hold writing, by their indexes among the figures with an image."""
    found = []
    for index in range(min(len(picture_places(page.blocks)), MAX_READ_PICTURES)):
        try:
            image = await source.picture(page.number, index, SIGN_SPEC)
        except PageUnreadable:
            continue  # a format that cannot be decoded; the figure stays without an image
        if may_hold_writing(image):
            found.append(index)
    return found


async def _read_picture(source: PageSource, number: int, index: int, engines: Engines) -> str:
    """Return the writing in an embedded image. Raises PageUnreadable, EngineError."""
    image = await source.picture(number, index, picture_spec(engines))
    scale = 72 / ASSUMED_DPI
    return await read_writing(image, image.width_pixels * scale, image.height_pixels * scale, engines)
