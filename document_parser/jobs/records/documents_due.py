"""Note which answers the database has to be told of: extractions, and types of documents. ``documents:due`` has them in Redis.

A member is JOB|EXTRACTION|REVISION, with ASKED instead of the extraction for the types that were asked for with the document.
An answer that is written again is the same, so that nothing is lost in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from document_parser.jobs.redis.connection import Redis, text

DUE = "documents:due"
"""Redis key of the answers that the database has to be told of."""


class WrittenAnswer(NamedTuple):
    """An answer that was written: to which extraction, or ASKED, from which revision of a job's pages."""

    job_id: str
    extraction_id: str
    revision: int

    def __str__(self) -> str:
        return f"{self.job_id}|{self.extraction_id}|{self.revision}"

    @classmethod
    def parse(cls, member: str) -> WrittenAnswer:
        """Return the answer that a member of DUE names."""
        job_id, extraction_id, revision = member.split("|")
        return cls(job_id, extraction_id, int(revision))


def note(redis: Redis, answer: WrittenAnswer) -> None:
    """Note that an answer was written. Raises RedisError."""
    redis.sadd(DUE, str(answer))


def due(redis: Redis, limit: int) -> list[WrittenAnswer]:
    """Return some of the answers that wait. Raises RedisError."""
    found: Any = redis.srandmember(DUE, limit)
    return [WrittenAnswer.parse(text(member)) for member in found]


def settle(redis: Redis, written: Sequence[WrittenAnswer]) -> None:
    """Forget answers that are in the database, or whose jobs are gone. Raises RedisError."""
    if written:
        redis.srem(DUE, *map(str, written))
