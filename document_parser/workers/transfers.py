"""Fetch documents and put results into buckets, in a process beside the workers, so that a slow host keeps none from reading.

A fetch is a stage of its job, with a claim and heartbeats as all stages have: if this process dies, another begins it anew. A
result is put after its job's end and never delays it; it is put again, under the same names, until that is recorded.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
import time
from collections.abc import Coroutine
from contextlib import closing
from functools import partial
from typing import NoReturn

import structlog

from document_parser.errors import (
    DocumentParserError,
    FetchAddressLost,
    InfectedFile,
    StorageUnavailable,
    VirusScanUnavailable,
)
from document_parser.host.processes import die_with_parent, name_process
from document_parser.ingest import virus_scan
from document_parser.ingest.fetch import fetch
from document_parser.ingest.needs import missing_needs
from document_parser.ingest.sniff import sniff
from document_parser.ingest.staged_file import StagedFile
from document_parser.jobs import cache, queue
from document_parser.jobs.ending import discard_files, end_job, store_state
from document_parser.jobs.records import record, storage_keys, transfers
from document_parser.jobs.records.job import Job, JobCard
from document_parser.jobs.records.ledger import Claim, Ledger
from document_parser.jobs.records.transfers import Fetched, Transfers
from document_parser.jobs.redis import clock
from document_parser.jobs.redis.connection import Redis, RedisError
from document_parser.jobs.scheduling import budget, disk_space, lanes
from document_parser.models import JobState
from document_parser.settings import Settings
from document_parser.storage import Storage
from document_parser.telemetry import logs
from document_parser.workers.context import service_context, task_boundary
from document_parser.workers.heartbeat import Heartbeat, draining, release_on_storage_error
from document_parser.workers.put_result import ResultPutter
from document_parser.workers.recycling import over_memory_limit

log = logs.get_logger(__name__)

MAX_TRANSFERS = 16
"""How many documents and results are transferred at the same time."""
POLL_SECONDS = 0.2
"""The pause in seconds between two checks for due transfers."""
NOTE_SECONDS = 0.5
"""How often the number of bytes that have come is recorded."""
CLAIM_SECONDS = 60.0
"""A claimed result is due again after this time, unless its claim is renewed."""
MIN_SCAN_PAUSE_SECONDS, MAX_SCAN_PAUSE_SECONDS = 1.0, 60.0
"""Bounds of the pause in seconds until a document is scanned again while the virus scanner is away."""
PAUSE_SECONDS = 1.0
"""The pause in seconds before the next try while Redis or storage is away."""


class TransferProcess:
    """Transfers what is due, several at once, until it is asked to stop or holds too much memory."""

    def __init__(self, settings: Settings, redis: Redis, storage: Storage) -> None:
        self.settings = settings
        self.redis = redis
        self.storage = storage
        self.ledger = Ledger(redis, settings)
        self.due = Transfers(redis)
        self.putter = ResultPutter(settings, redis, storage)
        self.tasks: dict[asyncio.Task[None], Claim | None] = {}

    async def run(self) -> None:
        """Transfer on. Raises RedisError; what was claimed is then taken up again."""
        loop = asyncio.get_running_loop()

        def on_lost(claim: Claim) -> None:
            loop.call_soon_threadsafe(self._cancel, claim)

        with Heartbeat(self.ledger, on_lost) as self.actor:
            try:
                while not self._must_end() or self.tasks:
                    if not self._must_end():
                        self._start_due()
                    elif draining.is_set():
                        return
                    await self._complete(POLL_SECONDS)
            finally:
                await self._close()

    def _must_end(self) -> bool:
        return draining.is_set() or over_memory_limit(self.settings)

    def _start_due(self) -> None:
        """Start as many transfers as there are places."""
        places = MAX_TRANSFERS - len(self.tasks)
        for job_id, what in self.due.claim(places, CLAIM_SECONDS) if places > 0 else ():
            if what == transfers.RESULT:
                self._start(job_id, self._put(job_id), None)
            elif claim := self.ledger.claim_stage(job_id, transfers.FETCH, self.actor.name, alone=False):
                self.actor.hold(claim)
                self._start(job_id, self._fetch(claim), claim)

    def _start(self, job_id: str, work: Coroutine[None, None, None], claim: Claim | None) -> None:
        """Start work beside the rest. Its log lines name the job."""
        with structlog.contextvars.bound_contextvars(job_id=job_id, **record.log_fields(self.redis, job_id)):
            self.tasks[asyncio.create_task(work)] = claim

    async def _complete(self, seconds: float) -> None:
        """Wait for tasks to end, and drop their claims. Raises the error of a task that was not its document's."""
        if not self.tasks:
            await asyncio.sleep(seconds)
            return
        done, _ = await asyncio.wait(self.tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            claim = self.tasks.pop(task)
            if claim is not None:
                self.actor.drop(claim)
            if not task.cancelled() and not isinstance(task.exception(), StorageUnavailable):
                task.result()

    def _cancel(self, lost: Claim) -> None:
        """Cancel the fetch whose claim was lost: its job was cancelled or deleted."""
        for task, claim in self.tasks.items():
            if claim is not None and claim.token == lost.token:
                task.cancel()

    async def _close(self) -> None:
        """Cancel what is under way and release its claims uncharged, so that another process takes it up at once."""
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            await asyncio.wait(self.tasks)
        with contextlib.suppress(RedisError):
            for claim in filter(None, self.tasks.values()):
                self.ledger.release(claim, crashed=False)
                self.actor.drop(claim)
                queue.enqueue_stage(self.redis, claim.job_id, transfers.FETCH)

    # --- documents

    async def _fetch(self, claim: Claim) -> None:
        """Fetch one document and let it be planned. An error of it ends its job. Raises RedisError, StorageUnavailable."""
        job_id = claim.job_id
        with release_on_storage_error(self.ledger, claim, self.actor):
            with task_boundary(partial(self._fail, job_id), stage=transfers.FETCH):
                for job in record.load_many(self.redis, [job_id]):
                    record.publish(self.redis, job_id)
                    await (self._scan(claim, job) if job.card.unscanned else self._receive(claim, job))
                    return
            self.ledger.finish_stage(claim)

    def _fail(self, job_id: str, error: DocumentParserError) -> None:
        end_job(self.redis, self.ledger, self.storage, job_id, JobState.FAILED, error)

    async def _receive(self, claim: Claim, job: Job) -> None:
        """Download the document, store it, and hand the job over. Raises FetchError and other errors of the document."""
        origin = transfers.unseal_origin(self.settings, self.redis, claim.job_id)
        if origin is None:
            raise FetchAddressLost()
        # Of unknown size: with less room, nothing is downloaded that could not be kept.
        most = self.settings.accounts.tier(job.card.tier).max_file_bytes(self.settings.api.max_upload_mb << 20)
        disk_space.check(self.settings.store, most)
        started = time.monotonic()
        with closing(StagedFile(self.settings.plain_dir)) as staged:
            name = await fetch(self.settings, origin, most, staged, _BytesNote(self.due, self.redis, claim))
            card = self._fetched_card(job.card, staged, name)
            await asyncio.to_thread(virus_scan.check_file, self.settings.virus_scan, staged.path)
            storing = asyncio.create_task(asyncio.to_thread(self._take_over, claim, card, staged))
            try:
                await asyncio.shield(storing)
            finally:
                # A thread goes on writing after a cancellation: the staged file stays open until it ends.
                await asyncio.wait([storing])
        log.info("fetched", size=card.size, media_type=card.media_type, seconds=round(time.monotonic() - started, 3))

    async def _scan(self, claim: Claim, job: Job) -> None:
        """Scan a document that was stored while the virus scanner was away, and hand the job over if it is clean.

        While the scanner is still away, the scan is due again later. Raises InfectedFile; VirusScanUnavailable once the
        document has waited too long; StorageUnavailable, RedisError.
        """
        key = storage_keys.source(claim.job_id)
        try:
            await asyncio.to_thread(self._scan_stored, key)
        except InfectedFile:
            await asyncio.to_thread(self.storage.delete, key)
            raise
        except VirusScanUnavailable as error:
            waited = (clock.now(self.redis) - (job.started_at or job.card.created_at)).total_seconds()
            if not error.passes or waited > self.settings.virus_scan.retry_hours * 3600:
                raise
            self.ledger.release(claim, crashed=False)
            # As long again as it has waited so far, which doubles the pauses.
            pause = min(max(waited, MIN_SCAN_PAUSE_SECONDS), MAX_SCAN_PAUSE_SECONDS)
            transfers.enqueue_fetch(self.redis, claim.job_id, pause * random.uniform(1, 1.1))
            return
        await asyncio.to_thread(self._hand_over, claim, job.card.model_copy(update={"unscanned": False}))

    def _scan_stored(self, key: str) -> None:
        with self.storage.local(key) as path:
            virus_scan.check_file(self.settings.virus_scan, path)

    def _fetched_card(self, card: JobCard, staged: StagedFile, name: str) -> JobCard:
        """Return the card with what is known now. Raises EmptyFile, UnsupportedFormat, ContentMismatch, RedisError."""
        kind = sniff(staged.head, name, staged.size, missing_needs(self.settings))
        overspent, tier = budget.is_spent(self.redis, card.owner, self.settings.queue), self.settings.accounts.tier(card.tier)
        return card.model_copy(
            update={
                "filename": name,
                "media_type": kind.media_type,
                "kind": kind.kind,
                "sha256": staged.sha256,
                "size": staged.size,
                "lane": lanes.lane_at_upload(
                    card.options, staged.size, self.settings.queue, overspent=overspent, allowed=tier.lanes
                ),
            }
        )

    def _take_over(self, claim: Claim, card: JobCard, staged: StagedFile) -> None:
        """Store the document and let it be planned. Raises StorageUnavailable, RedisError."""
        self.storage.put_file(storage_keys.source(card.job_id), staged.path, followed=True)
        self._hand_over(claim, card)

    def _hand_over(self, claim: Claim, card: JobCard) -> None:
        """Let a document in storage be planned. Raises StorageUnavailable, RedisError."""
        record.store_card(self.storage, card)
        cache_key = cache.document_key(self.settings, card)
        outcome: Fetched = self.due.complete_fetch(claim, card, cache_key)
        if outcome in ("hit", "miss", "off"):
            queue.enqueue_stage(self.redis, card.job_id, "plan", lane=card.lane, description=card.filename)
        elif outcome == "gone":
            discard_files(self.redis, self.storage, card.job_id)
        elif outcome == "not_yours":
            # Cancelled meanwhile: ``job.json`` has to say that it has ended.
            store_state(self.redis, self.storage, card.job_id)
        record.publish(self.redis, card.job_id)

    # --- results

    async def _put(self, job_id: str) -> None:
        """Put the result of one job into its bucket, or record why not. Raises RedisError, StorageUnavailable."""
        renewing = asyncio.create_task(self._keep_claim(job_id))
        try:
            with task_boundary(lambda _: None, stage=transfers.RESULT):
                await self.putter.put(job_id)
        finally:
            renewing.cancel()

    async def _keep_claim(self, job_id: str) -> None:
        while True:
            await asyncio.sleep(CLAIM_SECONDS / 3)
            self.due.keep(job_id, CLAIM_SECONDS)


class _BytesNote:
    """Records how much of a document has come, at most every NOTE_SECONDS. It may be called from another thread."""

    def __init__(self, due: Transfers, redis: Redis, claim: Claim) -> None:
        self._due = due
        self._redis = redis
        self._claim = claim
        self._last = 0.0

    def __call__(self, received: int, announced: int | None) -> None:
        """Record the bytes, unless they were recorded just now. Raises RedisError."""
        now = time.monotonic()
        if now - self._last >= NOTE_SECONDS:
            self._last = now
            self._due.note_bytes(self._claim, received, announced)
            record.publish_sometimes(self._redis, self._claim.job_id)


@logs.CrashLogged()
def run_transfer_process(parent: int) -> NoReturn:
    """Run the process that transfers documents and results until it is asked to stop or its parent ends."""
    die_with_parent(parent)
    name_process("docparse-fetch")
    signal.signal(signal.SIGTERM, lambda *_: draining.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while not draining.is_set():
        try:
            with service_context() as (settings, redis, storage):
                asyncio.run(TransferProcess(settings, redis, storage).run())
            log.info("transfers_retire")
            sys.exit()
        except (RedisError, StorageUnavailable) as error:
            log.warning("transfers_wait", error=type(error).__name__)
            time.sleep(PAUSE_SECONDS * random.uniform(1, 1.5))
    os._exit(0)
