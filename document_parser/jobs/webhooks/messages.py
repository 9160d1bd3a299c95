"""Write the webhook messages: how a job or batch ended, and later a job's newest revision, failed retry and extractions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from document_parser.jobs.records import batches, deliveries, record
from document_parser.jobs.records.deliveries import NEWS, EventKind
from document_parser.jobs.records.job import Job
from document_parser.jobs.records.retries import RetryOutcome
from document_parser.jobs.redis.connection import Redis
from document_parser.jobs.webhooks.http_post import Message
from document_parser.models import Webhook, format_utc

BATCH_ENDED = "batch.ended"
"""The type of the event at the end of a batch."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """One event that a job or batch announces, and the state of its delivery."""

    name: str
    """The name of the webhook, as ``deliveries`` lists it."""
    event: str
    """The type of the event, such as ``job.completed``."""
    subject: Job | batches.Batch
    """The job or batch as it was loaded."""
    record_key: str
    """The Redis key of its record."""
    body_field: str
    """The field of the record that keeps the body."""
    webhook: Webhook
    body: str
    """The body of the message; empty if it has not been fixed yet."""

    @property
    def id(self) -> str:
        """Return the id of the job or batch."""
        return deliveries.id_of(self.name)

    @property
    def message(self) -> Message:
        """Return the message to post. It has the same id at every try of the same event."""
        return Message(self.subject.card.webhook_url, f"msg_{self.id}{self._id_suffix()}", self.body)

    @property
    def first_body(self) -> str:
        """Return the body as it is fixed before the first try."""
        if not isinstance(self.subject, Job):
            return body_of_batch(self.subject)
        if self.webhook.extraction is not None:
            return _body_of_extraction(self.event, self.subject, self.webhook.extraction)
        return body_of_end(self.subject)

    def _id_suffix(self) -> str:
        if self.webhook.revision is not None:
            return f"_r{self.webhook.revision}"
        if self.webhook.extraction is not None:
            return f"_x{self.webhook.extraction}"
        return "" if self.webhook.retry is None else f"_retry{self.webhook.retry}"


def announcements_of(job: Job) -> list[Announcement]:
    """Return all events that a job announces, the newest last."""
    found = [_of_job(job, news, webhook) for news in NEWS if (webhook := getattr(job, news.webhook)) is not None]
    return sorted(found, key=lambda told: (told.webhook.retry or 0) + (told.webhook.extraction or 0))


def _of_job(job: Job, news: EventKind, webhook: Webhook) -> Announcement:
    job_id = job.card.job_id
    return Announcement(
        name=news.name_of(job_id),
        event=f"job.{news.kind or job.state.value}",
        subject=job,
        record_key=f"job:{job_id}",
        body_field=news.body,
        webhook=webhook,
        body=getattr(job, news.body),
    )


def announcement_of_batch(batch: batches.Batch) -> Announcement | None:
    """Return the event that a batch announces, None if it announces none."""
    if batch.webhook is None:
        return None
    batch_id = batch.card.batch_id
    return Announcement(
        name=batch_id + deliveries.BATCH_SUFFIX,
        event=BATCH_ENDED,
        subject=batch,
        record_key=batches.record_key(batch_id),
        body_field=batches.BODY_FIELD,
        webhook=batch.webhook,
        body=batch.webhook_body,
    )


def load_announcements(redis: Redis, names: Sequence[str]) -> list[Announcement]:
    """Return the events with these names whose jobs and batches still exist, in the order of ``names``. Raises RedisError."""
    of_batches = [name for name in names if name.endswith(deliveries.BATCH_SUFFIX)]
    of_jobs = [name for name in names if not name.endswith(deliveries.BATCH_SUFFIX)]
    jobs = record.load_many(redis, list(dict.fromkeys(map(deliveries.id_of, of_jobs))))
    found = {announcement.name: announcement for job in jobs for announcement in announcements_of(job)}
    for name in of_batches:
        batch = batches.find(redis, deliveries.id_of(name))
        if batch is not None and (announcement := announcement_of_batch(batch)) is not None:
            found[name] = announcement
    return [found[name] for name in names if name in found]


def body_of_batch(batch: batches.Batch) -> str:
    """Return the body of the message about the end of a batch, as JSON."""
    data = batch.to_status().model_dump(mode="json", exclude={"webhook", "jobs", "next_cursor"})
    data["status_url"] = f"/v1/batches/{batch.card.batch_id}"
    when = format_utc(batch.completed_at or batch.card.created_at)
    return json.dumps({"type": BATCH_ENDED, "timestamp": when, "data": data}, ensure_ascii=False)


def body_of_end(job: Job) -> str:
    """Return the body of the message about the end of a job, as JSON."""
    return _body(f"job.{job.state.value}", job.completed_at or job.card.created_at, job, {})


def _body_of_extraction(event: str, job: Job, number: int) -> str:
    """Return the body of the message about an extraction, as JSON: where its answer is. The values themselves are not in it."""
    listed = [one for one in job.to_status().extractions if one.number is not None]
    told = next((one for one in listed if one.number == number), listed[-1] if listed else None)
    when = told.ended_at if told is not None else None
    shown = told.model_dump(mode="json") if told is not None else None
    return _body(event, when or job.card.created_at, job, {"extraction": shown})


def add_body(job: Job, entries: Mapping[int, Mapping[str, Any]], outcome: RetryOutcome, now: datetime) -> RetryOutcome:
    """Return the outcome of a retry with the body of the message about it.

    ``job`` and ``entries`` are already as the outcome makes them.
    """
    failed = [number for number, entry in sorted(entries.items()) if "retry_error" in entry]
    job = job.model_copy(update={"rereading": None, "retry_failed_pages": failed})
    if outcome.revision is None:
        errors = [{"number": number, **entries[number]["retry_error"]} for number in failed]
        body = _body("job.retry_failed", now, job, {"retry_errors": errors})
    else:
        body = _body("job.revised", now, job, {"revised_pages": _revised_pages(entries)})
    return replace(outcome, failed_pages=failed, announced=body)


def _revised_pages(entries: Mapping[int, Mapping[str, Any]]) -> list[dict[str, int]]:
    """Return the pages that were read again, each with its revision."""
    found = [(number, entry["revision"]) for number, entry in sorted(entries.items()) if "revision" in entry]
    return [{"number": number, "revision": revision} for number, revision in found]


def _body(kind: str, when: datetime, job: Job, more: dict[str, Any]) -> str:
    """Return a message's body as JSON: its type, its time, the job's status and more facts."""
    data = job.to_status().model_dump(mode="json", exclude={news.webhook for news in NEWS})
    data |= {**more, "result_url": f"/v1/jobs/{job.card.job_id}/result"}
    return json.dumps({"type": kind, "timestamp": format_utc(when), "data": data}, ensure_ascii=False)
