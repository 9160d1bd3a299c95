"""Delete jobs that were sent with ``retention_hours=0`` when their results have been read completely.

What is deleted is an upload as a whole: the job of the upload, and the jobs of all documents inside it, when each of them that
has a result has been read. So the list of documents inside an archive can be read before they are. A batch goes with the last
of its jobs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from document_parser.errors import StorageUnavailable
from document_parser.jobs.ending import children_of, delete_batch, delete_job
from document_parser.jobs.records import batches, record
from document_parser.jobs.records.job import Job
from document_parser.jobs.records.ledger import Ledger
from document_parser.jobs.redis.connection import Redis, text
from document_parser.models import JobState
from document_parser.storage import Storage
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

READ = "jobs:read"
"""Redis set of the jobs of uploads of which something was read completely, until they are deleted."""
_UNREAD = {"queued", "processing", "completed", "incomplete"}
"""States of files of a batch that has not been read completely. What failed or was cancelled has no whole result to read."""


def note_read(redis: Redis, ledger: Ledger, storage: Storage, jobs: Iterable[Job]) -> None:
    """Note that the results of these jobs were read completely, and delete what has to go then.

    What cannot be deleted now is deleted by the sweep. Raises RedisError.
    """
    read = [job.card for job in jobs if job.card.options.ends_with_read]
    for card in read:
        record.note_read(redis, card)
    for root in dict.fromkeys(card.root or card.job_id for card in read):
        _delete_if_read(redis, ledger, storage, root)


def delete_all_read(redis: Redis, ledger: Ledger, storage: Storage) -> None:
    """Delete all uploads that have been read completely and are not deleted yet. Raises RedisError."""
    for root in map(text, redis.smembers(READ)):
        _delete_if_read(redis, ledger, storage, root)


def _delete_if_read(redis: Redis, ledger: Ledger, storage: Storage, root: str) -> None:
    """Delete an upload if all results of it were read. If storage is away, that is logged. Raises RedisError."""
    found = record.load_many(redis, [root])
    try:
        for job in found:
            if not all(map(_is_done, tree_of(redis, storage, job))):
                return
            gone = delete_job(redis, ledger, storage, job, after_read=True)
            log.info("job_deleted_after_read", job_id=root, files=gone.files)
            _delete_batch_if_read(redis, ledger, storage, job.card.batch)
    except StorageUnavailable as fault:
        log.warning("not_removed", job_id=root, code=fault.code, reason=str(fault.details.get("reason", "")))
        return
    redis.srem(READ, root)


def _delete_batch_if_read(redis: Redis, ledger: Ledger, storage: Storage, batch_id: str) -> None:
    """Delete a batch if nothing is left in it to read. Raises StorageUnavailable, RedisError."""
    batch = batches.find(redis, batch_id) if batch_id else None
    if batch is not None and batch.has_ended and not _UNREAD.intersection(batch.counts):
        delete_batch(redis, ledger, storage, batch.card, after_read=True)


def tree_of(redis: Redis, storage: Storage, job: Job) -> Iterator[Job]:
    """Yield a job, and those of all documents inside its document at whatever depth. Raises RedisError."""
    yield job
    for child in children_of(redis, storage, job):
        yield from tree_of(redis, storage, child)


def _is_done(job: Job) -> bool:
    """Return whether nothing of a job is wanted any more: it was read, or has no whole result, and waits for no copy."""
    has_copy_to_make = job.result_s3 is not None and job.result_s3.state == "pending"
    return job.is_at_rest and (job.read or job.state is not JobState.COMPLETED) and not has_copy_to_make
