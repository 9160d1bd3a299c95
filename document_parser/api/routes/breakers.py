"""Serve the circuit breakers of the model servers, for admins."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

from flask import Response
from flask_openapi import APIBlueprint, Tag

from document_parser.api import openapi
from document_parser.api.middleware import responses
from document_parser.api.schemas import Breakers, ServerBreaker
from document_parser.api.services import get_services
from document_parser.balancing.breaker import Breaker
from document_parser.jobs.redis.breakers import read_breakers
from document_parser.models import ModelServerName

routes = APIBlueprint(
    "breakers", __name__, url_prefix="/v1", abp_tags=[Tag(name="service", description="Health, capacity and metrics.")]
)
"""The route of the circuit breakers."""


@routes.get(
    "/breakers",
    summary="Model servers and their circuit breakers",
    description="A server that fails repeatedly is left alone for a while, then tried with one page. Asks no server; whether "
    "they answer is in /v1/system.",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses({200: Breakers}, *openapi.OPERATOR_ERRORS),
    operation_id="list_breakers",
)
def listing() -> Response:
    """Return the servers of each model in the order of the settings."""
    services = get_services()
    known, now = read_breakers(services.probe_redis)
    excluded = services.settings.engines.inference_mode == "cpu"
    settings = services.settings
    names: tuple[ModelServerName, ...] = (*settings.reading_models, *(("extract",) if settings.asks_extract_model else ()))
    servers = [(name, url) for name in names for url in settings.model_server(name).urls]
    found = [_view(name, url, known.get(f"{name} {url}", Breaker()), now) for name, url in servers]
    return responses.to_response(Breakers(breakers=[] if excluded else found))


def _view(engine: ModelServerName, url: str, breaker: Breaker, now: float) -> ServerBreaker:
    """Return a server without the rest of its address, which may hold secrets."""
    address = urlsplit(url)
    host = address.hostname or ""
    return ServerBreaker(
        engine=engine,
        server=f"{host}:{address.port}" if address.port else host,
        state=breaker.state(now),
        faults=breaker.faults,
        retry_at=datetime.fromtimestamp(breaker.open_until, UTC) if breaker.open_until else None,
    )
