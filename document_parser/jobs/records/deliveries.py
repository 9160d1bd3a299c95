"""Which webhooks there are to tell the operator of: all that became due, and those that were given up.

Two sorted sets of names, by microseconds on Redis' clock: ``webhooks:log`` from the moment there was something to tell, and
``webhooks:failed`` from the one the delivery was given up. A name is the job's id for its end, ``{id}|revised`` for its newest
revision and ``{id}|retry_failed`` for its newest retry that failed. How a delivery stands is on the job's record; what is gone
there is gone here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis.client import Pipeline

from document_parser.jobs.redis.connection import Redis, text
from document_parser.models import Webhook

LOG = "webhooks:log"
FAILED = "webhooks:failed"
DUE = "webhooks:due"


@dataclass(frozen=True, slots=True)
class News:
    """What a job may have to tell, and where its record keeps how that goes and what is said."""

    kind: str
    """As names of deliveries end with it; empty for the end of the job."""

    @property
    def webhook(self) -> str:
        return f"{self.kind}_webhook" if self.kind else "webhook"

    @property
    def body(self) -> str:
        return f"{self.kind or 'webhook'}_body"

    def name_of(self, job_id: str) -> str:
        return f"{job_id}|{self.kind}" if self.kind else job_id


END, REVISED, RETRY_FAILED = NEWS = News(""), News("revised"), News("retry_failed")


def job_of(name: str) -> str:
    return name.partition("|")[0]


def newest(redis: Redis, *, failed: bool, before: float | None, limit: int) -> list[tuple[str, float]]:
    """Names of webhooks and their scores, newest first, below a score; ``failed``: those given up."""
    top = f"({before:.0f}" if before is not None else "+inf"
    found: Any = redis.zrevrangebyscore(FAILED if failed else LOG, top, "-inf", start=0, num=limit, withscores=True)
    return [(text(name), float(score)) for name, score in found]


def failed_count(redis: Redis) -> int:
    return int(redis.zcard(FAILED))


def restore(pipe: Pipeline, name: str, webhook: Webhook, ended_at: datetime | None) -> None:
    """List a webhook whose job had ended before Redis lost it; a pending one is due now."""
    micros = int(ended_at.timestamp() * 1_000_000) if ended_at else 0
    # Retries came after the end: two in one place would hide one of them from a listing.
    micros += webhook.retry or 0
    pipe.zadd(LOG, {name: micros})
    if webhook.state == "pending":
        pipe.zadd(DUE, {name: 0})
    if webhook.state == "failed":
        pipe.zadd(FAILED, {name: micros})


def forget(redis: Redis | Pipeline, job_id: str) -> None:
    """List what it has no more, and deliver it no more."""
    for key in (LOG, FAILED, DUE):
        redis.zrem(key, *(news.name_of(job_id) for news in NEWS))
