"""Waiting for a job without polling hard, and without taking all threads."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from flask import g

from document_parser.api import problems
from document_parser.jobs import record
from document_parser.jobs.connection import Redis
from document_parser.jobs.job import Job
from document_parser.models import JobError

if TYPE_CHECKING:
    from document_parser.api.factory import Services

STEP_MILLISECONDS = 1000


def wait_for_end(services: Services, job_id: str, seconds: float) -> Job:
    """The job once it has ended and no page of it is being read again, or as it stands after so many seconds.

    Answers at once where half of the threads wait already: ``retry_after`` says so. Raises JobNotFound, JobExpired.
    """
    if seconds <= 0:
        return record.load(services.redis, job_id)
    if not services.waiting.take():
        g.waits_elsewhere = True
        return record.load(services.redis, job_id)
    try:
        return _wait(services, job_id, time.monotonic() + seconds)
    finally:
        services.waiting.give_back()


def retry_after() -> dict[str, str]:
    """The header that says when to ask again, if this request was to wait and all places for those were taken."""
    return {"Retry-After": str(problems.RETRY_AFTER_SECONDS)} if g.get("waits_elsewhere", False) else {}


def wait_for_format(services: Services, job_id: str, name: str, last: bytes, seconds: float) -> None:
    """Wait until a format has been written, so many seconds at most, by the events after ``last``.

    Returns at once where half of the threads wait already, and where the job is gone. Raises RecordedError if it could not be
    written.
    """
    if not services.waiting.take():
        return
    try:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and services.redis.exists(f"job:{job_id}"):
            block = max(1, min(STEP_MILLISECONDS, int(left * 1000)))
            reply: Any = services.redis.xread({f"job:{job_id}:events": last}, block=block)
            found = reply[0][1] if reply else []
            last = found[-1][0] if found else last
            for _, fields in found:
                if fields.get(b"format") == name.encode() and _is_written(fields):
                    return
    finally:
        services.waiting.give_back()


def _is_written(fields: dict[bytes, bytes]) -> bool:
    """Whether an event says that a format is there. Raises RecordedError where it says that it will not be."""
    if fields[b"kind"] == b"format.failed":
        raise problems.RecordedError(JobError.model_validate_json(fields[b"reason"]))
    return fields[b"kind"] == b"format.written"


def _wait(services: Services, job_id: str, until: float) -> Job:
    stream = f"job:{job_id}:events"
    # The place in the stream is taken before the state is read: what happens in between wakes us at once.
    last = last_event(services.redis, job_id)
    while not (job := record.load(services.redis, job_id)).at_rest:
        left = until - time.monotonic()
        if left <= 0:
            break
        services.redis.xread({stream: last}, block=max(1, min(STEP_MILLISECONDS, int(left * 1000))))
        last = last_event(services.redis, job_id)
    return job


def last_event(redis: Redis, job_id: str) -> bytes:
    """The id of the newest event of a job; 0 where there is none."""
    newest: Any = redis.xrevrange(f"job:{job_id}:events", count=1)
    last: bytes = newest[0][0] if newest else b"0"
    return last
