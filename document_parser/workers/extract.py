"""Extract the values of a schema from a document that was read. Nothing is read again, and a model may be heard too."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from functools import partial

from pydantic import ValidationError

from document_parser.engines.vlm.structured import SERVER
from document_parser.errors import DocumentParserError, ExtractionFailed, SchemaUnsupported, StorageUnavailable
from document_parser.extraction.einvoice import InvoiceData
from document_parser.extraction.model.adviser import ModelAdviser, Pictures
from document_parser.extraction.schema import SchemaProblems
from document_parser.extraction.scopes import extract_pages
from document_parser.extraction.view import view_page
from document_parser.jobs import queue
from document_parser.jobs.ending import store_state
from document_parser.jobs.records import children, documents_due, record, storage_keys
from document_parser.jobs.records.extraction_orders import load_order
from document_parser.jobs.records.job import Job
from document_parser.jobs.records.usage import Changes
from document_parser.jobs.redis.breakers import RedisBreakers
from document_parser.jobs.redis.counters import NO_ENGINE
from document_parser.models import JobError, JobState, Page, PageImageSpec
from document_parser.models.extraction import Extraction, ExtractionOrder, ExtractionWarning, lacks_model
from document_parser.storage import Storage, StoredFileMissing
from document_parser.telemetry import logs
from document_parser.workers.assemble import error_of, load_pages
from document_parser.workers.context import Context
from document_parser.workers.open_documents import OpenDocuments

log = logs.get_logger(__name__)


def extract_or_error(context: Context, extraction_id: str, job: Job, used: Changes) -> JobError | None:
    """Write the answer to an order. Return the error for those who wait for it, None if it was written. Raises RedisError.

    What it counts for, and what a model spent, is added to ``used``.
    """
    write, stage = partial(_extract, context, job, extraction_id, used), queue.extraction_stage(extraction_id)
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


def list_foreign_order(context: Context, job_id: str, extraction_id: str) -> None:
    """List an extraction with the job that a web process of another version asked for, with a digest of its own as the id.

    The release before this one stores and enqueues an order without listing it, and only what is listed is made.
    Raises StorageUnavailable, RedisError.
    """
    job = context.load(job_id)
    if job is None or extraction_id in job.pending_extractions:
        return
    with contextlib.suppress(ValidationError):  # what makes the extraction says that there is no sound order
        order = load_order(context.storage, job_id, extraction_id)
        is_made = context.storage.exists(storage_keys.extraction(job_id, extraction_id, job.revision))
        if order is not None and order.digest != extraction_id and not is_made:
            record.order_extraction(context.redis, job_id, order.as_asked.model_copy(update={"id": extraction_id}))


def report(context: Context, job_id: str) -> None:
    """Store how the extractions of a job have ended, and have its webhook delivered. Raises RedisError."""
    record.publish(context.redis, job_id)
    try:
        store_state(context.redis, context.storage, job_id)  # so that nothing is announced twice
    except StorageUnavailable as fault:
        log.warning("extraction_not_noted", job_id=job_id, code=fault.code)
    for job in record.load_many(context.redis, [job_id]):
        if job.webhook is not None:
            queue.enqueue_deliverer(context.redis)


def _invoice_data(context: Context, job: Job) -> InvoiceData | None:
    """Return the electronic invoice inside the document, if it has been read; None if there is none."""
    for child in children.load(context.storage, job.card.job_id) if job.children else []:
        if child.invoice is not None and child.job_id is not None and (inner := context.load(child.job_id)) is not None:
            if inner.state is not JobState.COMPLETED:
                continue
            pages = load_pages(context, child.job_id, context.ledger.entries(child.job_id))
            return InvoiceData([view_page(page, origin="xml") for page in pages], child.name)
    return None


class PageImages:
    """Images of a job's pages for a model, drawn when they are asked for. All methods are called in one event loop."""

    def __init__(self, context: Context, job_id: str) -> None:
        """Open nothing yet."""
        self._documents = OpenDocuments(context)
        self._job_id = job_id
        own = context.settings.extract
        self._spec = PageImageSpec(dpi=own.picture_dpi, max_long_side=own.picture_long_side)
        self._rotations: dict[int, int] = {}

    def note(self, pages: Iterable[Page]) -> Iterator[Page]:
        """Yield pages, and note those that have an image, and how they were turned."""
        for page in pages:
            if page.location is None and page.status == "done":
                self._rotations[page.number] = page.rotation
            yield page

    async def page(self, number: int) -> bytes | None:
        """Return the image of a page; None if it has none or cannot be drawn. Raises RedisError."""
        if number not in self._rotations:
            return None
        with contextlib.suppress(DocumentParserError):
            async with self._documents.document(self._job_id) as document:
                return (await document.source.render(number, self._spec, self._rotations[number])).data
        return None

    async def close(self) -> None:
        """Close the document."""
        await self._documents.close_unused()


def _answer(context: Context, job: Job, order: ExtractionOrder, used: Changes) -> Extraction:
    """Return the answer to an order, by the pages and by the model that the order names. Raises as ``_extract``."""
    job_id = job.card.job_id
    pages = load_pages(context, job_id, context.ledger.entries(job_id))
    if not order.model or order.model != context.settings.extract_model_of(job.card.tier):
        answer = extract_pages(pages, order, _invoice_data(context, job))
        return answer if not order.model else _without_model(answer)
    images = PageImages(context, job_id)
    board = RedisBreakers(context.redis, context.settings.workers.heartbeat_timeout_seconds)
    with ModelAdviser(context.settings, board, Pictures(images.page, images.close)) as adviser:
        try:
            return extract_pages(images.note(pages), order, _invoice_data(context, job), adviser)
        finally:
            spent = adviser.spent
            if spent.requests:
                used[SERVER] = {"tokens": spent.tokens, "milliseconds": spent.milliseconds}


def _without_model(answer: Extraction) -> Extraction:
    """Return an answer for an order whose model this worker may not ask."""
    message = "The model could not be used: the settings of this worker name another one, or none. Ask again."
    warning = ExtractionWarning(code="model_unavailable", message=message)
    return answer.model_copy(update={"warnings": [*answer.warnings, warning]})


def _extract(context: Context, job: Job, extraction_id: str, used: Changes) -> None:
    """Write the answer to an order. Raises SchemaUnsupported, PagesLost, StorageUnavailable, RedisError."""
    job_id, storage = job.card.job_id, context.storage
    key = storage_keys.extraction(job_id, extraction_id, job.revision)
    if not _is_written(storage, key):
        try:
            order = ExtractionOrder.model_validate_json(storage.get(storage_keys.extraction_order(job_id, extraction_id)))
            answer = _answer(context, job, order, used)
        except (StoredFileMissing, ValidationError):
            raise ExtractionFailed("What was asked of the document is not stored. Ask again.") from None
        except SchemaProblems as error:
            raise SchemaUnsupported(problems=[one._asdict() for one in error.problems]) from None
        storage.put(key, answer.model_dump_json().encode())
    used.setdefault(NO_ENGINE, {})["extractions"] = 1
    documents_due.note(context.redis, documents_due.WrittenAnswer(job_id, extraction_id, job.revision))


def _is_written(storage: Storage, key: str) -> bool:
    """Return whether an answer is there, as after the death of its worker, and no model is worth being asked again for it."""
    try:
        return not lacks_model(storage.get(key))
    except StoredFileMissing:
        return False
