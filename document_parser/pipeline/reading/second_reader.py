"""A second reader for a page: how far both agree, whose reading is the page's, and which numbers are in dispute."""

from __future__ import annotations

import time
from collections.abc import Sequence

from document_parser.errors import EngineError
from document_parser.models import EngineName, Reading
from document_parser.pipeline.checks.agreement import (
    CLEARLY,
    LEAST,
    Comparison,
    compared,
    confirmed_by,
    corrected,
    unconfirmed,
)
from document_parser.pipeline.checks.loops import loop_reason
from document_parser.pipeline.reading import routing
from document_parser.pipeline.reading.candidate import Candidate, is_unsure
from document_parser.pipeline.reading.evidence_sources import EvidenceSources
from document_parser.pipeline.reading.page_context import PageContext
from document_parser.pipeline.reading.page_result import text_layer_reading
from document_parser.text.normalize import texts_read
from document_parser.text.numbers import Difference, describe_differences, differences


class SecondReader:
    """Checks the candidates of one page, where its route asks for a second reading."""

    def __init__(self, one: PageContext, witnesses: EvidenceSources) -> None:
        self._one = one
        self._witnesses = witnesses

    async def checked(self, candidate: Candidate) -> Candidate:
        """The candidate with its agreement and its doubts; or the other model's, where that agrees better."""
        second = await self._second(candidate.name)
        if second is not None:
            exact = "text_layer" not in (candidate.name, second.engine) and not is_unsure(second)
            candidate = await self._compared(candidate, second, exact)
        if candidate.name in routing.MODELS:
            await self._check_against_text_layer(candidate)
            if self._one.route.second is None:
                await self._check_against_picture(candidate)
        return candidate

    async def _second(self, name: EngineName) -> Reading | None:
        """Another one's reading: the route's choice, or the other model where that choice is unsure or has nothing."""
        wanted = self._one.route.second
        if wanted is None:
            return None
        if wanted in routing.MODELS:
            return await self._other_model(name)
        reading = await self._read_by(wanted) if wanted != name else None
        if reading is not None and not is_unsure(reading):
            return reading
        return await self._other_model(name) or reading

    async def _read_by(self, wanted: EngineName) -> Reading | None:
        if wanted == "text_layer":
            return await text_layer_reading(self._one.source, self._one.page.number)
        return await self._witnesses.on_cpu()

    async def _compared(self, candidate: Candidate, second: Reading, exact: bool) -> Candidate:
        started = time.monotonic()
        found = compared(candidate.reading, second, exact=exact)
        candidate.agreement = found.share
        self._tell(second.engine, found, started)
        third = None if found.settles or second.engine in routing.MODELS else await self._other_model(candidate.name)
        if third is not None:
            candidate, found = self._voted(candidate, found, second, third, exact)
        if found.numbers:
            candidate.doubt("number_mismatch", describe_differences(found.numbers))
        if (candidate.agreement or 0) < LEAST:
            candidate.doubt("low_agreement", f"Two readers of the page agree on {candidate.agreement:.0%} of its words only.")
        return candidate

    def _voted(
        self, candidate: Candidate, found: Comparison, second: Reading, third: Reading, exact: bool
    ) -> tuple[Candidate, Comparison]:
        """Of two models' readings the one that agrees better with the second reader; both count as its confirmation."""
        started = time.monotonic()
        between = compared(candidate.reading, third, exact=False)
        other = compared(third, second, exact=exact)
        loser = third
        if other.share > found.share + CLEARLY:
            loser, found = candidate.reading, other
            candidate = self._one.candidate(third.engine, third)
        candidate.agreement = max(found.share, between.share)
        self._tell(third.engine, between, started)
        return candidate, confirmed_by(loser, found)

    async def _other_model(self, name: EngineName) -> Reading | None:
        """The reading of a model that has not tried the page yet; None where there is none, or it does not stand."""
        tried = {attempt.engine for attempt in self._one.page.attempts if attempt.outcome != "accepted"}
        others = (one for one in self._one.route.engines if one in routing.MODELS and one != name and one not in tried)
        other = next(others, None)
        if other is None:
            return None
        started = time.monotonic()
        try:
            image = await self._one.picture_for(other)
            reading = await self._one.read(other, image, watch=loop_reason)
        except EngineError as error:
            self._one.record_attempt(other, "error", f"as a second reader: {error.message}", started)
            return None
        rejection = await self._witnesses.verdict(reading, image)
        if rejection is not None:
            reason = f"as a second reader: {rejection.reason}"
            self._one.record_attempt(other, "rejected", reason, started, guard=rejection.guard)
            return None
        return reading

    def _tell(self, name: EngineName, found: Comparison, started: float) -> None:
        reason = f"a second reading; {found.share:.0%} of the words agree"
        if found.numbers:
            reason += f", {len(found.numbers)} numbers differ"
        self._one.record_attempt(name, "accepted", reason, started)

    async def _check_against_text_layer(self, candidate: Candidate) -> None:
        """Numbers that a sound text layer writes otherwise are put right, and told."""
        witness = await self._witnesses.known()
        if witness.source != "text_layer":
            return
        found = differences(texts_read(candidate.reading), witness.texts)
        if not found:
            return
        if corrected(candidate.reading.blocks, found):
            candidate.note("number_mismatch", f"{describe_differences(found)} Those of the text layer were taken.")
        else:
            candidate.doubt("number_mismatch", describe_differences(found))

    async def _check_against_picture(self, candidate: Candidate) -> None:
        """Numbers that the CPU finds otherwise in the picture are told, where no other model reads them too."""
        witness = await self._witnesses.known()
        if witness.source in (None, "text_layer"):
            return
        found: Sequence[Difference] = differences(texts_read(candidate.reading), witness.texts)
        other = await self._other_model(candidate.name) if found else None
        if other is not None:
            found = unconfirmed(found, other)
        if found:
            candidate.doubt("number_mismatch", describe_differences(found))
