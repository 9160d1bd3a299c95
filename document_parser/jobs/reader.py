"""A reader: claims pages of any document, one by one, and keeps a window of them in flight."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial

import structlog

from document_parser import logs
from document_parser.errors import DocumentParserError, PageTimeout, StorageUnavailable
from document_parser.jobs import assembly, budget, files, lanes, queue, record
from document_parser.jobs.actor import Actor, draining
from document_parser.jobs.assembly import figure_keeper
from document_parser.jobs.context import Context, task_boundary
from document_parser.jobs.desks import Desks, OpenDocument
from document_parser.jobs.ending import discard_files
from document_parser.jobs.job import Job
from document_parser.jobs.ledger import Claim
from document_parser.jobs.planner import plan_document, plan_from_cache
from document_parser.jobs.readings import PageReadings
from document_parser.jobs.retirement import overgrown
from document_parser.models import Page
from document_parser.pipeline.figures import with_figures
from document_parser.pipeline.read import failed, read_page
from document_parser.pipeline.route import MODELS

log = logs.get(__name__)

POLL_SECONDS = 0.25
STORAGE_REST_SECONDS = 2.0
LONGEST_SLICES = 15
PLANS_AT_ONCE = 2
MOST_BYTES_PLANNED = 4 << 20
"""A reader plans documents up to this size, and of few pages, beside its reading; larger ones are a worker's own work."""


