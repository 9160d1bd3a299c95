"""Decide whether the queue accepts one more job. It is bounded, and refuses before an upload is read."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import BaseModel

from document_parser.errors import QueueFull
from document_parser.jobs.redis.connection import Redis
from document_parser.jobs.scheduling import forecast
from document_parser.settings import QueueSettings

Bound = Literal["jobs", "pages", "bytes"]
"""The three bounds of the queue."""
MAX_WAIT_SECONDS = 120
"""The largest Retry-After of a refusal."""
DEFAULT_WAIT_SECONDS = 10
"""The Retry-After while the pace of reading is not known."""


WAITING: dict[Bound, str] = {
    "jobs": "Jobs that have not ended",
    "pages": "Pages left to read",
    "bytes": "Bytes of uploads whose jobs have not ended",
}
"""What each bound counts, as the refusal says it."""


class Amounts(BaseModel):
    """Numbers of jobs and of pages left to read, and bytes of uploads."""

    jobs: int
    pages: int
    bytes: int


class Load(BaseModel):
    """What has not ended, the bounds (0 for none), and the pace at which pages are read (0 if it is not known)."""

    unfinished: Amounts
    most: Amounts
    pages_per_minute: float

    def broken_bound(self, size: int = 0) -> Bound | None:
        """Return the bound that one more job with an upload of ``size`` bytes would break, None if it breaks none."""
        more = Amounts(jobs=1, pages=1, bytes=size)
        for name in Amounts.model_fields:
            most = getattr(self.most, name)
            if most and getattr(self.unfinished, name) + getattr(more, name) > most:
                return name  # type: ignore[return-value]
        return None

    def check(self, size: int = 0) -> None:
        """Check that the queue accepts a job with an upload of ``size`` bytes. Raises QueueFull if not."""
        if (bound := self.broken_bound(size)) is not None:
            raise self.refusal(bound)

    def refusal(self, bound: Bound) -> QueueFull:
        """Return the error for a job that would break this bound. Its Retry-After is the time until a job is likely to end."""
        unfinished, most = getattr(self.unfinished, bound), getattr(self.most, bound)
        sentence = f"{WAITING[bound]}: {unfinished}; this server accepts at most {most}."
        return QueueFull(
            f"{sentence} Retry-After says when to send it again.",
            bound=bound,
            capacity=self.model_dump(),
            retry_after_seconds=self._seconds_until_a_job_ends(),
        )

    def _seconds_until_a_job_ends(self) -> int:
        """Return the seconds in which the pages of an average job are read, from 1 to ``MAX_WAIT_SECONDS``."""
        if not self.pages_per_minute or not self.unfinished.jobs:
            return DEFAULT_WAIT_SECONDS
        pages = self.unfinished.pages / self.unfinished.jobs
        return max(1, min(MAX_WAIT_SECONDS, math.ceil(pages * 60 / self.pages_per_minute)))


def bounds_of(settings: QueueSettings) -> Amounts:
    """Return the bounds of the queue from the settings; 0 for no bound."""
    return Amounts(jobs=settings.queue_max_jobs, pages=settings.queue_max_pages, bytes=settings.queue_max_mb << 20)


def load(redis: Redis, settings: QueueSettings) -> Load:
    """Return the present load of the queue, read in one round trip. Raises RedisError."""
    with redis.pipeline(transaction=False) as pipe:
        pipe.zcard("jobs:active")
        pipe.hmget("load", ["pages", "bytes"])
        pipe.hget(forecast.FORECAST_KEY, "#pace")
        jobs, (pages, size), pace = pipe.execute()
    return load_of_replies(settings, jobs, pages, size, pace)


def load_of_replies(settings: QueueSettings, jobs: Any, pages: Any, size: Any, pace: Any) -> Load:
    """Return the load that these replies of Redis tell; None stands for nothing. ``pace`` is in pages a second."""
    unfinished = Amounts(jobs=int(jobs), pages=max(0, int(pages or 0)), bytes=max(0, int(size or 0)))
    return Load(unfinished=unfinished, most=bounds_of(settings), pages_per_minute=round(float(pace or 0) * 60, 1))


def check(redis: Redis, settings: QueueSettings, size: int = 0) -> None:
    """Check that the queue accepts a job with an upload of ``size`` bytes. Raises QueueFull if not, RedisError."""
    load(redis, settings).check(size)
