"""Count the requests in flight at model servers in Redis, so that all processes on all hosts see each other's.

``asked:{ENGINE ADDRESS}`` is a sorted set of requests by the end of their lease on Redis' clock; ``asked`` names the servers.
A task renews the leases of its requests with its heartbeat, so the requests of a killed task expire by themselves. Starting a
request costs one round trip; requests answered meanwhile are reported with it, or with the heartbeat.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from document_parser.balancing.in_flight import Candidate, LocalInFlight
from document_parser.jobs.redis import clock, scripts
from document_parser.jobs.redis.connection import Redis, RedisError
from document_parser.telemetry import logs

log = logs.get_logger(__name__)


class RedisInFlight:
    """An ``InFlight`` in Redis. While Redis is away, this process counts its own requests only."""

    def __init__(self, redis: Redis, lease_seconds: float) -> None:
        self._enter = redis.register_script(scripts.script_text("ask_server"))
        self._renew = redis.register_script(scripts.script_text("renew_asked"))
        self._lease = int(lease_seconds * 1000)
        self._own = LocalInFlight()
        self._answered: list[tuple[str, str]] = []
        self._lock = threading.Lock()

    def enter(self, request: str, candidates: Sequence[Candidate]) -> dict[str, int]:
        """Count a request at the least loaded candidate. Return how many requests each candidate had before."""
        given = [
            part
            for one in candidates
            for part in (one.server, repr(one.reported_load), "" if one.counted_at is None else one.counted_at)
        ]
        left = self._take_answered()
        try:
            chosen, *counts = self._enter(args=[request, self._lease, len(left), *_flatten(left), *given])
        except RedisError as error:
            log.warning("in_flight_unknown", error=type(error).__name__)
            with self._lock:
                self._answered += left
                return self._own.enter(request, candidates)
        with self._lock:
            self._own.move(request, candidates[int(chosen) - 1].server)
        return {one.server: int(count) for one, count in zip(candidates, counts, strict=True)}

    def move(self, request: str, server: str) -> None:
        """Count a request at another server from now on. Nothing happens if the request is unknown or already there."""
        with self._lock:
            before = self._own.held.get(request)
            if before is None or before == server:
                return
            self._answered.append((before, request))
            self._own.move(request, server)
        self.close()

    def leave(self, request: str) -> None:
        """Stop counting a request that was answered or given up. Redis learns of it with the next call."""
        with self._lock:
            server = self._own.held.get(request)
            if server is not None:
                self._answered.append((server, request))
                self._own.leave(request)

    def renew(self) -> None:
        """Renew the leases of all requests still in flight and report those that were answered. Raises RedisError."""
        with self._lock:
            held = [(server, request) for request, server in self._own.held.items()]
        left = self._take_answered()
        if held or left:
            self._renew(args=[self._lease, len(left), *_flatten(left), *_flatten(held)])

    def close(self) -> None:
        """Report the requests that were answered; without Redis, log that this was not possible."""
        try:
            self.renew()
        except RedisError as error:
            log.warning("in_flight_unknown", error=type(error).__name__)

    def _take_answered(self) -> list[tuple[str, str]]:
        """Return and forget the answered requests that Redis does not know of yet."""
        with self._lock:
            left, self._answered = self._answered, []
        return left


def count_requests(redis: Redis, servers: Sequence[str]) -> dict[str, int]:
    """Return how many requests each server is answering. Raises RedisError."""
    now = int(clock.seconds(redis) * 1000)
    with redis.pipeline(transaction=False) as pipe:
        for server in servers:
            pipe.zcount(f"asked:{server}", now, "+inf")
        return dict(zip(servers, map(int, pipe.execute()), strict=True))


def _flatten(pairs: Sequence[tuple[str, str]]) -> list[str]:
    return [part for pair in pairs for part in pair]
