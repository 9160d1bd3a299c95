"""Load what was asked for after the end of a job. What is not there yet is made by a worker first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from document_parser.api.middleware import errors
from document_parser.api.routes.waiting import last_event, wait_for_outcome
from document_parser.errors import JobEnded, JobNotComplete
from document_parser.jobs.records import record
from document_parser.jobs.records.job import Job
from document_parser.models import JobState
from document_parser.storage import StoredFileMissing

if TYPE_CHECKING:
    from document_parser.api.services import Services

WAIT_SECONDS = 30.0
"""Longest wait for an answer, in seconds; after that the response is 202."""


def load_answer(
    services: Services,
    job: Job,
    kind: Literal["extraction", "classification"],
    digest: str,
    key: str,
    request: Callable[[], None],
    *,
    wait_seconds: float = WAIT_SECONDS,
    is_final: Callable[[bytes], bool] = bool,
) -> bytes | None:
    """Return the stored answer to an order, as JSON; have a worker make it first if it is not there. None if that takes longer.

    ``digest`` is the id of the order, ``key`` where its answer is stored; ``request`` stores the order and enqueues its task.
    An answer that is not ``is_final`` is made anew. Raises JobNotComplete if the job has not ended, JobEnded if it was
    cancelled, RecordedError for the error of a failed job or of the answer, JobNotFound, JobExpired, StorageUnavailable,
    RedisError.
    """
    if not job.state.has_ended:
        raise JobNotComplete(status=job.state.value)
    if job.error is not None:
        raise errors.RecordedError(job.error)
    if job.state is not JobState.COMPLETED:
        raise JobEnded("The job was cancelled. Send the document again to ask this of it.", status=job.state.value)
    # The position in the event stream is read before the task is enqueued, so that its event is not missed.
    job_id, last = job.card.job_id, last_event(services.redis, job.card.job_id)
    found = _find(services, key)
    if found is not None and is_final(found):
        return found
    request()
    wait_for_outcome(services, job_id, kind, digest, last, wait_seconds)
    if (found := _find(services, key)) is None:
        record.load(services.redis, job_id)  # raises if the job was deleted meanwhile
    return found


def is_order_id(text: str) -> bool:
    """Return whether a text may be the id of an order; ids are hashes, and never parts of a path."""
    return len(text) == 32 and all(char in "0123456789abcdef" for char in text)


def _find(services: Services, key: str) -> bytes | None:
    """Return a stored answer; None if there is none. Raises StorageUnavailable."""
    try:
        return services.storage.get(key)
    except StoredFileMissing:
        return None
