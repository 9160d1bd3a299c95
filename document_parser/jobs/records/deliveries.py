"""List the webhooks for the operator: all that became due, and those that were given up.

Two sorted sets hold names of webhooks by microseconds on Redis' clock: ``webhooks:log`` by the time at which the event
happened, and ``webhooks:failed`` by the time at which the delivery was given up. A name is the job's id for its end,
``{id}|revised`` for its newest revision, ``{id}|retry_failed`` for its newest failed retry, ``{id}|extracted`` for its newest
extraction and ``{id}|extraction_failed`` for its newest failed one; ``{id}|batch`` is the end of the batch with this id. The
state of a delivery is in the record of the job or batch; once that is gone, its names are removed here as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis.client import Pipeline

from document_parser.jobs.redis.connection import Redis, text
from document_parser.models import Webhook

LOG = "webhooks:log"
"""Redis key of all webhooks, by the time of their event."""
FAILED = "webhooks:failed"
"""Redis key of webhooks that were given up, by the time of that."""
DUE = "webhooks:due"
"""Redis key of webhooks to deliver, by the time at which they are due in milliseconds on Redis' clock."""


@dataclass(frozen=True, slots=True)
class EventKind:
    """A kind of event that a job announces, and the fields of its record that keep the delivery's state and its body."""

    kind: str
    """The last part of names of webhooks; empty for the end of the job."""

    @property
    def webhook(self) -> str:
        """Return the field of the job's record that keeps the state of the delivery."""
        return f"{self.kind}_webhook" if self.kind else "webhook"

    @property
    def body(self) -> str:
        """Return the field of the job's record that keeps the body of the webhook."""
        return f"{self.kind or 'webhook'}_body"

    def name_of(self, job_id: str) -> str:
        """Return the name of this webhook of a job."""
        return f"{job_id}|{self.kind}" if self.kind else job_id


END, REVISED, RETRY_FAILED, EXTRACTED, EXTRACTION_FAILED = NEWS = (
    EventKind(""),
    EventKind("revised"),
    EventKind("retry_failed"),
    EventKind("extracted"),
    EventKind("extraction_failed"),
)
"""All kinds of events that a job announces."""

BATCH_SUFFIX = "|batch"
"""How the name of a batch's webhook ends."""


def id_of(name: str) -> str:
    """Return the id of the job or batch that a webhook's name belongs to."""
    return name.partition("|")[0]


def newest(redis: Redis, *, failed: bool, before: float | None, limit: int) -> list[tuple[str, float]]:
    """Return names of webhooks and their scores in microseconds, newest first.

    ``before`` is an exclusive upper bound of the scores, None for no bound. With ``failed``, only webhooks that were given up
    are listed. Raises RedisError.
    """
    top = f"({before:.0f}" if before is not None else "+inf"
    found: Any = redis.zrevrangebyscore(FAILED if failed else LOG, top, "-inf", start=0, num=limit, withscores=True)
    return [(text(name), float(score)) for name, score in found]


def due_count(redis: Redis) -> int:
    """Return how many webhooks wait for delivery. Raises RedisError."""
    return int(redis.zcard(DUE))


def failed_count(redis: Redis) -> int:
    """Return how many webhooks were given up and can still be replayed. Raises RedisError."""
    return int(redis.zcard(FAILED))


def restore(pipe: Pipeline, name: str, webhook: Webhook, ended_at: datetime | None) -> None:
    """List a webhook of a job that ended before Redis lost it. A pending one is due at once. Adds commands to ``pipe``."""
    micros = int(ended_at.timestamp() * 1_000_000) if ended_at else 0
    # Retries came after the end: of two webhooks with the same score a listing would hide one.
    micros += (webhook.retry or 0) + (webhook.extraction or 0)
    pipe.zadd(LOG, {name: micros})
    if webhook.state == "pending":
        pipe.zadd(DUE, {name: 0})
    if webhook.state == "failed":
        pipe.zadd(FAILED, {name: micros})


def forget(redis: Redis | Pipeline, an_id: str) -> None:
    """Remove all webhooks of a job or batch from the lists, so that they are neither shown nor delivered. Raises RedisError."""
    for key in (LOG, FAILED, DUE):
        redis.zrem(key, *(news.name_of(an_id) for news in NEWS), an_id + BATCH_SUFFIX)
