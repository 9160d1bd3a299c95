"""What RQ calls, by these names. Arguments are ids and nothing else; what there is to do stands in the ledger."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from functools import partial

import structlog

from document_parser.jobs import assembly, planner, rereading, webhooks
from document_parser.jobs.actor import Actor
from document_parser.jobs.context import Context, service_context, task_boundary, task_context
from document_parser.jobs.reader import Reader
from document_parser.models import OutputFormat


def plan(job_id: str) -> None:
    """Open a document, lay its ledger, read its sound text layers, give the rest to the readers."""
    with structlog.contextvars.bound_contextvars(job_id=job_id), task_context() as context:
        asyncio.run(planner.plan(context, job_id))


def read(slot: int) -> None:
    """Read pages of any document for a slice of time."""
    with task_context() as context:
        asyncio.run(Reader(context, slot).run())


def deliver() -> None:
    """Tell callers' servers of jobs that have ended, for a slice of time."""
    with service_context() as (settings, redis, storage):
        asyncio.run(webhooks.Deliverer(settings, redis, storage).run())


def assemble(job_id: str) -> None:
    """Write the result of a document whose pages are all read."""
    with _document_task(job_id) as (context, actor), task_boundary(partial(assembly.fail, context, job_id), stage="assemble"):
        assembly.assemble(context, job_id, actor.name, alone=True)


def export(job_id: str, name: OutputFormat) -> None:
    """Write a format that was asked for after the job had ended."""
    with _document_task(job_id) as (context, actor):
        claim = context.ledger.claim_stage(job_id, f"export-{name}", actor.name, alone=True)
        job = context.load(job_id) if claim else None
        if claim is not None and job is not None:
            actor.hold(claim)
            context.ledger.finish_stage(claim, assembly.export_fault(context, job, name))
            actor.drop(claim)


def retry(job_id: str) -> None:
    """Read pages of a document again, in the order in which that was asked for."""
    with structlog.contextvars.bound_contextvars(job_id=job_id), task_context() as context:
        asyncio.run(rereading.reread(context, job_id))


@contextlib.contextmanager
def _document_task(job_id: str) -> Iterator[tuple[Context, Actor]]:
    with structlog.contextvars.bound_contextvars(job_id=job_id), task_context() as context, Actor(context.ledger) as actor:
        yield context, actor
