"""Show the files of a batch: each with its job's progress, or with the reason why it has none."""

from __future__ import annotations

import re
from collections.abc import Iterator

from document_parser.api.schemas import PLACE
from document_parser.api.services import Services
from document_parser.errors import InvalidOption
from document_parser.jobs.records import batches, record
from document_parser.jobs.records.batches import Batch, BatchEntry
from document_parser.jobs.records.job import Job
from document_parser.models import BatchFile, BatchStatus, FileState, JobState

MAX_FILES_PER_READ = 100
"""How many files are loaded at once where all of them are needed."""


def load_status(services: Services, batch: Batch, cursor: str, limit: int) -> BatchStatus:
    """Return the status of a batch with one page of its files. Raises InvalidOption if the cursor is malformed, RedisError."""
    if not re.fullmatch(PLACE, cursor):
        raise InvalidOption.for_fields({"field": "cursor", "problem": "unknown; send next_cursor of the previous response"})
    status = batch.to_status()
    if batch.card.archive:
        first = batches.entry(services.redis, batch.card.batch_id, batches.place_of(0))
        status.archive = first.job_id if first else None
    if limit:
        status.jobs, status.next_cursor = load_page(services, batch, cursor, limit)
    return status


def all_files(services: Services, batch: Batch) -> Iterator[BatchFile]:
    """Yield all files of a batch in their order. Raises RedisError."""
    cursor: str | None = ""
    while cursor is not None:
        found, cursor = load_page(services, batch, cursor, MAX_FILES_PER_READ)
        yield from found


def load_page(services: Services, batch: Batch, cursor: str, limit: int) -> tuple[list[BatchFile], str | None]:
    """Return at most ``limit`` files after the cursor, and the cursor of the page after them; None at the end.

    A single archive is left out once it is unpacked, since the files in it are the files of the batch. Raises RedisError.
    """
    redis, batch_id = services.redis, batch.card.batch_id
    entries = batches.entries(redis, batch_id, cursor, limit + 1)
    more, entries = len(entries) > limit, entries[:limit]
    jobs = {job.card.job_id: job for job in record.load_many(redis, [entry.job_id for entry in entries if entry.job_id])}
    outcomes = batches.outcomes(redis, batch_id, [entry.place for entry in entries])
    found = [_file(entry, jobs.get(entry.job_id or ""), outcome) for entry, outcome in zip(entries, outcomes, strict=True)]
    outer = batches.place_of(0) if batch.card.archive else ""
    shown = [file for file in found if not (file.place == outer and file.status == "completed")]
    return shown, entries[-1].place if more else None


def _file(entry: BatchEntry, job: Job | None, outcome: str) -> BatchFile:
    """Return a file as callers see it."""
    shown = BatchFile(
        place=entry.place, name=entry.name, parent=entry.parent, job_id=entry.job_id, status="queued", error=entry.error
    )
    if job is None:
        shown.status = _state_without_job(entry, outcome)
        return shown
    shown.status = _state_of(job)
    shown.total_pages = job.total
    shown.finished_pages = job.counts.get("finished", 0)
    shown.flagged_pages = job.counts.get("flagged", 0)
    shown.status_url = f"/v1/jobs/{entry.job_id}/status"
    shown.result_url = f"/v1/jobs/{entry.job_id}/result"
    shown.error = job.error
    return shown


def _state_of(job: Job) -> FileState:
    if job.state is JobState.COMPLETED and job.complete is False:
        return "incomplete"
    return job.state.value


def _state_without_job(entry: BatchEntry, outcome: str) -> FileState:
    """Return the state of a file whose job does not exist: not yet, never, or not any more."""
    if entry.job_id is None:
        return "refused"
    if not outcome:
        return "queued"
    return "deleted" if outcome == "deleted" else "expired"
