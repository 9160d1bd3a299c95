"""Repair an answer that went wrong at its end: keep its sound part and read the rest of the page from a crop."""

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
    context: PageContext, evidence: EvidenceSources, reading: Reading, image: PageImage | None, rejection: guards.Rejection
) -> Candidate | None:
    """Return the page from the sound part of a rejected answer and a reading of the rest; None if that is not possible.

    Only answers rejected as ``loop`` or ``length`` that were read from a JPEG are repaired. None too if the boxes of the sound
    part do not show where to go on, or if the rest or the whole is rejected. Raises PageUnreadable, OSError if the JPEG cannot
    be decoded, and StorageUnavailable and RedisError of the reading cache in workers.
    """
    if rejection.guard not in {"loop", "length"} or image is None or image.encoding != "jpeg":
        return None
    blocks = context.engines.get(reading.engine).parse(keep_good_prefix(reading.text), image)
    place_blocks(blocks, [word.straighten(image.skew) for word in (await evidence.gather()).words])
    prefix = crops.sound_prefix(blocks, image)
    if prefix is None:
        return None
    rest = await _read_below(context, reading.engine, prefix)
    if rest is None:
        return None
    whole = replace(reading, blocks=crops.join_rest(prefix, rest), finish_reason="stop", text="")
    if await evidence.find_rejection(whole, image) is not None:
        return None
    candidate = context.make_candidate(reading.engine, whole)
    message = f"The answer is kept down to {prefix.bottom:.0%} of the page's height. The rest of the page was read again."
    candidate.note(rejection.warning or "truncated", message)
    return candidate


async def _read_below(context: PageContext, name: EngineName, prefix: crops.Prefix) -> list[Block] | None:
    """Return the blocks below the prefix: an empty list if there is no ink, None if they could not be read."""
    if prefix.is_whole:
        return []
    if not prefix.is_worth_a_crop:
        return None
    where = f"the rest of the page, from {prefix.bottom:.0%} down"
    temperature = next(iter(context.retry_temperatures), None)
    started = time.monotonic()
    try:
        crop = crops.rest_of(prefix)
        reading = await context.read(name, crop, temperature, loop_reason)
    except EngineError as error:
        context.record_attempt(name, "error", f"{where}: {error.message}", started, temperature, code=error.code)
        return None
    rejection = guards.judge(reading, crop, Evidence())
    if rejection is not None:
        context.record_attempt(name, "rejected", f"{where}: {rejection.reason}", started, temperature, rejection.guard)
        return None
    context.record_attempt(name, "accepted", where, started, temperature)
    return reading.blocks
