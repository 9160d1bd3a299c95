"""Which webhooks there are to tell the operator of: all that became due, and those that were given up.

Two sorted sets of names, by microseconds on Redis' clock: ``webhooks:log`` from the end of the job on, or from its revision,
and ``webhooks:failed`` from the moment the delivery was given up. A name is the job's id for its end, and ``{id}|revised`` for
its newest revision. How a delivery stands is on the job's record; what is gone there is gone here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from redis.client import Pipeline

from document_parser.jobs.connection import Redis, text
from document_parser.models import Webhook

LOG = "webhooks:log"
FAILED = "webhooks:failed"
DUE = "webhooks:due"


def name_of(job_id: str, webhook: Webhook) -> str:
    return job_id if webhook.revision is None else f"{job_id}|revised"


def job_of(name: str) -> str:
    return name.partition("|")[0]


def newest(redis: Redis, *, failed: bool, before: float | None, limit: int) -> list[tuple[str, float]]:
    """Names of webhooks and their scores, newest first, below a score; ``failed``: those given up."""
    top = f"({before:.0f}" if before is not None else "+inf"
    found: Any = redis.zrevrangebyscore(FAILED if failed else LOG, top, "-inf", start=0, num=limit, withscores=True)
    return [(text(name), float(score)) for name, score in found]


def failed_count(redis: Redis) -> int:
    return int(redis.zcard(FAILED))


def restore(pipe: Pipeline, job_id: str, webhook: Webhook, ended_at: datetime | None) -> None:
    """List a webhook whose job had ended before Redis lost it; a pending one is due now."""
    name, micros = name_of(job_id, webhook), int(ended_at.timestamp() * 1_000_000) if ended_at else 0
    # A revision came after the end: both in one place would hide one of them from a listing.
    micros += webhook.revision or 0
    pipe.zadd(LOG, {name: micros})
    if webhook.state == "pending":
        pipe.zadd(DUE, {name: 0})
    if webhook.state == "failed":
        pipe.zadd(FAILED, {name: micros})


def forget(redis: Redis | Pipeline, job_id: str) -> None:
    """List what it has no more, and deliver it no more."""
    for key in (LOG, FAILED, DUE):
        redis.zrem(key, job_id, f"{job_id}|revised")
