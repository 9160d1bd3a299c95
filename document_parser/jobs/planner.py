"""Planning a document: what it is, which pages it has, and which of them need no engine."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing
from functools import partial

from document_parser.engines import Engines
from document_parser.errors import NoSuchPages, PageUnreadable, TooManyPages
from document_parser.jobs import assembly, files, lanes, queue, record
from document_parser.jobs.actor import Actor, draining
from document_parser.jobs.context import Context, task_boundary
from document_parser.jobs.ledger import Claim
from document_parser.jobs.record import Job
from document_parser.models import Page, PageFacts
from document_parser.pipeline.figures import with_figures
from document_parser.pipeline.read import read_plain
from document_parser.pipeline.route import text_layer_suffices
from document_parser.pipeline.source import Source

BATCH = 8
"""Pages given to the readers at once: few enough that they start while the rest is still being looked at."""


async def plan(context: Context, job_id: str) -> None:
    """Plan one document in a process of its own; its failure is kept on its record. A planner never waits."""
    stopping = threading.Event()
    with Actor(context.ledger, lambda _: stopping.set()) as actor:
        claim = context.ledger.claim_stage(job_id, "plan", actor.name, alone=True)
        if claim is None:
            return
        actor.hold(claim)
        with task_boundary(partial(assembly.fail, context, job_id), stage="plan"), context.local_source(job_id) as path:
            job = context.load(job_id)
            if job is not None:
                async with await context.open(job, path) as source, aclosing(Engines(context.settings)) as engines:
                    await plan_document(context, actor, claim, job, source, engines, stopping)
        context.ledger.finish_stage(claim)
        actor.drop(claim)


async def plan_document(
    context: Context, actor: Actor, claim: Claim, job: Job, source: Source, engines: Engines, stopping: threading.Event
) -> None:
    """Lay the ledger of an open document, read its sound text layers, give the rest to the readers.

    Raises DocumentError where the document is not to be read at all.
    """
    record.publish(context.redis, claim.job_id)
    if not await _Planner(context, actor, job, source, engines, stopping).lay_and_sort():
        context.ledger.release(claim, crashed=False)
    elif context.ledger.planned(claim):
        await asyncio.to_thread(assembly.assemble_or_ring, context, claim.job_id, actor.name)


class _Planner:
    def __init__(
        self, context: Context, actor: Actor, job: Job, source: Source, engines: Engines, stopping: threading.Event
    ) -> None:
        self.context = context
        self.actor = actor
        self.job = job
        self.job_id = job.card.job_id
        self.source = source
        self.engines = engines
        self.stopping = stopping
        self.batch: list[int] = []
        self.handed_over = False

    async def lay_and_sort(self) -> bool:
        """Lay the ledger and sort its pages; False where this process, or the job, is to stop before the last one."""
        numbers = self._numbers()
        lane = lanes.lane_once_opened(self.job.card.options, len(numbers), self.context.settings.queue)
        self.context.ledger.lay(self.job_id, self.source.page_count, numbers, lane)
        entries = self.context.ledger.entries(self.job_id)
        for number in numbers:
            if draining.is_set() or self.stopping.is_set():
                return False
            if entries[number]["state"] == "pending":
                await self._sort(number)
        self._hand_over()
        return True

    def _numbers(self) -> list[int]:
        count, most = self.source.page_count, self.context.settings.api.max_pages
        numbers = self.job.card.options.selects(count)
        if len(numbers) > most:
            raise TooManyPages(pages=len(numbers), limit=most)
        if not numbers:
            raise NoSuchPages(pages=count, page_range=self.job.card.options.page_range)
        return numbers

    async def _sort(self, number: int) -> None:
        facts = await self._facts(number)
        if facts is not None and text_layer_suffices(facts, self.job.card.options.accuracy_mode):
            await self._read(facts)
            return
        self.batch.append(number)
        # The first page at once: its reader has to start while the others are still being looked at.
        if len(self.batch) >= BATCH or not self.handed_over:
            self._hand_over()

    async def _facts(self, number: int) -> PageFacts | None:
        """None where the page cannot be looked at: that is for its reader to find out and to report."""
        try:
            return await self.source.facts(number)
        except PageUnreadable:
            return None

    async def _read(self, facts: PageFacts) -> None:
        claim = self.context.ledger.claim_planned_page(self.job_id, facts.number, self.actor.name)
        if claim is None:
            return
        self.actor.hold(claim)
        try:
            page = await self._plain_page(facts)
        except PageUnreadable:
            page = None
        if page is None:
            # A reader asks the engines, and reports the page where they fail too.
            self.context.ledger.release(claim, crashed=False)
        else:
            data = page.model_dump_json().encode()
            await asyncio.to_thread(self.context.storage.put, files.page(self.job_id, facts.number), data)
            if self.context.ledger.finish(claim, page) == "gone":
                await asyncio.to_thread(self.context.storage.delete_all, files.folder(self.job_id))
                self.stopping.set()
        self.actor.drop(claim)
        record.publish_sometimes(self.context.redis, self.job_id)

    async def _plain_page(self, facts: PageFacts) -> Page | None:
        """The page as it was stored before, or as its text layer reads it; None where an engine is to be asked."""
        stored = assembly.stored_page(self.context, self.job_id, facts.number)
        page = stored or await read_plain(self.source, facts, self.job.card.options.accuracy_mode, self.engines)
        if page is None or stored:
            return page
        return await with_figures(self.source, page, assembly.figure_keeper(self.context, self.job), facts)

    def _hand_over(self) -> None:
        if self.batch:
            self.context.ledger.make_ready(self.job_id, self.batch)
            self.handed_over = True
        self.batch = []
        queue.ring_readers(self.context.redis, self.context.ledger, self.context.settings)
