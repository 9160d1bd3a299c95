"""Read pages of a completed job again.

The old page and result are kept while the new ones are stored beside them, under the next revision. One script then raises the
record's revision, and from that moment the job has the new ones. A crash before that leaves only files that the next try
overwrites.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from document_parser.engines.registry import Engines
from document_parser.errors import DocumentParserError, PagesLost, PageTimeout
from document_parser.jobs import queue
from document_parser.jobs.ending import discard_files, store_state
from document_parser.jobs.records import record, storage_keys
from document_parser.jobs.records.job import Job
from document_parser.jobs.records.ledger import Claim, counter_of, entry_of
from document_parser.jobs.records.retries import RetryOrder, RetryOutcome, failed_retry
from document_parser.jobs.records.usage import Changes, usage_of_retry
from document_parser.jobs.redis import clock, counters
from document_parser.jobs.webhooks import messages
from document_parser.models import FORMAT_FILES, Page, stored_json
from document_parser.pipeline.reading.figures import KeepFigure, with_figures
from document_parser.pipeline.reading.page_result import fail_page
from document_parser.pipeline.reading.read_page import read_page, read_with
from document_parser.sources.source import Source
from document_parser.telemetry import logs
from document_parser.workers import assemble
from document_parser.workers.assemble import figure_writer
from document_parser.workers.context import Context, task_boundary
from document_parser.workers.heartbeat import Heartbeat, draining, release_on_storage_error

log = logs.get_logger(__name__)

MAX_RESULTS_KEPT = 2
"""How many revisions of the result are kept, so that a request that began before the newest one still finds the one before."""


async def reread(context: Context, job_id: str) -> None:
    """Carry out the ordered retries of a job. Nothing happens if another actor works on them.

    Raises RedisError, StorageUnavailable.
    """
    loop = asyncio.get_running_loop()
    rereading = _Rereading(context, job_id)

    def on_lost(_: Claim) -> None:
        loop.call_soon_threadsafe(rereading.stop)

    with Heartbeat(context.ledger, on_lost, rereading.renew) as actor:
        # Claimed again after the last order: another one may have come in between.
        while (claim := context.ledger.claim_stage(job_id, "retry", actor.name, alone=True)) is not None:
            actor.hold(claim)
            with release_on_storage_error(context.ledger, claim, actor):
                finished = await rereading.run(claim)
            if not finished:
                # Another process goes on; if the job was deleted, nothing happens.
                context.ledger.release(claim, crashed=False)
                actor.drop(claim)
                queue.enqueue_stage(context.redis, job_id, "retry")
                return
            context.ledger.finish_stage(claim)
            actor.drop(claim)


class _Rereading:
    """The retries of one job, carried out one after the other."""

    def __init__(self, context: Context, job_id: str) -> None:
        self.context = context
        self.job_id = job_id
        self.stopped = False
        self.reading: asyncio.Task[Page] | None = None
        self.engines: Engines | None = None

    def renew(self) -> None:
        """Renew the leases of requests to model servers that are in flight. Raises RedisError."""
        if self.engines is not None:
            self.engines.renew()

    def stop(self) -> None:
        """Stop, since the claim is lost, and cancel requests to engines."""
        self.stopped = True
        if self.reading is not None:
            self.reading.cancel()

    async def run(self, claim: Claim) -> bool:
        """Read the ordered pages one by one. Return False if the process or the job stops before the last one."""
        while orders := self.context.ledger.retries(self.job_id):
            job = self.context.load(self.job_id)
            if job is None or self.stopped or draining.is_set():
                return False
            self.reading = asyncio.create_task(self._read(job, orders[0]))
            await asyncio.wait([self.reading])
            if self.reading.cancelled() or not await asyncio.to_thread(self._apply_page, claim, job, self.reading.result()):
                return False
        return True

    async def _read(self, job: Job, order: RetryOrder) -> Page:
        """Return the page, read or failed. Raises only RedisError, StorageUnavailable and cancellation."""
        faults: list[DocumentParserError] = []
        page: Page | None = None
        boundary = task_boundary(faults.append, stage="retry", page=order.page)
        with boundary, self.context.local_source(self.job_id) as path:
            async with await self.context.open(job, path) as source, aclosing(self.context.engines()) as engines:
                self.engines = engines
                page = await self._within_deadline(job, order, source, engines.only(self.context.tier(job).engines))
        return page or fail_page(Page(number=order.page), faults[0])

    async def _within_deadline(self, job: Job, order: RetryOrder, source: Source, engines: Engines) -> Page:
        """Read the ordered page with its figures. Raises PageTimeout after PAGE_TIMEOUT_SECONDS."""
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
        """Return the page with new names for its figures, so that the images of the old page are kept."""
        keep, revision = figure_writer(self.context, job), job.revision + 1
        found = await with_figures(source, page, _rename_figures(keep, revision) if keep else None)
        for block in found.blocks:
            block.picture = storage_keys.figure_of(block.picture, revision) if block.picture else None
        return found

    def _apply_page(self, claim: Claim, job: Job, page: Page) -> bool:
        """Replace the job's page, or keep the old one if the new one failed. Return False if the claim is lost."""
        entries = self.context.ledger.entries(self.job_id)
        if page.number not in entries:
            return False
        before = entries[page.number]
        outcome, read = _outcome(job, before, page)
        entries |= {page.number: outcome.entry}
        if outcome.revision is not None:
            used: Changes = {}
            try:
                self._store(_apply_outcome(job, outcome), entries, read, used)
            except PagesLost as lost:
                # The result of the new revision would have holes.
                outcome, _ = _outcome(job, before, fail_page(page, lost))
                entries |= {page.number: outcome.entry}
            else:
                outcome = replace(outcome, usage=outcome.usage | used)
                job = _apply_outcome(job, outcome)
        outcome = messages.add_body(job, entries, outcome, clock.now(self.context.redis))
        settled = self.context.ledger.complete_retry(claim, self.job_id, outcome)
        if settled == "gone":
            discard_files(self.context.redis, self.context.storage, self.job_id)
        elif settled == "ok":
            self._announce(outcome)
        return settled == "ok"

    def _store(self, revised: Job, entries: assemble.Entries, page: Page, used: Changes) -> None:
        """Store page and result of the new revision beside the old ones, and add what a model spent to ``used``.

        Raises PagesLost, StorageUnavailable.
        """
        self.context.storage.put(storage_keys.page(self.job_id, page.number, page.revision), stored_json(page))
        assemble.export_first(self.context, revised, (revised.card.options.output_format,), used, entries)

    def _announce(self, outcome: RetryOutcome) -> None:
        """Log and publish an outcome, enqueue its webhook, and delete results older than those that are kept."""
        facts = {"page": outcome.page, "status": outcome.status, "revision": outcome.revision}
        log.info("page_reread", job_id=self.job_id, **facts, code=outcome.error)
        record.publish(self.context.redis, self.job_id)
        job = store_state(self.context.redis, self.context.storage, self.job_id)
        if job is None:
            return
        if job.webhook is not None:
            queue.enqueue_deliverer(self.context.redis)
        if outcome.revision is not None and (old := outcome.revision - MAX_RESULTS_KEPT) > 0:
            self.context.storage.delete(storage_keys.result_facts(self.job_id, old))
            for kind in FORMAT_FILES.values():
                self.context.storage.delete(storage_keys.result(self.job_id, kind.extension, old))
            self.context.storage.delete_all(storage_keys.exports_beside(self.job_id, old))


