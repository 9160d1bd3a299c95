"""Serve the operator's routes of webhooks: list deliveries, deliver again, ping a receiver."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from datetime import datetime
from functools import partial

from flask import Response
from flask_openapi import APIBlueprint, Tag

from document_parser.api import openapi
from document_parser.api.auth import check_origin
from document_parser.api.job_fields import check_webhook
from document_parser.api.middleware import responses
from document_parser.api.pagination import page_of
from document_parser.api.routes.jobs import check_job_id
from document_parser.api.schemas import Deliveries, DeliveriesQuery, JobPath, Ping
from document_parser.api.services import Services, get_services
from document_parser.errors import (
    InvalidOption,
    JobNotComplete,
    ServerBusy,
    WebhookMissing,
    WebhookNotResolved,
    WebhookRefused,
)
from document_parser.jobs import queue
from document_parser.jobs.records import deliveries
from document_parser.jobs.redis import clock
from document_parser.jobs.webhooks import messages
from document_parser.jobs.webhooks.http_post import Answer, Message, post
from document_parser.jobs.webhooks.messages import Announcement
from document_parser.jobs.webhooks.replay import replay, replay_failed
from document_parser.models import Delivery, Pinged, Replayed, WebhookState, format_utc
from document_parser.settings import Settings
from document_parser.ssrf import AddressCheck, PinnedTransport
from document_parser.telemetry import logs

log = logs.get_logger(__name__)


routes = APIBlueprint(
    "webhooks",
    __name__,
    url_prefix="/v1",
    abp_tags=[Tag(name="webhooks", description="For the operator: list deliveries, and deliver webhooks again.")],
)
"""The routes of webhooks."""


@routes.get(
    "/webhooks/deliveries",
    summary="Deliveries, newest first",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses({200: Deliveries}, InvalidOption, *openapi.OPERATOR_ERRORS),
    operation_id="list_deliveries",
)
def listing(query: DeliveriesQuery) -> Response:
    """Return one page of the list of deliveries, newest first."""
    services = get_services()
    newest = partial(_newest, services, query.state)
    found, cursor = page_of(newest, partial(_load_deliveries, services, query.state), query.cursor, query.limit)
    pending, failed = deliveries.due_count(services.redis), deliveries.failed_count(services.redis)
    return responses.to_response(Deliveries(deliveries=found, next_cursor=cursor, pending=pending, failed=failed))


@routes.post(
    "/webhooks/deliveries/replay",
    summary="Deliver all failed webhooks again",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses({202: Replayed}, *openapi.OPERATOR_ERRORS),
    operation_id="replay_failed_deliveries",
)
def replay_all() -> Response:
    """Deliver all webhooks again whose delivery was given up."""
    check_origin()
    services = get_services()
    count = replay_failed(services.redis)
    queue.enqueue_deliverer(services.redis)
    return responses.to_response(Replayed(replayed=count, left=deliveries.failed_count(services.redis)), 202)


@routes.post(
    "/jobs/<job_id>/webhook/replay",
    summary="Deliver a job's newest webhook again",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses({202: Delivery}, WebhookMissing, JobNotComplete, *openapi.OPERATOR_ERRORS, *openapi.JOB),
    operation_id="replay_delivery",
)
def replay_one(path: JobPath) -> Response:
    """Deliver a job's newest webhook again, and start its schedule anew if its delivery had ended."""
    check_origin()
    services = get_services()
    announcement = replay(services.redis, check_job_id(path.job_id))
    queue.enqueue_deliverer(services.redis)
    return responses.to_response(delivery_of(announcement), 202)


@routes.post(
    "/webhooks/ping",
    summary="Test a receiver",
    description="Posts a signed webhook.ping at once, in the same way as a job's webhook, and returns the outcome.",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses(
        {200: Pinged}, InvalidOption, WebhookRefused, WebhookNotResolved, ServerBusy, *openapi.OPERATOR_ERRORS
    ),
    operation_id="ping_webhook",
)
def ping(body: Ping) -> Response:
    """Post a signed ping to a receiver and return the outcome.

    Raises WebhookRefused, WebhookNotResolved, ServerBusy, InvalidOption.
    """
    check_origin()
    services = get_services()
    url = check_webhook(services.settings, body.url)
    if not url:
        raise WebhookRefused(reason="malformed")
    if not services.waiting.take():
        raise ServerBusy()
    try:
        return responses.to_response(_ping(services.settings, url, clock.now(services.redis)))
    finally:
        services.waiting.release()


def _newest(services: Services, state: str, before: float | None, limit: int) -> list[tuple[str, float]]:
    return deliveries.newest(services.redis, failed=state == "failed", before=before, limit=limit)


def _load_deliveries(services: Services, state: WebhookState | str, names: list[str]) -> dict[str, Delivery]:
    announcement = messages.load_announcements(services.redis, names)
    return {one.name: delivery_of(one) for one in announcement if state in ("", one.webhook.state)}


def delivery_of(announcement: Announcement) -> Delivery:
    """Return the state of a webhook with the receiver's host. The rest of its address may hold secrets."""
    return Delivery(
        job_id=announcement.id,
        event=announcement.event,
        host=announcement.message.host,
        ended_at=announcement.subject.completed_at,
        expires_at=announcement.subject.expires_at,
        **announcement.webhook.model_dump(),
    )


def _ping(settings: Settings, url: str, now: datetime) -> Pinged:
    """Post one ping and return the outcome, within the deadline of a delivery."""
    body = {"type": "webhook.ping", "timestamp": format_utc(now), "data": {}}
    message = Message(url, f"msg_ping_{uuid.uuid4().hex}", json.dumps(body))
    started = time.monotonic()
    answer = asyncio.run(_post(settings, message, now))
    milliseconds = round((time.monotonic() - started) * 1000)
    log.info("webhook_pinged", status=answer.status, error=answer.error, milliseconds=milliseconds)
    return Pinged(
        delivered=answer.is_delivered,
        status=answer.status,
        error=answer.error,
        milliseconds=milliseconds,
        webhook_id=message.id,
    )


async def _post(settings: Settings, message: Message, now: datetime) -> Answer:
    return await post(settings, message, PinnedTransport(AddressCheck(settings.webhooks.allow_hosts)), now)
