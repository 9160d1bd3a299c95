"""Note which jobs the history has to be told of. ``history:due`` in Redis holds those that have changed or were deleted.

A member is a job, or JOB|OWNER|CREATED for one that was deleted, whose record is gone. Its score is a number that grows with
each change, so that a change during the flush is not forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from document_parser.jobs.redis import scripts
from document_parser.jobs.redis.connection import Redis, text

DUE = "history:due"
"""Redis key of what the database has to be told of."""


@dataclass(frozen=True, slots=True)
class DeletedJob:
    """A job that was deleted, as far as it is still known."""

    job_id: str
    owner: str
    created_at: datetime

    @classmethod
    def parse(cls, member: str) -> DeletedJob:
        """Return the job that a member of DUE says was deleted."""
        job_id, owner, created = member.split("|")
        return cls(job_id, owner, datetime.fromtimestamp(float(created), UTC))


def due(redis: Redis, limit: int) -> dict[str, int]:
    """Return what was noted longest ago, with its number. Raises RedisError."""
    found: Any = redis.zrange(DUE, 0, limit - 1, withscores=True)
    return {text(member): int(number) for member, number in found}


def settle(redis: Redis, written: Mapping[str, int]) -> None:
    """Forget what is in the database, unless it has changed meanwhile. Raises RedisError."""
    if written:
        scripts.run_script(redis, "settle_history", *(part for pair in written.items() for part in pair))
