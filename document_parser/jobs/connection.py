"""The Redis connection of this process."""

from __future__ import annotations

from typing import Any

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from document_parser.settings import Settings

Redis = redis.Redis
RedisError = redis.RedisError


def connect(settings: Settings, *, answer_seconds: float = 15.0, retries: int = 2) -> redis.Redis:
    """A client that gives bytes back, as RQ needs it. Connects at the first command."""
    options: dict[str, Any] = {
        "socket_timeout": answer_seconds,
        "socket_connect_timeout": 2.0,
        "retry": Retry(ExponentialBackoff(cap=0.5, base=0.05), retries),
    }
    if not settings.redis_url.startswith("unix://"):
        options["health_check_interval"] = 30
    client: redis.Redis = redis.Redis.from_url(settings.redis_url, **options)
    return client


def text(value: Any) -> str:
    """A reply of Redis as text."""
    return value.decode() if isinstance(value, bytes) else str(value)