def _rename_figures(keep: KeepFigure, revision: int) -> KeepFigure:
    """Return a function that keeps figures under the names of a revision."""

    async def keep_renamed(name: str, data: bytes) -> None:
        await keep(storage_keys.figure_of(name, revision), data)

    return keep_renamed


def _apply_outcome(job: Job, outcome: RetryOutcome) -> Job:
    """Return the job as the outcome makes it."""
    counts = Counter(job.counts)
    counts.update(outcome.counts)
    changes = {"revision": outcome.revision, "counts": dict(counts), "complete": not counts["failed"]}
    return job.model_copy(update=changes)


def _outcome(job: Job, before: dict[str, Any], page: Page) -> tuple[RetryOutcome, Page]:
    """Return the outcome for the ledger and the page to store. A reading that failed replaces nothing."""
    reading = before.get("readings", 1) + 1
    samples = counters.samples_of_page(page)
    attempts = [attempt.model_copy(update={"reading": reading}) for attempt in page.attempts]
    trail = before.get("attempts", []) + [attempt.model_dump(exclude_none=True) for attempt in attempts]
    if page.status == "failed":
        entry = before | {"attempts": trail, "readings": reading}
        error = page.error or DocumentParserError()
        outcome = failed_retry(page.number, entry, error.code, error.message)
        used = usage_of_retry(attempts, None, {})
        return RetryOutcome(outcome.page, outcome.entry, "failed", error=outcome.error, samples=samples, usage=used), page
    read = Page.model_validate(page.model_dump() | {"attempts": trail, "revision": job.revision + 1})
    entry = entry_of(read) | {"readings": reading, "revision": read.revision}
    counts = _count_changes(before, read)
    used = usage_of_retry(attempts, read, counts)
    return RetryOutcome(page.number, entry, page.status, read.revision, counts=counts, samples=samples, usage=used), read


def _count_changes(before: dict[str, Any], page: Page) -> dict[str, int]:
    """Return the changes of the job's counts when the new page replaces the old one."""
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
    changes["flagged"] += page.is_flagged - before.get("flagged", False)
    return {name: by for name, by in changes.items() if by and name}
