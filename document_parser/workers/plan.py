"""Plan a document: open it, create its ledger entries, and read the pages that need no engine."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial

from document_parser.engines.registry import Engines, describe_machine
from document_parser.errors import NoSuchPages, PageUnreadable, StorageUnavailable, TooManyPages
from document_parser.jobs import queue
from document_parser.jobs.cache import CachedDocument
from document_parser.jobs.ending import discard_files
from document_parser.jobs.records import record, storage_keys
from document_parser.jobs.records.job import Job
from document_parser.jobs.records.ledger import Claim
from document_parser.jobs.redis.connection import RedisError
from document_parser.jobs.scheduling import budget, lanes
from document_parser.models import CPU_ENGINES, VLM_ENGINES, Page, PageFacts, stored_json
from document_parser.pipeline.reading.figures import with_figures
from document_parser.pipeline.reading.read_page import read_plain
from document_parser.pipeline.reading.routing import text_layer_suffices
from document_parser.sources.source import Source
from document_parser.telemetry import tracing
from document_parser.workers import assemble
from document_parser.workers.context import Context, task_boundary
from document_parser.workers.heartbeat import Heartbeat, draining, release_on_storage_error
from document_parser.workers.page_spans import note_page, trace_page
from document_parser.workers.unpack import create_children

MAX_PAGES_STORING = 8
"""How many pages are being stored at the same time."""
BATCH_PAGES = 8
"""How many pages are given to the readers together: few enough that reading starts while other pages are still examined."""


async def plan(context: Context, job_id: str) -> None:
    """Plan one document in a process of its own. An error of the document ends its job. A planner never waits.

    Raises RedisError, StorageUnavailable.
    """
    stopping = threading.Event()
    with Heartbeat(context.ledger, lambda _: stopping.set()) as actor:
        claim = context.ledger.claim_stage(job_id, "plan", actor.name, alone=True)
        if claim is None:
            return
        actor.hold(claim)
        with release_on_storage_error(context.ledger, claim, actor):
            with task_boundary(partial(assemble.fail, context, job_id), stage="plan"):
                job = context.load(job_id)
                trace_wait(job)
                if job is not None and not await plan_from_cache(context, actor, claim, job, stopping):
                    with context.local_source(job_id) as path:
                        async with await context.open(job, path) as source, aclosing(context.engines()) as engines:
                            await plan_document(context, actor, claim, job, source, engines, stopping)
            context.ledger.finish_stage(claim)
        actor.drop(claim)


def trace_wait(job: Job | None) -> None:
    """Record how long a document has waited in the queue, before it is planned for the first time."""
    if job is not None and job.total is None and job.started_at is not None:
        tracing.record_past("wait in queue", job.card.job_id, job.card.traceparent, job.card.created_at, job.started_at)


async def plan_from_cache(context: Context, actor: Heartbeat, claim: Claim, job: Job, stopping: threading.Event) -> bool:
    """Copy the pages of a document from the cache. Return False if there are none and it has to be opened.

    Raises RedisError, StorageUnavailable.
    """
    if job.cache != "hit":
        return False
    with contextlib.ExitStack() as stack:
        document = await asyncio.to_thread(stack.enter_context, context.cache.document(job))
        if document is None or (
            document.head.engines.intersection(CPU_ENGINES) and await _would_read_better(context, job, document)
        ):
            record.note_miss(context.redis, claim.job_id)
            return False
        planner = _Planner(context, actor, job, stopping)
        async with planner.finish_storing():
            done = await planner.create_and_copy(document)
        await _close_plan(context, actor, claim, done=done)
    return True


async def _would_read_better(context: Context, job: Job, document: CachedDocument) -> bool:
    """Return whether a document that CPU engines read would be read better now.

    That is so if a model answers, or if the CPU engines read differently since other packages are installed.
    """
    if not document.head.engines.intersection(CPU_ENGINES):
        return False
    if await asyncio.to_thread(describe_machine, context.settings) != document.head.machine:
        return True
    async with aclosing(Engines(context.settings)) as engines:
        return bool((await engines.only(context.tier(job).engines).find_available()).intersection(VLM_ENGINES))


async def plan_document(
    context: Context, actor: Heartbeat, claim: Claim, job: Job, source: Source, engines: Engines, stopping: threading.Event
) -> None:
    """Create the ledger entries of an open document, read pages with a sound text layer, and leave the rest to the readers.

    Raises TooManyPages, NoSuchPages and other kinds of DocumentError if the document cannot be read; QuotaExceeded,
    StorageUnavailable, RedisError.
    """
    record.publish(context.redis, claim.job_id)
    planner = _Planner(context, actor, job, stopping)
    async with planner.finish_storing():
        done = await planner.create_and_sort(source, engines.only(context.tier(job).engines))
        if done:
            await create_children(context, job, source)
    await _close_plan(context, actor, claim, done=done)


async def _close_plan(context: Context, actor: Heartbeat, claim: Claim, *, done: bool) -> None:
    """Finish planning and assemble a document without pages left; release the claim if planning is not ``done``."""
    if not done:
        context.ledger.release(claim, crashed=False)
    elif context.ledger.close_plan(claim):
        await asyncio.to_thread(assemble.assemble_or_enqueue, context, claim.job_id, actor.name)


class _Planner:
    """The planning of one document: its ledger entries, the pages it reads, and those it hands to the readers."""

    def __init__(self, context: Context, actor: Heartbeat, job: Job, stopping: threading.Event) -> None:
        self.context = context
        self.actor = actor
        self.job = job
        self.job_id = job.card.job_id
        self.stopping = stopping
        self.batch: list[int] = []
        self.storing: set[asyncio.Task[None]] = set()
        self.handed_over = False

    async def create_and_copy(self, document: CachedDocument) -> bool:
        """Create the ledger entries and store the cached pages. Return False if the process or the job stops before the end."""
        self._create_entries(document.head.page_count, document.head.numbers)
        entries = self.context.ledger.entries(self.job_id)
        for page in document.pages():
            if self._must_stop():
                return False
            claim = self._claim(page.number) if entries[page.number]["state"] == "pending" else None
            if claim is not None:
                await asyncio.to_thread(document.copy_figures, self.context.storage, self.job_id, page)
                await self._start_storing(claim, page)
        return True

    def _create_entries(self, page_count: int, numbers: list[int]) -> None:
        """Create the ledger entries of the pages to read, in the lane for their number."""
        settings = self.context.settings.queue
        overspent = budget.is_spent(self.context.redis, self.job.card.owner, settings)
        allowed = self.context.tier(self.job).lanes
        lane = lanes.lane_once_opened(self.job.card.options, len(numbers), settings, overspent=overspent, allowed=allowed)
        self.context.ledger.create_entries(self.job_id, page_count, numbers, lane)

    def _must_stop(self) -> bool:
        return draining.is_set() or self.stopping.is_set()

    def _claim(self, number: int) -> Claim | None:
        """Claim a pending page and keep the claim alive; None if it is no longer pending."""
        claim = self.context.ledger.claim_planned_page(self.job_id, number, self.actor.name)
        if claim is not None:
            self.actor.hold(claim)
        return claim

    async def create_and_sort(self, source: Source, engines: Engines) -> bool:
        """Create the ledger entries, then read or hand over each page. Return False if process or job stops before the end."""
        self.source, self.engines = source, engines
        numbers = self._select_pages()
        self._create_entries(self.source.page_count, numbers)
        entries = self.context.ledger.entries(self.job_id)
        if not entries:
            return False  # ended or deleted while it was being opened: no entries were created
        for number in numbers:
            if self._must_stop():
                return False
            if entries[number]["state"] == "pending":
                await self._sort(number)
                self._charge(least=budget.MIN_CHARGE_SECONDS)
        self._charge()
        self._hand_over()
        return True

    def _charge(self, least: float = 0.0) -> None:
        budget.charge(self.context.redis, self.context.settings.queue, self.job_id, self.source, least)

    def _select_pages(self) -> list[int]:
        """Return the numbers of the pages to read. Raises TooManyPages, NoSuchPages."""
        count, most = self.source.page_count, self.context.settings.api.max_pages
        numbers = self.job.card.options.select_pages(count)
        if len(numbers) > most:
            raise TooManyPages.with_limit(len(numbers), most)
        if not numbers:
            raise NoSuchPages.for_range(self.job.card.options.page_range, count)
        return numbers

    async def _sort(self, number: int) -> None:
        """Read a page here if its text layer suffices, or hand it to the readers."""
        facts = await self._facts(number)
        if facts is not None and text_layer_suffices(facts, self.job.card.options.accuracy_mode):
            await self._read(facts)
            return
        self.batch.append(number)
        # The first page at once: its reader has to start while the other pages are still examined.
        if len(self.batch) >= BATCH_PAGES or not self.handed_over:
            self._hand_over()

    async def _facts(self, number: int) -> PageFacts | None:
        """Return the facts of a page; None if it cannot be examined: its reader finds out why and reports it."""
        try:
            return await self.source.facts(number)
        except PageUnreadable:
            return None

    async def _read(self, facts: PageFacts) -> None:
        """Read a page from its text layer and store it. If that is not possible, release it to the readers."""
        claim = self._claim(facts.number)
        if claim is None:
            return
        page: Page | None = None
        with trace_page(self.job_id, facts.number, self.job.card.traceparent) as span, contextlib.suppress(PageUnreadable):
            page = await self._plain_page(facts)
            if page is not None:
                note_page(span, page)
        if page is None:
            # A reader asks the engines, and reports the page if they fail too.
            self.context.ledger.release(claim, crashed=False)
            self.actor.drop(claim)
        else:
            await self._start_storing(claim, page)

    async def _start_storing(self, claim: Claim, page: Page) -> None:
        """Store a page while the next ones are examined: a disk syncs several files about as fast as one."""
        while len(self.storing) >= MAX_PAGES_STORING:
            await self._await_stored(asyncio.FIRST_COMPLETED)
        self.storing.add(asyncio.create_task(self._store(claim, page)))

    async def _await_stored(self, until: str = asyncio.ALL_COMPLETED) -> None:
        """Wait for one page, or for all of them, to be stored and counted. Raises StorageUnavailable, RedisError."""
        if self.storing:
            done, self.storing = await asyncio.wait(self.storing, return_when=until)
            if faults := [fault for task in done if (fault := task.exception()) is not None]:
                raise faults[0]

    @contextlib.asynccontextmanager
    async def finish_storing(self) -> AsyncIterator[None]:
        """Wait at the end of this block until every page is stored, even after an error.

        Raises StorageUnavailable, RedisError.
        """
        try:
            yield
            await self._await_stored()
        finally:
            for task in [*self.storing]:
                # Only the first fault is reported.
                with contextlib.suppress(StorageUnavailable, RedisError):
                    await task

    async def _store(self, claim: Claim, page: Page) -> None:
        """Store a page that this planner has claimed, then count it."""
        data = stored_json(page)
        with release_on_storage_error(self.context.ledger, claim, self.actor):
            await asyncio.to_thread(self.context.storage.put, storage_keys.page(self.job_id, page.number), data)
        if self.context.ledger.finish(claim, page) == "gone":
            await asyncio.to_thread(discard_files, self.context.redis, self.context.storage, self.job_id)
            self.stopping.set()
        self.actor.drop(claim)
        record.publish_sometimes(self.context.redis, self.job_id)

    async def _plain_page(self, facts: PageFacts) -> Page | None:
        """Return the page as it was stored before, or as its text layer reads; None if an engine has to read it."""
        stored = assemble.stored_page(self.context, self.job_id, facts.number)
        page = stored or await read_plain(self.source, facts, self.job.card.options.accuracy_mode, self.engines)
        if page is None or stored:
            return page
        return await with_figures(self.source, page, assemble.figure_writer(self.context, self.job), facts)

    def _hand_over(self) -> None:
        """Make the collected pages ready, and enqueue readers."""
        if self.batch:
            self.context.ledger.make_ready(self.job_id, self.batch)
            self.handed_over = True
        self.batch = []
        queue.enqueue_readers(self.context.redis)
