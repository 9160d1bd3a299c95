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
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx2
import structlog
from redis.exceptions import LockNotOwnedError
from standardwebhooks import Webhook as Signer

import document_parser
from document_parser import logs
from document_parser.addresses import AddressCheck, AddressRefused, PinnedTransport
from document_parser.errors import StorageUnavailable
from document_parser.jobs import counters, files, queue, record
from document_parser.jobs.actor import draining
from document_parser.jobs.connection import Redis
from document_parser.jobs.context import task_boundary
from document_parser.jobs.ledger import Ledger
from document_parser.jobs.record import Job
from document_parser.jobs.secrets import webhook_secret
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
CONNECT_SECONDS = 4.0
"""For each address of a host, so that one that swallows packets leaves time for the next."""
CLAIM_MARGIN_SECONDS = 5.0
"""A claim outlasts its delivery's deadline by this much, for what is written before and after."""
LEASE_SECONDS = 8.0
JITTER = 0.1
MOST_RETRY_AFTER_SECONDS = 3600.0
MOST_TRIES_KEPT = 10
MOST_ANSWER_BYTES = 4096
GONE = 410
USER_AGENT = f"document-parser/{document_parser.__version__}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one try: the HTTP status, or what went wrong before there was one."""

    status: int | None = None
    error: str | None = None
    retry_after: float = 0.0

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


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
            answer = await post(self.settings, job, transport)
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


async def post(settings: Settings, job: Job, transport: PinnedTransport) -> Answer:
    """Post a job's webhook once, within its deadline. Redirects are not followed; a bounded piece of the answer is read."""
    answer, deadlines = Answer(error="timeout"), httpx2.Timeout(None, connect=CONNECT_SECONDS)
    body, url = payload(job), job.card.webhook_url
    headers = signed_headers(webhook_secret(settings), job.card.job_id, body)
    try:
        async with (
            asyncio.timeout(settings.webhooks.timeout_seconds),
            httpx2.AsyncClient(transport=transport, trust_env=False, timeout=deadlines) as client,
            client.stream("POST", url, content=body, headers=headers, follow_redirects=False) as response,
        ):
            answer = Answer(response.status_code, retry_after=retry_after_seconds(response.headers.get("retry-after", "")))
            await _read_a_little(response)
    except TimeoutError:
        return answer
    except AddressRefused as refusal:
        return Answer(error=refusal.reason)
    except httpx2.TransportError as fault:
        # What comes after the status changes nothing about it.
        return answer if answer.status else Answer(error=_name(fault))
    return answer


def payload(job: Job) -> str:
    """The body: the same at every try."""
    job_id, ended = job.card.job_id, job.completed_at or datetime.now(UTC)
    data = job.show().model_dump(mode="json", exclude={"webhook"})
    data["result_url"] = f"/v1/jobs/{job_id}/result"
    return json.dumps({"type": f"job.{job.state.value}", "timestamp": utc_text(ended), "data": data}, ensure_ascii=False)


def signed_headers(secret: str, job_id: str, body: str) -> dict[str, str]:
    """The headers of one try. The id is the message's, whatever the try; the time is now."""
    message, now = f"msg_{job_id}", datetime.now(UTC)
    return {
        "webhook-id": message,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signer(secret).sign(message, now, body),
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "connection": "close",
    }


def after(job: Job, answer: Answer, pauses: Sequence[float]) -> tuple[Webhook, float]:
    """How the delivery stands after one more try, and the seconds until the next."""
    before, now = job.webhook or Webhook(), datetime.now(UTC)
    attempts = before.attempts + 1
    delay = _pause(pauses, attempts, answer.retry_after)
    due = None if delay is None else now + timedelta(seconds=delay)
    too_late = due is None or (job.expires_at is not None and due >= job.expires_at)
    if answer.delivered or answer.status == GONE or too_late:
        due, delay = None, None
    webhook = Webhook(
        state="delivered" if answer.delivered else "pending" if due else "failed",
        attempts=attempts,
        last_status=answer.status,
        last_error=answer.error,
        next_attempt_at=due,
        tries=[*before.tries, WebhookTry(at=now, status=answer.status, error=answer.error)][-MOST_TRIES_KEPT:],
    )
    return webhook, delay or 0.0


def _host(job: Job) -> str:
    return httpx2.URL(job.card.webhook_url).host


def _pause(pauses: Sequence[float], attempts: int, retry_after: float) -> float | None:
    """Seconds until the next try, None after the last: the schedule's, or what the server asked for where that is longer."""
    if attempts > len(pauses):
        return None
    planned = pauses[attempts - 1] * random.uniform(1, 1 + JITTER)
    return max(planned, min(retry_after, MOST_RETRY_AFTER_SECONDS))


async def _read_a_little(response: httpx2.Response) -> None:
    """Let the server finish its answer, if that is short; the content is not looked at."""
    read = 0
    async for chunk in response.aiter_raw():
        read += len(chunk)
        if read >= MOST_ANSWER_BYTES:
            return


def retry_after_seconds(header: str) -> float:
    """What a Retry-After header asks for, a number or a date; 0 where it is neither."""
    try:
        return float(header) if header.isdigit() else _seconds_until(parsedate_to_datetime(header))
    except ValueError:
        return 0.0


def _seconds_until(moment: datetime) -> float:
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _name(fault: BaseException) -> str:
    """What is told of a fault: never its text, which may quote the address."""
    if isinstance(fault, httpx2.TimeoutException):
        return "timeout"
    cause: BaseException | None = fault
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "tls_failed"
        cause = cause.__cause__ or cause.__context__
    return "connect_failed" if isinstance(fault, httpx2.ConnectError) else "connection_broken"
