"""Jobs as records in Redis, without a service: their cards, their ready pages, and actors that have died."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from document_parser.jobs.records import record
from document_parser.jobs.records.job import PUBLIC, JobCard
from document_parser.jobs.records.ledger import Ledger
from document_parser.jobs.redis.connection import Redis
from document_parser.models import Options, Page

JOB = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"


def make_card(job_id: str = JOB, **facts: Any) -> JobCard:
    """The card of a job; ``facts`` are its other fields."""
    return JobCard(
        job_id=job_id,
        filename="scan.pdf",
        kind="pdf",
        **{
            "media_type": "application/pdf",
            "created_at": datetime.now(UTC),
            "size": 1,
            "sha256": "00",
            "options": Options(),
            **facts,
        },
    )


def card_with_webhook(url: str) -> JobCard:
    """The card of another job at each call, whose end is told to this address."""
    return make_card(str(uuid.uuid4()), webhook_url=url)


def add_ready_job(
    ledger: Ledger, redis: Redis, pages: int, job_id: str = JOB, lane: str = "normal", owner: str = PUBLIC
) -> str:
    """Add a job whose pages are all ready."""
    ledger.heartbeat("planner", [])
    record.create(redis, make_card(job_id, owner=owner), None)
    claim = ledger.claim_stage(job_id, "plan", "planner", alone=True)
    ledger.create_entries(job_id, pages, range(1, pages + 1), lane)
    ledger.make_ready(job_id, range(1, pages + 1))
    ledger.close_plan(claim)
    return job_id


def read_blank(ledger: Ledger, job_id: str, pages: int) -> None:
    """Read a document whose pages are all blank."""
    ledger.heartbeat("planner", [])
    claim = ledger.claim_stage(job_id, "plan", "planner", alone=True)
    ledger.create_entries(job_id, pages, range(1, pages + 1))
    for number in range(1, pages + 1):
        ledger.finish(ledger.claim_planned_page(job_id, number, "planner"), Page(number=number, status="blank"))
    ledger.close_plan(claim)


def mark_dead(redis: Redis, actor: str) -> None:
    """Put an actor's last heartbeat far into the past: what a kill -9 leaves behind."""
    redis.zadd("actors", {actor: 1})
