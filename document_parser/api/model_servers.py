"""How the model servers are: whether they answer, and whether their circuit breakers let pages through."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import httpx
from redis import RedisError

from document_parser.api.schemas import Check
from document_parser.breaker import State
from document_parser.jobs import breakers
from document_parser.jobs.connection import Redis

if TYPE_CHECKING:
    from document_parser.api import factory

PROBE_SECONDS = 1.0


def model_servers(services: factory.Services) -> dict[str, Check]:
    """Every model, all its servers at once; one that is away only means that other servers or engines read."""
    settings = services.settings
    models = {"deepseek": settings.deepseek.urls, "nanonets": settings.nanonets.urls}
    addresses = [(name, url) for name, urls in models.items() for url in urls]
    left_alone = _left_alone(services.hasty_redis)
    with ThreadPoolExecutor(max_workers=len(addresses)) as pool:
        answers = dict(zip(addresses, pool.map(partial(_model_server, left_alone), addresses), strict=True))
    return {name: _model([answers[name, url] for url in urls]) for name, urls in models.items()}


def _left_alone(redis: Redis) -> dict[str, State]:
    try:
        return breakers.states(redis)
    except RedisError:
        return {}


def _model(servers: list[Check]) -> Check:
    """A model is there when one of its servers is."""
    if len(servers) == 1:
        return servers[0]
    troubles = [f"server {number}: {server.detail}" for number, server in enumerate(servers, start=1) if server.detail]
    return Check(ok=any(server.ok for server in servers), detail="; ".join(troubles))


def _model_server(left_alone: Mapping[str, State], address: tuple[str, str]) -> Check:
    name, url = address
    try:
        answer = httpx.get(f"{url.rstrip('/')}/models", timeout=PROBE_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Check(ok=False, detail=f"does not answer ({type(error).__name__}); other engines read its pages")
    if not answer.is_success:
        return Check(ok=False, detail=f"answers {answer.status_code}")
    match left_alone.get(f"{name} {url}"):
        case "open":
            return Check(ok=False, detail="fails again and again and is left alone for a while; other engines read its pages")
        case "half_open":
            return Check(ok=False, detail="has failed again and again; the next page tries it")
    return Check(ok=True)
