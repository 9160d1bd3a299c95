"""Read one page: facts, kind, route, and the engines in order. These are functions without a queue."""

from __future__ import annotations

import time
from collections.abc import Sequence

from document_parser.engines.registry import Engines
from document_parser.errors import EngineError, NoPageImage, PageUnreadable
from document_parser.models import (
    VLM_ENGINES,
    AccuracyMode,
    Attempt,
    EngineName,
    Options,
    Page,
    PageFacts,
    PageKind,
    PageWarning,
    Route,
)
from document_parser.pipeline.reading import routing
from document_parser.pipeline.reading.figure_texts import (
    PICTURE_ENGINE,
    find_written_pictures,
    with_figure_texts,
    with_unread_warning,
)
from document_parser.pipeline.reading.font_check import FONT_CHECK_ENGINE, check_fonts
from document_parser.pipeline.reading.ladder import Ladder
from document_parser.pipeline.reading.oriented_images import OrientedImages
from document_parser.pipeline.reading.page_context import PageContext
from document_parser.pipeline.reading.page_result import (
    build_blocks,
    describe_hidden,
    fail_page,
    load_text_layer,
    new_page,
    pack_words,
)
from document_parser.pipeline.reading.parts import read_part, read_part_without_engine
from document_parser.pipeline.reading.second_tables import check_tables
from document_parser.pipeline.reading.word_fallback import FALLBACK_MESSAGE, WordFallback, replace_unextracted_words
from document_parser.sources.base import PageSource

__all__ = ["PageSource", "fail_page", "read_page", "read_plain", "read_text_layer", "read_with"]


async def read_page(
    source: PageSource,
    number: int,
    options: Options,
    engines: Engines,
    retry_temperatures: Sequence[float] = (),
) -> Page:
    """Read one page of an open document.

    A page that every engine failed to read is returned with ``status`` failed and all its attempts. Raises PageUnreadable if
    the page cannot be opened or rendered, NoEngine if nothing can read it, and StorageUnavailable and RedisError of the reading
    cache in workers.
    """
    facts = await source.facts(number)
    if facts.location is not None:
        try:
            return await read_part(source, facts, options.accuracy_mode, engines)
        except PageUnreadable as error:
            return fail_page(Page(number=number, location=facts.location), error)
    # An engine reads what the page shows; pdfplumber only guesses the letters that the file does not name.
    fallback = WordFallback(source, facts) if await engines.find_available() else await replace_unextracted_words(source, facts)
    check = await check_fonts(fallback.source, fallback.facts, engines)
    page = await _route_and_read(check.source, check.facts, options, engines, retry_temperatures)
    page = await with_figure_texts(source, page, facts, engines)
    page.attempts[:0] = [*fallback.attempts, *check.attempts]
    if fallback.replaced and page.engine == "text_layer":
        page.warnings.append(PageWarning(code="bad_text_layer", message=FALLBACK_MESSAGE))
    if check.repaired and page.engine == "text_layer":
        page.warnings.append(PageWarning(code="bad_text_layer", message=f"{check.repaired}."))
    _warn_of_guesses(page, check.facts)
    return page


def _warn_of_guesses(page: Page, facts: PageFacts) -> None:
    """Add a warning if characters of the text layer that the page was read from are guesses, and no other tells of it."""
    told = any(warning.code == "bad_text_layer" for warning in page.warnings)
    if facts.guessed and page.engine == "text_layer" and not told:
        message = (
            f"The file does not say which letters {facts.guessed} of its characters are. They are guessed, and may be others "
            "on the page. Compare these words with the page, or read it with another engine."
        )
        page.warnings.append(PageWarning(code="bad_text_layer", message=message))


async def _route_and_read(
    source: PageSource, facts: PageFacts, options: Options, engines: Engines, retry_temperatures: Sequence[float]
) -> Page:
    """Choose the route of a page and read it; the text layer is enough for a plain page in ``balanced``."""
    number, mode, available = facts.number, options.accuracy_mode, await engines.find_available()
    damage = await source.damage(number)
    images = OrientedImages(source, number, engines)
    kind: PageKind = "plain"
    if mode != "fast" and available.intersection(VLM_ENGINES):
        if not routing.text_layer_problem(facts):
            page = await read_text_layer(source, facts)
            kind = routing.kind_by_text(facts, page.blocks)
            if mode == "balanced" and kind == "plain" and not damage:
                return page
        else:
            kind = await _find_kind_by_ink(facts, engines, images, available)
    route = routing.choose_route(facts, mode, available, kind, vlm_first=engines.vlm_first)
    page = new_page(facts, route.reason, damage)
    if facts.characters and (facts.unmapped_share > routing.MAX_UNMAPPED_SHARE or facts.false_share):
        page.warnings.append(PageWarning(code="bad_text_layer", message=route.reason))
    context = PageContext(source, facts, page, engines, options, retry_temperatures, images, route, kind, damaged=bool(damage))
    return await check_tables(context, await Ladder(context).run())


