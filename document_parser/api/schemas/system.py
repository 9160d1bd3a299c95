"""How the service and its model servers are."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from document_parser.balancing.breaker import State
from document_parser.models import ModelServerName


class ServerBreaker(BaseModel):
    """A model server and its circuit breaker."""

    engine: ModelServerName
    server: str
    """Host and port of its address."""
    state: State
    """``closed``: pages go to it. ``open``: it is left alone. ``half_open``: one page tries it."""
    faults: int
    """Faults in a row."""
    retry_at: datetime | None
    """When a page tries it again; null if the breaker is closed."""


class Breakers(BaseModel):
    """The model servers of the settings and their circuit breakers. CPU engines have none."""

    breakers: list[ServerBreaker]


class Live(BaseModel):
    """The response of a web process that runs."""

    status: Literal["ok"] = "ok"


class Check(BaseModel):
    """The state of one part of the service. ``detail`` says what is wrong, or how the part works."""

    ok: bool
    detail: str = ""


class Health(BaseModel):
    """The state of the service and of its parts."""

    status: Literal["ok", "degraded", "down"]
    version: str
    workers: int
    checks: dict[str, Check]
    warnings: list[str]
