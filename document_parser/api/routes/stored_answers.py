"""Load what was asked for after the end of a job. What is not there yet is made by a worker first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from document_parser.api.middleware import errors
from document_parser.api.routes.waiting import last_event, wait_for_outcome
from document_parser.errors import JobNotComplete
from document_parser.jobs import queue
from document_parser.jobs.records import record
from document_parser.jobs.records.job import Job
from document_parser.models import JobState
from document_parser.storage import StoredFileMissing

if TYPE_CHECKING:
    from document_parser.api.services import Services

WAIT_SECONDS = 30.0
"""Longest wait for an answer, in seconds; after that the response is 202."""
STAGES = {"extraction": "extract", "classification": "classify"}
"""The stage of the workers that makes each kind of answer; the id of the order follows it."""


def load_answer(
    services: Services,
    job: Job,
    kind: Literal["extraction", "classification"],
    digest: str,
    key: str,
    store_order: Callable[[], None],
) -> bytes | None:
    """Return the stored answer to an order, as JSON; have a worker make it first if it is not there. None if that takes longer.

    ``digest`` is the id of the order and ``key`` where its answer is stored. Raises JobNotComplete if the job has not ended or
    was cancelled, RecordedError for the error of a failed job or of the answer, JobNotFound, JobExpired, StorageUnavailable,
    RedisError.
    """
    if not job.state.has_ended:
        raise JobNotComplete(status=job.state.value)
    if job.error is not None:
        raise errors.RecordedError(job.error)
    if job.state is not JobState.COMPLETED:
        raise JobNotComplete("The job was cancelled. Send the document again to ask this of it.", status=job.state.value)
    if (found := _find(services, key)) is not None:
        return found
    store_order()
    # The position in the event stream is read before the task is enqueued, so that its event is not missed.
    last = last_event(services.redis, job.card.job_id)
    queue.enqueue_stage(services.redis, job.card.job_id, f"{STAGES[kind]}-{digest}")
    wait_for_outcome(services, job.card.job_id, kind, digest, last, WAIT_SECONDS)
    if (found := _find(services, key)) is None:
        record.load(services.redis, job.card.job_id)  # raises if the job was deleted meanwhile
    return found


def is_order_id(text: str) -> bool:
    """Return whether a text may be the id of an order; ids are hashes, and never parts of a path."""
    return len(text) == 32 and all(char in "0123456789abcdef" for char in text)


def _find(services: Services, key: str) -> bytes | None:
    """Return a stored answer; None if there is none."""
    try:
        return services.storage.get(key)
    except StoredFileMissing:
        return None
