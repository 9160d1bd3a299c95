"""The end of a job, whoever brings it about: reader, planner, sweep, or the user who cancels."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from document_parser import logs
from document_parser.errors import DocumentParserError, StorageUnavailable
from document_parser.jobs import clock, files, queue, record
from document_parser.jobs.connection import Redis, text
from document_parser.jobs.job import Job, as_job_error
from document_parser.jobs.ledger import Ledger
from document_parser.models import JobState
from document_parser.storage import Storage

log = logs.get(__name__)

JOBS_AT_ONCE = 100
"""Records loaded in one round trip."""
DELETING = "jobs:deleting"
"""Jobs of which something could not be removed, by when that is tried again in milliseconds on Redis' clock."""
DELETE_AGAIN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Deletion:
    """How much of a job there was."""

    keys: int
    files: int


def delete_job(redis: Redis, ledger: Ledger, storage: Storage, job: Job) -> Deletion:
    """Delete every key and every file of a job, in whatever state it is, and what it has in the cache.

    Raises StorageUnavailable if a file could not be removed: the sweep tries that again until it works. Files first: were
    storage away after the keys had gone, nobody could ask for their deletion any more. Whoever still reads a page of it deletes
    what it stores afterwards.
    """
    job_id = job.card.job_id
    gone = remove_files(redis, storage, job_id)
    cached, waiting = record.in_cache(redis, job_id), record.waiting_for(redis, job_id)
    with _noted(redis, job_id):
        record.forget_cached(redis, storage, cached)
    keys = record.delete(redis, job) + queue.forget(redis, job_id)
    queue.wake_waiting(redis, ledger, job_id, waiting)
    return Deletion(keys, gone + len(cached) + remove_files(redis, storage, job_id))


def remove_files(redis: Redis, storage: Storage, job_id: str) -> int:
    """Remove all files of a job. Return how many went.

    Raises StorageUnavailable if some could not be removed: the sweep tries again.
    """
    with _noted(redis, job_id):
        return storage.delete_all(files.folder(job_id))


def discard_files(redis: Redis, storage: Storage, job_id: str) -> None:
    """Remove what was stored of a job that is gone. What cannot be removed now is logged, and the sweep tries again."""
    try:
        remove_files(redis, storage, job_id)
    except StorageUnavailable as fault:
        log.warning("not_removed", job_id=job_id, code=fault.code, reason=str(fault.details.get("reason", "")))


@contextlib.contextmanager
def _noted(redis: Redis, job_id: str) -> Iterator[None]:
    """Note for the sweep that something of the job could not be removed."""
    try:
        yield
    except StorageUnavailable:
        redis.zadd(DELETING, {job_id: (clock.seconds(redis) + DELETE_AGAIN_SECONDS) * 1000})
        raise


def delete_jobs_ended_before(redis: Redis, ledger: Ledger, storage: Storage, moment: datetime) -> int:
    """Delete every job, with its files, that ended before a moment on Redis' clock. Return how many.

    A job of which a page is being read again stays. Raises StorageUnavailable, RedisError: then ask again.
    """
    ended = [text(job_id) for job_id, _ in redis.zscan_iter("jobs:expiring")]
    deleted = 0
    for start in range(0, len(ended), JOBS_AT_ONCE):
        for job in record.load_many(redis, ended[start : start + JOBS_AT_ONCE]):
            if job.at_rest and job.completed_at is not None and job.completed_at < moment:
                delete_job(redis, ledger, storage, job)
                deleted += 1
    return deleted


def delete_again(redis: Redis, ledger: Ledger, storage: Storage, now: float) -> None:
    """Delete what could not be removed before. ``now`` in milliseconds on Redis' clock. Raises RedisError."""
    for job_id in map(text, redis.zrangebyscore(DELETING, "-inf", now, start=0, num=JOBS_AT_ONCE)):
        try:
            # Of a job whose record has gone only files can be left.
            for job in record.load_many(redis, [job_id]):
                delete_job(redis, ledger, storage, job)
            remove_files(redis, storage, job_id)
        except StorageUnavailable as fault:
            log.warning("not_removed", job_id=job_id, code=fault.code, reason=str(fault.details.get("reason", "")))
        else:
            redis.zrem(DELETING, job_id)


def end_job(
    redis: Redis,
    ledger: Ledger,
    storage: Storage,
    job_id: str,
    state: JobState,
    error: DocumentParserError | None = None,
) -> str:
    """End a job in Redis, then write how it ended beside its document.

    ``ok``, ``missing`` (its files go too), ``open`` (completed was asked for and pages are missing), or the state it had
    ended in before.
    """
    outcome = ledger.end(job_id, state, as_job_error(error) if error else None)
    if outcome == "ok":
        record.publish(redis, job_id)
        if state is not JobState.COMPLETED:
            queue.wake_waiting(redis, ledger, job_id, record.waiting_for(redis, job_id))
        for job in record.load_many(redis, [job_id]):
            record.store_card(storage, job.card, ended=job)
            if job.webhook is not None:
                queue.ring_deliverer(redis, ledger)
            facts = {"job_id": job_id, "request_id": job.card.request_id}
            log.info("job_ended", **facts, state=state.value, pages=job.total, counts=job.counts)
    elif outcome == "missing":
        # Deleted meanwhile: what was written since then goes as well.
        discard_files(redis, storage, job_id)
    elif outcome == "open":
        log.error("job_not_complete", job_id=job_id)
    return outcome
