"""Reading pages of a completed job again.

The old page and result stay as they are until the new ones are stored beside them, under the next revision; one script then
raises the record's revision, and from that moment the new ones are the job's. A crash before it leaves nothing but files that
the next try writes over.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import aclosing
from typing import Any

from document_parser import logs
from document_parser.engines import Engines
from document_parser.errors import DocumentParserError, PagesLost, PageTimeout
from document_parser.jobs import announcements, assembly, clock, counters, files, queue, record
from document_parser.jobs.actor import Actor, draining, given_back_where_storage_is_away
from document_parser.jobs.assembly import figure_keeper
from document_parser.jobs.context import Context, task_boundary
from document_parser.jobs.ending import discard_files
from document_parser.jobs.job import Job
from document_parser.jobs.ledger import Claim, counter_of, entry_of
from document_parser.jobs.retries import RetryOrder, RetryOutcome, kept
from document_parser.models import FORMAT_FILES, Page
from document_parser.pipeline.figures import KeepFigure, with_figures
from document_parser.pipeline.read import failed, read_page, read_with
from document_parser.pipeline.source import Source

log = logs.get(__name__)

RESULTS_KEPT = 2
"""Results of so many revisions are kept: a request that began before the newest one came still finds the one before."""


async def reread(context: Context, job_id: str) -> None:
    """Work off what is ordered of a job. Nothing happens where somebody else is at it."""
    loop = asyncio.get_running_loop()
    rereading = _Rereading(context, job_id)

    def on_lost(_: Claim) -> None:
        loop.call_soon_threadsafe(rereading.stop)

    with Actor(context.ledger, on_lost, rereading.renew) as actor:
        # Asked again after the end: an order may have come between the last look and that.
        while (claim := context.ledger.claim_stage(job_id, "retry", actor.name, alone=True)) is not None:
            actor.hold(claim)
            with given_back_where_storage_is_away(context.ledger, claim, actor):
                finished = await rereading.run(claim)
            if not finished:
                # To be gone on with elsewhere; nothing comes of it where the job was deleted.
                context.ledger.release(claim, crashed=False)
                actor.drop(claim)
                queue.ring_stage(context.redis, job_id, "retry")
                return
            context.ledger.finish_stage(claim)
            actor.drop(claim)


class _Rereading:
    def __init__(self, context: Context, job_id: str) -> None:
        self.context = context
        self.job_id = job_id
        self.stopped = False
        self.reading: asyncio.Task[Page] | None = None
        self.engines: Engines | None = None

    def renew(self) -> None:
        """The requests that are out still wait for their answers."""
        if self.engines is not None:
            self.engines.renew()

    def stop(self) -> None:
        """The claim is lost: whatever is asked of an engine right now ends."""
        self.stopped = True
        if self.reading is not None:
            self.reading.cancel()

    async def run(self, claim: Claim) -> bool:
        """Read what is ordered, page by page; False where this process, or the job, is to stop before the last one."""
        while orders := self.context.ledger.retries(self.job_id):
            job = self.context.load(self.job_id)
            if job is None or self.stopped or draining.is_set():
                return False
            self.reading = asyncio.create_task(self._read(job, orders[0]))
            await asyncio.wait([self.reading])
            if self.reading.cancelled() or not await asyncio.to_thread(self._settle, claim, job, self.reading.result()):
                return False
        return True

    async def _read(self, job: Job, order: RetryOrder) -> Page:
        """The page, read or failed. Raises only what is nobody's fault (Redis or storage away), and cancellation."""
        faults: list[DocumentParserError] = []
        page: Page | None = None
        boundary = task_boundary(faults.append, stage="retry", page=order.page)
        with boundary, self.context.local_source(self.job_id) as path:
            async with await self.context.open(job, path) as source, aclosing(self.context.engines()) as engines:
                self.engines = engines
                page = await self._within_deadline(job, order, source, engines)
        return page or failed(Page(number=order.page), faults[0])

    async def _within_deadline(self, job: Job, order: RetryOrder, source: Source, engines: Engines) -> Page:
        settings, options = self.context.settings, order.options(job.card.options)
        heats = settings.engines.retry_temperatures
        try:
            async with asyncio.timeout(settings.workers.page_timeout_seconds):
                if order.engine is None:
                    page = await read_page(source, order.page, options, engines, heats)
                else:
                    page = await read_with(order.engine, source, order.page, options, engines, heats)
                return await self._with_figures(job, source, page)
        except TimeoutError:
            raise PageTimeout(seconds=settings.workers.page_timeout_seconds) from None

    async def _with_figures(self, job: Job, source: Source, page: Page) -> Page:
        """The page with its figures under names of their own: the pictures of the old one stay."""
        keep, revision = figure_keeper(self.context, job), job.revision + 1
        found = await with_figures(source, page, _beside(keep, revision) if keep else None)
        for block in found.blocks:
            block.picture = files.figure_of(block.picture, revision) if block.picture else None
        return found

    def _settle(self, claim: Claim, job: Job, page: Page) -> bool:
        """Make the new page the job's, or keep the old one where it failed. False where the claim is lost."""
        entries = self.context.ledger.entries(self.job_id)
        if page.number not in entries:
            return False
        before = entries[page.number]
        outcome, read = _outcome(job, before, page)
        entries |= {page.number: outcome.entry}
        if outcome.revision is not None:
            try:
                self._store(_revised(job, outcome), entries, read)
            except PagesLost as lost:
                # The result of the new revision would have holes.
                outcome, _ = _outcome(job, before, failed(page, lost))
                entries |= {page.number: outcome.entry}
            else:
                job = _revised(job, outcome)
        outcome = announcements.of_retry(job, entries, outcome, clock.now(self.context.redis))
        settled = self.context.ledger.settle_retry(claim, self.job_id, outcome)
        if settled == "gone":
            discard_files(self.context.redis, self.context.storage, self.job_id)
        elif settled == "ok":
            self._tell(outcome)
        return settled == "ok"

    def _store(self, revised: Job, entries: assembly.Entries, page: Page) -> None:
        """Page and result of the new revision, beside the old ones."""
        self.context.storage.put(files.page(self.job_id, page.number, page.revision), page.model_dump_json().encode())
        assembly.export(self.context, revised, revised.card.options.output_format, entries)

    def _tell(self, outcome: RetryOutcome) -> None:
        facts = {"page": outcome.page, "status": outcome.status, "revision": outcome.revision}
        log.info("page_reread", job_id=self.job_id, **facts, code=outcome.error)
        record.publish(self.context.redis, self.job_id)
        job = self.context.load(self.job_id)
        if job is None:
            return
        record.store_card(self.context.storage, job.card, ended=job)
        if job.webhook is not None:
            queue.ring_deliverer(self.context.redis, self.context.ledger)
        if outcome.revision is not None and (old := outcome.revision - RESULTS_KEPT) > 0:
            self.context.storage.delete(files.result_facts(self.job_id, old))
            for kind in FORMAT_FILES.values():
                self.context.storage.delete(files.result(self.job_id, kind.extension, old))


