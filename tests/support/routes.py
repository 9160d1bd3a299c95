"""The routes of the service."""

from __future__ import annotations

from document_parser.api.factory import create_app
from document_parser.settings import Settings, StoreSettings

OPEN = {"/", "/admin", "/docs", "/openapi.json", "/operator", "/v1/health/live", "/v1/health/ready"}
"""Templates of those that are for anyone."""


def routes() -> list[tuple[str, str]]:
    """Method and template of every route."""
    app = create_app(Settings(store=StoreSettings(redis_url="redis://127.0.0.1:1/0")))
    return sorted(
        {(method, rule.rule) for rule in app.url_map.iter_rules() for method in (rule.methods or set()) - {"OPTIONS"}}
    )