async def read_with(
    engine: EngineName,
    source: PageSource,
    number: int,
    options: Options,
    engines: Engines,
    retry_temperatures: Sequence[float] = (),
) -> Page:
    """Read one page with the engine that the user chose, and no other.

    Raises PageUnreadable, NoEngine if that engine made no attempt, and StorageUnavailable and RedisError of the reading cache
    in workers.
    """
    facts = await source.facts(number)
    if facts.location is not None:
        return await _read_part_with(engine, source, facts, options, engines)
    fallback = await replace_unextracted_words(source, facts) if engine == "text_layer" else WordFallback(source, facts)
    source, facts, damage = fallback.source, fallback.facts, await source.damage(number)
    images = OrientedImages(source, number, engines)
    kind: PageKind = "plain"
    if engine in VLM_ENGINES and options.accuracy_mode != "fast":
        kind = await _find_kind_by_ink(facts, engines, images, frozenset([engine]))
    route = Route(engines=(engine,), reason=f"{engine} was requested")
    page = new_page(facts, route.reason, damage)
    context = PageContext(source, facts, page, engines, options, retry_temperatures, images, route, kind, damaged=bool(damage))
    page = await check_tables(context, await Ladder(context).run())
    page.attempts[:0] = fallback.attempts
    if fallback.replaced and page.engine == "text_layer":
        page.warnings.append(PageWarning(code="bad_text_layer", message=FALLBACK_MESSAGE))
    if engine == "text_layer" and page.status == "done" and (doubt := routing.text_layer_problem(facts)):
        page.warnings.append(PageWarning(code="bad_text_layer", message=doubt))
    _warn_of_guesses(page, facts)
    return page


async def _read_part_with(engine: EngineName, source: PageSource, facts: PageFacts, options: Options, engines: Engines) -> Page:
    """Read a part of a flowing document with the engine that the user chose. Raises NoPageImage for all but the text layer."""
    if engine != "text_layer":
        raise NoPageImage(page=facts.number)
    return await read_part(source, facts, options.accuracy_mode, engines)


async def _find_kind_by_ink(facts: PageFacts, engines: Engines, images: OrientedImages, available: frozenset[str]) -> PageKind:
    """Return the kind of a page without a sound text layer, from the image that its model would read if the page were plain."""
    order = routing.order_models("plain", "balanced", vlm_first=engines.vlm_first)
    first = next(name for name in order if name in available)
    try:
        image = await images.render(engines.get(first).image_spec)
    except EngineError:
        return "plain"  # its direction could not be detected; the attempts will say why
    return routing.kind_by_ink(facts, image.ink_facts)


async def _has_written_pictures(source: PageSource, page: Page, facts: PageFacts) -> bool:
    """Return whether a page of the text layer has pictures that may hold writing, or that cannot be rendered."""
    try:
        return bool(await find_written_pictures(source, page, facts))
    except PageUnreadable:
        return True


async def read_plain(source: PageSource, facts: PageFacts, mode: AccuracyMode, engines: Engines) -> Page | None:
    """Return the page as its text layer reads it if that is enough; None if an engine must read it.

    A page with a table or a form goes to a model if one is available, a page with a suspect font or a picture with writing to
    RapidOCR if it is available, and a page whose data is damaged to the engines. Raises PageUnreadable.
    """
    if facts.location is not None:
        return await read_part_without_engine(source, facts, mode, engines)
    if not routing.text_layer_suffices(facts, mode) or (
        facts.suspect_fonts and FONT_CHECK_ENGINE in await engines.find_available()
    ):
        return None
    if await source.damage(facts.number):
        return None
    page = await read_text_layer(source, facts)
    _warn_of_guesses(page, facts)
    if facts.pictures and await _has_written_pictures(source, page, facts):
        if mode != "fast" and PICTURE_ENGINE in await engines.find_available():
            return None
        page = with_unread_warning(page)
    if mode == "balanced" and routing.kind_by_text(facts, page.blocks) != "plain":
        return None if (await engines.find_available()).intersection(VLM_ENGINES) else page
    return page


async def read_text_layer(source: PageSource, facts: PageFacts) -> Page:
    """Read a page whose text layer is known to be sound, without an engine. Raises PageUnreadable."""
    started = time.monotonic()
    page = new_page(facts, "sound text layer")
    page.engine = "text_layer"
    reading = await load_text_layer(source, facts.number)
    page.blocks = build_blocks(page, reading)
    page.words = pack_words(reading.words)
    spent = round((time.monotonic() - started) * 1000)
    page.attempts.append(Attempt(engine="text_layer", outcome="accepted", reason=describe_hidden(facts), milliseconds=spent))
    return page
