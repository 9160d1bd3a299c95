"""Limit how often one caller may send requests, counted in Redis for all web workers and hosts together.

The windows are fixed and begin with a caller's first request: one counter with an expiry, which says exactly when to retry. At
worst a caller gets twice the limit around the border of two windows; a sliding window would cost more and promise less.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, g, request
from flask_limiter import Limit, Limiter, RateLimitExceeded
from limits.storage import RedisStorage
from redis.exceptions import ResponseError

from document_parser.api.intake import tus
from document_parser.api.intake.draining import drain_request
from document_parser.api.middleware import errors, wires
from document_parser.api.middleware.paths import api_path
from document_parser.errors import RateLimited, ServerBusy
from document_parser.jobs.redis.connection import Redis, RedisError
from document_parser.settings import Settings

UNLIMITED_PATHS = {"/v1/health/live", "/v1/health/ready", "/v1/metrics"}
"""Paths that are not limited, because supervisors and Prometheus request them at any rate."""
PIECE_PATHS = {"/v1/documents/upload/chunk"}
"""Paths of pieces of uploads besides those of tus."""
REDIS_REPORT_PATH = "/v1/health"
"""Path that itself reports if Redis is away, so it is answered even if requests cannot be counted."""

MAX_GUESSES = 10
"""Maximum number of wrong admin tokens from one address within GUESS_WINDOW_SECONDS."""
GUESS_WINDOW_SECONDS = 60
"""Window of MAX_GUESSES in seconds."""

COUNT_SCRIPT = b"""
local count = redis.call('INCRBY', KEYS[1], ARGV[2])
local left = redis.call('PTTL', KEYS[1])
-- A window that lasts longer than any began before the clock was set back.
if left < 0 or left > ARGV[1] * 1000 then
  left = ARGV[1] * 1000
  redis.call('PEXPIRE', KEYS[1], left)
end
return {count, left}
"""
"""Lua script: count ARGV[2] requests in a window of ARGV[1] seconds. Returns the count and the milliseconds left."""


class CountingStorage(RedisStorage):
    """Count requests and read the rest of the window in one round trip, on the app's own connections."""

    STORAGE_SCHEME = ["counting+redis"]  # noqa: RUF012  # as the base class declares it
    DEPENDENCIES = {"redis": None}  # noqa: RUF012  # it would import the client of valkey as well, for nothing

    def initialize_storage(self, _uri: str) -> None:
        """Register the script that counts."""
        super().initialize_storage(_uri)
        self._count = self.get_connection().register_script(COUNT_SCRIPT)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count one request and return the count of its window.

        A Redis that is full counts nothing, and 0 is returned. Raises RedisError if Redis is away, except for
        REDIS_REPORT_PATH.
        """
        try:
            count, left = self._count([self.prefixed_key(key)], [expiry, amount])
        except ResponseError:
            count, left = 0, 0
        except RedisError:
            if request.path != REDIS_REPORT_PATH:
                raise
            count, left = 0, 0
        _windows()[key] = (int(count), int(left) / 1000)
        return int(count)

    def get(self, key: str) -> int:
        """Return the count of a window in this request."""
        return _windows()[key][0]

    def get_expiry(self, key: str) -> float:
        """Return the end of a window in seconds since 1970.

        Only the X-RateLimit-Reset header uses it; Retry-After is computed from the rest of the window.
        """
        return time.time() + _windows()[key][1]


def register(app: Flask, settings: Settings, redis: Redis) -> None:
    """Count requests before anything of their bodies is read."""
    storage: dict[str, Any] = {"connection_pool": redis.connection_pool}
    limiter = Limiter(
        caller,
        default_limits=_definitions(settings),
        strategy="fixed-window",
        storage_uri="counting+redis://",
        storage_options=storage,
        # Without Redis no upload can be accepted: the routes answer 503, and so does the limiter. Counting in the memory of
        # each web worker instead would let through a multiple of the limit.
        swallow_errors=False,
        in_memory_fallback_enabled=False,
        # Flask-Limiter would put Retry-After on every answer.
        headers_enabled=False,
    )
    limiter.init_app(app)
    app.register_error_handler(RateLimitExceeded, _answer_rate_limited)

    @app.after_request
    def add_headers(response: Response) -> Response:
        window = limiter.current_limit
        if window is not None:
            # Those of the caller's tier go before: the caller knows its tier, and may share its address.
            response.headers.setdefault("X-RateLimit-Limit", str(window.limit.amount))
            response.headers.setdefault("X-RateLimit-Remaining", str(window.remaining))
            response.headers.setdefault("X-RateLimit-Reset", str(window.reset_at))
        return response


def compare_secret(redis: Redis, is_right: Callable[[], bool]) -> bool:
    """Compare a secret that could be guessed. Return whether ``is_right`` says yes.

    Wrong secrets of a caller are counted; after MAX_GUESSES none is compared any more. Right ones are not counted, not even
    for a moment, because a program may send many at once. Therefore each thread may compare one more of several simultaneous
    guesses. Raises RateLimited, RedisError.
    """
    key = f"guesses:{caller()}"
    with redis.pipeline(transaction=False) as pipe:
        pipe.get(key)
        pipe.pttl(key)
        count, left = pipe.execute()
    # A longer rest means that the clock was set back: COUNT_SCRIPT shortens it.
    if int(count or 0) >= MAX_GUESSES and left <= GUESS_WINDOW_SECONDS * 1000:
        raise _too_many_guesses(left)
    if is_right():
        return True
    try:
        count, left = redis.register_script(COUNT_SCRIPT)([key], [GUESS_WINDOW_SECONDS, 1])
    except ResponseError:
        return False  # a Redis that is full counts nothing
    if int(count) > MAX_GUESSES:
        raise _too_many_guesses(left)
    return False


def _too_many_guesses(left_milliseconds: int) -> RateLimited:
    sentence = "Too many wrong tokens came from this address. Retry-After says when to try again."
    seconds = max(1, math.ceil(int(left_milliseconds) / 1000))
    return RateLimited(sentence, limit=f"{MAX_GUESSES} per {GUESS_WINDOW_SECONDS} seconds", retry_after_seconds=seconds)


def caller() -> str:
    """Return who sends the request: an IPv4 address, or the /64 network of an IPv6 address, which is one customer's."""
    try:
        address = ipaddress.ip_address((request.remote_addr or "").partition("%")[0])
    except ValueError:
        return "local"  # a unix socket
    if isinstance(address, ipaddress.IPv6Address):
        return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address)


