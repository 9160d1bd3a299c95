"""Serve the web page at ``/``: its template, its files under ``/static`` and the sample documents."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, get_args
from urllib.parse import urlsplit

from flask import Response, make_response, render_template, request, send_file
from flask_openapi import APIBlueprint
from pydantic import BaseModel

from document_parser.accounts.identity import Identity
from document_parser.accounts.retention import longest_retention_hours
from document_parser.api import assets
from document_parser.api.auth import browser_caller
from document_parser.api.services import get_services
from document_parser.errors import NotFound, TierUnknown
from document_parser.ingest.needs import missing_needs
from document_parser.ingest.sniff import readable_formats
from document_parser.models import AccuracyMode, Lane
from document_parser.settings import Settings
from document_parser.settings.tiers import NO_LIMITS
from document_parser.version import __version__

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the web page."""
STYLESHEETS = ("base", "layout", "components", "upload", "job", "batch", "paper", "values")
"""Stylesheets in order: later ones build on earlier ones."""
SAMPLES = {"paper.pdf": "A paper with text, tables and formulas", "scan.pdf": "A scan with one page on its side"}
"""Sample documents of a checkout and their descriptions. An installed package has none."""
SAMPLES_FOLDER = assets.PACKAGE.parent / "samples"
"""Folder of the sample documents."""


class SamplePath(BaseModel):
    """The path of a sample document."""

    name: str


def _tier_name(settings: Settings, caller: Identity | None) -> str:
    """Return the tier of what this browser will send; empty if none applies."""
    return caller.tier if caller else settings.accounts.anonymous_tier


def _offers(settings: Settings, tier_name: str) -> dict[str, Any]:
    """Return what the options of the page may offer to a caller of this tier."""
    tier, default = NO_LIMITS, settings.api.default_accuracy_mode
    with contextlib.suppress(TierUnknown):  # what is sent is refused, with a sentence that says why
        tier = settings.accounts.tier(tier_name)
    modes = tier.modes or get_args(AccuracyMode)
    return {
        "modes": modes,
        "default_accuracy_mode": default if default in modes else modes[0],
        "lanes": tier.lanes or get_args(Lane),
        "engines": [name for name in ("text_layer", *settings.allowed_engines) if tier.allows_engine(name)],
        "max_upload_mb": tier.max_file_bytes(settings.api.max_upload_mb << 20) >> 20,
        "max_retention_hours": f"{longest_retention_hours(settings, tier_name):g}",
    }


def blueprint() -> APIBlueprint:
    """Return the routes of the web page."""
    routes = APIBlueprint("ui", __name__)

    @routes.get("/", doc_ui=False)
    def page() -> Response:
        settings = get_services().settings
        accounts = settings.accounts
        caller = browser_caller() if accounts.needs_key else None
        may_log_in = accounts.needs_key and caller is None
        return page_response(
            "index.html",
            stylesheets=STYLESHEETS,
            needs_login=may_log_in and (not accounts.anonymous_tier or "login" in request.args),
            may_log_in=may_log_in,
            may_administer=not accounts.needs_key or (caller is not None and caller.is_admin),
            caller=caller,
            login_back={},
            extensions=[extension for found in readable_formats(missing_needs(settings)) for extension in found.extensions],
            **_offers(settings, _tier_name(settings, caller)),
            samples=_samples(),
            version=__version__,
        )

    @routes.get("/samples/<name>", doc_ui=False)
    def sample(path: SamplePath) -> Response:
        if path.name not in _samples():
            raise NotFound()
        return send_file(SAMPLES_FOLDER / path.name)

    return routes


def page_response(template: str, *, stylesheets: Sequence[str], **facts: Any) -> Response:
    """Return a page for browsers, with the headers that keep scripts of others out of it."""
    accounts = get_services().settings.accounts
    response = make_response(
        render_template(
            template,
            stylesheets=[f"ui/{name}.css" for name in stylesheets],
            login_provider=urlsplit(accounts.oidc_issuer).hostname if accounts.has_login else None,
            **facts,
        )
    )
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["Cache-Control"] = "no-store" if accounts.needs_key else "no-cache"
    return response


def _samples() -> dict[str, str]:
    """Return the sample documents that exist: name to description."""
    return {name: says for name, says in SAMPLES.items() if (SAMPLES_FOLDER / name).is_file()}
