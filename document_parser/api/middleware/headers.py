"""Set the headers that say to browsers where a page may be shown and what may run in it."""

from __future__ import annotations

from flask import Flask, Response, redirect, request

from document_parser.api.middleware import proxies, wires
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


def register(app: Flask, settings: Settings) -> None:
    """Set headers on every response, and serve the documentation without inline scripts.

    What is registered first sees a response last: ``cors`` comes after this.
    """
    app.after_request(_set_headers)
    _serve_documentation(app)
    proxies.register(app, settings.api.trusted_proxies)


def _set_headers(response: Response) -> Response:
    """Set the security headers that the response does not set itself."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    other_sites_may = "Access-Control-Allow-Origin" in response.headers
    response.headers.setdefault("Cross-Origin-Resource-Policy", "cross-origin" if other_sites_may else "same-origin")
    if api_path().startswith("/v1/") or wires.wire_route() is not None:
        response.headers.setdefault("Cache-Control", "no-store")
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", HSTS)
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
