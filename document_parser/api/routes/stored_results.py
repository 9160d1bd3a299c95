"""Load stored results. A format that does not exist yet is written by a worker first."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from pydantic import ValidationError

from document_parser.api.routes.waiting import last_event, wait_for_format
from document_parser.errors import JobNotComplete
from document_parser.jobs import queue
from document_parser.jobs.records import record, storage_keys
from document_parser.jobs.records.job import Job
from document_parser.models import ResultFacts
from document_parser.storage import StoredFileMissing

if TYPE_CHECKING:
    from document_parser.api.services import Services

EXPORT_SECONDS = 30.0
"""Longest wait for a format that is being written, in seconds."""


class StoredResult(NamedTuple):
    """A stored result, and its facts."""

    stream: BinaryIO
    facts: ResultFacts

    @property
    def headers(self) -> dict[str, str]:
        """Return the response headers that describe the result."""
        return {"X-Stripped-Lines": str(self.facts.stripped)}


def load_result(services: Services, job: Job, name: str) -> StoredResult:
    """Return the stored result. If the format does not exist yet, have a worker write it and wait up to EXPORT_SECONDS.

    ``name`` is that of a format, or of another export: ``Chunking.export_name``, ``shape_export``, or PLACES.

    Raises JobNotComplete if that takes longer or as many requests as allowed already wait (ask again), RecordedError if the
    format could not be written, and JobNotFound, JobExpired, StorageUnavailable, RedisError.
    """
    if (found := _find_result(services, job, name)) is not None:
        return found
    # The position in the event stream is read before the task is enqueued, so that its events are not missed.
    last = last_event(services.redis, job.card.job_id)
    queue.enqueue_stage(services.redis, job.card.job_id, f"export-{name}")
    wait_for_format(services, job.card.job_id, name, last, EXPORT_SECONDS)
    if (found := _find_result(services, job, name)) is None:
        record.load(services.redis, job.card.job_id)  # raises if the job was deleted meanwhile
        raise JobNotComplete("This format is being written. Ask again shortly.", format=name)
    return found


def _find_result(services: Services, job: Job, name: str) -> StoredResult | None:
    """Return the result from storage; None if it has not been written, or its facts are damaged."""
    try:
        facts = ResultFacts.model_validate_json(services.storage.get(storage_keys.result_facts(job.card.job_id, job.revision)))
        return StoredResult(services.storage.open(storage_keys.export(job.card.job_id, name, job.revision)), facts)
    except (StoredFileMissing, ValidationError):
        return None
