"""Waiting for a job without polling hard, and without taking all threads."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from document_parser.jobs import record
from document_parser.jobs.connection import Redis
from document_parser.jobs.job import Job

if TYPE_CHECKING:
    from document_parser.api.factory import Services

STEP_MILLISECONDS = 1000


def wait_for_end(services: Services, job_id: str, seconds: float) -> Job:
    """The job once it has ended and no page of it is being read again, or as it stands after so many seconds.

    Answers at once where half of the threads wait already. Raises JobNotFound, JobExpired.
    """
    if seconds <= 0 or not services.waiting.take():
        return record.load(services.redis, job_id)
    try:
        return _wait(services, job_id, time.monotonic() + seconds)
    finally:
        services.waiting.give_back()


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