def _definitions(settings: Settings) -> list[Any]:
    """Return the limits for uploads and for all other requests, as far as the settings have any."""
    uploads, reads = settings.api.rate_limit_uploads, settings.api.rate_limit_reads
    found = []
    if uploads:
        found.append(Limit(uploads, scope="uploads", shared=True, exempt_when=lambda: not _is_upload()))
    if reads:
        found.append(Limit(reads, scope="reads", shared=True, exempt_when=lambda: not _is_read()))
    return found


def is_counted() -> bool:
    """Return whether a request counts: not if any rate of it is allowed, nor if it is a piece of an upload."""
    return api_path() not in UNLIMITED_PATHS and not _is_piece()


def _is_upload() -> bool:
    if (route := wires.wire_route()) is not None:
        return route.receives
    sends = api_path().startswith(("/v1/process/", "/v1/documents")) and not _is_piece()
    return is_new_upload() or (request.method == "POST" and sends)


def is_new_upload() -> bool:
    """Return whether the request creates a resumable upload."""
    return request.method == "POST" and request.path == tus.PATH


def _is_piece() -> bool:
    """Return whether the request is about a resumable upload: a document may take thousands, which are bounded otherwise."""
    return request.path.startswith(f"{tus.PATH}/") or api_path() in PIECE_PATHS


def _is_read() -> bool:
    if (route := wires.wire_route()) is not None:
        return not route.receives and route.access.scope is not None
    path = api_path()
    counted = path.startswith("/v1/") and path not in UNLIMITED_PATHS and request.method != "OPTIONS"
    return counted and not _is_upload() and not _is_piece()


def _answer_rate_limited(error: RateLimitExceeded) -> Response:
    """Answer 429 with the seconds until the window ends, even if the client is still sending.

    A client of tus gives up at 429 and comes again after 503.
    """
    drain_request()
    _, left = list(_windows().values())[-1]  # the last one counted is the one that is full
    seconds = max(1, math.ceil(left))
    limit = str(error.limit.limit)
    sentence = f"More requests came from this address than {limit}. Retry-After says when to go on."
    kind = ServerBusy if is_new_upload() else RateLimited
    return errors.error_response(kind(sentence, limit=limit, retry_after_seconds=seconds))


def _windows() -> dict[str, tuple[int, float]]:
    """Return the windows counted in this request: requests so far, and the seconds left of the window."""
    found: dict[str, tuple[int, float]] = g.setdefault("rate_windows", {})
    return found
