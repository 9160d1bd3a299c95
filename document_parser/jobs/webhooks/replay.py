"""Deliver a webhook again when the operator asks for it, with the same id and the same body."""

from __future__ import annotations

from datetime import datetime

from document_parser.errors import JobNotComplete, WebhookMissing
from document_parser.jobs.records import deliveries, record
from document_parser.jobs.records.deliveries import id_of
from document_parser.jobs.records.job import Job
from document_parser.jobs.redis import clock
from document_parser.jobs.redis.connection import Redis
from document_parser.jobs.webhooks import messages
from document_parser.jobs.webhooks.messages import Announcement
from document_parser.jobs.webhooks.outbox import Outbox
from document_parser.models import Webhook
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

MAX_REPLAYS = 1000
"""The largest number of webhooks that one request replays."""


def replay(redis: Redis, job_id: str) -> Announcement:
    """Make a job's newest webhook due now and return it. A delivery that has ended starts its schedule again.

    A try under way is not disturbed. The newest webhook is that of the newest retry or extraction, if the job has one. Raises
    JobNotFound, JobExpired, JobNotComplete, WebhookMissing, RedisError.
    """
    announcement = _newest(record.load(redis, job_id))
    _replay(redis, announcement)
    return _newest(record.load(redis, job_id))


def _newest(job: Job) -> Announcement:
    """Return the newest event of a job. Raises WebhookMissing, or JobNotComplete if the job has not ended."""
    found = messages.announcements_of(job)
    if not found:
        raise WebhookMissing()
    if not job.state.has_ended:
        raise JobNotComplete()
    return found[-1]


def replay_failed(redis: Redis) -> int:
    """Make at most ``MAX_REPLAYS`` webhooks that were given up due now, the newest first. Return how many.

    Raises RedisError.
    """
    names = [name for name, _ in deliveries.newest(redis, failed=True, before=None, limit=MAX_REPLAYS)]
    found = messages.load_announcements(redis, names)
    for gone in set(map(id_of, names)) - {announcement.id for announcement in found}:
        deliveries.forget(redis, gone)
    return sum(_replay(redis, announcement) for announcement in found)


def _replay(redis: Redis, announcement: Announcement) -> bool:
    """Make an event's webhook due now. Return whether that changed anything."""
    again = _state_for_replay(announcement.webhook, clock.now(redis))
    # If the delivery has changed meanwhile, a try has just been made: no other is needed.
    done = again is not None and Outbox(redis).replay(announcement.name, announcement.webhook, again)
    if done:
        log.info("webhook_replayed", job_id=announcement.id, webhook=announcement.event, was=announcement.webhook.state)
        record.publish(redis, announcement.id)
    return done


def _state_for_replay(before: Webhook, now: datetime) -> Webhook | None:
    """Return the state of a delivery that must be tried now; None if a try is due or under way already."""
    if before.state != "pending":
        replays = before.replays + 1
        kept = before.model_dump(include={"revision", "retry", "extraction", "tries"})
        return Webhook(replays=replays, **kept)
    waits = before.next_attempt_at is not None and before.next_attempt_at > now
    return before.model_copy(update={"next_attempt_at": None}) if waits else None
