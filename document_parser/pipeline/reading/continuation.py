"""Mending an answer that went wrong at its end: its sound part is kept, and the rest of the page is read from a crop."""

from __future__ import annotations

import time
from dataclasses import replace

from document_parser.errors import EngineError
from document_parser.models import Block, EngineName, PageImage, Reading
from document_parser.pipeline.checks import guards
from document_parser.pipeline.checks.evidence import Evidence
from document_parser.pipeline.checks.loops import keep_good_prefix, loop_reason
from document_parser.pipeline.reading import crops
from document_parser.pipeline.reading.box_matching import place_blocks
from document_parser.pipeline.reading.candidate import Candidate
from document_parser.pipeline.reading.evidence_sources import EvidenceSources
from document_parser.pipeline.reading.page_context import PageContext


async def read_rest(
    one: PageContext, witnesses: EvidenceSources, reading: Reading, image: PageImage | None, rejection: guards.Rejection
) -> Candidate | None:
    """The page made whole; None where the places of what was read do not say where to go on, or the rest does not stand."""
    if rejection.guard not in {"loop", "length"} or image is None or image.encoding != "jpeg":
        return None
    blocks = one.engines.get(reading.engine).parse(keep_good_prefix(reading.text))
    place_blocks(blocks, [word.straightened(image.skew) for word in (await witnesses.known()).words])
    prefix = crops.sound_prefix(blocks, image)
    if prefix is None:
        return None
    rest = await _read(one, reading.engine, prefix)
    if rest is None:
        return None
    whole = replace(reading, blocks=crops.joined(prefix, rest), finish_reason="stop", text="")
    if await witnesses.verdict(whole, image) is not None:
        return None
    candidate = one.candidate(reading.engine, whole)
    message = f"The answer went wrong at {prefix.bottom:.0%} of the page's height; the rest was read anew from there."
    candidate.note(rejection.warning or "truncated", message)
    return candidate


async def _read(one: PageContext, name: EngineName, prefix: crops.Prefix) -> list[Block] | None:
    """What stands below the prefix: nothing where there is no ink; None where it cannot be told."""
    if prefix.is_whole:
        return []
    if not prefix.is_worth_a_crop:
        return None
    where = f"the rest of the page, from {prefix.bottom:.0%} down"
    heat = next(iter(one.retry_temperatures), None)
    started = time.monotonic()
    try:
        picture = crops.rest_of(prefix)
        reading = await one.read(name, picture, heat, loop_reason)
    except EngineError as error:
        one.record_attempt(name, "error", f"{where}: {error.message}", started, heat)
        return None
    rejection = guards.judge(reading, picture, Evidence())
    if rejection is not None:
        one.record_attempt(name, "rejected", f"{where}: {rejection.reason}", started, heat, rejection.guard)
        return None
    one.record_attempt(name, "accepted", where, started, heat)
    return reading.blocks
