"""Have a page read a second time: measure the agreement, choose between two readings, and report the numbers in dispute."""

from __future__ import annotations

import time
from collections.abc import Sequence

from document_parser.errors import EngineError
from document_parser.models import VLM_ENGINES, EngineName, Reading
from document_parser.pipeline.checks.agreement import (
    MIN_AGREEMENT_SHARE,
    MIN_GAIN_SHARE,
    Comparison,
    compare,
    correct_numbers,
    drop_confirmed_numbers,
    unconfirmed_numbers,
)
from document_parser.pipeline.checks.loops import loop_reason
from document_parser.pipeline.reading.candidate import Candidate, is_unsure
from document_parser.pipeline.reading.evidence_sources import EvidenceSources
from document_parser.pipeline.reading.page_context import PageContext
from document_parser.pipeline.reading.page_result import load_text_layer
from document_parser.text.normalize import comparable_texts_of
from document_parser.text.numbers import Difference, describe_differences, find_differences


class SecondReader:
    """Check the candidates of one page against a second reading, if its route asks for one."""

    def __init__(self, context: PageContext, evidence: EvidenceSources) -> None:
        """Remember the page and the sources of evidence about it; nothing is read yet."""
        self._context = context
        self._evidence = evidence

    async def check(self, candidate: Candidate) -> Candidate:
        """Return the candidate with its agreement and its doubts, or the other model's reading if that agrees better.

        Raises PageUnreadable, and StorageUnavailable and RedisError of the reading cache in workers.
        """
        second = await self._read_again(candidate.name)
        if second is not None:
            exact = "text_layer" not in (candidate.name, second.engine) and not is_unsure(second)
            candidate = await self._compare(candidate, second, exact)
        if candidate.name in VLM_ENGINES:
            await self._check_against_text_layer(candidate)
            if self._context.route.second is None:
                await self._check_against_picture(candidate)
        return candidate

    async def _read_again(self, name: EngineName) -> Reading | None:
        """Return a second reading: the route's choice, or the other model's if that choice is unsure or has nothing."""
        wanted = self._context.route.second
        if wanted is None:
            return None
        if wanted in VLM_ENGINES:
            return await self._read_by_other_model(name)
        reading = await self._read_by(wanted) if wanted != name else None
        if reading is not None and not is_unsure(reading):
            return reading
        return await self._read_by_other_model(name) or reading

    async def _read_by(self, wanted: EngineName) -> Reading | None:
        """Return the reading of the text layer or of the CPU engine."""
        if wanted == "text_layer":
            return await load_text_layer(self._context.source, self._context.page.number)
        return await self._evidence.read_on_cpu()

    async def _compare(self, candidate: Candidate, second: Reading, exact: bool) -> Candidate:
        """Compare a candidate with a second reading, ask the other model if they differ, and add the doubts that remain."""
        started = time.monotonic()
        found = compare(candidate.reading, second, exact=exact)
        candidate.agreement = found.share
        self._record(second.engine, found, started)
        third = None if found.settles or second.engine in VLM_ENGINES else await self._read_by_other_model(candidate.name)
        if third is not None:
            candidate, found = self._choose_by_agreement(candidate, found, second, third, exact)
        if found.numbers:
            candidate.doubt("number_mismatch", describe_differences(found.numbers))
        if (candidate.agreement or 0) < MIN_AGREEMENT_SHARE:
            candidate.doubt("low_agreement", f"Two readings of the page agree on only {candidate.agreement:.0%} of its words.")
        return candidate

    def _choose_by_agreement(
        self, candidate: Candidate, found: Comparison, second: Reading, third: Reading, exact: bool
    ) -> tuple[Candidate, Comparison]:
        """Return the better of two models' readings by agreement with the second reader; both count as its confirmation."""
        started = time.monotonic()
        between = compare(candidate.reading, third, exact=False)
        other = compare(third, second, exact=exact)
        loser = third
        if other.share > found.share + MIN_GAIN_SHARE:
            loser, found = candidate.reading, other
            candidate = self._context.make_candidate(third.engine, third)
        candidate.agreement = max(found.share, between.share)
        self._record(third.engine, between, started)
        return candidate, drop_confirmed_numbers(loser, found)

    async def _read_by_other_model(self, name: EngineName) -> Reading | None:
        """Return the reading of a model that has not tried the page yet; None if there is none or if it is rejected."""
        tried = {attempt.engine for attempt in self._context.page.attempts if attempt.outcome != "accepted"}
        others = (one for one in self._context.route.engines if one in VLM_ENGINES and one != name and one not in tried)
        other = next(others, None)
        if other is None:
            return None
        started = time.monotonic()
        try:
            image = await self._context.image_for(other)
            reading = await self._context.read(other, image, watch=loop_reason)
        except EngineError as error:
            reason = f"as a second reader: {error.message}"
            self._context.record_attempt(other, "error", reason, started, code=error.code)
            return None
        rejection = await self._evidence.find_rejection(reading, image)
        if rejection is not None:
            reason = f"as a second reader: {rejection.reason}"
            self._context.record_attempt(other, "rejected", reason, started, guard=rejection.guard)
            return None
        return reading

    def _record(self, name: EngineName, found: Comparison, started: float) -> None:
        """Record a second reading in the attempts of the page."""
        reason = f"a second reading; {found.share:.0%} of the words agree"
        if found.numbers:
            reason += f", {len(found.numbers)} numbers differ"
        self._context.record_attempt(name, "accepted", reason, started)

    async def _check_against_text_layer(self, candidate: Candidate) -> None:
        """Replace numbers that a sound text layer writes otherwise, with a note; add a doubt if they cannot be replaced."""
        evidence = await self._evidence.gather()
        if evidence.source != "text_layer":
            return
        found = find_differences(comparable_texts_of(candidate.reading), evidence.texts)
        if not found:
            return
        if correct_numbers(candidate.reading.blocks, found):
            candidate.note("number_mismatch", f"{describe_differences(found)} The page has the numbers of the text layer.")
        else:
            candidate.doubt("number_mismatch", describe_differences(found))

    async def _check_against_picture(self, candidate: Candidate) -> None:
        """Report numbers that the CPU engine reads otherwise in the page image, if no other model reads them too."""
        evidence = await self._evidence.gather()
        if evidence.source in (None, "text_layer"):
            return
        found: Sequence[Difference] = find_differences(comparable_texts_of(candidate.reading), evidence.texts)
        other = await self._read_by_other_model(candidate.name) if found else None
        if other is not None:
            found = unconfirmed_numbers(found, other)
        if found:
            candidate.doubt("number_mismatch", describe_differences(found))
