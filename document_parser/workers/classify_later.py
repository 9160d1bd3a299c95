"""Classify a document after the end of its job, when somebody asks."""

from __future__ import annotations

from functools import partial

from pydantic import ValidationError

from document_parser.errors import ClassificationFailed
from document_parser.jobs.records import storage_keys
from document_parser.jobs.records.job import Job
from document_parser.jobs.records.usage import Changes
from document_parser.models import ClassificationOrder, JobError
from document_parser.storage import StoredFileMissing
from document_parser.workers.assemble import error_of, load_pages
from document_parser.workers.classify import find_or_classify
from document_parser.workers.context import Context


def classify_or_error(context: Context, job: Job, classification_id: str, used: Changes) -> JobError | None:
    """Write the answer to an order. Return the error for those who wait for it, None if it was written. Raises RedisError.

    What a model spent is added to ``used``.
    """
    write, stage = partial(_classify, context, job, classification_id, used), f"classify-{classification_id}"
    return error_of(write, ClassificationFailed(), job_id=job.card.job_id, stage=stage)


def _classify(context: Context, job: Job, classification_id: str, used: Changes) -> None:
    """Write the answer to an order. Raises ClassificationFailed, PagesLost, StorageUnavailable, RedisError."""
    job_id = job.card.job_id
    try:
        stored = context.storage.get(storage_keys.classification_order(job_id, classification_id))
        order = ClassificationOrder.model_validate_json(stored)
    except (StoredFileMissing, ValidationError):
        raise ClassificationFailed("What was asked of the document is not stored. Ask again.") from None
    find_or_classify(context, job, order, lambda: load_pages(context, job_id, context.ledger.entries(job_id)), used)
