"""Find lost work and enqueue it again, and delete expired files.

Lost are claims of dead tasks, documents that no task plans or assembles, missing readers, and webhooks that are due. The
sweeper is a process beside the workers of every host; a lease in Redis lets one of them do the work. Times are on Redis' clock.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import NoReturn

from pydantic import ValidationError

from document_parser.errors import (
    ClassificationFailed,
    DatabaseNotUpgraded,
    DatabaseUnavailable,
    ExtractionFailed,
    FormatFailed,
    StorageUnavailable,
    WorkerCrashed,
)
from document_parser.host.processes import die_with_parent, name_process
from document_parser.jobs import queue
from document_parser.jobs.cache import Cache
from document_parser.jobs.complete_reads import delete_all_read
from document_parser.jobs.ending import DELETING, delete_again, discard_files, end_job
from document_parser.jobs.erasing import erase_late_jobs
from document_parser.jobs.reader_slots import ReaderSlots
from document_parser.jobs.records import batches, deliveries, record, storage_keys, tombstones, uploads
from document_parser.jobs.records.job import PUBLIC, Job, JobCard, as_job_error
from document_parser.jobs.records.ledger import Claim, Ledger
from document_parser.jobs.records.retries import failed_retry
from document_parser.jobs.redis import clock
from document_parser.jobs.redis.connection import Redis, RedisError, connect, text
from document_parser.jobs.scheduling import forecast, quotas
from document_parser.jobs.webhooks import messages
from document_parser.models import JobState
from document_parser.settings import Settings
from document_parser.storage import Storage, StoredFileMissing, make_storage
from document_parser.telemetry import logs
from document_parser.workers.recycling import over_memory_limit

log = logs.get_logger(__name__)

FLUSH_SECONDS = 2.0
"""Pause between two writings of usage, audit and history to the database."""
MAX_FLUSH_SECONDS = 16.0
"""The longest pause while the database is away."""
HEAL_SECONDS = 30.0
"""Pause between two corrections of the places of owners: each looks at every job that has not ended."""
LEASE_MILLISECONDS = 5000
"""How long the lease of a sweeper lasts without being renewed."""
ENQUEUE_GRACE_MILLISECONDS = 5000
"""An RQ job that was enqueued this recently may have left its queue while its task has not claimed anything yet."""
MAX_CRASHES = 2
"""After this many crashes a stage is not enqueued again."""
REREADING = "jobs:rereading"
"""The Redis set of jobs with pages to read again."""
LEFTOVER_SECONDS = 120.0
"""A folder that still has no ``job.json`` after this time is the rest of an upload that was cut off."""


@dataclass
class Sweep:
    """A sweeper. It uses storage only for what has expired or could not be removed, and at its start."""

    settings: Settings
    redis: Redis
    storage: Storage
    name: str
    ledger: Ledger = field(init=False)
    cache: Cache = field(init=False)
    needs: set[tuple[str, str]] = field(default_factory=set)
    jumps: clock.JumpWatch = field(default_factory=clock.JumpWatch)
    healed_at: float = field(default_factory=lambda: time.monotonic() - HEAL_SECONDS)
    leads: bool = False
    """Whether this sweeper had the lease when it last swept."""

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.redis, self.settings)
        self.cache = Cache(self.settings, self.redis, self.storage)

    def run_once(self) -> bool:
        """Sweep once if this sweeper has the lease. Return whether it has. Raises RedisError, StorageUnavailable."""
        jump_seconds = self.jumps.measure_jump(self.redis)
        self.leads = self._take_lease()
        if not self.leads:
            return False
        if jump_seconds:
            # Without this, living tasks would count as dead, and work as late, because Redis' clock has jumped.
            clock.shift_times(self.redis, jump_seconds)
        self.release_dead_claims()
        self.free_slots()
        self.enqueue_lost_stages()
        batches.withdraw_lost(self.redis)
        self.expire()
        delete_again(self.redis, self.ledger, self.storage, self.now())
        delete_all_read(self.redis, self.ledger, self.storage)
        erase_late_jobs(self.redis, self.ledger, self.storage)
        forecast.publish_forecast(self.redis)
        queue.enqueue_readers(self.redis)
        queue.enqueue_deliverer(self.redis)
        self._heal_places()
        return True

    def _heal_places(self) -> None:
        """Correct the places of owners from time to time: one that no job holds would stay taken for ever."""
        if time.monotonic() - self.healed_at >= HEAL_SECONDS:
            self.healed_at = time.monotonic()
            if wrong := quotas.heal_places(self.redis):
                log.warning("places_healed", wrong=wrong)

    def _take_lease(self) -> bool:
        """Take or renew the lease. Return False if another sweeper has it."""
        if self.redis.set("sweep:lease", self.name, px=LEASE_MILLISECONDS, nx=True):
            return True
        if self.redis.get("sweep:lease") != self.name.encode():
            # If Redis' clock has been set back, the lease of a sweeper that died would last that much longer.
            if self.redis.pttl("sweep:lease") > LEASE_MILLISECONDS:
                self.redis.pexpire("sweep:lease", LEASE_MILLISECONDS)
            return False
        self.redis.pexpire("sweep:lease", LEASE_MILLISECONDS)
        return True

    def now(self) -> int:
        """Return the time in milliseconds on Redis' clock. Raises RedisError."""
        return int(clock.seconds(self.redis) * 1000)

    def _is_recent(self, moment: int) -> bool:
        """Return whether an RQ job was enqueued just now. A time in the future was noted before the clock was set back."""
        return 0 <= self.now() - moment <= ENQUEUE_GRACE_MILLISECONDS

    # --- dead tasks

    def release_dead_claims(self) -> None:
        """Release the claims of actors without a recent heartbeat, and claims past their deadline.

        Raises RedisError, StorageUnavailable.
        """
        now = self.now()
        silent = now - int(self.settings.workers.heartbeat_timeout_seconds * 1000)
        # A beat in the future would outlast its actor: it counts as a beat of now.
        for name in self.redis.zrangebyscore("actors", f"({now}", "+inf"):
            self.redis.zadd("actors", {text(name): now}, xx=True)
        alive = {text(name) for name in self.redis.zrangebyscore("actors", f"({silent}", "+inf")}
        for member, deadline in list(self.redis.zscan_iter("claims")):
            job_id, what, token, actor = text(member).split("|", 3)
            if actor not in alive or deadline < now:
                self._release(Claim(job_id, what, token), actor)
                self.redis.zrem("claims", member)
        self.redis.zremrangebyscore("actors", "-inf", silent)

    def _release(self, claim: Claim, actor: str) -> None:
        """Release the claim of a dead actor, and enqueue or end what follows from that."""
        released = self.ledger.release(claim, crashed=True)
        if released.outcome == "none":
            return
        facts = {"job_id": claim.job_id, **record.log_fields(self.redis, claim.job_id)}
        log.warning("claim_of_the_dead", **facts, what=claim.what, actor=actor, outcome=released.outcome)
        if released.outcome == "closed":
            queue.enqueue_stage(self.redis, claim.job_id, "assemble")
        elif released.outcome == "stage" and released.crashes < MAX_CRASHES:
            queue.enqueue_stage(self.redis, claim.job_id, claim.what)
        elif released.outcome == "stage" and claim.what == "retry":
            self._keep_page(claim.job_id)
        elif released.outcome == "stage" and claim.what.startswith("export-"):
            self.ledger.give_up_format(claim.job_id, claim.what, as_job_error(FormatFailed(reason=WorkerCrashed.message)))
        elif released.outcome == "stage" and claim.what.startswith("extract-"):
            self.ledger.give_up_format(claim.job_id, claim.what, as_job_error(ExtractionFailed(reason=WorkerCrashed.message)))
        elif released.outcome == "stage" and claim.what.startswith("classify-"):
            self.ledger.give_up_format(
                claim.job_id, claim.what, as_job_error(ClassificationFailed(reason=WorkerCrashed.message))
            )
        elif released.outcome == "stage" and claim.what in ("fetch", "plan", "assemble"):
            end_job(self.redis, self.ledger, self.storage, claim.job_id, JobState.FAILED, WorkerCrashed())

    def _keep_page(self, job_id: str) -> None:
        """Keep a page as it was, since reading it again has killed its worker twice; the next order gets its turn."""
        fault, entries = WorkerCrashed(), self.ledger.entries(job_id)
        for job in record.load_many(self.redis, [job_id]):
            for order in self.ledger.retries(job_id)[:1]:
                outcome = failed_retry(order.page, entries.get(order.page, {}), fault.code, fault.message)
                entries |= {order.page: outcome.entry}
                outcome_with_body = messages.add_body(job, entries, outcome, clock.now(self.redis))
                self.ledger.complete_retry(None, job_id, outcome_with_body)
        record.publish(self.redis, job_id)

    def free_slots(self) -> None:
        """Free the slots of readers that died, or that were enqueued and never started. Raises RedisError."""
        for slot, raw in self.redis.hgetall("readers").items():
            holder = text(raw)
            if self._is_vacant(holder):
                ReaderSlots(self.redis).free(text(slot), holder)

    def _is_vacant(self, holder: str) -> bool:
        """Return whether the reader of a slot is dead, or was enqueued and is neither waiting nor recent."""
        if not holder.startswith("rung|"):
            return self.redis.zscore("actors", holder) is None
        _, enqueued_at, name = holder.split("|", 2)
        return not self._is_recent(int(enqueued_at)) and not queue.is_queued(self.redis, name, (queue.PAGES,))

    # --- lost RQ jobs

    def enqueue_lost_stages(self) -> None:
        """Enqueue lost stages again: plans of documents, assemblies of closed ledgers, retries of pages, and extractions.

        Raises RedisError.
        """
        active = [text(job_id) for job_id in self.redis.zrange("jobs:active", 0, -1)]
        active += [text(job_id) for key in (REREADING, record.EXTRACTING) for job_id in self.redis.smembers(key)]
        jobs = {job.card.job_id: job for job in record.load_many(self.redis, active)} if active else {}
        if gone := set(active) - jobs.keys():
            self.redis.zrem("jobs:active", *gone)
            self.redis.zrem("jobs:queued", *gone)
            self.redis.srem(REREADING, *gone)
            self.redis.srem(record.EXTRACTING, *gone)
        working = [job for job in jobs.values() if not {job.waits_for, job.awaits_invoice} & jobs.keys()]
        needs = {need for job in working if (need := self._lost_stage(job)) is not None}
        # Seen in two sweeps in a row: what is missing only for a moment is being enqueued already.
        lost = sorted(needs & self.needs)
        self._enqueue_waiting([jobs[job_id] for job_id, _ in lost])
        for job_id, stage in lost:
            job = jobs[job_id]
            if job.waits_for:
                continue
            log.warning("rung_again", job_id=job_id, **job.card.log_fields, stage=stage)
            queue.enqueue_stage(self.redis, job_id, stage, job.lane, job.card.filename)
        self.needs = needs

    def _enqueue_waiting(self, jobs: list[Job]) -> None:
        """Enqueue jobs that still wait for a job that has ended."""
        for reader in {job.waits_for for job in jobs if job.waits_for}:
            waiting = [job.card.job_id for job in jobs if job.waits_for == reader]
            queue.enqueue_waiting(self.redis, self.ledger, reader, waiting)

    def _lost_stage(self, job: Job) -> tuple[str, str] | None:
        """Return the job and the stage it waits for, None if that is claimed or enqueued, or there is none."""
        stage = _stage_of(job)
        if stage is None:
            return None
        job_id = job.card.job_id
        raw = self.redis.hget(f"job:{job_id}:stages", stage)
        claimed = bool(raw) and json.loads(raw or b"{}").get("state") == "claimed"
        enqueued_at = int(self.redis.hget(f"job:{job_id}:rung", stage) or 0)
        waits = queue.is_stage_queued(self.redis, job_id, stage)
        return None if claimed or self._is_recent(enqueued_at) or waits else (job_id, stage)

    # --- expired jobs

    def expire(self) -> None:
        """Delete the files and list entries of expired jobs, expired uploads and cache entries. Tombstones stay.

        Raises RedisError.
        """
        for job_id in map(text, self.redis.zrangebyscore("jobs:expiring", "-inf", self.now(), start=0, num=100)):
            owner = tombstones.owner_of(self.redis.get(f"job:{job_id}:gone") or b"") or PUBLIC
            discard_files(self.redis, self.storage, job_id)
            self.redis.zrem(f"jobs:{owner}", job_id)
            deliveries.forget(self.redis, job_id)
            queue.forget(self.redis, job_id)  # RQ keeps failed ones for a day, with the name of the file
            self.redis.zrem("jobs:expiring", job_id)
        uploads.expire(self.redis, self.settings, self.storage)
        try:
            batches.expire(self.redis, self.storage, self.now())
            self.cache.expire(self.now())
        except StorageUnavailable as fault:
            log.warning("cache_not_removed", code=fault.code, reason=str(fault.details.get("reason", "")))

    # --- at boot

    def rebuild(self) -> int:
        """Rebuild the records that Redis has lost from ``job.json``. Return how many. Raises RedisError, StorageUnavailable."""
        folders = self.storage.folders(storage_keys.ALL_BATCHES)
        lost = [name for name in folders if batches.restore(self.redis, self.settings, self.storage, name)]
        rebuilt = sum(self._rebuild(job_id) for job_id in self.storage.folders(storage_keys.ALL_JOBS))
        for batch_id in lost:
            batches.finish_restoring(self.redis, batch_id)
        return rebuilt

    def jobs_without_card(self) -> set[str]:
        """Return the folders without a ``job.json``: uploads in progress, or the rest of one that was cut off.

        Raises StorageUnavailable.
        """
        return {
            name for name in self.storage.folders(storage_keys.ALL_JOBS) if not self.storage.exists(storage_keys.card(name))
        }

    def remove_lost_uploads(self, earlier: set[str]) -> None:
        """Delete the files of uploads that had no record earlier and still have none. Raises StorageUnavailable, RedisError."""
        for upload_id in earlier & uploads.files_without_record(self.redis, self.storage):
            self.storage.delete_all(storage_keys.upload_folder(upload_id))

    def remove_leftovers(self, earlier: set[str]) -> None:
        """Delete folders that had no ``job.json`` earlier and still have none. Raises StorageUnavailable, RedisError."""
        for job_id in earlier & self.jobs_without_card():
            discard_files(self.redis, self.storage, job_id)

    def _rebuild(self, job_id: str) -> bool:
        """Rebuild the record of one job, if Redis has lost it. Return whether it did."""
        if self.redis.exists(f"job:{job_id}", f"job:{job_id}:gone") or self.redis.zscore(DELETING, job_id) is not None:
            return False
        try:
            stored = json.loads(self.storage.get(storage_keys.card(job_id)))
            card = JobCard.model_validate(stored["card"])
            ended = Job.model_validate({"card": stored["card"], **stored["ended"]}) if "ended" in stored else None
        except (StoredFileMissing, ValidationError, ValueError, KeyError):
            return False
        if ended is not None:
            return self._rebuild_ended(ended)
        log.warning("job_rebuilt", job_id=job_id, **card.log_fields)
        if card.batch and batches.find(self.redis, card.batch) is None:
            card = card.model_copy(update={"batch": "", "place": ""})
        submitted = queue.submit(self.redis, self.settings, card, None, bounded=False, within_quotas=False)
        return not (submitted.replayed or submitted.gone)

    def _rebuild_ended(self, job: Job) -> bool:
        """Restore the record of an ended job, or remove the files of one that has expired."""
        job_id, expires = job.card.job_id, job.expires_at
        left = int(expires.timestamp() * 1000) - self.now() if expires else 0
        if left <= 0:
            discard_files(self.redis, self.storage, job_id)
            return False
        key_left = job.card.created_at.timestamp() * 1000 + self.settings.queue.idempotency_hours * 3_600_000 - self.now()
        record.restore(self.redis, job, left, int(self.settings.store.tombstone_days * 86_400_000), int(key_left))
        if job.card.batch:
            batches.restore_job(self.redis, job)
        return True