def _beside(keep: KeepFigure, revision: int) -> KeepFigure:
    async def kept_beside(name: str, data: bytes) -> None:
        await keep(files.figure_of(name, revision), data)

    return kept_beside


def _revised(job: Job, outcome: RetryOutcome) -> Job:
    """The job as it is once the outcome is settled."""
    counts = Counter(job.counts)
    counts.update(outcome.counts)
    changes = {"revision": outcome.revision, "counts": dict(counts), "complete": not counts["failed"]}
    return job.model_copy(update=changes)


def _outcome(job: Job, before: dict[str, Any], page: Page) -> tuple[RetryOutcome, Page]:
    """What the ledger is to know, and the page as it is to be stored. A reading that failed replaces nothing."""
    reading = before.get("readings", 1) + 1
    samples = counters.of_page(page)
    attempts = [attempt.model_copy(update={"reading": reading}) for attempt in page.attempts]
    trail = before.get("attempts", []) + [attempt.model_dump(exclude_none=True) for attempt in attempts]
    if page.status == "failed":
        entry = before | {"attempts": trail, "readings": reading}
        error = page.error or DocumentParserError()
        outcome = kept(page.number, entry, error.code, error.message)
        return RetryOutcome(outcome.page, outcome.entry, "failed", error=outcome.error, samples=samples), page
    read = Page.model_validate(page.model_dump() | {"attempts": trail, "revision": job.revision + 1})
    entry = entry_of(read) | {"readings": reading, "revision": read.revision}
    counts = _changes(before, read)
    return RetryOutcome(page.number, entry, page.status, read.revision, counts=counts, samples=samples), read


def _changes(before: dict[str, Any], page: Page) -> dict[str, int]:
    """What the new page adds to the counts of the job, and the old one takes away."""
    was_cached = any(
        attempt.get("cached")
        for attempt in before.get("attempts", [])
        if attempt.get("reading", 1) == before.get("readings", 1)
    )
    changes: Counter[str] = Counter({page.status: 1})
    changes[before["state"]] -= 1
    changes[counter_of(page.status, page.engine)] += 1
    changes[counter_of(before["state"], before.get("engine"))] -= 1
    changes["cached"] -= was_cached
    changes["flagged"] += page.flagged - before.get("flagged", False)
    return {name: by for name, by in changes.items() if by and name}
