"""What the service can take on, and what it is at: ``/v1/system``."""

from __future__ import annotations

from typing import Literal

from flask import Response
from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, Field
from redis.exceptions import ResponseError

import document_parser
from document_parser.api import answers, factory, openapi, readers
from document_parser.api.metrics import own_samples
from document_parser.api.model_servers import model_servers
from document_parser.api.schemas import Check
from document_parser.api.service import needed_parts
from document_parser.errors import StorageFull
from document_parser.jobs import admission, budget, forecast, in_flight, queue, room, scrape
from document_parser.jobs.admission import Load
from document_parser.jobs.connection import Redis
from document_parser.jobs.job import PUBLIC
from document_parser.metrics import sample
from document_parser.models import PIPELINE_VERSION, Confinement, Lane
from document_parser.settings import StoreSettings


class Workers(BaseModel):
    """Living workers, those of them that are at something, and readers: workers' tasks that read pages."""

    alive: int
    busy: int
    readers: int


class LaneLoad(BaseModel):
    """Jobs that have not ended, those of them that nobody has begun, and pages left of documents that have been opened."""

    jobs: int
    queued: int
    pages: int


class EngineState(Check):
    in_flight: int = 0
    """Requests that it is answering."""
    servers: list[int] = Field(default_factory=list)
    """The same by server, in the order of its addresses."""
    runtimes: dict[str, int] = Field(default_factory=dict)
    """Of the CPU engine: how many workers compute its models by each runtime."""


class StorageSpace(BaseModel):
    """Bytes; none where the store does not tell."""

    kind: Literal["local", "s3"]
    free_bytes: int | None = None
    size_bytes: int | None = None
    least_free_bytes: int = 0
    """Uploads are refused that would leave the disk of DATA_DIR less; they are staged there wherever documents are kept."""


class ProcessorBudget(BaseModel):
    """Processor seconds that opening and drawing documents has taken this hour; beyond ``most`` they go to ``batch``."""

    spent: float
    most: float
    """0 for no bound."""


class System(Load):
    """Capacity and load at this moment."""

    version: str
    pipeline_version: str
    accepting: bool
    workers: Workers
    lanes: dict[Lane, LaneLoad]
    engines: dict[str, EngineState]
    processor_budget: ProcessorBudget
    openers: dict[str, Confinement]
    """By host, what keeps the processes that open documents from anything else; where pools of a host differ, the least."""
    storage: StorageSpace


def blueprint() -> APIBlueprint:
    routes = APIBlueprint("system", __name__, abp_tags=[Tag(name="service", description="Is it well?")])

    @routes.get(
        "/v1/system",
        summary="What the service can take on, and what it is at",
        responses=openapi.responses({200: System}),
        operation_id="system",
    )
    def system() -> Response:
        return answers.of(look(factory.services()))

    return routes


def look(services: factory.Services) -> System:
    """Everything once. Raises RedisError."""
    redis, settings = services.hasty_redis, services.settings
    load = admission.load(redis, settings.queue)
    samples = scrape.samples(redis)
    busy, idle = (int(samples.get(sample("workers", state), 0)) for state in ("busy", "idle"))
    lanes = _lanes(redis)
    return System(
        **load.model_dump(),
        version=document_parser.__version__,
        pipeline_version=PIPELINE_VERSION,
        accepting=load.full() is None and _has_room(settings.store) and _takes_in(services),
        workers=Workers(alive=busy + idle, busy=busy, readers=int(samples["readers"])),
        lanes={lane: LaneLoad.model_validate(found) for lane, found in lanes.items()},
        engines=_engines(services),
        processor_budget=ProcessorBudget(
            spent=round(budget.spent(redis, PUBLIC), 3), most=settings.queue.owner_processor_seconds
        ),
        openers=_openers(services),
        storage=_storage(services),
    )


def _lanes(redis: Redis) -> dict[Lane, dict[str, int]]:
    """None where Redis is full: weighing them writes."""
    try:
        return forecast.lanes(redis)
    except ResponseError:
        return {}


def _engines(services: factory.Services) -> dict[str, EngineState]:
    """The model servers, unless they are not to be asked; and the CPU engines, unless they are not to be."""
    settings = services.settings.engines
    found = model_servers(services) if settings.inference_mode != "cpu" else {}
    engines = {name: _model(services, name, check) for name, check in found.items()}
    if settings.inference_mode != "vllm":
        engines |= _cpu_engines(services)
    return engines


def _cpu_engines(services: factory.Services) -> dict[str, EngineState]:
    """As the workers find them; that of the settings while there is no worker to ask."""
    workers = queue.living_workers(services.hasty_redis)
    found = readers.cpu_engines(workers) or {
        services.settings.engines.cpu_engine: Check(ok=False, detail="no worker is there to read with it")
    }
    found = readers.helpers(workers) | found
    return {name: EngineState(**check.model_dump(), runtimes=readers.runtimes(workers, name)) for name, check in found.items()}


def _openers(services: factory.Services) -> dict[str, Confinement]:
    workers = queue.living_workers(services.hasty_redis)
    told = [(worker.host, worker.openers) for worker in workers if worker.openers]
    return dict(sorted(told, key=lambda one: len(one[1].missing)))


def _model(services: factory.Services, name: str, check: Check) -> EngineState:
    servers = [f"{name} {url}" for url in getattr(services.settings, name).urls]
    requests = list(in_flight.counts(services.hasty_redis, servers).values())
    return EngineState(**check.model_dump(), in_flight=sum(requests), servers=requests)


def _storage(services: factory.Services) -> StorageSpace:
    found = own_samples(services.settings)
    sizes = {name: int(found[f"storage_{name}"]) for name in ("free_bytes", "size_bytes") if f"storage_{name}" in found}
    return StorageSpace(
        kind="s3" if services.settings.store.storage_url else "local",
        **sizes,
        least_free_bytes=room.least_free_bytes(services.settings.store),
    )


def _takes_in(services: factory.Services) -> bool:
    """Whether the stores take what is written to them."""
    return all(check.ok for check in needed_parts(services).values())


def _has_room(settings: StoreSettings) -> bool:
    try:
        room.check(settings)
    except StorageFull:
        return False
    return True
