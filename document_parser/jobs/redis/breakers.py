"""Keep the circuit breakers of the model servers in Redis, so that all processes on all hosts share them.

The hash ``breakers`` has one field for each server, ``ENGINE ADDRESS``, with its breaker as JSON. Times are on Redis' clock.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import Any

from document_parser.balancing.breaker import Breaker, LocalBreakers, State, Step
from document_parser.balancing.in_flight import InFlight
from document_parser.jobs.redis import clock
from document_parser.jobs.redis.connection import Redis, RedisError, text
from document_parser.jobs.redis.in_flight import RedisInFlight
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

BREAKERS_KEY = "breakers"
"""The Redis hash of all breakers."""
MAX_AGE_SECONDS = 1.0
"""For this long a process uses the breakers it has read before it reads them again."""


class RedisBreakers:
    """A ``BreakerStore`` in Redis. While Redis is away, this process uses what it knows itself; no method raises RedisError."""

    def __init__(self, redis: Redis, lease_seconds: float = 8.0) -> None:
        """Read nothing yet. ``lease_seconds`` is how long a request counts after it was renewed last."""
        self._redis = redis
        self._own = LocalBreakers(self.now)
        self.in_flight: InFlight = RedisInFlight(redis, lease_seconds)
        self._ahead = 0.0
        self._read_at = float("-inf")

    def now(self) -> float:
        """Return Redis' clock in seconds since 1970, as far as this process knows it."""
        return time.monotonic() + self._ahead

    def get(self, server: str) -> Breaker:
        """Return a server's breaker, at most ``MAX_AGE_SECONDS`` old; a closed one if nothing is known of the server."""
        if time.monotonic() - self._read_at > MAX_AGE_SECONDS:
            self._read_at = time.monotonic()
            try:
                self._refresh()
            except RedisError as error:
                log.warning("breakers_unknown", error=type(error).__name__)
        return self._own.get(server)

    def change(self, server: str, step: Step) -> tuple[Breaker, Breaker]:
        """Apply a step to a server's breaker atomically. Return the breaker before and after it."""
        try:
            before, after = self._change(server, step)
        except RedisError as error:
            log.warning("breakers_unknown", error=type(error).__name__)
            return self._own.change(server, step)
        self._own.change(server, lambda *_: after)
        now = self.now()
        if before.state(now) != after.state(now):
            log.warning("breaker_changed", engine=server.partition(" ")[0], state=after.state(now), faults=after.faults)
        return before, after

    def _change(self, server: str, step: Step) -> tuple[Breaker, Breaker]:
        """Read, step and write in one transaction; start again if another process has written meanwhile."""
        found: list[Breaker] = []

        def write(pipe: Any) -> None:
            before = _parse(pipe.hget(BREAKERS_KEY, server))
            found[:] = [before, step(before, clock.seconds(pipe))]
            pipe.multi()
            if found[1] == Breaker():
                pipe.hdel(BREAKERS_KEY, server)
            elif found[1] != before:
                pipe.hset(BREAKERS_KEY, server, json.dumps(asdict(found[1])))

        self._redis.transaction(write, BREAKERS_KEY)
        return found[0], found[1]

    def _refresh(self) -> None:
        """Read Redis' clock and all breakers. Raises RedisError."""
        self._ahead = clock.seconds(self._redis) - time.monotonic()
        own = LocalBreakers(self.now)
        for name, raw in self._redis.hgetall(BREAKERS_KEY).items():
            own.change(text(name), _replace_by(_parse(raw)))
        self._own = own


def states(redis: Redis) -> dict[str, State]:
    """Return the states of all breakers that are not closed, by ``ENGINE ADDRESS``. Raises RedisError."""
    found, now = read_breakers(redis)
    return {server: breaker.state(now) for server, breaker in found.items() if breaker.state(now) != "closed"}


def read_breakers(redis: Redis) -> tuple[dict[str, Breaker], float]:
    """Return all breakers with faults, by ``ENGINE ADDRESS``, and the time on their clock. Raises RedisError."""
    now = clock.seconds(redis)
    return {text(name): _parse(raw) for name, raw in redis.hgetall(BREAKERS_KEY).items()}, now


def _replace_by(breaker: Breaker) -> Step:
    """Return a step that sets this breaker."""
    return lambda *_: breaker


def _parse(raw: bytes | str | None) -> Breaker:
    return Breaker(**json.loads(raw)) if raw else Breaker()