def _stage_of(job: Job) -> str | None:
    """Return the next stage of a job; None while pages are read, and if nothing is left to do."""
    if job.state.has_ended:
        if job.rereading is not None:
            return "retry"
        waiting = job.pending_extractions if job.state is JobState.COMPLETED else []
        return queue.extraction_stage(waiting[0]) if waiting else None
    if not job.card.is_fetched:
        return "fetch"
    return "plan" if not job.planned else "assemble" if job.is_closed else None


@dataclass
class _Boot:
    """The work after a start: lost records are rebuilt at once, leftovers are removed a while later."""

    sweep: Sweep
    leftovers: set[str] | None = None
    lost_uploads: set[str] = field(default_factory=set)
    since: float = field(default_factory=time.monotonic)
    done: bool = False

    def proceed(self) -> None:
        """Do the part of the work that is due now. Raises RedisError, StorageUnavailable."""
        if self.leftovers is None:
            self.sweep.rebuild()
            self.sweep.cache.rebuild(self.sweep.now())
            self.lost_uploads = uploads.files_without_record(self.sweep.redis, self.sweep.storage)
            self.leftovers = self.sweep.jobs_without_card()
        elif not self.done and time.monotonic() - self.since > LEFTOVER_SECONDS:
            self.sweep.remove_leftovers(self.leftovers)
            self.sweep.remove_lost_uploads(self.lost_uploads)
            self.done = True


