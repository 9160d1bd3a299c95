"""Lost work is found again: claims of the dead, documents nobody plans or assembles, readers nobody rang, webhooks
that are due, expired files.

Runs in a process of its own beside the workers of every host; a lease in Redis lets one of them do the work. Time is Redis'
own clock.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from typing import NoReturn

from pydantic import ValidationError

from document_parser import logs
from document_parser.errors import FormatFailed, StorageUnavailable, WorkerCrashed
from document_parser.jobs import announcements, clock, deliveries, files, forecast, queue, record
from document_parser.jobs.cache import Cache
from document_parser.jobs.connection import Redis, RedisError, connect, text
from document_parser.jobs.ending import DELETING, delete_again, discard_files, end_job
from document_parser.jobs.job import PUBLIC, Job, JobCard, as_job_error
from document_parser.jobs.ledger import Claim, Ledger
from document_parser.jobs.retirement import overgrown
from document_parser.jobs.retries import kept
from document_parser.models import JobState
from document_parser.processes import die_with_parent, name_process
from document_parser.settings import Settings
from document_parser.storage import Storage, StoredFileMissing, make_storage

log = logs.get(__name__)

LEASE_MILLISECONDS = 5000
RING_GRACE_MILLISECONDS = 5000
"""A doorbell that rang so recently may have left its queue without its task having claimed anything yet."""
MOST_CRASHES = 2
REREADING = "jobs:rereading"
LEFTOVER_SECONDS = 120.0


@dataclass
class Sweep:
    """One sweeper. It touches storage only for what has expired, and at its start."""

    settings: Settings
    redis: Redis
    storage: Storage
    name: str
    ledger: Ledger = field(init=False)
    cache: Cache = field(init=False)
    needs: set[tuple[str, str]] = field(default_factory=set)
    jumps: clock.JumpWatch = field(default_factory=clock.JumpWatch)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.redis, self.settings)
        self.cache = Cache(self.settings, self.redis, self.storage)

    def run_once(self) -> bool:
        """Sweep if the lease is ours. Whether it was."""
        jump_seconds = self.jumps.look(self.redis)
        if not self._lease():
            return False
        if jump_seconds:
            # Nobody is dead, and nothing is late, because Redis' own clock has jumped.
            clock.follow(self.redis, jump_seconds)
        self.release_the_dead()
        self.free_slots()
        self.ring_again()
        self.expire()
        delete_again(self.redis, self.ledger, self.storage, self.now())
        forecast.renew(self.redis)
        queue.ring_readers(self.redis, self.ledger, self.settings)
        queue.ring_deliverer(self.redis, self.ledger)
        return True

    def _lease(self) -> bool:
        if self.redis.set("sweep:lease", self.name, px=LEASE_MILLISECONDS, nx=True):
            return True
        if self.redis.get("sweep:lease") != self.name.encode():
            # Once Redis' clock has been set back, the lease of a sweeper that died would last as long as that.
            if self.redis.pttl("sweep:lease") > LEASE_MILLISECONDS:
                self.redis.pexpire("sweep:lease", LEASE_MILLISECONDS)
            return False
        self.redis.pexpire("sweep:lease", LEASE_MILLISECONDS)
        return True

    def now(self) -> int:
        """Milliseconds on Redis' clock."""
        return int(clock.seconds(self.redis) * 1000)

    def _lately(self, moment: int) -> bool:
        """Whether a bell rang just now; what is in the future was noted before the clock was set back."""
        return 0 <= self.now() - moment <= RING_GRACE_MILLISECONDS

    # --- the dead

    def release_the_dead(self) -> None:
        """Take the claims of actors that fell silent, and those past their deadline."""
        now = self.now()
        silent = now - int(self.settings.workers.heartbeat_timeout_seconds * 1000)
        # A beat in the future would outlast its actor: it counts as one that came now.
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
        released = self.ledger.release(claim, crashed=True)
        if released.outcome == "none":
            return
        request_id = record.request_id(self.redis, claim.job_id)
        facts = {"job_id": claim.job_id, "request_id": request_id, "what": claim.what, "actor": actor}
        log.warning("claim_of_the_dead", **facts, outcome=released.outcome)
        if released.outcome == "closed":
            queue.ring_stage(self.redis, claim.job_id, "assemble")
        elif released.outcome == "stage" and released.crashes < MOST_CRASHES:
            queue.ring_stage(self.redis, claim.job_id, claim.what)
        elif released.outcome == "stage" and claim.what == "retry":
            self._keep_page(claim.job_id)
        elif released.outcome == "stage" and claim.what.startswith("export-"):
            self.ledger.give_format_up(claim.job_id, claim.what, as_job_error(FormatFailed(reason=WorkerCrashed.message)))
        elif released.outcome == "stage" and claim.what in ("plan", "assemble"):
            end_job(self.redis, self.ledger, self.storage, claim.job_id, JobState.FAILED, WorkerCrashed())

    def _keep_page(self, job_id: str) -> None:
        """Reading a page again has killed its worker twice: the page stays as it was, and the next one gets its turn."""
        fault, entries = WorkerCrashed(), self.ledger.entries(job_id)
        for job in record.load_many(self.redis, [job_id]):
            for order in self.ledger.retries(job_id)[:1]:
                outcome = kept(order.page, entries.get(order.page, {}), fault.code, fault.message)
                entries |= {order.page: outcome.entry}
                told = announcements.of_retry(job, entries, outcome, clock.now(self.redis))
                self.ledger.settle_retry(None, job_id, told)
        record.publish(self.redis, job_id)

    def free_slots(self) -> None:
        """Readers' slots whose reader died, or was rung and never came."""
        for slot, raw in self.redis.hgetall("readers").items():
            holder = text(raw)
            if self._vacant(holder):
                self.ledger.free_slot(text(slot), holder)

    def _vacant(self, holder: str) -> bool:
        if not holder.startswith("rung|"):
            return self.redis.zscore("actors", holder) is None
        _, rung, name = holder.split("|", 2)
        return not self._lately(int(rung)) and not queue.is_queued(self.redis, name, (queue.PAGES,))

    # --- the forgotten

    def ring_again(self) -> None:
        """Documents without a plan, closed ledgers without an assembly, and pages to be read again."""
        active = [text(job_id) for job_id in self.redis.zrange("jobs:active", 0, -1)]
        active += [text(job_id) for job_id in self.redis.smembers(REREADING)]
        jobs = {job.card.job_id: job for job in record.load_many(self.redis, active)} if active else {}
        if gone := set(active) - jobs.keys():
            self.redis.zrem("jobs:active", *gone)
            self.redis.zrem("jobs:queued", *gone)
            self.redis.srem(REREADING, *gone)
        working = [job for job in jobs.values() if job.waits_for not in jobs]
        needs = {need for job in working if (need := self._need(job)) is not None}
        # Seen at two sweeps running: what is needed for a moment only is on its way already.
        lost = sorted(needs & self.needs)
        self._wake([jobs[job_id] for job_id, _ in lost])
        for job_id, stage in lost:
            job = jobs[job_id]
            if job.waits_for:
                continue
            log.warning("rung_again", job_id=job_id, request_id=job.card.request_id, stage=stage)
            queue.ring_stage(self.redis, job_id, stage, job.lane, job.card.filename)
        self.needs = needs

    def _wake(self, jobs: list[Job]) -> None:
        """Jobs that wait for one that has ended, of which nobody told them."""
        for reader in {job.waits_for for job in jobs if job.waits_for}:
            waiting = [job.card.job_id for job in jobs if job.waits_for == reader]
            queue.wake_waiting(self.redis, self.ledger, reader, waiting)

    def _need(self, job: Job) -> tuple[str, str] | None:
        """The stage this job waits for while nobody works it and no bell rings for it."""
        stage = _stage_of(job)
        if stage is None:
            return None
        job_id = job.card.job_id
        raw = self.redis.hget(f"job:{job_id}:stages", stage)
        claimed = bool(raw) and json.loads(raw or b"{}").get("state") == "claimed"
        rung = int(self.redis.hget(f"job:{job_id}:rung", stage) or 0)
        waits = queue.is_queued(self.redis, queue.rq_id(job_id, stage))
        return None if claimed or self._lately(rung) or waits else (job_id, stage)

    # --- the expired

    def expire(self) -> None:
        """Files go with the keys; the tombstone stays."""
        for job_id in map(text, self.redis.zrangebyscore("jobs:expiring", "-inf", self.now(), start=0, num=100)):
            owner = text(self.redis.get(f"job:{job_id}:gone") or PUBLIC)
            discard_files(self.redis, self.storage, job_id)
            self.redis.zrem(f"jobs:{owner}", job_id)
            deliveries.forget(self.redis, job_id)
            self.redis.zrem("jobs:expiring", job_id)
        try:
            self.cache.expire(self.now())
        except StorageUnavailable as fault:
            log.warning("cache_not_removed", code=fault.code, reason=str(fault.details.get("reason", "")))

    # --- at boot

    def rebuild(self) -> int:
        """Write the records that Redis has lost anew from ``job.json``. How many jobs came back."""
        return sum(self._rebuild(job_id) for job_id in self.storage.folders(files.ALL_JOBS))

    def cardless(self) -> set[str]:
        """Folders without a ``job.json``: uploads under way, or what is left of one that was cut off."""
        return {name for name in self.storage.folders(files.ALL_JOBS) if not self.storage.exists(files.card(name))}

    def remove_leftovers(self, earlier: set[str]) -> None:
        """Delete folders that had no ``job.json`` earlier and have none still."""
        for job_id in earlier & self.cardless():
            discard_files(self.redis, self.storage, job_id)

    def _rebuild(self, job_id: str) -> bool:
        if self.redis.exists(f"job:{job_id}", f"job:{job_id}:gone") or self.redis.zscore(DELETING, job_id) is not None:
            return False
        try:
            stored = json.loads(self.storage.get(files.card(job_id)))
            card = JobCard.model_validate(stored["card"])
            ended = Job.model_validate({"card": stored["card"], **stored["ended"]}) if "ended" in stored else None
        except (StoredFileMissing, ValidationError, ValueError, KeyError):
            return False
        if ended is not None:
            return self._rebuild_ended(ended)
        log.warning("job_rebuilt", job_id=job_id, request_id=card.request_id)
        return not queue.submit(self.redis, self.settings, card, None, bounded=False).replayed

    def _rebuild_ended(self, job: Job) -> bool:
        """An ended job keeps its end; one whose time is over loses its files."""
        job_id, expires = job.card.job_id, job.expires_at
        left = int(expires.timestamp() * 1000) - self.now() if expires else 0
        if left <= 0:
            discard_files(self.redis, self.storage, job_id)
            return False
        key_left = job.card.created_at.timestamp() * 1000 + self.settings.queue.idempotency_hours * 3_600_000 - self.now()
        record.restore(self.redis, job, left, int(self.settings.store.tombstone_days * 86_400_000), int(key_left))
        return True


