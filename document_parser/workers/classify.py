"""Say what documents a file holds whose pages were read. Nothing is read again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable

from pydantic import ValidationError

from document_parser.classification.classify import InvoiceFile, classify_pages
from document_parser.classification.judge import ModelJudge
from document_parser.classification.labels import load_labels, order_of
from document_parser.engines.vlm.structured import SERVER
from document_parser.errors import TierUnknown
from document_parser.jobs.records import children, documents_due, storage_keys
from document_parser.jobs.records.job import Job
from document_parser.jobs.records.usage import Changes
from document_parser.jobs.redis.breakers import RedisBreakers
from document_parser.models import Classification, ClassificationOrder, DocumentSegment, Page
from document_parser.models.classification import ASKED, MODEL_AWAY, ClassificationWarning
from document_parser.storage import StoredFileMissing
from document_parser.telemetry import logs
from document_parser.workers.context import Context

log = logs.get_logger(__name__)

ANOTHER_MODEL = ClassificationWarning(
    code=MODEL_AWAY,
    message="The model could not be asked: the settings of this worker name another one, or none. Ask again.",
)
"""The warning of an answer to an order whose model this worker may not ask."""


def classify_asked(
    context: Context, job: Job, pages: Callable[[], Iterable[Page]], used: Changes
) -> list[DocumentSegment] | None:
    """Return the documents of a file whose options ask for them; None if they do not, or LABELS_FILE no longer describes them.

    All formats of a revision have the same answer, which is stored beside those that were asked for later. A document that was
    read is not lost with its types. What a model spent is added to ``used``.

    Raises the errors of ``pages``, StorageUnavailable, RedisError.
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
    order = order.model_copy(update={"model": _model_of(context, job)})
    answer = find_or_classify(context, job, order, pages, used)
    context.storage.put(key, answer.model_dump_json().encode())
    documents_due.note(context.redis, documents_due.WrittenAnswer(job.card.job_id, ASKED, job.revision))
    return answer.segments


def find_or_classify(
    context: Context, job: Job, order: ClassificationOrder, pages: Callable[[], Iterable[Page]], used: Changes
) -> Classification:
    """Return the stored answer to an order; classify and store it if there is none, or if the model was away for it.

    Raises as ``classify_asked``.
    """
    key = storage_keys.classification(job.card.job_id, order.digest, job.revision)
    with contextlib.suppress(StoredFileMissing, ValidationError):
        found = Classification.model_validate_json(context.storage.get(key))
        if not found.lacks_model:
            return found
    answer = _classify(context, job, order, pages(), used)
    context.storage.put(key, answer.model_dump_json().encode())
    return answer


def _classify(context: Context, job: Job, order: ClassificationOrder, pages: Iterable[Page], used: Changes) -> Classification:
    """Return the answer to an order, by the pages and by the model that the order names. Raises as ``classify_asked``."""
    invoices = _invoices(context, job)
    if not order.model:
        return classify_pages(pages, order, invoices)
    if order.model != _model_of(context, job):
        answer = classify_pages(pages, order, invoices)
        return answer.model_copy(update={"warnings": [*answer.warnings, ANOTHER_MODEL]})
    board = RedisBreakers(context.redis, context.settings.workers.heartbeat_timeout_seconds)
    with ModelJudge(context.settings, board) as judge:
        try:
            return classify_pages(pages, order, invoices, judge)
        finally:
            if judge.spent.requests:
                used[SERVER] = {"tokens": judge.spent.tokens, "milliseconds": judge.spent.milliseconds}


def _model_of(context: Context, job: Job) -> str:
    """Return the model that documents of the job's tier are shown to; empty if none is, or the tier is gone."""
    try:
        return context.settings.extract_model_of(job.card.tier)
    except TierUnknown:
        return ""


def _invoices(context: Context, job: Job) -> list[InvoiceFile]:
    """Return the electronic invoices inside the document, whether they have been read or not. Raises StorageUnavailable."""
    inside = children.load(context.storage, job.card.job_id) if job.children else []
    return [InvoiceFile(child.name, child.part) for child in inside if child.invoice is not None]
