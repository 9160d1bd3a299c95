"""Define the tasks that RQ calls by name. Their arguments are ids only; what there is to do is in the ledger.

Every task may raise RedisError and StorageUnavailable: its claims lapse then, and the sweep enqueues the work again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from functools import partial

import structlog

from document_parser.jobs import queue
from document_parser.jobs.records import record
from document_parser.jobs.records.job import Job
from document_parser.jobs.records.usage import Changes
from document_parser.models import JobError
from document_parser.telemetry import tracing
from document_parser.workers import assemble as assembly
from document_parser.workers import classify_later as classification
from document_parser.workers import deliver as webhooks
from document_parser.workers import extract as extraction
from document_parser.workers import plan as planner
from document_parser.workers import reread
from document_parser.workers.context import Context, service_context, task_boundary, task_context
from document_parser.workers.heartbeat import Heartbeat
from document_parser.workers.read import Reader


def plan(job_id: str) -> None:
    """Open a document, create its ledger entries, read pages with a sound text layer, and leave the rest to the readers."""
    with _stage_of("plan", job_id) as context:
        asyncio.run(planner.plan(context, job_id))


def read(slot: int) -> None:
    """Read pages of any document for a slice of time."""
    with task_context() as context:
        asyncio.run(Reader(context, slot).run())


def deliver() -> None:
    """Deliver webhooks that are due, for a slice of time."""
    with service_context() as (settings, redis, storage):
        asyncio.run(webhooks.Deliverer(settings, redis, storage).run())


def assemble(job_id: str) -> None:
    """Write the result of a document whose pages are all finished, and end its job."""
    with (
        _task_of(job_id) as context,
        Heartbeat(context.ledger) as actor,
        task_boundary(partial(assembly.fail, context, job_id), stage="assemble"),
    ):
        assembly.assemble(context, job_id, actor.name, alone=True)


def export(job_id: str, name: str) -> None:
    """Write a format of the result that was requested after the end of the job."""
    with _document_task("export", job_id) as (context, actor):

        def write(job: Job, used: Changes) -> JobError | None:
            return assembly.export_or_error(context, job, name, used)

        _write_once(context, actor, job_id, f"export-{name}", write)


def extract(job_id: str, extraction_id: str) -> None:
    """Extract the values of a schema from the pages of a document that was read."""
    with _document_task("extract", job_id) as (context, actor):
        if not extraction.awaits_invoice(context, job_id):
            extraction.list_foreign_order(context, job_id, extraction_id)
            write = partial(extraction.extract_or_error, context, extraction_id)
            _write_once(context, actor, job_id, queue.extraction_stage(extraction_id), write)
            extraction.report(context, job_id)


def classify(job_id: str, classification_id: str) -> None:
    """Say what documents a file that was read holds."""
    with _document_task("classify", job_id) as (context, actor):

        def write(job: Job, used: Changes) -> JobError | None:
            return classification.classify_or_error(context, job, classification_id, used)

        _write_once(context, actor, job_id, f"classify-{classification_id}", write)


def retry(job_id: str) -> None:
    """Read pages of a document again, in the order of the requests."""
    with _stage_of("retry", job_id) as context:
        asyncio.run(reread.reread(context, job_id))


def _write_once(
    context: Context, actor: Heartbeat, job_id: str, stage: str, write: Callable[[Job, Changes], JobError | None]
) -> None:
    """Write what is written after the end of a job, unless another worker does, and tell those who wait how it went.

    ``write`` adds what it used to the usage that it is given.
    """
    claim = context.ledger.claim_stage(job_id, stage, actor.name, alone=True)
    job = context.load(job_id) if claim else None
    if claim is not None and job is not None:
        actor.hold(claim)
        used: Changes = {}
        context.ledger.finish_stage(claim, write(job, used), used)
        actor.drop(claim)


@contextlib.contextmanager
def _stage_of(name: str, job_id: str) -> Iterator[Context]:
    """Give the context of a task that is a stage of a job. Its log lines and spans belong to the job."""
    with _task_of(job_id) as context:
        parent = record.traceparent(context.redis, job_id) if tracing.recorder() is not None else ""
        with tracing.stage(name, job_id, parent):
            yield context


@contextlib.contextmanager
def _document_task(name: str, job_id: str) -> Iterator[tuple[Context, Heartbeat]]:
    with _stage_of(name, job_id) as context, Heartbeat(context.ledger) as actor:
        yield context, actor


@contextlib.contextmanager
def _task_of(job_id: str) -> Iterator[Context]:
    with structlog.contextvars.bound_contextvars(job_id=job_id), task_context() as context:
        yield context
