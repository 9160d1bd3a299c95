"""Health and documentation."""

from __future__ import annotations

from typing import Literal

from flask import Response, current_app, jsonify, redirect
from flask_openapi import APIBlueprint, Tag
from redis import RedisError

import document_parser
from document_parser.api import answers, factory
from document_parser.api.model_servers import model_servers
from document_parser.api.schemas import Check, Health
from document_parser.errors import StorageFull, StorageUnavailable
from document_parser.jobs import queue, room
from document_parser.jobs.connection import NO_CLUSTER, Redis, is_cluster

PROBE_KEY = "health/probe"


def blueprint() -> APIBlueprint:
    routes = APIBlueprint("service", __name__, abp_tags=[Tag(name="service", description="Is it well?")])

    @routes.get("/v1/health/live", summary="The process answers", responses={200: Check}, operation_id="live")
    def live() -> Response:
        return jsonify({"status": "ok"})

    @routes.get(
        "/v1/health/ready",
        summary="Documents are taken in and read",
        responses={200: Health, 503: Health},
        operation_id="ready",
    )
    def ready() -> Response:
        return _answer(health(factory.services(), models=False))

    @routes.get(
        "/v1/health", summary="What works and what does not", responses={200: Health, 503: Health}, operation_id="health"
    )
    def whole() -> Response:
        return _answer(health(factory.services(), models=True))

    @routes.get("/openapi.json", summary="This documentation as OpenAPI", doc_ui=False)
    def openapi() -> Response:
        return jsonify(current_app.api_doc)  # type: ignore[attr-defined]

    @routes.get("/docs", doc_ui=False)
    def docs() -> Response:
        return redirect("/openapi/swagger")  # type: ignore[return-value]

    return routes


def _answer(found: Health) -> Response:
    return answers.of(found, 503, {"Retry-After": "2"}) if found.status == "down" else answers.of(found)


def health(services: factory.Services, *, models: bool) -> Health:
    """Every part looked at. ``down`` where documents cannot be taken in and read."""
    checks = {"redis": _redis(services.redis), "storage": _storage(services)}
    workers = queue.live_workers(services.redis) if checks["redis"].ok else 0
    if services.settings.workers.num_workers:
        checks["workers"] = Check(ok=workers > 0, detail="" if workers else "No worker has come up yet.")
    warnings = [*(redis_warnings(services.redis) if checks["redis"].ok else []), *_room_warnings(services)]
    down = not all(check.ok for check in checks.values())
    if models and services.settings.engines.inference_mode != "cpu":
        checks |= model_servers(services)
    status: Literal["ok", "degraded", "down"] = "down" if down else "degraded" if warnings else "ok"
    return Health(status=status, version=document_parser.__version__, workers=workers, checks=checks, warnings=warnings)


def _redis(redis: Redis) -> Check:
    try:
        if is_cluster(redis):
            return Check(ok=False, detail=NO_CLUSTER)
    except RedisError as error:
        return Check(ok=False, detail=f"Redis does not answer ({type(error).__name__}).")
    return Check(ok=True)


def _storage(services: factory.Services) -> Check:
    try:
        services.storage.put(PROBE_KEY, b"")
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


def redis_warnings(redis: Redis) -> list[str]:
    """What of a Redis' configuration may lose jobs."""
    found = []
    try:
        policy = redis.config_get("maxmemory-policy").get("maxmemory-policy")
        append_only = redis.config_get("appendonly").get("appendonly")
    except RedisError:
        return ["Redis does not show its configuration; see to it that it never evicts and keeps an append-only file."]
    if policy != "noeviction":
        found.append(f"Redis may evict jobs: set maxmemory-policy to noeviction (it is {policy}).")
    if append_only != "yes":
        found.append("Redis keeps no append-only file: a restart loses the queue. Set appendonly yes.")
    return found
