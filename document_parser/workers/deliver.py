"""Deliver webhooks: post to the server that a caller named how its job ended, and the outcome of each retry and extraction.

``end.lua`` makes the webhook due in the step that ends the job, ``complete_retry.lua`` in the step that raises the revision
or keeps the page as it was, and ``finish_stage.lua`` in the step that finishes an extraction. A deliverer, one at a time over
all workers, claims what is due and posts it. A claim only moves the due time, so that a webhook whose deliverer died is due
again by itself: it is delivered at least once, always with the same ``webhook-id``.

Source: the Standard Webhooks specification, for signatures.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import httpx2
import structlog
from redis.exceptions import LockNotOwnedError

from document_parser.errors import StorageUnavailable
from document_parser.jobs import queue
from document_parser.jobs.ending import store_state
from document_parser.jobs.records import batches, record
from document_parser.jobs.records.job import Job
from document_parser.jobs.redis import clock, counters
from document_parser.jobs.redis.connection import Redis
from document_parser.jobs.webhooks import messages
from document_parser.jobs.webhooks.http_post import Answer, post
from document_parser.jobs.webhooks.messages import Announcement
from document_parser.jobs.webhooks.outbox import Outbox
from document_parser.models import Webhook, WebhookTry
from document_parser.settings import Settings
from document_parser.ssrf import AddressCheck, PinnedTransport
from document_parser.storage import Storage
from document_parser.telemetry import logs, tracing
from document_parser.workers.context import task_boundary
from document_parser.workers.heartbeat import draining

log = logs.get_logger(__name__)

MAX_DELIVERIES = 16
"""How many webhooks are delivered at the same time."""
MAX_DELIVERIES_PER_HOST = 4
"""How many of them go to the same host."""
PUT_OFF_SECONDS = 5.0
"""The delay of a webhook whose host has enough of them: a slow host delays its own webhooks, not those of others."""
SLICE_SECONDS = 10.0
"""After this time a deliverer ends, so that its worker handles documents and pages first."""
POLL_SECONDS = 0.25
"""The longest time between two checks for due webhooks, in seconds."""
CLAIM_MARGIN_SECONDS = 5.0
"""A claim outlasts the deadline of its delivery by this much, for what is written before and after."""
LEASE_SECONDS = 8.0
"""The lease that makes a deliverer the only one; it is renewed while it works."""
JITTER_SHARE = 0.1
"""The share by which pauses vary, so that many webhooks are not tried again at once."""
MAX_RETRY_AFTER_SECONDS = 3600.0
"""A longer Retry-After of a server is shortened to this."""
MAX_TRIES_KEPT = 10
"""How many tries a webhook's record lists, the last ones."""
GONE = 410
"""The HTTP status with which a server refuses a webhook for good."""
LAST_TRY_BEFORE_EXPIRY = timedelta(hours=1)
"""The time of the last try if the schedule would outlast the job: a whole day is tried, and a webhook that was given up can
still be replayed."""
MIN_LAST_PAUSE = timedelta(minutes=1)
"""If less time is left before that, no last try is made."""