def _flush_accounts(settings: Settings, sweep: Sweep) -> None:
    """Write usage, audit and history to the database every FLUSH_SECONDS, while this sweeper leads.

    A thread, so that a slow database delays no sweep. It may stop anywhere.
    """
    # Loaded here: no other process of the pool needs SQLAlchemy.
    from document_parser.workers.flush_accounts import AccountsFlush

    flush, pause = AccountsFlush(settings, connect(settings)), FLUSH_SECONDS
    while True:
        if sweep.leads:
            try:
                flush.run_once()
                pause = FLUSH_SECONDS
            except RedisError as error:
                log.debug("accounts_wait", error=type(error).__name__)
            except (DatabaseUnavailable, DatabaseNotUpgraded, StorageUnavailable) as fault:
                pause = min(2 * pause, MAX_FLUSH_SECONDS)
                log.warning("accounts_wait", code=fault.code, seconds=pause)
        time.sleep(pause)


def _measure(settings: Settings, sweep: Sweep) -> None:
    """Report what a scrape cannot measure. A thread, so that a model server that is away delays no sweep."""
    # Loaded here, as it needs SQLAlchemy too.
    from document_parser.workers.measure import measure_repeatedly

    measure_repeatedly(settings, lambda: sweep.leads)


@logs.CrashLogged()
def run_sweeper(settings: Settings, parent: int) -> NoReturn:
    """Run the sweeper process until it is asked to stop or its parent ends."""
    die_with_parent(parent)
    name_process("docparse-sweep")
    # A sweep may stop anywhere: each of its steps can be repeated. (An Event set by a handler could deadlock its own wait.)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    redis = connect(settings)
    sweep = Sweep(settings, redis, make_storage(settings), f"{os.uname().nodename}.{os.getpid()}")
    boot = _Boot(sweep)
    flush = threading.Thread(target=_flush_accounts, args=(settings, sweep), name="accounts-flush", daemon=True)
    flush.start()
    measure = threading.Thread(target=_measure, args=(settings, sweep), name="measure", daemon=True)
    measure.start()
    # If an error has ended one of them, which is logged, the pool starts the sweeper anew.
    while flush.is_alive() and measure.is_alive():
        started = time.monotonic()
        with contextlib.suppress(RedisError, StorageUnavailable):
            boot.proceed()
            sweep.run_once()
        if over_memory_limit(settings):
            log.info("sweeper_retires")
            sys.exit()
        time.sleep(max(0.1, settings.workers.sweep_seconds - (time.monotonic() - started)))
    sys.exit(1)
