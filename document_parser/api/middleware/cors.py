"""Say to browsers which pages of other sites may call the API (CORS): those of CORS_ORIGINS, or of the origins of a key.

A preflight carries no key. It is allowed for CORS_ORIGINS and for each origin that some key names; the request itself then only
for those of its own key. No answer allows credentials: pages send keys in a header that they set themselves, and cookies prove
nothing for other sites.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable

from flask import Flask, Response, request
from flask_cors.core import get_cors_options, set_cors_headers

from document_parser.api.intake import tus
from document_parser.api.middleware import tier_limits
from document_parser.api.middleware.identity import find_identity
from document_parser.api.middleware.paths import api_path
from document_parser.jobs.redis.connection import RedisError
from document_parser.settings import Settings

CORS_REQUEST_HEADERS = [
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "Last-Event-ID",
    "X-API-Key",
    "X-Request-ID",
    *tus.REQUEST_HEADERS,
]
"""Request headers that pages of other sites may send."""
CORS_ANSWER_HEADERS = [
    "Content-Disposition",
    "Content-Location",
    "Idempotency-Replayed",
    "Location",
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    *tier_limits.ANSWER_HEADERS,
    "X-Request-ID",
    "X-Stripped-Lines",
    "X-Tables",
    *tus.ANSWER_HEADERS,
]
"""Response headers that pages of other sites may read."""
CORS_METHODS = ["GET", "HEAD", "POST", "PATCH", "DELETE"]
"""Methods that pages of other sites may use."""
PREFLIGHT_SECONDS = 600
"""Time for which a browser may remember a CORS preflight, in seconds."""


def register(app: Flask, settings: Settings, key_origins: Callable[[], frozenset[str]]) -> None:
    """Allow pages of other sites to call ``/v1`` and its aliases. ``key_origins`` returns the origins of all keys."""
    listed, by_keys = frozenset(settings.api.cors_origins), settings.accounts.needs_key
    if not listed and not by_keys:
        return
    options = get_cors_options(
        app,
        {
            # Which origins are allowed is decided below. A pattern, so that the answer names the origin and never ``*``.
            "origins": [re.compile(r".+")],
            "methods": CORS_METHODS,
            "allow_headers": CORS_REQUEST_HEADERS,
            "expose_headers": CORS_ANSWER_HEADERS,
            "max_age": PREFLIGHT_SECONDS,
            "supports_credentials": False,
            "vary_header": False,
        },
    )

    def is_allowed(origin: str) -> bool:
        if find_identity() is not None or not by_keys:
            return origin in caller_origins(listed)
        # A preflight, a refused key, or a route for anyone.
        with contextlib.suppress(RedisError):
            return origin in listed or origin in key_origins()
        return False

    @app.after_request
    def allow(response: Response) -> Response:
        if api_path().startswith("/v1/"):
            # Caches must not give one origin's response to another, even if no origin was allowed.
            response.vary.add("Origin")
            if is_allowed(request.headers.get("Origin", "").lower()):
                set_cors_headers(response, options)
        return response


def caller_origins(listed: frozenset[str]) -> frozenset[str]:
    """Return the origins whose pages may act for this request's caller: those that its key names, else ``listed``."""
    caller = find_identity()
    return frozenset(caller.origins) if caller is not None and caller.origins else listed
