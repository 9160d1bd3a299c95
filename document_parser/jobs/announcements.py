"""What a job has to tell by webhook: how it ended, and later its newest revision."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from document_parser.jobs import deliveries, record
from document_parser.jobs.connection import Redis
from document_parser.jobs.posting import Message
from document_parser.jobs.record import Job
from document_parser.models import Webhook, utc_text


@dataclass(frozen=True, slots=True)
class Announcement:
    """One thing to tell, and how its delivery stands."""

    job: Job
    webhook: Webhook

    @property
    def name(self) -> str:
        return deliveries.name_of(self.job.card.job_id, self.webhook)

    @property
    def event(self) -> str:
        return f"job.{self.job.state.value}" if self.webhook.revision is None else "job.revised"

    @property
    def body(self) -> str:
        """What is said of it; empty where that has not been settled yet."""
        return self.job.webhook_body if self.webhook.revision is None else self.job.revised_body

    @property
    def message(self) -> Message:
        """The same id at every try of the same news."""
        revision = "" if self.webhook.revision is None else f"_r{self.webhook.revision}"
        return Message(self.job.card.webhook_url, f"msg_{self.job.card.job_id}{revision}", self.body)


def of_job(job: Job) -> list[Announcement]:
    """What there is to tell of a job, the newest last."""
    return [Announcement(job, webhook) for webhook in (job.webhook, job.revised_webhook) if webhook is not None]


def named(redis: Redis, names: Sequence[str]) -> list[Announcement]:
    """Those of these names whose jobs are still there, in their order."""
    jobs = record.load_many(redis, list(dict.fromkeys(deliveries.job_of(name) for name in names)))
    found = {announcement.name: announcement for job in jobs for announcement in of_job(job)}
    return [found[name] for name in names if name in found]


def of_end(job: Job) -> str:
    """What is said of a job that has ended."""
    return _body(f"job.{job.state.value}", job.completed_at or job.card.created_at, job, {})


def of_revision(job: Job, revised: dict[int, int], now: datetime) -> str:
    """What is said of a job's new revision, made now. ``revised``: the pages that were read again, and each one's revision."""
    pages = [{"number": number, "revision": revision} for number, revision in sorted(revised.items())]
    return _body("job.revised", now, job, {"revised_pages": pages})


def _body(kind: str, when: datetime, job: Job, more: dict[str, Any]) -> str:
    data = job.show().model_dump(mode="json", exclude={"webhook", "revised_webhook"})
    data |= {**more, "result_url": f"/v1/jobs/{job.card.job_id}/result"}
    return json.dumps({"type": kind, "timestamp": utc_text(when), "data": data}, ensure_ascii=False)
