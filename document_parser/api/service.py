"""Health and documentation."""

from __future__ import annotations

import json
from typing import Literal

from flask import Response, current_app, redirect
from flask_openapi import APIBlueprint, Tag

import document_parser
from document_parser.api import answers, factory, openapi, readers
from document_parser.api.model_servers import model_servers
from document_parser.api.schemas import Check, Health, Live
from document_parser.api.store import redis_trouble, redis_warnings
from document_parser.errors import StorageFull, StorageUnavailable
from document_parser.jobs import queue, room
from document_parser.jobs.connection import RedisError

PROBE_KEY = "health/probe"
DOWN = openapi.answer(Health, "Documents are not taken in and read.", "Retry-After")


def blueprint() -> APIBlueprint:
    routes = APIBlueprint("service", __name__, abp_tags=[Tag(name="service", description="Is it well?")])

    @routes.get(
        "/v1/health/live",
        summary="The process answers",
        responses=openapi.responses({200: Live}, counted=False),
        operation_id="live",
    )
    def live() -> Response:
        return answers.of(Live())

    @routes.get(
        "/v1/health/ready",
        summary="Documents are taken in and read",
        responses=openapi.responses({200: Health, 503: DOWN}, counted=False),
        operation_id="ready",
    )
    def ready() -> Response:
        return _answer(health(factory.services(), models=False))

    @routes.get(
        "/v1/health",
        summary="What works and what does not",
        responses=openapi.responses({200: Health, 503: DOWN}),
        operation_id="health",
    )
    def whole() -> Response:
        return _answer(health(factory.services(), models=True))

    @routes.get("/openapi.json", summary="This documentation as OpenAPI", doc_ui=False)
    def document() -> Response:
        # In its own order, which is that of the form in the documentation.
        return Response(json.dumps(current_app.api_doc), mimetype="application/json")  # type: ignore[attr-defined]

    @routes.get("/docs", doc_ui=False)
    def docs() -> Response:
        return redirect("/openapi/swagger")  # type: ignore[return-value]

    return routes


def _answer(found: Health) -> Response:
    return answers.of(found, 503, {"Retry-After": "2"}) if found.status == "down" else answers.of(found)


def health(services: factory.Services, *, models: bool) -> Health:
    """Every part looked at.

    ``down`` where documents cannot be taken in, or the workers that belong here have not come up; ``degraded`` where something
    else is not as it should be, and then a warning says what. ``models``: look at the model servers as well.
    """
    needed, workers = needed_parts(services), _living_workers(services)
    if services.settings.workers.num_workers:
        needed["workers"] = Check(ok=bool(workers), detail="" if workers else readers.NOT_UP_YET)
    # Who looks in because nothing is taken in is told so at once, and not after the model servers' deadlines.
    looks_at_models = models and needed["redis"].ok and services.settings.engines.inference_mode != "cpu"
    found = model_servers(services) if looks_at_models else {}
    warnings = _room_warnings(services)
    if needed["redis"].ok:
        warnings += redis_warnings(services.hasty_redis)
        warnings += readers.warnings(services.settings, workers, found)
    down = not all(check.ok for check in needed.values())
    status: Literal["ok", "degraded", "down"] = "down" if down else "degraded" if warnings else "ok"
    return Health(
        status=status,
        version=document_parser.__version__,
        workers=len(workers),
        checks={**needed, **readers.cpu_engines(workers), **found},
        warnings=warnings,
    )


def _living_workers(services: factory.Services) -> list[queue.LivingWorker]:
    try:
        return queue.living_workers(services.hasty_redis)
    except RedisError:
        return []


def needed_parts(services: factory.Services) -> dict[str, Check]:
    """What must be well for a document to be taken in."""
    trouble = redis_trouble(services.hasty_redis)
    return {"redis": Check(ok=not trouble, detail=trouble), "storage": _storage(services)}


def _storage(services: factory.Services) -> Check:
    try:
        services.storage.put(PROBE_KEY, b"", durable=False)
    except StorageUnavailable as error:
        return Check(ok=False, detail=str(error.details.get("reason", error.message)))
    return Check(ok=True)


def _room_warnings(services: factory.Services) -> list[str]:
    """What was taken in goes on being read, so this is no reason to send callers elsewhere for its results."""
    try:
        room.check(services.settings.store)
    except StorageFull:
        return ["The disk of DATA_DIR is nearly full: uploads are refused until MIN_FREE_MB are free again."]
    return []
