"""Which webhooks there are to tell the operator of: all that became due, and those that were given up.

Two sorted sets of job ids, by microseconds on Redis' clock: ``webhooks:log`` from the end of the job on, ``webhooks:failed``
from the moment the delivery was given up. How a delivery stands is on the job's record; what is gone there is gone here.
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


def newest(redis: Redis, *, failed: bool, before: float | None, limit: int) -> list[tuple[str, float]]:
    """Jobs with a webhook and their scores, newest first, below a score; ``failed``: those given up."""
    top = f"({before:.0f}" if before is not None else "+inf"
    found: Any = redis.zrevrangebyscore(FAILED if failed else LOG, top, "-inf", start=0, num=limit, withscores=True)
    return [(text(job_id), float(score)) for job_id, score in found]


def failed_count(redis: Redis) -> int:
    return int(redis.zcard(FAILED))


def restore(pipe: Pipeline, job_id: str, webhook: Webhook, ended_at: datetime | None) -> None:
    """List a webhook whose job had ended before Redis lost it; a pending one is due now."""
    micros = int(ended_at.timestamp() * 1_000_000) if ended_at else 0
    pipe.zadd(LOG, {job_id: micros})
    if webhook.state == "pending":
        pipe.zadd(DUE, {job_id: 0})
    if webhook.state == "failed":
        pipe.zadd(FAILED, {job_id: micros})


def forget(redis: Redis | Pipeline, job_id: str) -> None:
    """List it no more, and deliver it no more."""
    for key in (LOG, FAILED, DUE):
        redis.zrem(key, job_id)
