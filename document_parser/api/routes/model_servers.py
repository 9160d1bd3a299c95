"""Check the model servers: whether they serve their models, and whether their circuit breakers let pages through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import httpx2
from pydantic import Field
from redis import RedisError

from document_parser.api.schemas import Check
from document_parser.balancing.breaker import State
from document_parser.jobs.redis import breakers
from document_parser.jobs.redis.connection import Redis
from document_parser.models import ModelServerName
from document_parser.settings import Settings

if TYPE_CHECKING:
    from document_parser.api.services import Services

PROBE_SECONDS = 1.0
"""Deadline of a model server's response to a check, in seconds."""


class ModelCheck(Check):
    """The state of a model, or of one of its servers."""

    left_alone: bool = Field(default=False, exclude=True)
    """Whether its circuit breaker is open, or lets only one page through to try it, after repeated faults."""


def check_model_servers(services: Services) -> dict[str, ModelCheck]:
    """Return the state of every model. All servers are checked at once.

    A server that is away only means that other servers or engines read.
    """
    return _check(services, services.settings.reading_models)


def check_extract_servers(services: Services) -> dict[str, ModelCheck]:
    """Return the state of the model that fills schemas; empty if none is asked. Without it values are found on the pages."""
    return _check(services, ("extract",)) if services.settings.asks_extract_model else {}


def _check(services: Services, names: Sequence[ModelServerName]) -> dict[str, ModelCheck]:
    settings = services.settings
    models = {name: settings.model_server(name).urls for name in names}
    addresses = [(name, url) for name, urls in models.items() for url in urls]
    left_alone = _breaker_states(services.probe_redis)
    with ThreadPoolExecutor(max_workers=max(1, len(addresses))) as pool:
        answers = dict(zip(addresses, pool.map(partial(_model_server, settings, left_alone), addresses), strict=True))
    return {name: _model([answers[name, url] for url in urls]) for name, urls in models.items()}


def _breaker_states(redis: Redis) -> dict[str, State]:
    try:
        return breakers.states(redis)
    except RedisError:
        return {}


def _model(servers: list[ModelCheck]) -> ModelCheck:
    """Return the state of a model from that of its servers.

    It is ok if one server is. It is left alone if none is ok and the breaker of at least one is not closed.
    """
    if len(servers) == 1:
        return servers[0]
    troubles = [f"server {number}: {server.detail}" for number, server in enumerate(servers, start=1) if server.detail]
    well = any(server.ok for server in servers)
    left_alone = not well and any(server.left_alone for server in servers)
    return ModelCheck(ok=well, detail="; ".join(troubles), left_alone=left_alone)


def _model_server(settings: Settings, left_alone: Mapping[str, State], address: tuple[ModelServerName, str]) -> ModelCheck:
    """Return the state of one server, given as model name and URL."""
    state = left_alone.get(" ".join(address))
    if state == "open":
        return ModelCheck(ok=False, detail="has failed repeatedly and is not used for a while", left_alone=True)
    if complaint := model_server_problem(settings, *address, PROBE_SECONDS):
        return ModelCheck(ok=False, detail=complaint[0])
    if state == "half_open":
        return ModelCheck(ok=False, detail="has failed repeatedly; the next page tries it", left_alone=True)
    return ModelCheck(ok=True)


def model_server_problem(settings: Settings, name: ModelServerName, url: str, seconds: float) -> tuple[str, str] | None:
    """Return why a model server cannot read pages for this service, and what to do; None if it serves the model.

    ``seconds`` is the deadline of its response.
    """
    wanted, prefix = settings.model_server(name), f"VLLM_{name.upper()}"
    key = {"Authorization": f"Bearer {settings.key_of(name)}"}
    try:
        answer = httpx2.get(f"{url.rstrip('/')}/models", timeout=seconds, headers=key, trust_env=False)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        start = "Start it" if name == "extract" else "Start it with docparse models start"
        return f"does not answer ({type(error).__name__})", f"{start}, or correct {prefix}_URL."
    if answer.status_code in (401, 403):
        setting = f"{prefix}_API_KEY" if name in ("extract", "vlm") else "VLLM_API_KEY"
        return "refuses the key", f"Set {setting} to the key of the model server."
    names = _models_in(answer)
    if names is None:
        return f"does not answer as a model server (status {answer.status_code})", f"{prefix}_URL should end in /v1."
    if wanted.model not in names:
        return f"serves {', '.join(names) or 'nothing'}, not {wanted.model}", f"Set {prefix}_MODEL, or serve that model."
    return None


def _models_in(answer: httpx2.Response) -> list[str] | None:
    """Return the names of the models that a server lists; None if the response is no list of models."""
    try:
        body = answer.json()
    except ValueError:
        return None
    entries = body.get("data") if isinstance(body, dict) else None
    if not answer.is_success or not isinstance(entries, list):
        return None
    return [str(entry.get("id")) for entry in entries if isinstance(entry, dict)]
