"""Write the webhook messages of a job: how it ended, and later its newest revision and its newest failed retry."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from document_parser.jobs.records import deliveries, record
from document_parser.jobs.records.deliveries import NEWS, EventKind
from document_parser.jobs.records.job import Job
from document_parser.jobs.records.retries import RetryOutcome
from document_parser.jobs.redis.connection import Redis
from document_parser.jobs.webhooks.http_post import Message
from document_parser.models import Webhook, format_utc


@dataclass(frozen=True, slots=True)
class Announcement:
    """One event that a job announces, and the state of its delivery."""

    job: Job
    news: EventKind
    webhook: Webhook

    @property
    def name(self) -> str:
        """Return the name of the webhook, as ``deliveries`` lists it."""
        return self.news.name_of(self.job.card.job_id)

    @property
    def event(self) -> str:
        """Return the type of the event, such as ``job.completed``."""
        return f"job.{self.news.kind or self.job.state.value}"

    @property
    def body(self) -> str:
        """Return the body of the message; empty if it has not been fixed yet."""
        said: str = getattr(self.job, self.news.body)
        return said

    @property
    def message(self) -> Message:
        """Return the message to post. It has the same id at every try of the same event."""
        return Message(self.job.card.webhook_url, f"msg_{self.job.card.job_id}{self._id_suffix()}", self.body)

    def _id_suffix(self) -> str:
        if self.webhook.revision is not None:
            return f"_r{self.webhook.revision}"
        return "" if self.webhook.retry is None else f"_retry{self.webhook.retry}"


def announcements_of(job: Job) -> list[Announcement]:
    """Return all events that a job announces, the newest last."""
    found = [Announcement(job, news, webhook) for news in NEWS if (webhook := getattr(job, news.webhook)) is not None]
    return sorted(found, key=lambda told: told.webhook.retry or 0)


def load_announcements(redis: Redis, names: Sequence[str]) -> list[Announcement]:
    """Return the events with these names whose jobs still exist, in the order of ``names``. Raises RedisError."""
    jobs = record.load_many(redis, list(dict.fromkeys(deliveries.job_of(name) for name in names)))
    found = {announcement.name: announcement for job in jobs for announcement in announcements_of(job)}
    return [found[name] for name in names if name in found]


def body_of_end(job: Job) -> str:
    """Return the body of the message about the end of a job, as JSON."""
    return _body(f"job.{job.state.value}", job.completed_at or job.card.created_at, job, {})


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
