"""Webhooks: the server that a caller named is told when the job ends, and what came of reading a page of it again, signed by
the Standard Webhooks specification.

``end.lua`` makes the webhook due in the step that ends the job, ``settle_retry.lua`` in the one that raises the revision, or
keeps the page as it was. A deliverer, one at a time over all workers, claims what is due and posts it. A claim is only a later
due time, so one whose deliverer died comes again by itself: delivery is at least once, and its ``webhook-id`` stays the same.
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

from document_parser import logs
from document_parser.addresses import AddressCheck, PinnedTransport
from document_parser.errors import StorageUnavailable
from document_parser.jobs import announcements, clock, counters, queue, record
from document_parser.jobs.actor import draining
from document_parser.jobs.announcements import Announcement
from document_parser.jobs.connection import Redis
from document_parser.jobs.context import task_boundary
from document_parser.jobs.ending import discard_files
from document_parser.jobs.ledger import Ledger
from document_parser.jobs.posting import Answer, post
from document_parser.models import Webhook, WebhookTry
from document_parser.settings import Settings
from document_parser.storage import Storage

log = logs.get(__name__)

AT_ONCE = 16
MOST_AT_ONE_HOST = 4
PUT_OFF_SECONDS = 5.0
"""A host that answers slowly holds up its own webhooks, not those of others."""
SLICE_SECONDS = 10.0
POLL_SECONDS = 0.25
CLAIM_MARGIN_SECONDS = 5.0
"""A claim outlasts its delivery's deadline by this much, for what is written before and after."""
LEASE_SECONDS = 8.0
JITTER = 0.1
MOST_RETRY_AFTER_SECONDS = 3600.0
MOST_TRIES_KEPT = 10
GONE = 410
LAST_TRY_BEFORE_EXPIRY = timedelta(hours=1)
"""Where the schedule would outlast the job: so that a whole day is tried, and what was given up can still be replayed."""
LEAST_LAST_PAUSE = timedelta(minutes=1)


