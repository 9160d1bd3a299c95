"""Report the health of the service, and serve its documentation."""

from __future__ import annotations

import json
from typing import Literal

from flask import Response, current_app, redirect
from flask_openapi import APIBlueprint, Tag

from document_parser.api import openapi
from document_parser.api.middleware import responses
from document_parser.api.routes import readers
from document_parser.api.routes.model_servers import check_extract_servers, check_model_servers
from document_parser.api.routes.store import redis_trouble, redis_warnings
from document_parser.api.schemas import Check, Health, Live
from document_parser.api.services import Services, get_services
from document_parser.errors import StorageFull, StorageUnavailable, VirusScanUnavailable
from document_parser.ingest import virus_scan
from document_parser.jobs import queue
from document_parser.jobs.redis.connection import RedisError
from document_parser.jobs.scheduling import disk_space
from document_parser.version import __version__

NO_EXTRACT_MODEL = "extract: {detail}. Values of schemas are found without the model."
"""Warning if the model of VLLM_EXTRACT_URL cannot be used."""
STORAGE_PROBE_KEY = "health/probe"
"""Storage key that is written to check the store."""
DOWN = openapi.answer(Health, "The service cannot accept and read documents.", "Retry-After")
"""Response if the service cannot accept and read documents."""


def blueprint() -> APIBlueprint:
    """Return the routes of health and documentation."""
    routes = APIBlueprint("service", __name__, abp_tags=[Tag(name="service", description="Health, capacity and metrics.")])

    @routes.get(
        "/v1/health/live",
        summary="The process answers",
        responses=openapi.responses({200: Live}, counted=False, is_open=True),
        operation_id="live",
    )
    def live() -> Response:
        return responses.to_response(Live())

    @routes.get(
        "/v1/health/ready",
        summary="The service accepts and reads documents",
        responses=openapi.responses({200: Health, 503: DOWN}, counted=False, is_open=True),
        operation_id="ready",
    )
    def ready() -> Response:
        return _answer(check_health(get_services(), models=False))

    @routes.get(
        "/v1/health",
        summary="What works and what does not",
        responses=openapi.responses({200: Health, 503: DOWN}),
        operation_id="health",
    )
    def whole() -> Response:
        return _answer(check_health(get_services(), models=True))

    @routes.get("/openapi.json", summary="This documentation as OpenAPI", doc_ui=False)
    def document() -> Response:
        # In its own order, which is that of the form in the documentation.
        return Response(json.dumps(current_app.api_doc), mimetype="application/json")  # type: ignore[attr-defined]

    @routes.get("/docs", doc_ui=False)
    def docs() -> Response:
        return redirect("/openapi/swagger")  # type: ignore[return-value]

    return routes


def _answer(found: Health) -> Response:
    return responses.to_response(found, 503, {"Retry-After": "2"}) if found.status == "down" else responses.to_response(found)


def check_health(services: Services, *, models: bool) -> Health:
    """Return the state of every part of the service.

    The status is ``down`` if documents cannot be accepted, or the workers of this service have not started; ``degraded`` if
    something else is wrong, and then a warning says what. ``models`` also checks the model servers.
    """
    needed, workers = needed_parts(services), _living_workers(services)
    if services.settings.workers.num_workers:
        needed["workers"] = Check(ok=bool(workers), detail="" if workers else readers.NOT_UP_YET)
    # If Redis is away, say so at once, and not after the model servers' deadlines.
    looks_at_models = models and needed["redis"].ok and services.settings.engines.inference_mode != "cpu"
    found = check_model_servers(services) if looks_at_models else {}
    warnings = _disk_warnings(services)
    if needed["redis"].ok:
        warnings += redis_warnings(services.probe_redis)
        warnings += readers.warnings(services.settings, workers, found)
    extract = check_extract_servers(services) if looks_at_models else {}
    warnings += [NO_EXTRACT_MODEL.format(detail=check.detail) for check in extract.values() if not check.ok]
    down = not all(check.ok for check in needed.values())
    status: Literal["ok", "degraded", "down"] = "down" if down else "degraded" if warnings else "ok"
    return Health(
        status=status,
        version=__version__,
        workers=len(workers),
        checks={**needed, **readers.cpu_engines(workers), **found, **extract},
        warnings=warnings,
    )


def _living_workers(services: Services) -> list[queue.LivingWorker]:
    try:
        return queue.living_workers(services.probe_redis)
    except RedisError:
        return []


def needed_parts(services: Services) -> dict[str, Check]:
    """Return the state of the parts without which no document can be accepted."""
    trouble = redis_trouble(services.probe_redis)
    found = {"redis": Check(ok=not trouble, detail=trouble), "storage": _storage(services)}
    if services.settings.virus_scan.url:
        found["virus_scan"] = _virus_scan(services)
    return found


def _virus_scan(services: Services) -> Check:
    try:
        return Check(ok=True, detail=virus_scan.version_of(services.settings.virus_scan))
    except VirusScanUnavailable as error:
        return Check(ok=False, detail=f"clamd does not answer ({error.details['reason']})")


def _storage(services: Services) -> Check:
    try:
        services.storage.put(STORAGE_PROBE_KEY, b"", durable=False)
    except StorageUnavailable as error:
        return Check(ok=False, detail=str(error.details.get("reason", error.message)))
    return Check(ok=True)


def _disk_warnings(services: Services) -> list[str]:
    """Return a warning if uploads are refused because the disk is nearly full.

    Accepted documents are still read, so callers need not go elsewhere for their results.
    """
    try:
        disk_space.check(services.settings.store)
    except StorageFull:
        return ["The disk of DATA_DIR is nearly full, and uploads are refused. Free space until MIN_FREE_MB are free."]
    return []
