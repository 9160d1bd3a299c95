"""Connect to the Redis of a service that may be running or stopped."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from document_parser.errors import QueueUnavailable
from document_parser.jobs.redis.connection import Redis, RedisError, connect
from document_parser.settings import Settings

START_SECONDS = 30.0
"""The time in which the embedded Valkey answers."""


@contextlib.contextmanager
def connected_redis(settings: Settings) -> Iterator[tuple[Redis, bool]]:
    """Give a client of Redis, and whether this process runs it: the embedded Valkey of a service that is stopped.

    Raises QueueUnavailable if Redis does not answer, also within the block.
    """
    with contextlib.ExitStack() as stack:
        starts = settings.embedded and stack.enter_context(_embedded_valkey(settings))
        redis = stack.enter_context(contextlib.closing(connect(settings)))
        try:
            redis.ping()
            yield redis, starts
        except RedisError as error:
            raise QueueUnavailable(reason=type(error).__name__) from error


@contextlib.contextmanager
def _embedded_valkey(settings: Settings) -> Iterator[bool]:
    """Run the embedded Valkey during the block, unless it runs already. Give whether this process runs it."""
    from document_parser.supervisor.valkey import EmbeddedValkey  # not needed where REDIS_URL is set

    valkey, deadline = EmbeddedValkey(settings), time.monotonic() + START_SECONDS
    try:
        while not valkey.ensure():
            if time.monotonic() > deadline:
                raise QueueUnavailable(reason="the embedded Valkey does not start")
            time.sleep(0.05)
        yield valkey.held
    finally:
        valkey.stop()
