"""The operator's view of webhooks: what was delivered and what was not, delivering again, trying a receiver."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from datetime import UTC, datetime
from functools import partial
from typing import Any

from flask import Response, jsonify
from flask_openapi import APIBlueprint, Tag

from document_parser import logs
from document_parser.addresses import AddressCheck, PinnedTransport
from document_parser.api import factory, problems
from document_parser.api.auth import check_origin, require_operator
from document_parser.api.jobs import known
from document_parser.api.listing import page_of_jobs
from document_parser.api.process import check_webhook
from document_parser.api.schemas import Deliveries, DeliveriesQuery, Delivery, JobPath, Ping, Pinged, Replayed
from document_parser.errors import ServerBusy, WebhookRefused
from document_parser.jobs import deliveries, queue
from document_parser.jobs.posting import Answer, Message, post
from document_parser.jobs.record import Job
from document_parser.jobs.replay import replay, replay_failed
from document_parser.models import WebhookState, utc_text
from document_parser.settings import Settings

log = logs.get(__name__)


def blueprint() -> APIBlueprint:
    tag = Tag(name="webhooks", description="For the operator: what was delivered, and once more what was not.")
    routes = APIBlueprint("webhooks", __name__, url_prefix="/v1", abp_tags=[tag])
    missing: dict[str | int, Any] = {404: problems.ProblemBody, 410: problems.ProblemBody}

    @routes.get(
        "/webhooks/deliveries",
        summary="Deliveries, newest first",
        responses={200: Deliveries},
        operation_id="list_deliveries",
    )
    def listing(query: DeliveriesQuery) -> Response:
        services = _for_operator()
        newest = partial(_newest, services, query.state)
        found, cursor = page_of_jobs(services.redis, newest, partial(_shown, query.state), query.cursor, query.limit)
        return jsonify(Deliveries(deliveries=found, next_cursor=cursor).model_dump(mode="json"))

    @routes.post(
        "/webhooks/deliveries/replay",
        summary="Deliver again whatever was given up",
        responses={202: Replayed},
        operation_id="replay_failed_deliveries",
    )
    def replay_all() -> Response:
        check_origin()
        services = _for_operator()
        count = replay_failed(services.redis, services.ledger)
        queue.ring_deliverer(services.redis, services.ledger)
        return _accepted(Replayed(replayed=count, left=deliveries.failed_count(services.redis)))

    @routes.post(
        "/jobs/<job_id>/webhook/replay",
        summary="Deliver a job's webhook again",
        responses={202: Delivery, 409: problems.ProblemBody, **missing},
        operation_id="replay_delivery",
    )
    def replay_one(path: JobPath) -> Response:
        check_origin()
        services = _for_operator()
        job = replay(services.redis, services.ledger, known(path.job_id))
        queue.ring_deliverer(services.redis, services.ledger)
        return _accepted(delivery(job))

    @routes.post(
        "/webhooks/ping",
        summary="Try a receiver",
        description="Posts a signed webhook.ping at once, as a job's webhook would be, and tells what came of it.",
        responses={200: Pinged, 422: problems.ProblemBody, 503: problems.ProblemBody},
        operation_id="ping_webhook",
    )
    def ping(body: Ping) -> Response:
        check_origin()
        services = _for_operator()
        url = check_webhook(services.settings, body.url)
        if not url:
            raise WebhookRefused(reason="malformed")
        if not services.waiting.acquire(blocking=False):
            raise ServerBusy()
        try:
            return jsonify(_ping(services.settings, url).model_dump(mode="json"))
        finally:
            services.waiting.release()

    return routes


def _for_operator() -> factory.Services:
    services = factory.services()
    require_operator(services.settings.api.admin_token)
    return services


def _accepted(body: Replayed | Delivery) -> Response:
    response = jsonify(body.model_dump(mode="json"))
    response.status_code = 202
    return response


def _newest(services: factory.Services, state: str, before: float | None, limit: int) -> list[tuple[str, float]]:
    return deliveries.newest(services.redis, failed=state == "failed", before=before, limit=limit)


def _shown(state: WebhookState | str, job: Job) -> Delivery | None:
    return delivery(job) if job.webhook is not None and state in ("", job.webhook.state) else None


def delivery(job: Job) -> Delivery:
    """How a job's webhook stands, with the receiver's host; the rest of its address may hold secrets."""
    assert job.webhook is not None
    return Delivery(
        job_id=job.card.job_id,
        event=f"job.{job.state.value}",
        host=Message(job.card.webhook_url, "", "").host,
        ended_at=job.completed_at,
        expires_at=job.expires_at,
        **job.webhook.model_dump(),
    )


def _ping(settings: Settings, url: str) -> Pinged:
    """Post one ping and wait for what comes of it, within the deadline of a delivery."""
    body = {"type": "webhook.ping", "timestamp": utc_text(datetime.now(UTC)), "data": {}}
    message = Message(url, f"msg_ping_{uuid.uuid4().hex}", json.dumps(body))
    started = time.monotonic()
    answer = asyncio.run(_post(settings, message))
    milliseconds = round((time.monotonic() - started) * 1000)
    log.info("webhook_pinged", status=answer.status, error=answer.error, milliseconds=milliseconds)
    return Pinged(
        delivered=answer.delivered,
        status=answer.status,
        error=answer.error,
        milliseconds=milliseconds,
        webhook_id=message.id,
    )


async def _post(settings: Settings, message: Message) -> Answer:
    return await post(settings, message, PinnedTransport(AddressCheck(settings.webhooks.allow_hosts)))
