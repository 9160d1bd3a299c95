"""Serve the admin page at ``/admin``. It has no data: what it shows it asks of routes that are for admins."""

from __future__ import annotations

from typing import Literal

from flask import Response
from flask_openapi import APIBlueprint

from document_parser.accounts.identity import DEFAULT_TIER, Identity
from document_parser.api.auth import browser_caller
from document_parser.api.middleware.access import ROUTES
from document_parser.api.routes.ui import page_response
from document_parser.api.services import get_services

SECTIONS = {
    "system": "Queue and engines",
    "usage": "Usage",
    "jobs": "Jobs",
    "failures": "Failures",
    "keys": "Keys",
    "tiers": "Tiers",
    "webhooks": "Webhooks",
    "audit": "Audit",
}
"""Sections of the page in order, by the names in their addresses."""
STYLESHEETS = ("base", "layout", "components", "upload", "job", "paper", "admin")
"""Stylesheets in order: later ones build on earlier ones."""

routes = APIBlueprint("admin", __name__)
"""The route of the admin page."""


@routes.get("/admin", doc_ui=False)
def page() -> Response:
    """Return the page. To those who may not see its data it says so, and offers a login."""
    accounts, caller = get_services().settings.accounts, browser_caller()
    return page_response(
        "admin.html",
        stylesheets=STYLESHEETS,
        access=_access(caller, needs_key=accounts.needs_key),
        caller=caller,
        needs_key=accounts.needs_key,
        login_back={"to": "admin"},
        sections=SECTIONS,
        tiers=list(accounts.tiers),
        default_tier=DEFAULT_TIER,
        actions=[("", "Any"), *((action, action) for action in _actions())],
    )


def _actions() -> list[str]:
    """Return what the audit calls the things that callers do."""
    return sorted({action for access in ROUTES.values() for action in access.actions})


def _access(caller: Identity | None, *, needs_key: bool) -> Literal["granted", "scope", "login", "token"]:
    """Return whether this browser is let in, and else what it lacks: the scope, a login, or the operator's token."""
    if caller is not None and caller.is_admin:
        return "granted"
    if not needs_key:
        return "token"
    return "login" if caller is None else "scope"