def _stage_of(job: Job) -> str | None:
    """The stage that has to be worked next; None while pages are read, and where nothing is left to do."""
    if job.state.ended:
        return "retry" if job.rereading is not None else None
    return "plan" if not job.planned else "assemble" if job.closed else None


@dataclass
class _Boot:
    """What is done once after a start: lost records at once, leftovers a while later."""

    sweep: Sweep
    leftovers: set[str] | None = None
    since: float = field(default_factory=time.monotonic)
    done: bool = False

    def go_on(self) -> None:
        if self.leftovers is None:
            self.sweep.rebuild()
            self.sweep.cache.rebuild(self.sweep.now())
            self.leftovers = self.sweep.cardless()
        elif not self.done and time.monotonic() - self.since > LEFTOVER_SECONDS:
            self.sweep.remove_leftovers(self.leftovers)
            self.done = True


@logs.CrashLogged()
def run(settings: Settings, parent: int) -> NoReturn:
    """The sweeper process: until it is told to stop or its parent dies."""
    die_with_parent(parent)
    name_process("docparse-sweep")
    # A sweep may stop anywhere: each of its steps can be done again. (An Event set by a handler could deadlock its own wait.)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    redis = connect(settings)
    sweep = Sweep(settings, redis, make_storage(settings), f"{os.uname().nodename}.{os.getpid()}")
    boot = _Boot(sweep)
    while True:
        started = time.monotonic()
        with contextlib.suppress(RedisError, StorageUnavailable):
            boot.go_on()
            sweep.run_once()
        if overgrown(settings):
            log.info("sweeper_retires")
            sys.exit()
        time.sleep(max(0.1, settings.workers.sweep_seconds - (time.monotonic() - started)))
