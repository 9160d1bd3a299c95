"""The end of a job, whoever brings it about: reader, planner, sweep, or the user who cancels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from document_parser import logs
from document_parser.errors import DocumentParserError
from document_parser.jobs import files, queue, record
from document_parser.jobs.connection import Redis, text
from document_parser.jobs.job import Job, as_job_error
from document_parser.jobs.ledger import Ledger
from document_parser.models import JobState
from document_parser.storage import Storage

log = logs.get(__name__)

JOBS_AT_ONCE = 100
"""Records loaded in one round trip."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """How much of a job there was."""

    keys: int
    files: int


def delete_job(redis: Redis, ledger: Ledger, storage: Storage, job: Job) -> Deletion:
    """Delete every key and every file of a job, in whatever state it is, and what it has in the cache.

    Raises StorageUnavailable: then ask again. Files first: were storage away after the keys had gone, nobody could ask for
    their deletion any more. Whoever still reads a page of it deletes what it stores afterwards.
    """
    job_id = job.card.job_id
    gone = storage.delete_all(files.folder(job_id))
    cached, waiting = record.in_cache(redis, job_id), record.waiting_for(redis, job_id)
    keys = record.delete(redis, job) + queue.forget(redis, job_id)
    record.forget_cached(redis, storage, cached)
    queue.wake_waiting(redis, ledger, job_id, waiting)
    return Deletion(keys, gone + len(cached) + storage.delete_all(files.folder(job_id)))


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
        storage.delete_all(files.folder(job_id))
    elif outcome == "open":
        log.error("job_not_complete", job_id=job_id)
    return outcome
