"""Log and count every request, once it has been answered."""

from __future__ import annotations

import atexit
import os
import re
import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from flask import Flask, Response, g, request

from document_parser.jobs.redis import counters
from document_parser.jobs.redis.connection import Redis, RedisError
from document_parser.telemetry import logs, tracing
from document_parser.telemetry.metrics import observation, sample_name
from document_parser.telemetry.tracing import Span

log = logs.get_logger(__name__)

FLUSH_SECONDS = 1.0
"""Interval in seconds at which counts are written to Redis."""
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
"""HTTP methods that are counted under their own name. All others count as OTHER."""
SERVER_ERROR = 500
"""HTTP status from which on the fault is the service's own."""
REPORT_SECONDS = 10.0
"""For how long a report of the requests in progress counts."""
FREQUENT_ROUTES = {"/v1/health", "/v1/health/live", "/v1/health/ready", "/v1/metrics"}
"""Routes that are logged at level DEBUG only, not traced and not counted as in progress: they are requested all the time."""


class Counts:
    """Collect counts of this process and write them to Redis soon, in a thread of its own, so that requests do not wait.

    The counts are kept while Redis is away. A web worker that is killed by SIGKILL loses at most about one second of them.
    The requests in progress are reported too, and again while there are any, so that those of a killed process expire.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._pending: dict[str, float] = defaultdict(float)
        self._lock = threading.Lock()
        self._in_progress = 0
        self._reported = 0
        self._report_at = 0.0
        self._there = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, changes: Mapping[str, float]) -> None:
        """Add to the pending counts."""
        with self._lock:
            for name, value in changes.items():
                self._pending[name] += value
            if self._thread is None:
                self._start()
        self._there.set()

    def begin(self) -> None:
        """Note that a request has begun."""
        with self._lock:
            self._in_progress += 1
            if self._thread is None:
                self._start()
        self._there.set()

    def end(self) -> None:
        """Note that a request has been answered."""
        with self._lock:
            self._in_progress -= 1

    def flush(self) -> None:
        """Write the pending counts and the requests in progress. Raises RedisError, and then keeps them."""
        with self._lock:
            pending, self._pending = self._pending, defaultdict(float)
            self._there.clear()
        if pending:
            try:
                counters.add(self._redis, pending)
            except RedisError:
                self.add(pending)
                raise
        self._report()

    def _report(self) -> None:
        """Report the requests in progress if their number has changed or the last report expires soon. Raises RedisError."""
        found, now = self._in_progress, time.monotonic()
        if found != self._reported or (found and now >= self._report_at):
            samples = {sample_name("http_requests_in_progress"): found}
            counters.report(self._redis, f"requests {socket.gethostname()}.{os.getpid()}", samples, REPORT_SECONDS)
            self._reported, self._report_at = found, now + REPORT_SECONDS / 2

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._flush_repeatedly, name="request-counts", daemon=True)
        self._thread.start()
        atexit.register(self._try_to_flush)

    def _flush_repeatedly(self) -> None:
        while True:
            self._there.wait(REPORT_SECONDS / 2 if self._reported else None)
            time.sleep(FLUSH_SECONDS)
            self._try_to_flush()

    def _try_to_flush(self) -> None:
        try:
            self.flush()
        except RedisError as error:
            log.debug("counts_kept", error=type(error).__name__)


@dataclass(frozen=True, slots=True)
class _AnsweredRequest:
    """A request whose response has been created. Call ``finish`` once it has been sent."""

    counts: Counts
    began: float
    method: str
    route: str
    status: int
    received: int
    sent: int | None
    bound: dict[str, object]
    error: str
    """The code of an error response; empty for another one."""
    quota: str
    """The limit of its owner's tier that refused the request; empty if none did."""
    span: Span
    end_span: Callable[[], None]

    def finish(self) -> None:
        """Count and log the request. Its response has been sent."""
        seconds = time.perf_counter() - self.began
        if self.route not in FREQUENT_ROUTES:
            self.counts.end()
        self.counts.add(self._samples(seconds))
        write = log.debug if self.route in FREQUENT_ROUTES else log.info
        facts = {"method": self.method, "route": self.route, "status": self.status, "bytes": self.sent}
        write("request", **{**self.bound, **facts}, milliseconds=round(seconds * 1000, 1))
        self.span.note({"http.response.status_code": self.status})
        if self.status >= SERVER_ERROR:
            self.span.fail(str(self.status))
        self.end_span()
        # The next log lines of gunicorn in this thread belong to another request.
        structlog.contextvars.clear_contextvars()

    def _samples(self, seconds: float) -> dict[str, float]:
        """Return how much the request, which took so long, adds to each sample."""
        found = observation("http_request_duration_seconds", seconds, self.method, self.route)
        found[sample_name("http_requests", self.method, self.route, str(self.status))] = 1
        found[sample_name("http_request_bytes", self.method, self.route)] = self.received
        if self.error:
            found[sample_name("http_errors", self.error)] = 1
        if self.quota:
            found[sample_name("quota_refusals", self.quota)] = 1
        return found


def register(app: Flask, redis: Redis, stall_seconds: float) -> Counts:
    """Log and count requests.

    Call this before all other registrations: its clock starts first, and it sees the response that is sent.
    """
    counts = Counts(redis)

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()
        if route_template() not in FREQUENT_ROUTES:
            counts.begin()
        g.span, g.end_span = _begin_span()
        limit_send_stalls(request.environ.get("gunicorn.socket"), stall_seconds)

    @app.after_request
    def log_when_sent(response: Response) -> Response:
        # gunicorn would send a file that is passed through on its own, and nothing would report that it has been sent.
        response.direct_passthrough = False
        request.environ[logs.ROUTE] = route_template()
        response.call_on_close(
            _AnsweredRequest(
                counts=counts,
                began=g.began,
                method=request.method if request.method in METHODS else "OTHER",
                route=route_template(),
                status=response.status_code,
                received=request.content_length or 0,
                sent=response.content_length,
                bound=structlog.contextvars.get_contextvars(),
                error=g.get("error_code", ""),
                quota=g.get("broken_quota", ""),
                span=g.span,
                end_span=g.end_span,
            ).finish
        )
        return response

    return counts


def _begin_span() -> tuple[Span, Callable[[], None]]:
    """Begin the span of this request, in the trace of its caller if it names one. Frequent routes have none."""
    route = route_template()
    if route in FREQUENT_ROUTES:
        return tracing.NOT_RECORDED, lambda: None
    method = request.method if request.method in METHODS else "_OTHER"
    facts = {"http.request.method": method, "http.route": route, "url.scheme": request.scheme}
    parent = tracing.accept_traceparent(request.headers.get(tracing.TRACEPARENT_HEADER, ""))
    return tracing.begin(f"{method} {route}", "server", facts, parent)


def limit_send_stalls(client: socket.socket | None, seconds: float) -> None:
    """Let the kernel stop sending to a client that reads nothing for this many seconds, so that its thread is free again.

    gunicorn's threads write to blocking sockets without a deadline, so a client that stops reading would hold one for ever.
    """
    if client is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(seconds), int(seconds % 1 * 1e6)))


def route_template() -> str:
    """Return the template of the requested address, such as ``/v1/jobs/{job_id}/status``, and never the address itself."""
    rule = request.url_rule
    return re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule) if rule is not None else "unmatched"
