"""Delivering a webhook again because the operator says so, under the same id and with the same body."""

from __future__ import annotations

from datetime import UTC, datetime

from document_parser import logs
from document_parser.errors import JobNotComplete, WebhookMissing
from document_parser.jobs import deliveries, record
from document_parser.jobs.connection import Redis
from document_parser.jobs.ledger import Ledger
from document_parser.jobs.record import Job
from document_parser.models import Webhook

log = logs.get(__name__)

MOST_AT_ONCE = 1000


def replay(redis: Redis, ledger: Ledger, job_id: str) -> Job:
    """Deliver a job's webhook now, on a schedule begun anew where it was over; a try under way is left alone.

    Raises JobNotFound, JobExpired, JobNotComplete, WebhookMissing.
    """
    job = record.load(redis, job_id)
    if job.webhook is None:
        raise WebhookMissing()
    if not job.state.ended:
        raise JobNotComplete()
    _replay(redis, ledger, job, job.webhook)
    return record.load(redis, job_id)


def replay_failed(redis: Redis, ledger: Ledger) -> int:
    """Deliver what was given up, the newest first, so many at most. How many."""
    job_ids = [job_id for job_id, _ in deliveries.newest(redis, failed=True, before=None, limit=MOST_AT_ONCE)]
    jobs = record.load_many(redis, job_ids)
    for gone in set(job_ids) - {job.card.job_id for job in jobs}:
        deliveries.forget(redis, gone)
    return sum(_replay(redis, ledger, job, job.webhook) for job in jobs if job.webhook is not None)


def _replay(redis: Redis, ledger: Ledger, job: Job, before: Webhook) -> bool:
    again = _again(before)
    # Where the delivery has moved on meanwhile, a try has just been made: that will do.
    done = again is not None and ledger.replay_webhook(job.card.job_id, before, again)
    if done:
        log.info("webhook_replayed", job_id=job.card.job_id, was=before.state)
        record.publish(redis, job.card.job_id)
    return done


def _again(before: Webhook) -> Webhook | None:
    """How the delivery stands once it is to be tried now; None where a try is due or under way already."""
    if before.state != "pending":
        return Webhook(replays=before.replays + 1, tries=before.tries)
    waits = before.next_attempt_at is not None and before.next_attempt_at > datetime.now(UTC)
    return before.model_copy(update={"next_attempt_at": None}) if waits else None
