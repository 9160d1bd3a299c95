"""End and delete jobs, for readers, planners, the sweep and users who cancel or delete."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from document_parser.errors import DocumentParserError, StorageUnavailable, UploadGone, UploadNotFound
from document_parser.jobs import queue
from document_parser.jobs.records import batches, children, record, storage_keys, uploads
from document_parser.jobs.records.job import Job, as_job_error
from document_parser.jobs.records.ledger import Ledger
from document_parser.jobs.redis import clock
from document_parser.jobs.redis.connection import Redis, text
from document_parser.models import JobState
from document_parser.storage import Storage
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

MAX_JOBS_PER_READ = 100
"""Records loaded in one round trip."""
DELETING = "jobs:deleting"
"""Redis key of jobs with files that could not be removed, by the time of the next try in milliseconds on Redis' clock."""
DELETE_AGAIN_SECONDS = 30.0
"""The pause before files are removed again."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """How many keys and files of a job were deleted."""

    keys: int
    files: int


def delete_job(redis: Redis, ledger: Ledger, storage: Storage, job: Job, *, after_read: bool = False) -> Deletion:
    """Delete every key and every file of a job in any state, its entries in the cache, and the jobs of documents inside it.

    The resumable upload that it was sent as goes too. With ``after_read`` a tombstone says that the result had been read.

    Files are deleted first: if storage went away after the keys were deleted, the files could not be deleted by a request any
    more. A reader that still reads a page deletes what it stores afterwards. Raises StorageUnavailable if a file could not be
    removed; the sweep tries again until it succeeds. Raises RedisError.
    """
    job_id = job.card.job_id
    inner = children_of(redis, storage, job)
    gone = remove_files(redis, storage, job_id)
    cached, waiting = record.cached_keys(redis, job_id), record.waiting_for(redis, job_id)
    with _note_failure(redis, job_id):
        record.forget_cached(redis, storage, cached)
        _delete_upload(redis, ledger, storage, job)
    tombstone_days = ledger.settings.store.tombstone_days if after_read else 0
    stages = queue.stages_of(redis, job_id)
    keys = record.delete(redis, job, tombstone_days) + queue.forget(redis, job_id, stages)
    queue.enqueue_waiting(redis, ledger, job_id, waiting)
    inside = [delete_job(redis, ledger, storage, child, after_read=after_read) for child in inner]
    files = gone + len(cached) + remove_files(redis, storage, job_id)
    return Deletion(keys + sum(one.keys for one in inside), files + sum(one.files for one in inside))


def _delete_upload(redis: Redis, ledger: Ledger, storage: Storage, job: Job) -> None:
    """Delete the resumable upload of a job, if there still is one. Raises StorageUnavailable, RedisError."""
    if job.card.upload:
        with contextlib.suppress(UploadNotFound, UploadGone):
            uploads.delete(redis, ledger.settings, storage, uploads.load(redis, job.card.upload))


def delete_batch(
    redis: Redis, ledger: Ledger, storage: Storage, batch: batches.BatchCard, *, after_read: bool = False
) -> Deletion:
    """Delete a batch with all its jobs. The record goes last, so that the call can be repeated if it does not succeed.

    With ``after_read`` tombstones say that the results had been read. Raises StorageUnavailable, RedisError.
    """
    batch_id = batch.batch_id
    batches.close(redis, batch_id, deleting=True)
    gone = [
        delete_job(redis, ledger, storage, job, after_read=after_read)
        for job in _jobs_of_batch(redis, batch_id)
        if not job.card.parent or redis.exists(f"job:{job.card.job_id}")
    ]
    storage.delete(storage_keys.batch(batch_id))
    keys = batches.delete(redis, batch, ledger.settings.store.tombstone_days if after_read else 0)
    return Deletion(keys + sum(one.keys for one in gone), sum(one.files for one in gone))


def cancel_batch(redis: Redis, ledger: Ledger, storage: Storage, batch_id: str) -> None:
    """End all jobs of a batch that have not ended; what they have finished is kept. Raises StorageUnavailable, RedisError."""
    for job_id in batches.close(redis, batch_id):
        if end_job(redis, ledger, storage, job_id, JobState.CANCELLED) == "missing":
            # Its request has not created it yet, or never will.
            batches.withdraw(redis, batch_id, job_id)


def _jobs_of_batch(redis: Redis, batch_id: str) -> Iterator[Job]:
    """Yield the jobs of a batch that still exist, in their order, those inside others included. Raises RedisError."""
    ids = [entry.job_id for entry in batches.entries(redis, batch_id) if entry.job_id]
    for start in range(0, len(ids), MAX_JOBS_PER_READ):
        yield from record.load_many(redis, ids[start : start + MAX_JOBS_PER_READ])


def children_of(redis: Redis, storage: Storage, job: Job) -> list[Job]:
    """Return the jobs of the documents inside a job's document. Raises RedisError; the jobs expire if storage is away."""
    if not job.children:
        return []
    with contextlib.suppress(StorageUnavailable):
        ids = [child.job_id for child in children.load(storage, job.card.job_id) if child.job_id]
        return record.load_many(redis, ids)
    return []