class Deliverer:
    """Delivers what is due, several at once. Ends when nothing is, or to make way, and then rings its successor."""

    def __init__(self, settings: Settings, redis: Redis, storage: Storage) -> None:
        self.settings = settings
        self.redis = redis
        self.storage = storage
        self.ledger = Ledger(redis, settings)
        self.started = time.monotonic()
        self.hosts: Counter[str] = Counter()

    async def run(self) -> None:
        lease = self.redis.lock("webhooks:deliverer", timeout=LEASE_SECONDS, thread_local=False)
        self.redis.delete("webhooks:rung")
        if not lease.acquire(blocking=False):
            return
        with contextlib.suppress(LockNotOwnedError):
            try:
                await self._deliver_on(lease.reacquire)
            finally:
                lease.release()
        # After a whole slice the worker is left to documents and pages first; the sweep rings again.
        if not self._makes_way():
            queue.ring_deliverer(self.redis, self.ledger)

    async def _deliver_on(self, keep_lease: Callable[[], object]) -> None:
        certificates, check = httpx2.create_ssl_context(), AddressCheck(self.settings.webhooks.allow_hosts)
        tasks: set[asyncio.Task[None]] = set()
        while True:
            for told in self._claim(AT_ONCE - len(tasks)):
                tasks.add(asyncio.create_task(self._deliver(told, PinnedTransport(check, certificates))))
            if not tasks:
                return
            done, tasks = await asyncio.wait(tasks, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            keep_lease()

    def _makes_way(self) -> bool:
        return draining.is_set() or time.monotonic() - self.started > SLICE_SECONDS

    def _claim(self, most: int) -> Iterator[Announcement]:
        """What to deliver now, so many at most; of one host only a few at once."""
        while most > 0 and not self._makes_way():
            span = self.settings.webhooks.timeout_seconds + CLAIM_MARGIN_SECONDS
            due = self.ledger.claim_webhooks(most, span)
            if not due:
                return
            for told in announcements.named(self.redis, due):
                if (settled := self._with_body(told)).body and self._has_room(settled):
                    most -= 1
                    yield settled

    def _with_body(self, told: Announcement) -> Announcement:
        """What it says is settled before the first try: a page that is read again later changes nothing of it."""
        if told.body:
            return told
        body = self.ledger.keep_body(told.job.card.job_id, told.news.body, announcements.of_end(told.job))
        return replace(told, job=told.job.model_copy(update={told.news.body: body}))

    def _has_room(self, told: Announcement) -> bool:
        """Whether the host may be asked once more now; where not, the webhook is put off."""
        if self.hosts[told.message.host] < MOST_AT_ONE_HOST:
            self.hosts[told.message.host] += 1
            return True
        self.ledger.settle_webhook(told.name, told.webhook, PUT_OFF_SECONDS)
        return False

    async def _deliver(self, told: Announcement, transport: PinnedTransport) -> None:
        """One try, and what follows from it."""
        job_id = told.job.card.job_id
        structlog.contextvars.bind_contextvars(job_id=job_id, request_id=told.job.card.request_id)
        answer = await self._try(told, transport)
        webhook, delay = after(
            told.webhook, told.job.expires_at, answer, self.settings.webhooks.retry_seconds, clock.now(self.redis)
        )
        if not self.ledger.settle_webhook(told.name, webhook, delay):
            return
        counters.count(self.redis, "webhook_tries", webhook.state)
        record.publish(self.redis, job_id)
        facts = {"status": webhook.last_status, "error": webhook.last_error, "attempt": webhook.attempts}
        log.info("webhook_tried", job_id=job_id, webhook=told.event, outcome=webhook.state, **facts)
        if webhook.state != "pending":
            await asyncio.to_thread(self._keep, job_id)

    async def _try(self, told: Announcement, transport: PinnedTransport) -> Answer:
        answer = Answer(error="internal")
        with task_boundary(lambda _: None, job_id=told.job.card.job_id, stage="deliver"):
            answer = await post(self.settings, told.message, transport, clock.now(self.redis))
        self.hosts[told.message.host] -= 1
        return answer

    def _keep(self, job_id: str) -> None:
        """Write the outcome beside the document, so that a job rebuilt from there is not announced again."""
        try:
            for job in record.load_many(self.redis, [job_id]):
                record.store_card(self.storage, job.card, ended=job)
            if not self.redis.exists(f"job:{job_id}"):
                # Deleted meanwhile: what was written since then goes as well.
                discard_files(self.redis, self.storage, job_id)
        except StorageUnavailable:
            log.warning("webhook_outcome_not_stored", job_id=job_id)


def after(
    before: Webhook, expires: datetime | None, answer: Answer, pauses: Sequence[float], now: datetime
) -> tuple[Webhook, float]:
    """How the delivery stands after one more try, which ended now, and the seconds until the next.

    ``expires``: when the job is gone.
    """
    attempts = before.attempts + 1
    delay = _pause(pauses, attempts, answer.retry_after)
    due = None if delay is None else _before_expiry(now, now + timedelta(seconds=delay), expires)
    if answer.delivered or answer.status == GONE:
        due = None
    webhook = Webhook(
        state="delivered" if answer.delivered else "pending" if due else "failed",
        revision=before.revision,
        retry=before.retry,
        attempts=attempts,
        replays=before.replays,
        last_status=answer.status,
        last_error=answer.error,
        next_attempt_at=due,
        tries=[*before.tries, WebhookTry(at=now, status=answer.status, error=answer.error)][-MOST_TRIES_KEPT:],
    )
    return webhook, (due - now).total_seconds() if due else 0.0


def _before_expiry(now: datetime, due: datetime, expires: datetime | None) -> datetime | None:
    """When to try again of a job that expires: where it would be gone by then, a while before that; None where that is over."""
    if expires is None or due < expires:
        return due
    last = expires - LAST_TRY_BEFORE_EXPIRY
    return last if last - now > LEAST_LAST_PAUSE else None


def _pause(pauses: Sequence[float], attempts: int, retry_after: float) -> float | None:
    """Seconds until the next try, None after the last: the schedule's, or what the server asked for where that is longer."""
    if attempts > len(pauses):
        return None
    planned = pauses[attempts - 1] * random.uniform(1, 1 + JITTER)
    return max(planned, min(retry_after, MOST_RETRY_AFTER_SECONDS))
