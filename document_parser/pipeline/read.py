"""Reading one page: facts, kind, route, and the ladder of engines. A function, without a queue."""

from __future__ import annotations

import time
from collections.abc import Sequence

from document_parser.engines import Engines
from document_parser.errors import EngineError
from document_parser.models import AccuracyMode, Attempt, EngineName, Options, Page, PageFacts, PageKind, PageWarning, Route
from document_parser.pipeline import route
from document_parser.pipeline.fonts import WITNESS, with_fonts_checked
from document_parser.pipeline.hidden import begun, left_out
from document_parser.pipeline.ladder import Ladder
from document_parser.pipeline.one_page import OnePage, failed, page_blocks, text_layer_reading
from document_parser.pipeline.upright import PageSource, UprightPictures

__all__ = ["PageSource", "failed", "read_page", "read_plain", "read_text_layer", "read_with"]


async def read_page(
    source: PageSource,
    number: int,
    options: Options,
    engines: Engines,
    retry_temperatures: Sequence[float] = (),
) -> Page:
    """Read one page of an open document.

    Raises PageUnreadable where the page cannot be opened or drawn, and NoEngine where nothing can read it; a page that every
    engine failed at comes back with ``status`` failed and all attempts.
    """
    checked = await with_fonts_checked(source, await source.facts(number), engines)
    page = await _read(checked.source, checked.facts, options, engines, retry_temperatures)
    page.attempts[:0] = checked.attempts
    if checked.mended and page.engine == "text_layer":
        page.warnings.append(PageWarning(code="bad_text_layer", message=f"{checked.mended} by {WITNESS}."))
    return page


async def _read(
    source: PageSource, facts: PageFacts, options: Options, engines: Engines, retry_temperatures: Sequence[float]
) -> Page:
    number, mode, available = facts.number, options.accuracy_mode, await engines.available()
    damage = await source.damage(number)
    pictures = UprightPictures(source, number, engines)
    kind: PageKind = "plain"
    if mode != "fast" and available.intersection(route.MODELS):
        if not route.distrust(facts):
            page = await read_text_layer(source, facts)
            kind = route.kind_by_text(facts, page.blocks)
            if mode == "balanced" and kind == "plain" and not damage:
                return page
        else:
            kind = await _kind_by_ink(facts, engines, pictures, available)
    ladder = route.choose(facts, mode, available, kind)
    page = begun(facts, ladder.reason, damage)
    if facts.characters and (facts.unmapped_share > route.MOST_UNMAPPED or facts.false_share):
        page.warnings.append(PageWarning(code="bad_text_layer", message=ladder.reason))
    one = OnePage(source, facts, page, engines, options, retry_temperatures, pictures, ladder, kind, damaged=bool(damage))
    return await Ladder(one).down()


async def read_with(
    engine: EngineName,
    source: PageSource,
    number: int,
    options: Options,
    engines: Engines,
    retry_temperatures: Sequence[float] = (),
) -> Page:
    """Read one page with the engine that somebody chose, and no other. Raises PageUnreadable."""
    facts, damage = await source.facts(number), await source.damage(number)
    pictures = UprightPictures(source, number, engines)
    kind: PageKind = "plain"
    if engine in route.MODELS and options.accuracy_mode != "fast":
        kind = await _kind_by_ink(facts, engines, pictures, frozenset([engine]))
    ladder = Route(engines=(engine,), reason=f"{engine} was asked for")
    page = begun(facts, ladder.reason, damage)
    one = OnePage(source, facts, page, engines, options, retry_temperatures, pictures, ladder, kind, damaged=bool(damage))
    page = await Ladder(one).down()
    if engine == "text_layer" and page.status == "done" and (doubt := route.distrust(facts)):
        page.warnings.append(PageWarning(code="bad_text_layer", message=doubt))
    return page


async def _kind_by_ink(facts: PageFacts, engines: Engines, pictures: UprightPictures, available: frozenset[str]) -> PageKind:
    """What a page without a sound text layer is, by the picture that its model would read if it were a plain one."""
    first = next(name for name in route.MODELS if name in available)
    try:
        image = await pictures.take(engines.get(first).picture)
    except EngineError:
        return "plain"  # its direction could not be found; whoever reads it will tell
    return route.kind_by_ink(facts, image.marks)


async def read_plain(source: PageSource, facts: PageFacts, mode: AccuracyMode, engines: Engines) -> Page | None:
    """The page as its text layer reads it, where that suffices; None where an engine is to be asked.

    A page with a table or a form goes to a model where one answers, one with a font in doubt to who can look at it, one whose
    data is damaged to the engines. Raises PageUnreadable.
    """
    if not route.text_layer_suffices(facts, mode) or (facts.doubted and WITNESS in await engines.available()):
        return None
    if await source.damage(facts.number):
        return None
    page = await read_text_layer(source, facts)
    if mode == "balanced" and route.kind_by_text(facts, page.blocks) != "plain":
        return None if (await engines.available()).intersection(route.MODELS) else page
    return page


async def read_text_layer(source: PageSource, facts: PageFacts) -> Page:
    """Read a page whose text layer is known to be sound; no engine is asked."""
    started = time.monotonic()
    page = begun(facts, "sound text layer")
    page.engine = "text_layer"
    page.blocks = page_blocks(page, await text_layer_reading(source, facts.number))
    spent = round((time.monotonic() - started) * 1000)
    page.attempts.append(Attempt(engine="text_layer", outcome="accepted", reason=left_out(facts), milliseconds=spent))
    return page
