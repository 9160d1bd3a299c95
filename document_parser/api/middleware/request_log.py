"""Every request is told in one line of the log and counted, once it has been answered."""

from __future__ import annotations

import atexit
import re
import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from flask import Flask, Response, g, request

from document_parser.jobs.redis import counters
from document_parser.jobs.redis.connection import Redis, RedisError
from document_parser.telemetry import logs
from document_parser.telemetry.metrics import observation, sample

log = logs.get(__name__)

PAUSE_SECONDS = 1.0
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
ASKED_ALL_THE_TIME = {"/v1/health", "/v1/health/live", "/v1/health/ready", "/v1/metrics"}
"""Told at level DEBUG only."""


class Counts:
    """What this process has counted, written to Redis soon by a thread of its own: requests wait for nothing.

    While Redis is away the counts are kept. A web worker killed by -9 takes at most about a second of them with it.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._pending: dict[str, float] = defaultdict(float)
        self._lock = threading.Lock()
        self._there = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, changes: Mapping[str, float]) -> None:
        with self._lock:
            for name, value in changes.items():
                self._pending[name] += value
            if self._thread is None:
                self._start()
        self._there.set()

    def flush(self) -> None:
        """Write what is pending. Raises RedisError, and then keeps it."""
        with self._lock:
            pending, self._pending = self._pending, defaultdict(float)
            self._there.clear()
        if pending:
            try:
                counters.add(self._redis, pending)
            except RedisError:
                self.add(pending)
                raise

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._flush_on, name="request-counts", daemon=True)
        self._thread.start()
        atexit.register(self._try_to_flush)

    def _flush_on(self) -> None:
        while self._there.wait():
            time.sleep(PAUSE_SECONDS)
            self._try_to_flush()

    def _try_to_flush(self) -> None:
        try:
            self.flush()
        except RedisError as error:
            log.debug("counts_kept", error=type(error).__name__)


@dataclass(frozen=True, slots=True)
class _Answered:
    """One request whose answer was made; ``finish`` once it has been sent."""

    counts: Counts
    began: float
    method: str
    route: str
    status: int
    received: int
    sent: int | None
    bound: dict[str, object]

    def finish(self) -> None:
        seconds = time.perf_counter() - self.began
        self.counts.add(
            {
                sample("http_requests", self.method, self.route, str(self.status)): 1,
                sample("http_request_bytes", self.method, self.route): self.received,
                **observation("http_request_duration_seconds", seconds, self.method, self.route),
            }
        )
        tell = log.debug if self.route in ASKED_ALL_THE_TIME else log.info
        facts = {"method": self.method, "route": self.route, "status": self.status, "bytes": self.sent}
        tell("request", **{**self.bound, **facts}, milliseconds=round(seconds * 1000, 1))
        # What gunicorn says next in this thread is about somebody else.
        structlog.contextvars.clear_contextvars()


def register(app: Flask, redis: Redis, stall_seconds: float) -> Counts:
    """Registered before all others: its clock starts first, and it sees the answer that is sent."""
    counts = Counts(redis)

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()
        bound_stalls(request.environ.get("gunicorn.socket"), stall_seconds)

    @app.after_request
    def answered(response: Response) -> Response:
        # gunicorn sends a file that is passed through by itself, and nobody would hear that it has been sent.
        response.direct_passthrough = False
        response.call_on_close(
            _Answered(
                counts=counts,
                began=g.began,
                method=request.method if request.method in METHODS else "OTHER",
                route=route(),
                status=response.status_code,
                received=request.content_length or 0,
                sent=response.content_length,
                bound=structlog.contextvars.get_contextvars(),
            ).finish
        )
        return response

    return counts


def bound_stalls(client: socket.socket | None, seconds: float) -> None:
    """Let the kernel give up sending to a client that takes nothing for so long: its thread is free again.

    gunicorn's threads write to blocking sockets without a deadline, so a client that stops reading would keep one for good.
    """
    if client is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(seconds), int(seconds % 1 * 1e6)))


def route() -> str:
    """The template of the address that was asked for, like ``/v1/jobs/{job_id}/status``; never the address itself."""
    rule = request.url_rule
    return re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule) if rule is not None else "unmatched"
