"""The operator's view of webhooks: what was delivered and what was not, delivering again, trying a receiver."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from datetime import datetime
from functools import partial

from flask import Response
from flask_openapi import APIBlueprint, Tag

from document_parser import logs
from document_parser.addresses import AddressCheck, PinnedTransport
from document_parser.api import answers, factory, openapi
from document_parser.api.auth import check_origin
from document_parser.api.jobs import known
from document_parser.api.listing import page_of
from document_parser.api.process import check_webhook
from document_parser.api.schemas import Deliveries, DeliveriesQuery, JobPath, Ping
from document_parser.errors import InvalidOption, JobNotComplete, ServerBusy, WebhookMissing, WebhookNotResolved, WebhookRefused
from document_parser.jobs import announcements, clock, deliveries, queue
from document_parser.jobs.announcements import Announcement
from document_parser.jobs.posting import Answer, Message, post
from document_parser.jobs.replay import replay, replay_failed
from document_parser.models import Delivery, Pinged, Replayed, WebhookState, utc_text
from document_parser.settings import Settings

log = logs.get(__name__)


routes = APIBlueprint(
    "webhooks",
    __name__,
    url_prefix="/v1",
    abp_tags=[Tag(name="webhooks", description="For the operator: what was delivered, and once more what was not.")],
)


@routes.get(
    "/webhooks/deliveries",
    summary="Deliveries, newest first",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses({200: Deliveries}, InvalidOption, *openapi.OPERATOR),
    operation_id="list_deliveries",
)
def listing(query: DeliveriesQuery) -> Response:
    services = factory.services()
    newest = partial(_newest, services, query.state)
    found, cursor = page_of(newest, partial(_shown, services, query.state), query.cursor, query.limit)
    return answers.of(Deliveries(deliveries=found, next_cursor=cursor))


@routes.post(
    "/webhooks/deliveries/replay",
    summary="Deliver again whatever was given up",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses({202: Replayed}, *openapi.OPERATOR),
    operation_id="replay_failed_deliveries",
)
def replay_all() -> Response:
    check_origin()
    services = factory.services()
    count = replay_failed(services.redis, services.ledger)
    queue.ring_deliverer(services.redis, services.ledger)
    return answers.of(Replayed(replayed=count, left=deliveries.failed_count(services.redis)), 202)


@routes.post(
    "/jobs/<job_id>/webhook/replay",
    summary="Deliver a job's newest webhook again",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses({202: Delivery}, WebhookMissing, JobNotComplete, *openapi.OPERATOR, *openapi.JOB),
    operation_id="replay_delivery",
)
def replay_one(path: JobPath) -> Response:
    check_origin()
    services = factory.services()
    told = replay(services.redis, services.ledger, known(path.job_id))
    queue.ring_deliverer(services.redis, services.ledger)
    return answers.of(delivery(told), 202)


@routes.post(
    "/webhooks/ping",
    summary="Try a receiver",
    description="Posts a signed webhook.ping at once, as a job's webhook would be, and tells what came of it.",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses(
        {200: Pinged}, InvalidOption, WebhookRefused, WebhookNotResolved, ServerBusy, *openapi.OPERATOR
    ),
    operation_id="ping_webhook",
)
def ping(body: Ping) -> Response:
    check_origin()
    services = factory.services()
    url = check_webhook(services.settings, body.url)
    if not url:
        raise WebhookRefused(reason="malformed")
    if not services.waiting.take():
        raise ServerBusy()
    try:
        return answers.of(_ping(services.settings, url, clock.now(services.redis)))
    finally:
        services.waiting.give_back()


def _newest(services: factory.Services, state: str, before: float | None, limit: int) -> list[tuple[str, float]]:
    return deliveries.newest(services.redis, failed=state == "failed", before=before, limit=limit)


def _shown(services: factory.Services, state: WebhookState | str, names: list[str]) -> dict[str, Delivery]:
    told = announcements.named(services.redis, names)
    return {one.name: delivery(one) for one in told if state in ("", one.webhook.state)}


def delivery(told: Announcement) -> Delivery:
    """How a webhook stands, with the receiver's host; the rest of its address may hold secrets."""
    return Delivery(
        job_id=told.job.card.job_id,
        event=told.event,
        host=told.message.host,
        ended_at=told.job.completed_at,
        expires_at=told.job.expires_at,
        **told.webhook.model_dump(),
    )


def _ping(settings: Settings, url: str, now: datetime) -> Pinged:
    """Post one ping and wait for what comes of it, within the deadline of a delivery."""
    body = {"type": "webhook.ping", "timestamp": utc_text(now), "data": {}}
    message = Message(url, f"msg_ping_{uuid.uuid4().hex}", json.dumps(body))
    started = time.monotonic()
    answer = asyncio.run(_post(settings, message, now))
    milliseconds = round((time.monotonic() - started) * 1000)
    log.info("webhook_pinged", status=answer.status, error=answer.error, milliseconds=milliseconds)
    return Pinged(
        delivered=answer.delivered,
        status=answer.status,
        error=answer.error,
        milliseconds=milliseconds,
        webhook_id=message.id,
    )


async def _post(settings: Settings, message: Message, now: datetime) -> Answer:
    return await post(settings, message, PinnedTransport(AddressCheck(settings.webhooks.allow_hosts)), now)
