"""Let all processes on all hosts know that an API key was changed, and collect when keys were used."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from document_parser.jobs.redis.connection import Redis, text

VERSION = "keys:version"
"""Redis key of the version of all API keys: a random text, new with each change.

A number would begin anew after Redis has lost it, and might come to a value that a process has seen before.
"""
USED = "keys:used"
"""Redis hash of when keys were last used, in milliseconds since 1970, by key id."""


def version(redis: Redis) -> bytes:
    """Return the version of all keys; empty if none was changed since Redis began. Raises RedisError."""
    found: Any = redis.get(VERSION)
    return bytes(found or b"")


def announce(redis: Redis) -> None:
    """Let all processes forget what they know of keys. Raises RedisError."""
    redis.set(VERSION, uuid.uuid4().hex)


def note_used(redis: Redis, key_id: str, at: datetime) -> None:
    """Note that a key was used. The flush writes it to the database. Raises RedisError."""
    redis.hset(USED, key_id, int(at.timestamp() * 1000))


def used(redis: Redis) -> dict[str, datetime]:
    """Return when keys were last used, as far as the database does not know it yet. Raises RedisError."""
    return {text(key_id): datetime.fromtimestamp(int(at) / 1000, UTC) for key_id, at in redis.hgetall(USED).items()}


def forget_used(redis: Redis, key_ids: list[str]) -> None:
    """Forget when these keys were used. A use that was noted meanwhile may be lost; the next one is not. Raises RedisError."""
    if key_ids:
        redis.hdel(USED, *key_ids)
