"""Webhooks: the server that a caller named is told when the job ends, signed by the Standard Webhooks specification.

``end.lua`` makes the webhook due in the step that ends the job. A deliverer, one at a time over all workers, claims what is
due and posts it. A claim is only a later due time, so one whose deliverer died comes again by itself: delivery is at least
once, and its ``webhook-id`` stays the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import httpx2
import structlog
from redis.exceptions import LockNotOwnedError

from document_parser import logs
from document_parser.addresses import AddressCheck, PinnedTransport
from document_parser.errors import StorageUnavailable
from document_parser.jobs import counters, files, queue, record
from document_parser.jobs.actor import draining
from document_parser.jobs.connection import Redis
from document_parser.jobs.context import task_boundary
from document_parser.jobs.ledger import Ledger
from document_parser.jobs.posting import Answer, Message, post
from document_parser.jobs.record import Job
from document_parser.models import Webhook, WebhookTry, utc_text
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
            for job in self._claim(AT_ONCE - len(tasks)):
                tasks.add(asyncio.create_task(self._deliver(job, PinnedTransport(check, certificates))))
            if not tasks:
                return
            done, tasks = await asyncio.wait(tasks, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            keep_lease()

    def _makes_way(self) -> bool:
        return draining.is_set() or time.monotonic() - self.started > SLICE_SECONDS

    def _claim(self, most: int) -> Iterator[Job]:
        """Jobs to deliver now, so many at most; of one host only a few at once."""
        while most > 0 and not self._makes_way():
            span = self.settings.webhooks.timeout_seconds + CLAIM_MARGIN_SECONDS
            due = self.ledger.claim_webhooks(most, span)
            if not due:
                return
            for job in record.load_many(self.redis, due):
                if self._has_room(job):
                    most -= 1
                    yield job

    def _has_room(self, job: Job) -> bool:
        """Whether the host may be asked once more now; where not, the webhook is put off."""
        if self.hosts[_host(job)] < MOST_AT_ONE_HOST:
            self.hosts[_host(job)] += 1
            return True
        self.ledger.settle_webhook(job.card.job_id, job.webhook or Webhook(), PUT_OFF_SECONDS)
        return False

    async def _deliver(self, job: Job, transport: PinnedTransport) -> None:
        """One try for one job, and what follows from it."""
        structlog.contextvars.bind_contextvars(job_id=job.card.job_id, request_id=job.card.request_id)
        answer, job_id = await self._try(job, transport), job.card.job_id
        webhook, delay = after(job, answer, self.settings.webhooks.retry_seconds)
        if not self.ledger.settle_webhook(job_id, webhook, delay):
            return
        counters.count(self.redis, "webhook_tries", webhook.state)
        record.publish(self.redis, job_id)
        facts = {"status": webhook.last_status, "error": webhook.last_error, "attempt": webhook.attempts}
        log.info("webhook_tried", job_id=job_id, outcome=webhook.state, **facts)
        if webhook.state != "pending":
            await asyncio.to_thread(self._keep, job.model_copy(update={"webhook": webhook}))

    async def _try(self, job: Job, transport: PinnedTransport) -> Answer:
        answer = Answer(error="internal")
        with task_boundary(lambda _: None, job_id=job.card.job_id, stage="deliver"):
            answer = await post(self.settings, message(job), transport)
        self.hosts[_host(job)] -= 1
        return answer

    def _keep(self, job: Job) -> None:
        """Write the outcome beside the document, so that a job rebuilt from there is not announced again."""
        job_id = job.card.job_id
        try:
            record.store_card(self.storage, job.card, ended=job)
            if not self.redis.exists(f"job:{job_id}"):
                # Deleted meanwhile: what was written since then goes as well.
                self.storage.delete_all(files.folder(job_id))
        except StorageUnavailable:
            log.warning("webhook_outcome_not_stored", job_id=job_id)


def message(job: Job) -> Message:
    """What a job's webhook says: the same id and the same body at every try."""
    return Message(job.card.webhook_url, f"msg_{job.card.job_id}", payload(job))


def payload(job: Job) -> str:
    """The body: the same at every try."""
    job_id, ended = job.card.job_id, job.completed_at or datetime.now(UTC)
    data = job.show().model_dump(mode="json", exclude={"webhook"})
    data["result_url"] = f"/v1/jobs/{job_id}/result"
    return json.dumps({"type": f"job.{job.state.value}", "timestamp": utc_text(ended), "data": data}, ensure_ascii=False)


def after(job: Job, answer: Answer, pauses: Sequence[float]) -> tuple[Webhook, float]:
    """How the delivery stands after one more try, and the seconds until the next."""
    before, now = job.webhook or Webhook(), datetime.now(UTC)
    attempts = before.attempts + 1
    delay = _pause(pauses, attempts, answer.retry_after)
    due = None if delay is None else _before_expiry(now, now + timedelta(seconds=delay), job.expires_at)
    if answer.delivered or answer.status == GONE:
        due = None
    webhook = Webhook(
        state="delivered" if answer.delivered else "pending" if due else "failed",
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


def _host(job: Job) -> str:
    return httpx2.URL(job.card.webhook_url).host


def _pause(pauses: Sequence[float], attempts: int, retry_after: float) -> float | None:
    """Seconds until the next try, None after the last: the schedule's, or what the server asked for where that is longer."""
    if attempts > len(pauses):
        return None
    planned = pauses[attempts - 1] * random.uniform(1, 1 + JITTER)
    return max(planned, min(retry_after, MOST_RETRY_AFTER_SECONDS))
