"""Keep entries of the audit in Redis until the flush has written them to the database.

``audit:pending`` is a stream with a bound: while the database is away for so long that more come, the oldest are lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from document_parser.jobs.redis.connection import Redis, text

PENDING = "audit:pending"
"""Redis key of the entries that are not in the database yet."""
MAX_PENDING = 100_000
"""Entries that are kept while the database is away, about 40 MB: a day at more than one a second."""


class Entry(BaseModel):
    """Who did what, from where, and how it ended. Texts are empty for what does not apply."""

    model_config = ConfigDict(frozen=True)

    entry: str
    """A random id, by which the database takes an entry only once."""
    owner: str
    key_id: str = ""
    actor: str
    action: str
    subject: str = ""
    job_id: str = ""
    address: str = ""
    status: int
    request_id: str = ""


def append(redis: Redis, entries: Sequence[Entry]) -> None:
    """Add entries in one round trip. Raises RedisError."""
    with redis.pipeline(transaction=False) as pipe:
        for entry in entries:
            pipe.xadd(PENDING, {"entry": entry.model_dump_json(exclude_defaults=True)}, maxlen=MAX_PENDING, approximate=True)
        pipe.execute()


def pending(redis: Redis, limit: int) -> dict[str, tuple[Entry, datetime]]:
    """Return the oldest entries by their id in the stream, with the moment they were added on Redis' clock.

    Raises RedisError.
    """
    found: Any = redis.xrange(PENDING, count=limit)
    return {text(name): (Entry.model_validate_json(fields[b"entry"]), _moment(text(name))) for name, fields in found}


def forget(redis: Redis, names: Sequence[str]) -> None:
    """Delete entries that are in the database. Raises RedisError."""
    if names:
        redis.xdel(PENDING, *names)


def length(redis: Redis) -> int:
    """Return how many entries are not in the database yet. Raises RedisError."""
    return int(redis.xlen(PENDING))


def _moment(name: str) -> datetime:
    return datetime.fromtimestamp(int(name.partition("-")[0]) / 1000, UTC)
