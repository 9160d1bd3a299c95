"""Extract the values of a schema from a document that was read. Nothing is read again."""

from __future__ import annotations

from functools import partial

from pydantic import ValidationError

from document_parser.errors import ExtractionFailed, SchemaUnsupported, StorageUnavailable
from document_parser.extraction.einvoice import InvoiceData
from document_parser.extraction.schema import SchemaProblems
from document_parser.extraction.scopes import extract_pages
from document_parser.extraction.view import view_page
from document_parser.jobs import queue
from document_parser.jobs.ending import discard_files
from document_parser.jobs.records import children, record, storage_keys
from document_parser.jobs.records.job import Job
from document_parser.models import JobError, JobState
from document_parser.models.extraction import ExtractionOrder
from document_parser.storage import StoredFileMissing
from document_parser.telemetry import logs
from document_parser.workers.assemble import error_of, load_pages
from document_parser.workers.context import Context

log = logs.get_logger(__name__)


def extract_or_error(context: Context, job: Job, extraction_id: str) -> JobError | None:
    """Write the answer to an order. Return the error for those who wait for it, None if it was written. Raises RedisError."""
    write, stage = partial(_extract, context, job, extraction_id), queue.extraction_stage(extraction_id)
    return error_of(write, ExtractionFailed(), job_id=job.card.job_id, stage=stage)


def awaits_invoice(context: Context, job_id: str) -> bool:
    """Return whether the electronic invoice inside the document is still to be read, whose end enqueues the extraction again.

    Raises StorageUnavailable, RedisError.
    """
    job = context.load(job_id)
    inside = children.load(context.storage, job_id) if job is not None and job.children else []
    ids = [child.job_id for child in inside if child.invoice is not None and child.job_id is not None]
    unread = [one.card.job_id for one in record.load_many(context.redis, ids) if not one.state.has_ended] if ids else []
    if unread or (job is not None and job.awaits_invoice):
        record.note_awaited_invoice(context.redis, job_id, unread[0] if unread else "")
    return bool(unread)


def report(context: Context, job_id: str) -> None:
    """Store how the extractions of a job have ended, and have its webhook delivered. Raises RedisError."""
    record.publish(context.redis, job_id)
    for job in record.load_many(context.redis, [job_id]):
        try:
            # For a record that is rebuilt from there: nothing is announced twice.
            record.store_card(context.storage, job.card, ended=job)
        except StorageUnavailable as fault:
            log.warning("extraction_not_noted", job_id=job_id, code=fault.code)
        if job.webhook is not None:
            queue.enqueue_deliverer(context.redis)
    if context.load(job_id) is None:
        # Deleted meanwhile: what was written since then is removed as well.
        discard_files(context.redis, context.storage, job_id)


def _invoice_data(context: Context, job: Job) -> InvoiceData | None:
    """Return the electronic invoice inside the document, if it has been read; None if there is none."""
    for child in children.load(context.storage, job.card.job_id) if job.children else []:
        if child.invoice is not None and child.job_id is not None and (inner := context.load(child.job_id)) is not None:
            if inner.state is not JobState.COMPLETED:
                continue
            pages = load_pages(context, child.job_id, context.ledger.entries(child.job_id))
            return InvoiceData([view_page(page, origin="xml") for page in pages], child.name)
    return None


def _extract(context: Context, job: Job, extraction_id: str) -> None:
    """Write the answer to an order. Raises SchemaUnsupported, PagesLost, StorageUnavailable, RedisError."""
    job_id = job.card.job_id
    key = storage_keys.extraction(job_id, extraction_id, job.revision)
    if context.storage.exists(key):
        return  # its worker died after it was written
    try:
        order = ExtractionOrder.model_validate_json(context.storage.get(storage_keys.extraction_order(job_id, extraction_id)))
        pages = load_pages(context, job_id, context.ledger.entries(job_id))
        answer = extract_pages(pages, order, _invoice_data(context, job))
    except (StoredFileMissing, ValidationError):
        raise ExtractionFailed("What was asked of the document is not stored. Ask again.") from None
    except SchemaProblems as error:
        raise SchemaUnsupported(problems=[one._asdict() for one in error.problems]) from None
    context.storage.put(key, answer.model_dump_json().encode())
