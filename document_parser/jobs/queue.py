"""The doorbells: RQ jobs that tell workers what there is to do. What that is stands in the ledger."""

from __future__ import annotations

import contextlib
import re
import time
import uuid
from typing import Any

from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.job import Job as RqJob
from rq.job import JobStatus
from rq.serializers import JSONSerializer

from document_parser.jobs import record
from document_parser.jobs.connection import Redis, text
from document_parser.jobs.ledger import Ledger
from document_parser.jobs.record import JobCard
from document_parser.settings import Settings

DOCUMENTS = "documents"
PAGES = "pages"
QUEUES = (DOCUMENTS, PAGES)
HEARTBEAT_GRACE_SECONDS = 20.0
"""RQ's idle workers give a sign of life every five seconds."""

RESULT_SECONDS = 3600
FAILURE_SECONDS = 86_400
IS_PLAN = re.compile(r"[0-9a-f-]{36}")


def queue(redis: Redis, name: str) -> Queue:
    return Queue(name, connection=redis, serializer=JSONSerializer)


def submit(redis: Redis, card: JobCard, password_token: bytes | None) -> None:
    """Write the record and ring for a planner. The document and its ``job.json`` are stored already."""
    record.create(redis, card, password_token)
    ring_stage(redis, card.job_id, "plan", description=card.filename)


def ring_stage(redis: Redis, job_id: str, stage: str, description: str = "") -> None:
    """Ring for whoever plans, assembles or exports a document. A planner's RQ id is the job's id."""
    with redis.pipeline(transaction=False) as pipe:
        pipe.hset(f"job:{job_id}:rung", stage, int(time.time() * 1000))
        pipe.expire(f"job:{job_id}:rung", 86_400)
        pipe.execute()
    name, _, rest = stage.partition("-")
    arguments = [job_id, rest] if rest else [job_id]
    _enqueue(redis, DOCUMENTS, name, arguments, rq_id(job_id, stage), description or f"{stage} {job_id}", front=name != "plan")


def ring_readers(redis: Redis, ledger: Ledger, settings: Settings) -> None:
    """Call as many readers as there are workers, if pages are ready."""
    slots = max(live_workers(redis), 1)
    names = [f"read-{slot}-{uuid.uuid4().hex[:12]}" for slot in range(1, slots + 1)]
    for slot in ledger.ring(names):
        _enqueue(redis, PAGES, "read", [slot], names[slot - 1], f"read pages, reader {slot}", front=False)


def ring_deliverer(redis: Redis, ledger: Ledger) -> None:
    """Call one deliverer, if a webhook is due and none is at it or on its way."""
    name = f"deliver-{uuid.uuid4().hex[:12]}"
    if ledger.ring_deliverer(name, queue(redis, DOCUMENTS).key):
        _enqueue(redis, DOCUMENTS, "deliver", [], name, "deliver webhooks", front=True)


def rq_id(job_id: str, stage: str) -> str:
    return job_id if stage == "plan" else f"{job_id}-{stage}"


def job_of(rq_job_id: str) -> str:
    """The job for which a doorbell rings; empty for those of readers and deliverers."""
    found = IS_PLAN.match(rq_job_id)
    return found[0] if found else ""


def is_queued(redis: Redis, name: str, rq_job_id: str) -> bool:
    """Whether a doorbell still waits in its queue."""
    return redis.lpos(queue(redis, name).key, rq_job_id) is not None


def waiting_documents(redis: Redis) -> int:
    return int(redis.llen(queue(redis, DOCUMENTS).key))


def next_plan(redis: Redis) -> str | None:
    """The document that waits longest for its planner; None where none waits, or something else is first."""
    head = redis.lindex(queue(redis, DOCUMENTS).key, 0)
    return text(head) if head is not None and IS_PLAN.fullmatch(text(head)) else None


def take_plan(redis: Redis, job_id: str) -> bool:
    """Answer a document's bell without RQ, its plan being claimed; False where a worker was faster."""
    return bool(redis.lrem(queue(redis, DOCUMENTS).key, 1, job_id))


def plan_answered(redis: Redis, job_id: str) -> None:
    """Show the planner's RQ job as finished, as RQ would have."""
    with contextlib.suppress(NoSuchJobError):
        rung = RqJob.fetch(job_id, connection=redis, serializer=JSONSerializer)
        with redis.pipeline() as pipe:
            rung.set_status(JobStatus.FINISHED, pipeline=pipe)
            rung.finished_job_registry.add(rung, RESULT_SECONDS, pipeline=pipe)
            rung.cleanup(RESULT_SECONDS, pipeline=pipe)
            pipe.execute()


def live_workers(redis: Redis) -> int:
    """Workers that gave a sign of life lately. RQ lists dead ones until their keys expire."""
    keys = redis.smembers("rq:workers")
    with redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.hmget(key, "last_heartbeat", "death")
        replies = pipe.execute()
    return sum(is_alive(text(beat or b""), text(death or b"")) for beat, death in replies)


def is_alive(beat: str, death: str) -> bool:
    """Whether a worker gave a sign of life lately and has not said that it ended."""
    return bool(beat) and not death and _age_seconds(beat) < HEARTBEAT_GRACE_SECONDS


def _age_seconds(moment: str) -> float:
    from rq.utils import now, utcparse

    return float((now() - utcparse(moment)).total_seconds())


def _enqueue(
    redis: Redis, name: str, task: str, arguments: list[Any], rq_job_id: str, description: str, *, front: bool
) -> RqJob:
    # Timeout -1: RQ's 0 means its default of 180 s. Pages have deadlines of their own.
    return queue(redis, name).enqueue_call(
        func=f"document_parser.jobs.tasks.{task}",
        args=arguments,
        job_id=rq_job_id,
        timeout=-1,
        description=description,
        at_front=front,
        result_ttl=RESULT_SECONDS,
        failure_ttl=FAILURE_SECONDS,
    )