def remove_files(redis: Redis, storage: Storage, job_id: str) -> int:
    """Remove all files of a job. Return how many were removed.

    Raises StorageUnavailable if some could not be removed, and the sweep tries again. Raises RedisError.
    """
    with _note_failure(redis, job_id):
        return storage.delete_all(storage_keys.folder(job_id))


def discard_files(redis: Redis, storage: Storage, job_id: str) -> None:
    """Remove the files of a job that is gone. If some cannot be removed, this is logged, and the sweep tries again.

    Raises RedisError.
    """
    try:
        remove_files(redis, storage, job_id)
    except StorageUnavailable as fault:
        log.warning("not_removed", job_id=job_id, code=fault.code, reason=str(fault.details.get("reason", "")))


def store_state(redis: Redis, storage: Storage, job_id: str) -> Job | None:
    """Write the state of a job to ``job.json``, for a record that is rebuilt from there. Return the job; None if it is gone.

    If it was deleted meanwhile, its files, with what was stored since then, are removed. Raises StorageUnavailable, RedisError.
    """
    try:
        for job in record.load_many(redis, [job_id]):
            record.store_card(storage, job.card, ended=job if job.state.has_ended else None)
            if redis.exists(f"job:{job_id}"):
                return job
    except StorageUnavailable:
        if redis.exists(f"job:{job_id}"):
            raise
    discard_files(redis, storage, job_id)
    return None


@contextlib.contextmanager
def _note_failure(redis: Redis, job_id: str) -> Iterator[None]:
    """Note the job for the sweep if this block raises StorageUnavailable."""
    try:
        yield
    except StorageUnavailable:
        redis.zadd(DELETING, {job_id: (clock.seconds(redis) + DELETE_AGAIN_SECONDS) * 1000})
        raise


def delete_jobs_ended_before(redis: Redis, ledger: Ledger, storage: Storage, moment: datetime) -> int:
    """Delete every job that ended before a moment on Redis' clock, with its files. Return how many.

    A job is kept while one of its pages is being read again. Raises StorageUnavailable, RedisError; the call can be repeated.
    """
    ended = [text(job_id) for job_id, _ in redis.zscan_iter("jobs:expiring")]
    deleted = 0
    for start in range(0, len(ended), MAX_JOBS_PER_READ):
        for job in record.load_many(redis, ended[start : start + MAX_JOBS_PER_READ]):
            if job.is_at_rest and job.completed_at is not None and job.completed_at < moment:
                delete_job(redis, ledger, storage, job)
                deleted += 1
    return deleted


def delete_again(redis: Redis, ledger: Ledger, storage: Storage, now: float) -> None:
    """Try again to delete jobs whose files could not be removed; ``now`` is in milliseconds on Redis' clock.

    Raises RedisError.
    """
    for job_id in map(text, redis.zrangebyscore(DELETING, "-inf", now, start=0, num=MAX_JOBS_PER_READ)):
        try:
            # If the record of a job is gone, only files can be left.
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
    """End a job in Redis, then write the state it ended in to ``job.json``.

    Return ``ok``, ``missing`` (its files are removed too), ``open`` (completed was asked for while pages are missing), or the
    state it had ended in before. Raises RedisError, StorageUnavailable.
    """
    outcome = ledger.end(job_id, state, as_job_error(error) if error else None)
    if outcome == "ok":
        record.publish(redis, job_id)
        if state is not JobState.COMPLETED:
            queue.enqueue_waiting(redis, ledger, job_id, record.waiting_for(redis, job_id))
        if (job := store_state(redis, storage, job_id)) is not None:
            if job.webhook is not None:
                queue.enqueue_deliverer(redis)
            # An extraction from the outer document waits for the electronic invoice inside it.
            for extracted in (job, *record.load_many(redis, [job.card.parent] if job.card.parent else [])):
                queue.enqueue_extractions(redis, extracted)
            if state is JobState.CANCELLED:
                for child in children_of(redis, storage, job):
                    end_job(redis, ledger, storage, child.card.job_id, JobState.CANCELLED)
            facts = {"job_id": job_id, **job.card.log_fields}
            log.info("job_ended", **facts, state=state.value, pages=job.total, counts=job.counts)
    elif outcome == "missing":
        # Deleted meanwhile: what was written since then is removed as well.
        discard_files(redis, storage, job_id)
    elif outcome == "open":
        log.error("job_not_complete", job_id=job_id)
    return outcome