class Reader:
    """One reader in its slot. Ends when nothing is ready, or to make way, and then rings its successor."""

    def __init__(self, context: Context, slot: int) -> None:
        self.context = context
        self.ledger = context.ledger
        self.slot = slot
        self.engines = context.engines()
        self.desks = Desks(context)
        self.tasks: dict[asyncio.Task[None], Claim] = {}
        self.alone = False
        self.with_models = False
        self.has_read = False
        self.turns = lanes.turns()
        self.started = time.monotonic()
        self.stopping = threading.Event()
        self.rests_until = 0.0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()

        def on_lost(claim: Claim) -> None:
            loop.call_soon_threadsafe(self._cancel, claim)

        with Actor(self.ledger, on_lost, self.engines.renew) as self.actor:
            if not self.ledger.enter(self.slot, self.actor.name):
                return
            try:
                await self._read_on()
            finally:
                await self._tidy()
        # The slot is free again: whatever is left is for the next reader.
        queue.ring_readers(self.context.redis, self.ledger, self.context.settings)

    async def _read_on(self) -> None:
        while True:
            leaving = draining.is_set() or self._makes_way()
            if not leaving and not self._storage_rests():
                await self._fill()
                self._plan_some()
            if not self.tasks:
                if self.ledger.retire(self.slot, self.actor.name, leave_work=leaving):
                    return
                if self._storage_rests():
                    await asyncio.sleep(POLL_SECONDS)
                continue
            done, _ = await asyncio.wait(self.tasks, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                self._settle(task)

    def _makes_way(self) -> bool:
        """Whether to leave the worker to documents that wait to be planned: the first reader after its slice, others at once.

        While none waits a reader reads on, since the model server would idle while it drains; it ends at last, for a fresh
        process to take over, and not at the same moment as the others. One that has grown too large ends as well, but not
        before it has read something: where the limit is too low for reading at all, pages are read all the same.
        """
        if self.has_read and overgrown(self.context.settings):
            return True
        read_for = time.monotonic() - self.started
        slice_seconds = self.context.settings.workers.read_slice_seconds
        if read_for > slice_seconds * (LONGEST_SLICES + self.slot):
            return True
        return (self.slot > 1 or read_for > slice_seconds) and self._worker_is_wanted()

    def _worker_is_wanted(self) -> bool:
        """Whether a bell waits that no reader answers: to assemble, to export, to plan a large document.

        Leaving for small documents would let them wait until the pages in flight are read.
        """
        redis = self.context.redis
        if not self.with_models or self.alone:
            return queue.waiting_documents(redis) > 0
        if queue.waiting_documents(redis, (queue.FINISH,)):
            return True
        heads = queue.next_plans(redis, lanes.LANES)
        return not {job.card.job_id for job in self._planned_beside(heads)}.issuperset(heads)

    def _planned_beside(self, job_ids: list[str]) -> list[Job]:
        """Those of the documents that may be planned beside the reading: small ones that nobody died of."""
        suspects = self.ledger.suspects("plan", job_ids)
        waiting = record.load_many(self.context.redis, [job_id for job_id in job_ids if job_id not in suspects])
        return [job for job in waiting if job.card.size <= MOST_BYTES_PLANNED]

    async def _fill(self) -> None:
        window = await self._window()
        while self._pages() < window and not (self.alone and self.tasks):
            claim = self.ledger.claim(self.actor.name, empty_handed=not self.tasks, lanes=next(self.turns))
            if claim is None or claim == "drain":
                return
            self.alone = claim.alone
            self._begin(claim, self._work(claim))

    def _plan_some(self) -> None:
        """Plan small documents between the pages: the model server waits for pages, and we would wait for it.

        A planner of its own costs a process for each; not while the CPU reads, nor beside a page under suspicion.
        """
        plans = len(self.tasks) - self._pages()
        while self.with_models and not self.alone and plans < PLANS_AT_ONCE:
            claim = self._take_plan()
            if claim is None:
                return
            self._begin(claim, self._plan(claim))
            plans += 1

    def _take_plan(self) -> Claim | None:
        redis = self.context.redis
        job = next(iter(self._planned_beside(queue.next_plans(redis, next(self.turns)))), None)
        if job is None:
            return None
        claim = self.ledger.claim_stage(job.card.job_id, "plan", self.actor.name, alone=False)
        if queue.take_plan(redis, job.card.job_id):
            queue.plan_answered(redis, job.card.job_id)
        return replace(claim, request_id=job.card.request_id) if claim else None

    def _begin(self, claim: Claim, work: Coroutine[None, None, None]) -> None:
        """Let it work beside the others; whatever is logged underneath names the job and the page."""
        self.actor.hold(claim)
        page = {"page": claim.page} if claim.is_page else {}
        with structlog.contextvars.bound_contextvars(job_id=claim.job_id, request_id=claim.request_id, **page):
            self.tasks[asyncio.create_task(work)] = claim

    def _pages(self) -> int:
        """Pages in flight."""
        return sum(claim.is_page for claim in self.tasks.values())

    async def _window(self) -> int:
        """Pages in flight: many at a model server, one a core on the CPU and one more being drawn."""
        self.with_models = bool((await self.engines.available()).intersection(MODELS))
        workers = self.context.settings.workers
        return workers.page_concurrency if self.with_models else self.context.settings.cpu_window + 1

    def _settle(self, task: asyncio.Task[None]) -> None:
        self.has_read = True
        claim = self.tasks.pop(task)
        if not task.cancelled() and isinstance(fault := task.exception(), StorageUnavailable):
            self._give_back(claim, fault)
        elif not task.cancelled():
            task.result()
        self.actor.drop(claim)

    def _give_back(self, claim: Claim, fault: StorageUnavailable) -> None:
        """The store is away or full, which is nobody's fault: the claim goes back, and nothing is claimed for a moment."""
        log.warning("given_back", code=fault.code, job_id=claim.job_id, what=claim.what)
        self.ledger.release(claim, crashed=False)
        self.rests_until = time.monotonic() + STORAGE_REST_SECONDS

    def _storage_rests(self) -> bool:
        return time.monotonic() < self.rests_until

    def _cancel(self, lost: Claim) -> None:
        for task, claim in self.tasks.items():
            if claim.token == lost.token:
                task.cancel()

    async def _plan(self, claim: Claim) -> None:
        """Plan the claimed document; it stays open for its pages."""
        with task_boundary(partial(assembly.fail, self.context, claim.job_id), job_id=claim.job_id, stage="plan"):
            job = self.context.load(claim.job_id)
            if job is not None and await plan_from_cache(self.context, self.actor, claim, job, self.stopping):
                return
            async with self.desks.document(claim.job_id) as document:
                await plan_document(self.context, self.actor, claim, document.job, document.source, self.engines, self.stopping)
        self.ledger.finish_stage(claim)

    async def _work(self, claim: Claim) -> None:
        """Read the claimed page, store it, count it."""
        page = await asyncio.to_thread(assembly.stored_page, self.context, claim.job_id, claim.page)
        if page is None:
            page = await self._read(claim)
            data = page.model_dump_json().encode()
            await asyncio.to_thread(self.context.storage.put, files.page(claim.job_id, claim.page), data)
        outcome = self.ledger.finish(claim, page)
        if outcome == "gone":
            await asyncio.to_thread(discard_files, self.context.redis, self.context.storage, claim.job_id)
        elif outcome == "closed":
            await asyncio.to_thread(assembly.assemble_or_ring, self.context, claim.job_id, self.actor.name)
        else:
            record.publish_sometimes(self.context.redis, claim.job_id)

    async def _read(self, claim: Claim) -> Page:
        """The page, read or failed. Raises only what is nobody's fault (Redis or storage away), and cancellation."""
        kept: list[DocumentParserError] = []
        page: Page | None = None
        with task_boundary(kept.append, job_id=claim.job_id, page=claim.page):
            async with self.desks.document(claim.job_id) as document:
                try:
                    page = await self._within_deadline(document, claim.page)
                finally:
                    budget.charge(self.context.redis, self.context.settings.queue, claim.job_id, document.source)
        return page or failed(Page(number=claim.page), kept[0])

    async def _within_deadline(self, document: OpenDocument, number: int) -> Page:
        settings = self.context.settings
        job, source = document.job, document.source
        try:
            async with asyncio.timeout(settings.workers.page_timeout_seconds):
                readings = PageReadings(self.context.cache, job)
                engines = self.engines.seen_through(readings.around)
                page = await read_page(source, number, job.card.options, engines, settings.engines.retry_temperatures)
                await readings.keep(page)
                return await with_figures(source, page, figure_keeper(self.context, job))
        except TimeoutError:
            raise PageTimeout(seconds=settings.workers.page_timeout_seconds) from None

    async def _tidy(self) -> None:
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            await asyncio.wait(self.tasks)
        await self.desks.tidy()
        await self.engines.aclose()
