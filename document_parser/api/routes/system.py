"""Report the capacity and the load of the service at ``/v1/system``."""

from __future__ import annotations

from typing import Literal

from flask import Response
from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, Field
from redis.exceptions import ResponseError

from document_parser.api import openapi
from document_parser.api.middleware import responses, tier_limits
from document_parser.api.middleware.identity import identity
from document_parser.api.routes import readers
from document_parser.api.routes.health import needed_parts
from document_parser.api.routes.metrics import own_samples
from document_parser.api.routes.model_servers import check_model_servers
from document_parser.api.schemas import Check
from document_parser.api.services import Services, get_services
from document_parser.errors import StorageFull
from document_parser.ingest.needs import missing_needs
from document_parser.ingest.sniff import SUPPORTED
from document_parser.jobs import gauges, queue
from document_parser.jobs.redis import in_flight
from document_parser.jobs.redis.connection import Redis
from document_parser.jobs.scheduling import admission, budget, disk_space, forecast
from document_parser.jobs.scheduling.admission import Load
from document_parser.models import PIPELINE_VERSION, Confinement, Lane, Need
from document_parser.settings import ApiSettings, StoreSettings
from document_parser.settings.tiers import Tier
from document_parser.telemetry.metrics import sample_name
from document_parser.version import __version__


class Workers(BaseModel):
    """Workers that are alive, those that are busy, and readers: tasks of workers that read pages."""

    alive: int
    busy: int
    readers: int


class LaneLoad(BaseModel):
    """Jobs that have not ended, those of them that have not been started, and pages left of opened documents."""

    jobs: int
    queued: int
    pages: int


class EngineState(Check):
    """The state of an engine."""

    in_flight: int = 0
    """Number of requests that it is answering."""
    servers: list[int] = Field(default_factory=list)
    """The same by server, in the order of its addresses."""
    runtimes: dict[str, int] = Field(default_factory=dict)
    """For a CPU engine: number of workers that compute its models with each runtime."""


class StorageSpace(BaseModel):
    """Size and free space of the store in bytes; null if the store does not report them."""

    kind: Literal["local", "s3"]
    free_bytes: int | None = None
    size_bytes: int | None = None
    least_free_bytes: int = 0
    """Uploads that would leave less free space on the disk of DATA_DIR are refused.

    They are staged there, wherever documents are kept.
    """


class ProcessorBudget(BaseModel):
    """Processor seconds spent on opening and drawing documents this hour. Beyond ``most``, they go to lane ``batch``."""

    spent: float
    most: float
    """0 for no bound."""


class ReadFormat(BaseModel):
    """A format that is read."""

    name: str
    media_type: str
    extensions: list[str]
    needs: Need | None = None
    """A program or library of the system without which files of the format are refused with ``PROGRAM_ABSENT``."""
    available: bool = True
    """Whether that is installed on the machine that answers."""


class Limits(BaseModel):
    """What one request may send."""

    max_upload_mb: int
    """Of each file."""
    max_pages: int
    max_batch_files: int
    max_batch_mb: int


class System(Load):
    """Capacity and load at this moment."""

    version: str
    pipeline_version: str
    accepting: bool
    limits: Limits
    workers: Workers
    lanes: dict[Lane, LaneLoad]
    engines: dict[str, EngineState]
    formats: list[ReadFormat]
    """Formats that are read; they are detected by content."""
    scripts: list[str] = Field(default_factory=list)
    """Scripts that the workers' CPU engines read in scans. Models read more."""
    processor_budget: ProcessorBudget
    openers: dict[str, Confinement]
    """By host, the confinement of the processes that open documents. If the pools of a host differ, the weakest one."""
    storage: StorageSpace
    tier: str
    """The tier of the caller; empty if none applies."""
    tiers: dict[str, Tier]
    """All tiers (TIERS_FILE). None of them applies with AUTH_MODE=off."""
    virus_scan: bool
    """Whether files are scanned for viruses before they are read (CLAMD_URL)."""


def blueprint() -> APIBlueprint:
    """Return the route of the system's state."""
    routes = APIBlueprint("system", __name__, abp_tags=[Tag(name="service", description="Health, capacity and metrics.")])

    @routes.get(
        "/v1/system",
        summary="Capacity and load of the service",
        responses=openapi.responses({200: System}),
        operation_id="system",
    )
    def system() -> Response:
        return responses.to_response(snapshot(get_services()))

    return routes


