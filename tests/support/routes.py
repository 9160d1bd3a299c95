"""The routes of the service, those of facades aside: tests/api/compat has one rule for all of them."""

from __future__ import annotations

from document_parser.api.factory import create_app
from document_parser.settings import ApiSettings, Settings, StoreSettings

OPEN = {"/", "/admin", "/docs", "/openapi.json", "/operator", "/v1/health/live", "/v1/health/ready"}
"""Templates of those that are for anyone."""


def routes() -> list[tuple[str, str]]:
    """Method and template of every route."""
    app = create_app(Settings(api=ApiSettings(facades="none"), store=StoreSettings(redis_url="redis://127.0.0.1:1/0")))
    return sorted(
        {(method, rule.rule) for rule in app.url_map.iter_rules() for method in (rule.methods or set()) - {"OPTIONS"}}
    )
