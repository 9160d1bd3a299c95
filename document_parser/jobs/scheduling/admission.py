"""Whether one more job is taken in: the queue is bounded, and says so before an upload is read."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel

from document_parser.errors import QueueFull
from document_parser.jobs.redis.connection import Redis
from document_parser.jobs.scheduling import forecast
from document_parser.settings import QueueSettings

Bound = Literal["jobs", "pages", "bytes"]
LONGEST_WAIT_SECONDS = 120
USUAL_WAIT_SECONDS = 10


WAITING: dict[Bound, str] = {
    "jobs": "Jobs that have not ended",
    "pages": "Pages left to read",
    "bytes": "Bytes of uploads whose jobs have not ended",
}


class Amounts(BaseModel):
    """Jobs, pages left to read, and bytes of uploads."""

    jobs: int
    pages: int
    bytes: int


class Load(BaseModel):
    """What has not ended, the most that may be (0 for no bound), and the pace at which pages are read, 0 where not known."""

    unfinished: Amounts
    most: Amounts
    pages_per_minute: float

    def full(self, size: int = 0) -> Bound | None:
        """The bound that one more job with an upload of so many bytes would break."""
        more = Amounts(jobs=1, pages=1, bytes=size)
        for name in Amounts.model_fields:
            most = getattr(self.most, name)
            if most and getattr(self.unfinished, name) + getattr(more, name) > most:
                return name  # type: ignore[return-value]
        return None

    def refusal(self, bound: Bound) -> QueueFull:
        unfinished, most = getattr(self.unfinished, bound), getattr(self.most, bound)
        sentence = f"{WAITING[bound]}: {unfinished}, and this server holds at most {most}."
        return QueueFull(
            f"{sentence} Retry-After says when to send it again.",
            bound=bound,
            capacity=self.model_dump(),
            retry_after_seconds=self._until_a_job_ends(),
        )

    def _until_a_job_ends(self) -> int:
        if not self.pages_per_minute or not self.unfinished.jobs:
            return USUAL_WAIT_SECONDS
        pages = self.unfinished.pages / self.unfinished.jobs
        return max(1, min(LONGEST_WAIT_SECONDS, math.ceil(pages * 60 / self.pages_per_minute)))


def most(settings: QueueSettings) -> Amounts:
    return Amounts(jobs=settings.queue_max_jobs, pages=settings.queue_max_pages, bytes=settings.queue_max_mb << 20)


def load(redis: Redis, settings: QueueSettings) -> Load:
    """One round trip."""
    with redis.pipeline(transaction=False) as pipe:
        pipe.zcard("jobs:active")
        pipe.hmget("load", ["pages", "bytes"])
        pipe.hget(forecast.KEY, "#pace")
        jobs, (pages, size), pace = pipe.execute()
    unfinished = Amounts(jobs=jobs, pages=max(0, int(pages or 0)), bytes=max(0, int(size or 0)))
    return Load(unfinished=unfinished, most=most(settings), pages_per_minute=round(float(pace or 0) * 60, 1))


def check(redis: Redis, settings: QueueSettings, size: int = 0) -> None:
    """Raises QueueFull where a job with an upload of so many bytes would be too much."""
    found = load(redis, settings)
    if (bound := found.full(size)) is not None:
        raise found.refusal(bound)
