"""Load the answers to extractions. One that is not there yet is made by a worker first."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from document_parser.api.middleware import errors
from document_parser.api.routes.stored_answers import WAIT_SECONDS, is_order_id, load_answer
from document_parser.errors import ExtractionNotFound
from document_parser.jobs import queue
from document_parser.jobs.records import record, storage_keys
from document_parser.jobs.records.extraction_orders import load_order, store_order
from document_parser.jobs.records.job import Job
from document_parser.models import JobExtraction, JobState
from document_parser.models.extraction import ExtractionOrder, lacks_model

if TYPE_CHECKING:
    from document_parser.api.services import Services


class FoundExtraction(NamedTuple):
    """An extraction that was asked for, and its answer as JSON; None if it is not there yet, or never will be."""

    shown: JobExtraction
    answer: bytes | None

    def as_json(self) -> bytes:
        """Return both as one JSON object: the state, and behind it the parts of the answer."""
        head = self.shown.model_dump_json().encode()
        return head if self.answer is None else head[:-1] + b"," + self.answer[1:]


def answer_to(
    services: Services,
    job: Job,
    order: ExtractionOrder,
    wait_seconds: float = WAIT_SECONDS,
    *,
    asks_model_again: bool = False,
) -> bytes | None:
    """Return the answer to an order, as JSON; have a worker make it first if it is not there. None if that takes longer.

    With ``asks_model_again`` one that was made while the model was away is made anew. Raises as ``load_answer``.
    """

    def is_final(answer: bytes) -> bool:
        return not (asks_model_again and order.model and lacks_model(answer))

    job_id, digest = job.card.job_id, order.digest
    key, request = storage_keys.extraction(job_id, digest, job.revision), partial(_request, services, job_id, order)
    return load_answer(services, job, "extraction", digest, key, request, wait_seconds=wait_seconds, is_final=is_final)


def request_answer(services: Services, job: Job, order: ExtractionOrder) -> None:
    """Have a worker make the answer to an order if it is not there, and do not wait. Raises StorageUnavailable, RedisError."""
    if job.state is JobState.COMPLETED and not _is_there(services, job, order.digest):
        _request(services, job.card.job_id, order)


def _request(services: Services, job_id: str, order: ExtractionOrder) -> None:
    """Store what is asked, list it with the job, and enqueue its task."""
    store_order(services.storage, job_id, order)
    if not record.order_extraction(services.redis, job_id, order.as_asked):
        record.load(services.redis, job_id)  # raises if the job was deleted meanwhile
    queue.enqueue_stage(services.redis, job_id, queue.extraction_stage(order.digest))


def answer_by_id(services: Services, job: Job, extraction_id: str) -> bytes | None:
    """Return the answer to what was asked before, as ``answer_to``. Raises ExtractionNotFound if it was not asked."""
    return answer_to(services, job, order_by_id(services, job, extraction_id))


def order_by_id(services: Services, job: Job, extraction_id: str) -> ExtractionOrder:
    """Return what was asked before. Raises ExtractionNotFound, StorageUnavailable."""
    order = load_order(services.storage, job.card.job_id, check_id(extraction_id))
    if order is None:
        raise ExtractionNotFound()
    return order


def asked_with_document(services: Services, job: Job) -> FoundExtraction | None:
    """Return the extraction that was asked for with the document, once it has ended or after WAIT_SECONDS; None if none was.

    Raises JobNotFound, JobExpired, StorageUnavailable, RedisError.
    """
    if job.card.extraction is None:
        return None
    shown = job.find_extraction(job.card.extraction.id) or job.card.extraction
    answer = None
    if shown.status not in ("failed", "skipped"):
        with contextlib.suppress(errors.RecordedError):  # it has failed, which its state says
            answer = answer_by_id(services, job, shown.id)
        job = record.load(services.redis, job.card.job_id)
        shown = job.find_extraction(shown.id) or shown
    if answer is not None:
        shown = shown.model_copy(update={"status": "completed", "error": None})
    return FoundExtraction(shown, answer)


def check_id(extraction_id: str) -> str:
    """Return the id of an extraction. Raises ExtractionNotFound for what is none."""
    if not is_order_id(extraction_id):
        raise ExtractionNotFound()
    return extraction_id


def _is_there(services: Services, job: Job, extraction_id: str) -> bool:
    return services.storage.exists(storage_keys.extraction(job.card.job_id, extraction_id, job.revision))