class Deliverer:
    """Delivers due webhooks, several at once. It ends when none is due, or to free its worker."""

    def __init__(self, settings: Settings, redis: Redis, storage: Storage) -> None:
        self.settings = settings
        self.redis = redis
        self.storage = storage
        self.outbox = Outbox(redis)
        self.started = time.monotonic()
        self.hosts: Counter[str] = Counter()

    async def run(self) -> None:
        """Deliver until nothing is due or the slice is over; nothing happens if another deliverer works. Raises RedisError."""
        lease = self.redis.lock("webhooks:deliverer", timeout=LEASE_SECONDS, thread_local=False)
        self.redis.delete("webhooks:rung")
        if not lease.acquire(blocking=False):
            return
        with contextlib.suppress(LockNotOwnedError):
            try:
                await self._deliver_on(lease.reacquire)
            finally:
                lease.release()
        # After a whole slice the worker handles documents and pages first; the sweep enqueues a deliverer again.
        if not self._must_end():
            queue.enqueue_deliverer(self.redis)

    async def _deliver_on(self, keep_lease: Callable[[], object]) -> None:
        """Claim and deliver until nothing is due or in progress. Raises LockNotOwnedError if the lease was lost."""
        certificates, check = httpx2.create_ssl_context(), AddressCheck(self.settings.webhooks.allow_hosts)
        tasks: set[asyncio.Task[None]] = set()
        while True:
            for announcement in self._claim(MAX_DELIVERIES - len(tasks)):
                tasks.add(asyncio.create_task(self._deliver(announcement, PinnedTransport(check, certificates))))
            if not tasks:
                return
            done, tasks = await asyncio.wait(tasks, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            keep_lease()

    def _must_end(self) -> bool:
        """Return whether to claim nothing more, since the slice is over or this process was asked to stop."""
        return draining.is_set() or time.monotonic() - self.started > SLICE_SECONDS

    def _claim(self, most: int) -> Iterator[Announcement]:
        """Claim at most ``most`` webhooks to deliver now, of each host only a few at once."""
        while most > 0 and not self._must_end():
            span = self.settings.webhooks.timeout_seconds + CLAIM_MARGIN_SECONDS
            due = self.outbox.claim(most, span)
            if not due:
                return
            for announcement in messages.load_announcements(self.redis, due):
                if (settled := self._with_body(announcement)).body and self._reserve_host(settled):
                    most -= 1
                    yield settled

    def _with_body(self, announcement: Announcement) -> Announcement:
        """Fix the body before the first try, so that a page that is read again later does not change it."""
        if announcement.body:
            return announcement
        body = self.outbox.keep_body(announcement.record_key, announcement.body_field, announcement.first_body)
        return replace(announcement, body=body)

    def _reserve_host(self, announcement: Announcement) -> bool:
        """Return whether one more request to the host is allowed now. If not, delay the webhook."""
        if self.hosts[announcement.message.host] < MAX_DELIVERIES_PER_HOST:
            self.hosts[announcement.message.host] += 1
            return True
        self.outbox.complete_delivery(announcement.name, announcement.webhook, PUT_OFF_SECONDS)
        return False

    async def _deliver(self, announcement: Announcement, transport: PinnedTransport) -> None:
        """Try once to deliver a webhook and record the outcome."""
        subject = announcement.subject
        structlog.contextvars.bind_contextvars(job_id=announcement.id, **subject.card.log_fields)
        answer = await self._try(announcement, transport)
        webhook, delay = state_after_try(
            announcement.webhook,
            subject.expires_at,
            answer,
            self.settings.webhooks.retry_seconds,
            clock.now(self.redis),
        )
        if not self.outbox.complete_delivery(announcement.name, webhook, delay):
            return
        counters.count(self.redis, "webhook_tries", webhook.state)
        record.publish(self.redis, announcement.id)
        facts = {"status": webhook.last_status, "error": webhook.last_error, "attempt": webhook.attempts}
        log.info("webhook_tried", job_id=announcement.id, webhook=announcement.event, outcome=webhook.state, **facts)
        if webhook.state != "pending":
            await asyncio.to_thread(self._store_outcome, announcement)

    async def _try(self, announcement: Announcement, transport: PinnedTransport) -> Answer:
        """Post the message once. An unexpected error is logged and returned as ``internal``."""
        answer = Answer(error="internal")
        with (
            task_boundary(lambda _: None, job_id=announcement.id, stage="deliver"),
            tracing.span("POST", "client", _span_facts(announcement), parent=announcement.subject.card.traceparent) as span,
        ):
            answer = await post(self.settings, announcement.message, transport, clock.now(self.redis))
            if answer.status is not None:
                span.note({"http.response.status_code": answer.status})
            if not answer.is_delivered:
                span.fail(answer.error or str(answer.status))
        self.hosts[announcement.message.host] -= 1
        return answer

    def _store_outcome(self, announcement: Announcement) -> None:
        """Write the outcome to storage, so that a job or batch rebuilt from there is not announced again."""
        try:
            if isinstance(announcement.subject, Job):
                store_state(self.redis, self.storage, announcement.id)
            elif (batch := batches.find(self.redis, announcement.id)) is not None:
                batches.store(self.storage, batch, batches.refused(self.redis, announcement.id))
        except StorageUnavailable:
            log.warning("webhook_outcome_not_stored", job_id=announcement.id)


def _span_facts(announcement: Announcement) -> dict[str, tracing.Attribute]:
    """Return the attributes of a try's span. The address is not among them: it may hold secrets."""
    return {
        "http.request.method": "POST",
        "http.request.resend_count": announcement.webhook.attempts,
        "server.address": announcement.message.host,
        "docparse.job.id": announcement.id,
        "docparse.webhook.event": announcement.event,
    }


def state_after_try(
    before: Webhook, expires: datetime | None, answer: Answer, pauses: Sequence[float], now: datetime
) -> tuple[Webhook, float]:
    """Return the state of a delivery after one more try, which ended at ``now``, and the seconds until the next (0 for none).

    ``pauses`` are the seconds between tries; ``expires`` is the time at which the job expires, None for never.
    """
    attempts = before.attempts + 1
    delay = _pause(pauses, attempts, answer.retry_after)
    due = None if delay is None else _before_expiry(now, now + timedelta(seconds=delay), expires)
    if answer.is_delivered or answer.status == GONE:
        due = None
    webhook = Webhook(
        state="delivered" if answer.is_delivered else "pending" if due else "failed",
        revision=before.revision,
        retry=before.retry,
        extraction=before.extraction,
        attempts=attempts,
        replays=before.replays,
        last_status=answer.status,
        last_error=answer.error,
        next_attempt_at=due,
        tries=[*before.tries, WebhookTry(at=now, status=answer.status, error=answer.error)][-MAX_TRIES_KEPT:],
    )
    return webhook, (due - now).total_seconds() if due else 0.0


def _before_expiry(now: datetime, due: datetime, expires: datetime | None) -> datetime | None:
    """Return the time of the next try; if the job expires before it, a time shortly before that, or None if that has passed."""
    if expires is None or due < expires:
        return due
    last = expires - LAST_TRY_BEFORE_EXPIRY
    return last if last - now > MIN_LAST_PAUSE else None


def _pause(pauses: Sequence[float], attempts: int, retry_after: float) -> float | None:
    """Return the seconds until the next try, None after the last: the schedule's, or the server's Retry-After if longer."""
    if attempts > len(pauses):
        return None
    planned = pauses[attempts - 1] * random.uniform(1, 1 + JITTER_SHARE)
    return max(planned, min(retry_after, MAX_RETRY_AFTER_SECONDS))
