"""How often one caller may ask: counted in Redis, so that all web workers and hosts count together.

Fixed windows that begin with a caller's first request: one counter with an expiry, which tells exactly when to come back. At
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

from document_parser.api import factory, problems
from document_parser.errors import RateLimited
from document_parser.jobs.connection import Redis, RedisError
from document_parser.settings import Settings

FREE = {"/v1/health/live", "/v1/health/ready", "/v1/metrics"}
"""What a supervisor asks however often it likes."""
SELF_TELLING = "/v1/health"
"""Tells by itself that Redis is away, so it is asked although nobody can count."""

GUESSES = 10
GUESS_SECONDS = 60
"""So many wrong admin tokens may come from one address within this time."""

COUNT = b"""
local count = redis.call('INCRBY', KEYS[1], ARGV[2])
local left = redis.call('PTTL', KEYS[1])
-- A window that lasts longer than any began before the clock was set back.
if left < 0 or left > ARGV[1] * 1000 then
  left = ARGV[1] * 1000
  redis.call('PEXPIRE', KEYS[1], left)
end
return {count, left}
"""


class CountingStorage(RedisStorage):
    """Counts and tells the window's rest in one round trip, on the connections that the app has already."""

    STORAGE_SCHEME = ["counting+redis"]  # noqa: RUF012  # as the base class declares it
    DEPENDENCIES = {"redis": None}  # noqa: RUF012  # it would import the client of valkey as well, for nothing

    def initialize_storage(self, _uri: str) -> None:
        super().initialize_storage(_uri)
        self._count = self.get_connection().register_script(COUNT)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count one request. Raises RedisError where Redis is away; one that is full, and counts nothing, still tells."""
        try:
            count, left = self._count([self.prefixed_key(key)], [expiry, amount])
        except ResponseError:
            count, left = 0, 0
        except RedisError:
            if request.path != SELF_TELLING:
                raise
            count, left = 0, 0
        _windows()[key] = (int(count), int(left) / 1000)
        return int(count)

    def get(self, key: str) -> int:
        return _windows()[key][0]

    def get_expiry(self, key: str) -> float:
        """For the header alone: what callers are told to wait is the window's rest."""
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
        # Without Redis nothing can be taken in: the routes answer 503, and so does the limiter. Counting in the memory of
        # each web worker instead would let through a multiple of what was promised.
        swallow_errors=False,
        in_memory_fallback_enabled=False,
        # Flask-Limiter would put Retry-After on every answer.
        headers_enabled=False,
    )
    limiter.init_app(app)
    app.register_error_handler(RateLimitExceeded, _refuse)

    @app.after_request
    def tell(response: Response) -> Response:
        window = limiter.current_limit
        if window is not None:
            response.headers["X-RateLimit-Limit"] = str(window.limit.amount)
            response.headers["X-RateLimit-Remaining"] = str(window.remaining)
            response.headers["X-RateLimit-Reset"] = str(window.reset_at)
        return response


def guess(is_right: Callable[[], bool]) -> bool:
    """Compare a secret that could be guessed. Wrong ones of a caller are counted; after GUESSES none is compared any more.

    Right ones are not counted, not even for the moment: a program may send many at once. So of guesses sent at once each
    thread may compare one more. Raises RateLimited, RedisError.
    """
    redis, key = factory.services().redis, f"guesses:{caller()}"
    with redis.pipeline(transaction=False) as pipe:
        pipe.get(key)
        pipe.pttl(key)
        count, left = pipe.execute()
    if int(count or 0) >= GUESSES and left <= GUESS_SECONDS * 1000:  # longer after the clock was set back: COUNT ends that
        raise _too_many_guesses(left)
    if is_right():
        return True
    try:
        count, left = redis.register_script(COUNT)([key], [GUESS_SECONDS, 1])
    except ResponseError:
        return False  # a Redis that is full counts nothing
    if int(count) > GUESSES:
        raise _too_many_guesses(left)
    return False


def _too_many_guesses(left_milliseconds: int) -> RateLimited:
    sentence = "Too many wrong tokens came from this address. Retry-After says when to try again."
    seconds = max(1, math.ceil(int(left_milliseconds) / 1000))
    return RateLimited(sentence, limit=f"{GUESSES} per {GUESS_SECONDS} seconds", retry_after_seconds=seconds)


def caller() -> str:
    """Who asks: an IPv4 address, or the /64 network of an IPv6 address, which is one customer's."""
    try:
        address = ipaddress.ip_address((request.remote_addr or "").partition("%")[0])
    except ValueError:
        return "local"  # a unix socket
    if isinstance(address, ipaddress.IPv6Address):
        return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address)


def _definitions(settings: Settings) -> list[Any]:
    uploads, reads = settings.api.rate_limit_uploads, settings.api.rate_limit_reads
    found = []
    if uploads:
        found.append(Limit(uploads, scope="uploads", shared=True, exempt_when=lambda: not _is_upload()))
    if reads:
        found.append(Limit(reads, scope="reads", shared=True, exempt_when=lambda: not _is_read()))
    return found


def _is_upload() -> bool:
    return request.method == "POST" and request.path.startswith("/v1/process/")


def _is_read() -> bool:
    counted = request.path.startswith("/v1/") and request.path not in FREE and request.method != "OPTIONS"
    return counted and not _is_upload()


def _refuse(error: RateLimitExceeded) -> Response:
    """429 with the seconds until the window ends, also to a client that is still sending."""
    problems.drain()
    _, left = list(_windows().values())[-1]  # the last one counted is the one that is full
    seconds = max(1, math.ceil(left))
    limit = str(error.limit.limit)
    sentence = f"More requests came from this address than {limit}. Retry-After says when to go on."
    return problems.answer(RateLimited(sentence, limit=limit, retry_after_seconds=seconds))


def _windows() -> dict[str, tuple[int, float]]:
    """The windows counted in this request: requests so far, and how many seconds are left of it."""
    found: dict[str, tuple[int, float]] = g.setdefault("rate_windows", {})
    return found
