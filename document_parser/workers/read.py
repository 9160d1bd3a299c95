"""Read pages: claim pages of any document one by one, and keep a window of them in flight."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial

import structlog

from document_parser.errors import DocumentParserError, PageTimeout, StorageUnavailable
from document_parser.jobs import queue
from document_parser.jobs.ending import discard_files
from document_parser.jobs.reader_slots import ReaderSlots
from document_parser.jobs.records import record, storage_keys
from document_parser.jobs.records.job import Job, log_fields
from document_parser.jobs.records.ledger import Claim
from document_parser.jobs.scheduling import budget, lanes
from document_parser.models import VLM_ENGINES, Page, stored_json
from document_parser.pipeline.reading.figures import with_figures
from document_parser.pipeline.reading.page_result import fail_page
from document_parser.pipeline.reading.read_page import read_page
from document_parser.telemetry import logs, tracing
from document_parser.workers import assemble
from document_parser.workers.assemble import figure_writer
from document_parser.workers.context import Context, task_boundary
from document_parser.workers.heartbeat import Heartbeat, draining
from document_parser.workers.open_documents import OpenDocument, OpenDocuments
from document_parser.workers.page_spans import note_page, trace_page
from document_parser.workers.plan import plan_document, plan_from_cache, trace_wait
from document_parser.workers.reading_cache import PageReadings
from document_parser.workers.recycling import over_memory_limit

log = logs.get_logger(__name__)

POLL_SECONDS = 0.25
"""The longest time between two checks for new work."""
STORAGE_REST_SECONDS = 2.0
"""For this long nothing is claimed after storage was away."""
MAX_SLICES = 15
"""A reader ends after this many slices, and one more for each slot number, so that not all readers end at once."""
MAX_PLANS = 2
"""How many documents a reader plans at the same time, beside its reading."""
MAX_PLANNED_BYTES = 4 << 20
"""A reader plans documents up to this size, and of few pages, beside its reading; larger ones are left to a worker."""


class Reader:
    """One reader in its slot. It ends when nothing is ready, or to free its worker, and then enqueues the next reader."""

    def __init__(self, context: Context, slot: int) -> None:
        self.context = context
        self.ledger = context.ledger
        self.slot = slot
        self.slots = ReaderSlots(context.redis)
        self.engines = context.engines()
        self.documents = OpenDocuments(context)
        self.tasks: dict[asyncio.Task[None], Claim] = {}
        self.alone = False
        self.with_models = False
        self.has_read = False
        self.turns = lanes.turns()
        self.started = time.monotonic()
        self.stopping = threading.Event()
        self.rests_until = 0.0

    async def run(self) -> None:
        """Read pages until nothing is ready or the worker is needed otherwise. Raises RedisError."""
        loop = asyncio.get_running_loop()

        def on_lost(claim: Claim) -> None:
            loop.call_soon_threadsafe(self._cancel, claim)

        with Heartbeat(self.ledger, on_lost, self.engines.renew) as self.actor:
            if not self.slots.enter(self.slot, self.actor.name):
                return
            try:
                await self._read_on()
            finally:
                await self._close()
        # The slot is free again: the next reader takes what is left.
        queue.enqueue_readers(self.context.redis)

    async def _read_on(self) -> None:
        """Keep the window full until the slot can be freed."""
        while True:
            leaving = draining.is_set() or self._must_end()
            if not leaving and not self._is_storage_resting():
                await self._fill_window()
                self._plan_small_documents()
            if not self.tasks:
                if self.slots.retire(self.slot, self.actor.name, leave_work=leaving):
                    return
                if self._is_storage_resting():
                    await asyncio.sleep(POLL_SECONDS)
                continue
            done, _ = await asyncio.wait(self.tasks, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                self._complete(task)

    def _must_end(self) -> bool:
        """Return whether to free the worker for documents that wait: the first reader after its slice, others at once.

        While no document waits, a reader reads on, since the model server would be idle while it drains. It ends at last so
        that a fresh process takes over, but not at the same time as the others. A reader that holds too much memory ends as
        well, but only after it has read something: pages are read even if the limit is too low for reading at all.
        """
        if self.has_read and over_memory_limit(self.context.settings):
            return True
        read_for = time.monotonic() - self.started
        slice_seconds = self.context.settings.workers.read_slice_seconds
        if read_for > slice_seconds * (MAX_SLICES + self.slot):
            return True
        return (self.slot > 1 or read_for > slice_seconds) and self._is_worker_needed()

    def _is_worker_needed(self) -> bool:
        """Return whether an RQ job waits that no reader handles: to assemble, to export, to plan a large document.

        Small documents are no reason to end: they would wait until the pages in flight are read.
        """
        redis = self.context.redis
        if not self.with_models or self.alone:
            return queue.waiting_documents(redis) > 0
        if queue.waiting_documents(redis, (queue.FINISH,)):
            return True
        heads = queue.next_plan_by_lane(redis, lanes.LANES)
        return not {job.card.job_id for job in self._plannable_beside(heads)}.issuperset(heads)

    def _plannable_beside(self, job_ids: list[str]) -> list[Job]:
        """Return the documents that may be planned beside reading: small ones whose planning has killed no process."""
        suspects = self.ledger.suspects("plan", job_ids)
        waiting = record.load_many(self.context.redis, [job_id for job_id in job_ids if job_id not in suspects])
        return [job for job in waiting if job.card.size <= MAX_PLANNED_BYTES]

    async def _fill_window(self) -> None:
        """Claim and start pages until the window is full or nothing is ready. A suspect page is read alone."""
        window = await self._window_size()
        while self._pages_in_flight() < window and not (self.alone and self.tasks):
            claim = self.ledger.claim(self.actor.name, empty_handed=not self.tasks, lanes=next(self.turns))
            if claim is None or claim == "drain":
                return
            self.alone = claim.alone
            self._start(claim, self._read_claimed(claim))

    def _plan_small_documents(self) -> None:
        """Plan small documents between the pages: the model server needs pages, and this process would only wait for it.

        A planner of its own costs a process for each document. Nothing is planned here while the CPU reads, nor beside a
        suspect page.
        """
        plans = len(self.tasks) - self._pages_in_flight()
        while self.with_models and not self.alone and plans < MAX_PLANS:
            claim = self._take_plan()
            if claim is None:
                return
            self._start(claim, self._plan(claim))
            plans += 1

    def _take_plan(self) -> Claim | None:
        """Claim the plan of the next small document and remove its RQ job; None if there is none."""
        redis = self.context.redis
        job = next(iter(self._plannable_beside(queue.next_plan_by_lane(redis, next(self.turns)))), None)
        if job is None:
            return None
        claim = self.ledger.claim_stage(job.card.job_id, "plan", self.actor.name, alone=False)
        if queue.take_plan(redis, job.card.job_id):
            queue.mark_plan_finished(redis, job.card.job_id)
        if claim is None:
            return None
        card = job.card
        return replace(claim, request_id=card.request_id, key_id=card.key_id, traceparent=card.traceparent)

    def _start(self, claim: Claim, work: Coroutine[None, None, None]) -> None:
        """Start work on a claim beside the others. Its log lines name the job and the page."""
        self.actor.hold(claim)
        page = {"page": claim.page} if claim.is_page else {}
        sender = log_fields(claim.request_id, claim.key_id)
        with structlog.contextvars.bound_contextvars(job_id=claim.job_id, **sender, **page):
            self.tasks[asyncio.create_task(work)] = claim

    def _pages_in_flight(self) -> int:
        """Return how many pages are in flight."""
        return sum(claim.is_page for claim in self.tasks.values())

    async def _window_size(self) -> int:
        """Return how many pages may be in flight: many at a model server; on the CPU one for each core and one being drawn."""
        self.with_models = bool((await self.engines.find_available()).intersection(VLM_ENGINES))
        workers = self.context.settings.workers
        return workers.page_concurrency if self.with_models else self.context.settings.cpu_window + 1

    def _complete(self, task: asyncio.Task[None]) -> None:
        """Drop the claim of an ended task, and release it if storage was away. Raises any other error of the task."""
        self.has_read = True
        claim = self.tasks.pop(task)
        if not task.cancelled() and isinstance(fault := task.exception(), StorageUnavailable):
            self._release(claim, fault)
        elif not task.cancelled():
            task.result()
        else:
            self._discard_if_gone(claim)
        self.actor.drop(claim)

    def _discard_if_gone(self, claim: Claim) -> None:
        """Remove what a cancelled task has stored of a job that was deleted meanwhile. Raises RedisError."""
        if self.context.load(claim.job_id) is None:
            discard_files(self.context.redis, self.context.storage, claim.job_id)

    def _release(self, claim: Claim, fault: StorageUnavailable) -> None:
        """Release a claim uncharged since the store is away or full, and claim nothing for ``STORAGE_REST_SECONDS``."""
        log.warning("given_back", code=fault.code, job_id=claim.job_id, what=claim.what)
        self.ledger.release(claim, crashed=False)
        self.rests_until = time.monotonic() + STORAGE_REST_SECONDS

    def _is_storage_resting(self) -> bool:
        return time.monotonic() < self.rests_until

    def _cancel(self, lost: Claim) -> None:
        """Cancel the task of a lost claim."""
        for task, claim in self.tasks.items():
            if claim.token == lost.token:
                task.cancel()

    async def _plan(self, claim: Claim) -> None:
        """Plan the claimed document. It stays open for its pages."""
        with (
            task_boundary(partial(assemble.fail, self.context, claim.job_id), job_id=claim.job_id, stage="plan"),
            tracing.stage("plan", claim.job_id, claim.traceparent),
        ):
            job = self.context.load(claim.job_id)
            trace_wait(job)
            if job is not None and await plan_from_cache(self.context, self.actor, claim, job, self.stopping):
                return
            async with self.documents.document(claim.job_id) as document:
                await plan_document(self.context, self.actor, claim, document.job, document.source, self.engines, self.stopping)
        self.ledger.finish_stage(claim)

    async def _read_claimed(self, claim: Claim) -> None:
        """Read the claimed page, store it and count it. The page that closes the ledger starts the assembly."""
        page = await asyncio.to_thread(assemble.stored_page, self.context, claim.job_id, claim.page)
        if page is None:
            # Ended before the page is counted: a page that is counted is in its trace, even if this process dies.
            with trace_page(claim.job_id, claim.page, claim.traceparent) as span:
                page = await self._read(claim)
                note_page(span, page)
                data = stored_json(page)
                await assemble.put_to_its_end(self.context.storage, storage_keys.page(claim.job_id, claim.page), data)
        outcome = self.ledger.finish(claim, page)
        if outcome == "gone":
            await asyncio.to_thread(discard_files, self.context.redis, self.context.storage, claim.job_id)
        elif outcome == "closed":
            await asyncio.to_thread(assemble.assemble_or_enqueue, self.context, claim.job_id, self.actor.name)
        else:
            record.publish_sometimes(self.context.redis, claim.job_id)

    async def _read(self, claim: Claim) -> Page:
        """Return the page, read or failed. Raises only RedisError, StorageUnavailable and cancellation."""
        kept: list[DocumentParserError] = []
        page: Page | None = None
        with task_boundary(kept.append, job_id=claim.job_id, page=claim.page):
            async with self.documents.document(claim.job_id) as document:
                try:
                    page = await self._within_deadline(document, claim.page)
                finally:
                    budget.charge(self.context.redis, self.context.settings.queue, claim.job_id, document.source)
        return page or fail_page(Page(number=claim.page), kept[0])

    async def _within_deadline(self, document: OpenDocument, number: int) -> Page:
        """Read a page with its figures. Raises PageTimeout after PAGE_TIMEOUT_SECONDS."""
        settings = self.context.settings
        job, source = document.job, document.source
        try:
            async with asyncio.timeout(settings.workers.page_timeout_seconds):
                readings = PageReadings(self.context.cache, job)
                engines = self.engines.only(self.context.tier(job).engines).wrap(readings.wrap)
                page = await read_page(source, number, job.card.options, engines, settings.engines.retry_temperatures)
                await readings.keep(page)
                return await with_figures(source, page, figure_writer(self.context, job))
        except TimeoutError:
            raise PageTimeout(seconds=settings.workers.page_timeout_seconds) from None

    async def _close(self) -> None:
        """Cancel all tasks, then close documents and engines."""
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            await asyncio.wait(self.tasks)
        await self.documents.close_unused()
        await self.engines.aclose()
