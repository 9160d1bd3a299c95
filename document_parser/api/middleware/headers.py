"""Set the headers that say to browsers where a page may be shown, what may run in it, and which sites may read it."""

from __future__ import annotations

import re

from flask import Flask, Response, redirect, request
from flask_cors import CORS
from werkzeug.middleware.proxy_fix import ProxyFix

from document_parser.api.intake import tus
from document_parser.api.middleware.paths import api_path
from document_parser.api.schemas import EXAMPLE_JOB_ID
from document_parser.settings import Settings

NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Content-Security-Policy that allows nothing."""
DOCS = NOTHING + "; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'"
"""Content-Security-Policy of Swagger UI, which sets styles on its elements and loads its only script from files."""

HEADERS = {
    "Content-Security-Policy": NOTHING,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Headers of every response that does not set its own."""
HSTS = "max-age=31536000"
"""Strict-Transport-Security of responses over HTTPS: one year, in seconds."""

CORS_REQUEST_HEADERS = [
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "Last-Event-ID",
    "X-Request-ID",
    *tus.REQUEST_HEADERS,
]
"""Request headers that pages of CORS_ORIGINS may send."""
CORS_ANSWER_HEADERS = [
    "Content-Disposition",
    "Idempotency-Replayed",
    "Location",
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-ID",
    *tus.ANSWER_HEADERS,
]
"""Response headers that pages of CORS_ORIGINS may read."""
CORS_METHODS = ["GET", "HEAD", "POST", "PATCH", "DELETE"]
"""Methods that pages of CORS_ORIGINS may use."""
PREFLIGHT_SECONDS = 600
"""Time for which a browser may remember a CORS preflight, in seconds."""


def register(app: Flask, settings: Settings) -> None:
    """Set headers on every response, allow CORS for the listed origins, and serve the documentation without inline scripts."""
    app.after_request(_set_headers)
    _allow_origins(app, settings.api.cors_origins)
    _serve_documentation(app)
    if settings.api.trusted_proxies:
        _trust_proxies(app, settings.api.trusted_proxies)


def _set_headers(response: Response) -> Response:
    """Set the security headers that the response does not set itself."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    other_sites_may = "Access-Control-Allow-Origin" in response.headers
    response.headers.setdefault("Cross-Origin-Resource-Policy", "cross-origin" if other_sites_may else "same-origin")
    if api_path().startswith("/v1/"):
        response.headers.setdefault("Cache-Control", "no-store")
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", HSTS)
    return response


def _allow_origins(app: Flask, origins: tuple[str, ...]) -> None:
    """Let pages of these origins call ``/v1`` and its aliases.

    They send tokens in a header that they set themselves, so cookies are not allowed.
    """
    if not origins:
        return
    CORS(
        app,
        resources=r"(/api)?/v1/.*",
        # Compiled: flask-cors takes an IPv6 address for a pattern, and sends literal origins to callers without an Origin.
        origins=[re.compile(rf"^{re.escape(origin)}\Z", re.IGNORECASE) for origin in origins],
        methods=CORS_METHODS,
        allow_headers=CORS_REQUEST_HEADERS,
        expose_headers=CORS_ANSWER_HEADERS,
        max_age=PREFLIGHT_SECONDS,
        supports_credentials=False,
        # Error answers pass through after_request like all others.
        intercept_exceptions=False,
    )

    @app.after_request
    def vary(response: Response) -> Response:
        """Keep caches from giving one origin's response to another, even if no origin was allowed."""
        if api_path().startswith("/v1/"):
            response.vary.add("Origin")
        return response


def _serve_documentation(app: Flask) -> None:
    """Serve Swagger UI from its own files, started by a script of this service.

    The page that lists documentation pages redirects to it, because it is the only one.
    """
    app.config["SWAGGER_HTML_STRING"] = f"{{% set example_job = '{EXAMPLE_JOB_ID}' %}}{{% include 'docs.html' %}}"
    app.view_functions["openapi.openapi"] = lambda: redirect("/docs")

    @app.after_request
    def allow(response: Response) -> Response:
        if request.endpoint == "swagger.swagger":
            response.headers["Content-Security-Policy"] = DOCS
        return response


def _trust_proxies(app: Flask, count: int) -> None:
    """Believe what ``count`` proxies say of the caller and of HTTPS. They must pass the Host header on unchanged."""
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=0)  # type: ignore[method-assign]