def snapshot(services: Services) -> System:
    """Return capacity and load at this moment. Raises RedisError."""
    redis, settings = services.probe_redis, services.settings
    load = admission.load(redis, settings.queue)
    samples = gauges.samples(redis)
    busy, idle = (int(samples.get(sample_name("workers", state), 0)) for state in ("busy", "idle"))
    lanes, missing = _lanes(redis), missing_needs(settings)
    return System(
        **load.model_dump(),
        version=__version__,
        pipeline_version=PIPELINE_VERSION,
        accepting=load.broken_bound() is None and _has_room(settings.store) and _takes_in(services),
        limits=_limits(settings.api),
        workers=Workers(alive=busy + idle, busy=busy, readers=int(samples["readers"])),
        lanes={lane: LaneLoad.model_validate(found) for lane, found in lanes.items()},
        engines=_engines(services),
        formats=[
            ReadFormat(
                name=found.name,
                media_type=found.media_type,
                extensions=list(found.extensions),
                needs=found.need,
                available=found.need not in missing,
            )
            for found in SUPPORTED.values()
        ],
        scripts=readers.scripts(queue.living_workers(redis)),
        processor_budget=ProcessorBudget(
            spent=round(budget.spent_seconds(redis, identity().owner), 3), most=settings.queue.owner_processor_seconds
        ),
        openers=_openers(services),
        storage=_storage(services),
        tier=tier_limits.tier_name(),
        tiers=dict(settings.accounts.tiers),
        virus_scan=bool(settings.virus_scan.url),
    )


def _limits(settings: ApiSettings) -> Limits:
    return Limits.model_validate(settings.model_dump(include=set(Limits.model_fields)))


def _lanes(redis: Redis) -> dict[Lane, dict[str, int]]:
    """Return the load by lane; empty if Redis is full, because measuring it writes."""
    try:
        return forecast.load_by_lane(redis)
    except ResponseError:
        return {}


def _engines(services: Services) -> dict[str, EngineState]:
    """Return the model servers and the CPU engines, without those that INFERENCE_MODE excludes."""
    settings = services.settings.engines
    found = check_model_servers(services) if settings.inference_mode != "cpu" else {}
    engines = {name: _model(services, name, check) for name, check in found.items()}
    if settings.inference_mode != "vllm":
        engines |= _cpu_engines(services)
    return engines


def _cpu_engines(services: Services) -> dict[str, EngineState]:
    """Return the CPU engines as the workers report them, or that of the settings while no worker runs."""
    workers = queue.living_workers(services.probe_redis)
    found = readers.cpu_engines(workers) or {
        services.settings.engines.cpu_engine: Check(ok=False, detail="no worker runs that can use it")
    }
    found = readers.helpers(workers) | found
    return {name: EngineState(**check.model_dump(), runtimes=readers.runtimes(workers, name)) for name, check in found.items()}


def _openers(services: Services) -> dict[str, Confinement]:
    workers = queue.living_workers(services.probe_redis)
    reports = [(worker.host, worker.openers) for worker in workers if worker.openers]
    return dict(sorted(reports, key=lambda one: len(one[1].missing)))


def _model(services: Services, name: str, check: Check) -> EngineState:
    servers = [f"{name} {url}" for url in getattr(services.settings, name).urls]
    requests = list(in_flight.count_requests(services.probe_redis, servers).values())
    return EngineState(**check.model_dump(), in_flight=sum(requests), servers=requests)


def _storage(services: Services) -> StorageSpace:
    found = own_samples(services.settings)
    sizes = {name: int(found[f"storage_{name}"]) for name in ("free_bytes", "size_bytes") if f"storage_{name}" in found}
    return StorageSpace(
        kind="s3" if services.settings.store.storage_url else "local",
        **sizes,
        least_free_bytes=disk_space.least_free_bytes(services.settings.store),
    )


def _takes_in(services: Services) -> bool:
    """Return whether Redis and the document store accept writes."""
    return all(check.ok for check in needed_parts(services).values())


def _has_room(settings: StoreSettings) -> bool:
    try:
        disk_space.check(settings)
    except StorageFull:
        return False
    return True
