"""Say that the service is up, and which one it is."""

from __future__ import annotations

from flask import Response

from document_parser.api.compat.docling.wire import facade
from document_parser.api.compat.facade import json_response
from document_parser.api.middleware.access import OPEN, PROCESS
from document_parser.api.routes.health import check_health
from document_parser.api.services import get_services
from document_parser.version import __version__

SERVES = "1.31.0"
"""The version of docling-serve whose protocol this is."""


@facade.route("GET", "/health", OPEN)
@facade.route("GET", "/livez", OPEN)
def health() -> Response:
    """Say that the process answers."""
    return json_response({"status": "ok"})


@facade.route("GET", "/ready", OPEN)
@facade.route("GET", "/readyz", OPEN)
def ready() -> Response:
    """Say whether documents are accepted and read."""
    is_up = check_health(get_services(), models=False).status != "down"
    return json_response({"status": "ok"}) if is_up else json_response({"status": "unavailable"}, 503, Retry_After="2")


@facade.route("GET", "/version", OPEN)
def version() -> Response:
    """Return the versions that docling-serve's clients ask for."""
    return json_response({"document-parser": __version__, "docling-serve": SERVES})


@facade.route("GET", "/v1/clear/converters", PROCESS)
def clear_converters() -> Response:
    """Do nothing: no converters are kept."""
    return json_response({"status": "ok"})


@facade.route("GET", "/v1/clear/results", PROCESS)
def clear_results() -> Response:
    """Do nothing: results are kept for JOB_TTL_HOURS, and only their owners delete them."""
    return json_response({"status": "ok"})
