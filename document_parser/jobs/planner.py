"""Planning a document: what it is, which pages it has, and which of them need no engine."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial

from document_parser.engines import MODELS, Engines, on_this_machine
from document_parser.errors import NoSuchPages, PageUnreadable, StorageUnavailable, TooManyPages
from document_parser.jobs import assembly, budget, files, lanes, queue, record
from document_parser.jobs.actor import Actor, draining, given_back_where_storage_is_away
from document_parser.jobs.cache import CachedDocument
from document_parser.jobs.connection import RedisError
from document_parser.jobs.context import Context, task_boundary
from document_parser.jobs.ending import discard_files
from document_parser.jobs.job import Job
from document_parser.jobs.ledger import CPU_ENGINES, Claim
from document_parser.models import Page, PageFacts
from document_parser.pipeline.figures import with_figures
from document_parser.pipeline.read import read_plain
from document_parser.pipeline.route import text_layer_suffices
from document_parser.pipeline.source import Source

STORED_AT_ONCE = 8
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
        with given_back_where_storage_is_away(context.ledger, claim, actor):
            with task_boundary(partial(assembly.fail, context, job_id), stage="plan"):
                job = context.load(job_id)
                if job is not None and not await plan_from_cache(context, actor, claim, job, stopping):
                    with context.local_source(job_id) as path:
                        async with await context.open(job, path) as source, aclosing(context.engines()) as engines:
                            await plan_document(context, actor, claim, job, source, engines, stopping)
            context.ledger.finish_stage(claim)
        actor.drop(claim)


async def plan_from_cache(context: Context, actor: Actor, claim: Claim, job: Job, stopping: threading.Event) -> bool:
    """Give a document the pages with which it was read before. False where there are none, and it has to be opened."""
    if job.cache != "hit":
        return False
    with contextlib.ExitStack() as stack:
        document = await asyncio.to_thread(stack.enter_context, context.cache.document(job))
        if document is None or (CPU_ENGINES & document.head.engines and await _reads_better(context, document)):
            record.note_miss(context.redis, claim.job_id)
            return False
        planner = _Planner(context, actor, job, stopping)
        async with planner.all_stored():
            done = await planner.lay_and_copy(document)
        await _close_plan(context, actor, claim, done=done)
    return True


async def _reads_better(context: Context, document: CachedDocument) -> bool:
    """Whether the models that were away then are there now, or CPU engines read otherwise: another pack is installed."""
    if await asyncio.to_thread(on_this_machine, context.settings) != document.head.machine:
        return True
    async with aclosing(Engines(context.settings)) as engines:
        return bool((await engines.available()).intersection(MODELS))


async def plan_document(
    context: Context, actor: Actor, claim: Claim, job: Job, source: Source, engines: Engines, stopping: threading.Event
) -> None:
    """Lay the ledger of an open document, read its sound text layers, give the rest to the readers.

    Raises DocumentError where the document is not to be read at all.
    """
    record.publish(context.redis, claim.job_id)
    planner = _Planner(context, actor, job, stopping)
    async with planner.all_stored():
        done = await planner.lay_and_sort(source, engines)
    await _close_plan(context, actor, claim, done=done)


async def _close_plan(context: Context, actor: Actor, claim: Claim, *, done: bool) -> None:
    if not done:
        context.ledger.release(claim, crashed=False)
    elif context.ledger.planned(claim):
        await asyncio.to_thread(assembly.assemble_or_ring, context, claim.job_id, actor.name)


class _Planner:
    def __init__(self, context: Context, actor: Actor, job: Job, stopping: threading.Event) -> None:
        self.context = context
        self.actor = actor
        self.job = job
        self.job_id = job.card.job_id
        self.stopping = stopping
        self.batch: list[int] = []
        self.storing: set[asyncio.Task[None]] = set()
        self.handed_over = False

    async def lay_and_copy(self, document: CachedDocument) -> bool:
        """Lay the ledger and store the pages; False where this process, or the job, is to stop before the last one."""
        self._lay(document.head.page_count, document.head.numbers)
        entries = self.context.ledger.entries(self.job_id)
        for page in document.pages():
            if self._stops():
                return False
            claim = self._claim(page.number) if entries[page.number]["state"] == "pending" else None
            if claim is not None:
                await asyncio.to_thread(document.copy_figures, self.context.storage, self.job_id, page)
                await self._begin_to_store(claim, page)
        return True

    def _lay(self, page_count: int, numbers: list[int]) -> None:
        settings = self.context.settings.queue
        overspent = budget.is_spent(self.context.redis, self.job.card.owner, settings)
        lane = lanes.lane_once_opened(self.job.card.options, len(numbers), settings, overspent=overspent)
        self.context.ledger.lay(self.job_id, page_count, numbers, lane)

    def _stops(self) -> bool:
        return draining.is_set() or self.stopping.is_set()

    def _claim(self, number: int) -> Claim | None:
        claim = self.context.ledger.claim_planned_page(self.job_id, number, self.actor.name)
        if claim is not None:
            self.actor.hold(claim)
        return claim

    async def lay_and_sort(self, source: Source, engines: Engines) -> bool:
        """Lay the ledger and sort its pages; False where this process, or the job, is to stop before the last one."""
        self.source, self.engines = source, engines
        numbers = self._numbers()
        self._lay(self.source.page_count, numbers)
        entries = self.context.ledger.entries(self.job_id)
        if not entries:
            return False  # ended or deleted while it was being opened: nothing was laid
        for number in numbers:
            if self._stops():
                return False
            if entries[number]["state"] == "pending":
                await self._sort(number)
                self._charge(least=budget.CHARGED_AT_ONCE)
        self._charge()
        self._hand_over()
        return True

    def _charge(self, least: float = 0.0) -> None:
        budget.charge(self.context.redis, self.context.settings.queue, self.job_id, self.source, least)

    def _numbers(self) -> list[int]:
        count, most = self.source.page_count, self.context.settings.api.max_pages
        numbers = self.job.card.options.selects(count)
        if len(numbers) > most:
            raise TooManyPages.of(len(numbers), most)
        if not numbers:
            raise NoSuchPages.of(self.job.card.options.page_range, count)
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
        claim = self._claim(facts.number)
        if claim is None:
            return
        try:
            page = await self._plain_page(facts)
        except PageUnreadable:
            page = None
        if page is None:
            # A reader asks the engines, and reports the page where they fail too.
            self.context.ledger.release(claim, crashed=False)
            self.actor.drop(claim)
        else:
            await self._begin_to_store(claim, page)

    async def _begin_to_store(self, claim: Claim, page: Page) -> None:
        """Store a page while the next ones are looked at: a disk syncs several files about as fast as one."""
        while len(self.storing) >= STORED_AT_ONCE:
            await self._await_stored(asyncio.FIRST_COMPLETED)
        self.storing.add(asyncio.create_task(self._store(claim, page)))

    async def _await_stored(self, until: str = asyncio.ALL_COMPLETED) -> None:
        """Wait for one page, or for all of them, to be stored and counted. Raises StorageUnavailable, RedisError."""
        if self.storing:
            done, self.storing = await asyncio.wait(self.storing, return_when=until)
            if faults := [fault for task in done if (fault := task.exception()) is not None]:
                raise faults[0]

    @contextlib.asynccontextmanager
    async def all_stored(self) -> AsyncIterator[None]:
        """See to it that nothing is being stored any more at the end, however that came."""
        try:
            yield
            await self._await_stored()
        finally:
            for task in [*self.storing]:
                # The first fault is the one that is told of.
                with contextlib.suppress(StorageUnavailable, RedisError):
                    await task

    async def _store(self, claim: Claim, page: Page) -> None:
        """Store a page that this planner has claimed, then count it."""
        data = page.model_dump_json().encode()
        with given_back_where_storage_is_away(self.context.ledger, claim, self.actor):
            await asyncio.to_thread(self.context.storage.put, files.page(self.job_id, page.number), data)
        if self.context.ledger.finish(claim, page) == "gone":
            await asyncio.to_thread(discard_files, self.context.redis, self.context.storage, self.job_id)
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
