"""Wait for a job without frequent polling, and without holding all threads."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from flask import g

from document_parser.api.middleware import errors
from document_parser.api.server import options
from document_parser.jobs.records import record
from document_parser.jobs.records.job import Job
from document_parser.jobs.redis.connection import Redis
from document_parser.models import JobError

if TYPE_CHECKING:
    from document_parser.api.services import Services

Awaited = TypeVar("Awaited")
"""What is waited for."""
STEP_MILLISECONDS = 1000
"""Longest wait for one event in Redis, in milliseconds, before the job is read again."""


def wait_for_end(services: Services, job_id: str, seconds: float) -> Job:
    """Return the job once it is at rest (ended, with no retry pending), or as it is after ``seconds``.

    Returns at once if half of the threads already wait; ``retry_after_header`` then says so. Raises JobNotFound, JobExpired,
    RedisError.
    """
    load = partial(record.load, services.redis, job_id)
    return wait_until(services, f"job:{job_id}:events", load, lambda job: job.is_at_rest, seconds)


def wait_until(
    services: Services, stream: str, load: Callable[[], Awaited], is_over: Callable[[Awaited], bool], seconds: float
) -> Awaited:
    """Return what ``load`` returns once it is over, or as it is after ``seconds``.

    It is loaded again at each event in the Redis stream ``stream``. Returns at once if half of the threads already wait;
    ``retry_after_header`` then says so. Raises the errors of ``load``, RedisError.
    """
    if seconds <= 0:
        return load()
    if not services.waiting.take():
        g.waits_elsewhere = True
        return load()
    try:
        return _wait(services, stream, load, is_over, time.monotonic() + seconds)
    finally:
        services.waiting.release()


def retry_after_header() -> dict[str, str]:
    """Return a Retry-After header if this request should have waited and no slot was free; else nothing."""
    return {"Retry-After": str(errors.RETRY_AFTER_SECONDS)} if g.get("waits_elsewhere", False) else {}


def wait_for_format(services: Services, job_id: str, name: str, last: bytes, seconds: float) -> None:
    """Wait until a format has been written, as ``wait_for_outcome`` does."""
    wait_for_outcome(services, job_id, "format", name, last, seconds)


def wait_for_outcome(services: Services, job_id: str, field: str, name: str, last: bytes, seconds: float) -> None:
    """Wait until what an event names in a field has been written, for at most ``seconds``, by the events after ``last``.

    ``field`` is ``format``, ``extraction`` or ``classification``. Returns at once if half of the threads already wait, or if
    the job is gone.
    Raises RecordedError if it could not be written, RedisError.
    """
    if not services.waiting.take():
        return
    try:
        until = time.monotonic() + seconds
        while (left := _seconds_left(until)) > 0 and services.redis.exists(f"job:{job_id}"):
            block = max(1, min(STEP_MILLISECONDS, int(left * 1000)))
            reply: Any = services.redis.xread({f"job:{job_id}:events": last}, block=block)
            found = reply[0][1] if reply else []
            last = found[-1][0] if found else last
            for _, fields in found:
                if fields.get(field.encode()) == name.encode() and _is_written(fields):
                    return
    finally:
        services.waiting.release()


def _seconds_left(until: float) -> float:
    """Return how long to wait on. A web worker that stops answers at once: after DRAIN_SECONDS it closes the connection."""
    return 0.0 if options.is_stopping() else until - time.monotonic()


def _is_written(fields: dict[bytes, bytes]) -> bool:
    """Return whether an event says that something was written. Raises RecordedError if it says that it cannot be."""
    if fields[b"kind"].endswith(b".failed") and b"reason" in fields:
        raise errors.RecordedError(JobError.model_validate_json(fields[b"reason"]))
    return fields[b"kind"] in (b"format.written", b"job.extracted", b"job.classified")


def _wait(
    services: Services, stream: str, load: Callable[[], Awaited], is_over: Callable[[Awaited], bool], until: float
) -> Awaited:
    """Return what ``load`` returns once it is over, or as it is at ``until`` by ``time.monotonic``."""
    # The position in the stream is read before the state: an event in between ends the wait at once.
    last = _last_entry(services.redis, stream)
    while not is_over(found := load()):
        left = _seconds_left(until)
        if left <= 0:
            break
        services.redis.xread({stream: last}, block=max(1, min(STEP_MILLISECONDS, int(left * 1000))))
        last = _last_entry(services.redis, stream)
    return found


def last_event(redis: Redis, job_id: str) -> bytes:
    """Return the id of a job's newest event; 0 if there is none. Raises RedisError."""
    return _last_entry(redis, f"job:{job_id}:events")


def _last_entry(redis: Redis, stream: str) -> bytes:
    newest: Any = redis.xrevrange(stream, count=1)
    last: bytes = newest[0][0] if newest else b"0"
    return last
