"""Say what documents a file holds whose pages were read. Nothing is read again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable

from pydantic import ValidationError

from document_parser.classification.classify import InvoiceFile, classify_pages
from document_parser.classification.labels import load_labels, order_of
from document_parser.jobs.records import children, documents_due, storage_keys
from document_parser.jobs.records.job import Job
from document_parser.models import Classification, ClassificationOrder, DocumentSegment, Page
from document_parser.models.classification import ASKED
from document_parser.storage import StoredFileMissing
from document_parser.telemetry import logs
from document_parser.workers.context import Context

log = logs.get_logger(__name__)


def classify_asked(context: Context, job: Job, pages: Callable[[], Iterable[Page]]) -> list[DocumentSegment] | None:
    """Return the documents of a file whose options ask for them; None if they do not, or LABELS_FILE no longer describes them.

    All formats of a revision have the same answer, which is stored beside those that were asked for later. A document that was
    read is not lost with its types. Raises the errors of ``pages``, StorageUnavailable, RedisError.
    """
    names = job.card.options.label_names
    if names is None:
        return None
    key = storage_keys.classification(job.card.job_id, ASKED, job.revision)
    with contextlib.suppress(StoredFileMissing, ValidationError):
        return Classification.model_validate_json(context.storage.get(key)).segments
    try:
        order = order_of(names, load_labels(context.settings.extraction.labels_file))
    except ValueError as error:
        log.warning("not_classified", job_id=job.card.job_id, reason=str(error))
        return None
    answer = find_or_classify(context, job, order, pages)
    context.storage.put(key, answer.model_dump_json().encode())
    documents_due.note(context.redis, documents_due.WrittenAnswer(job.card.job_id, ASKED, job.revision))
    return answer.segments


def find_or_classify(
    context: Context, job: Job, order: ClassificationOrder, pages: Callable[[], Iterable[Page]]
) -> Classification:
    """Return the stored answer to an order; classify and store it if there is none. Raises as ``classify_asked``."""
    key = storage_keys.classification(job.card.job_id, order.digest, job.revision)
    try:
        return Classification.model_validate_json(context.storage.get(key))
    except (StoredFileMissing, ValidationError):
        answer = classify_pages(pages(), order, _invoices(context, job))
        context.storage.put(key, answer.model_dump_json().encode())
        return answer


def _invoices(context: Context, job: Job) -> list[InvoiceFile]:
    """Return the electronic invoices inside the document, whether they have been read or not. Raises StorageUnavailable."""
    inside = children.load(context.storage, job.card.job_id) if job.children else []
    return [InvoiceFile(child.name, child.part) for child in inside if child.invoice is not None]
