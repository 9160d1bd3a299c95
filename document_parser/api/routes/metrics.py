"""Serve the metrics for Prometheus at ``/v1/metrics``, the same from every web worker."""

from __future__ import annotations

import os

from flask import Response, request
from flask_openapi import APIBlueprint, Tag

from document_parser.api import openapi
from document_parser.api.services import Services, get_services
from document_parser.jobs import gauges
from document_parser.jobs.redis.connection import RedisError
from document_parser.jobs.scheduling import disk_space
from document_parser.models import PIPELINE_VERSION
from document_parser.settings import Settings
from document_parser.telemetry import metrics
from document_parser.version import __version__

METRICS_TYPES = ("text/plain", "application/openmetrics-text")
"""Media types of the metrics."""


def blueprint() -> APIBlueprint:
    """Return the route of the metrics."""
    routes = APIBlueprint("metrics", __name__, abp_tags=[Tag(name="service", description="Health, capacity and metrics.")])

    @routes.get(
        "/v1/metrics",
        summary="Metrics for Prometheus",
        description="Text format, or OpenMetrics if the client accepts it. Answers 200 even if Redis does not answer; "
        "docparse_redis_up is then 0.",
        responses=openapi.responses({200: openapi.answer(dict.fromkeys(METRICS_TYPES, openapi.TEXT))}, counted=False),
        operation_id="metrics",
    )
    def show() -> Response:
        services = get_services()
        found = own_samples(services.settings) | _shared_samples(services)
        body, content_type = metrics.exposition(found, request.headers.get("Accept", ""))
        return Response(body, content_type=content_type)

    return routes


def own_samples(settings: Settings) -> dict[str, float]:
    """Return the metrics that a process knows without Redis: version, and size and free space of the disk in bytes."""
    found = {metrics.sample_name("build_info", __version__, PIPELINE_VERSION): 1.0}
    found["storage_min_free_bytes"] = float(disk_space.least_free_bytes(settings.store))
    if not settings.store.storage_url and settings.data_dir.is_dir():
        disk = os.statvfs(settings.data_dir)
        found["storage_free_bytes"] = float(disk.f_bavail * disk.f_frsize)
        found["storage_size_bytes"] = float(disk.f_blocks * disk.f_frsize)
    return found


def _shared_samples(services: Services) -> dict[str, float]:
    try:
        services.counts.flush()
        return {"redis_up": 1.0, **gauges.samples(services.probe_redis)}
    except RedisError:
        return {"redis_up": 0.0}
