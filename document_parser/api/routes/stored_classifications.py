"""Find the answers to classifications, and have workers make them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from document_parser.api.routes.stored_answers import WAIT_SECONDS, is_order_id, load_answer
from document_parser.errors import ClassificationNotFound
from document_parser.jobs import queue
from document_parser.jobs.records import storage_keys
from document_parser.jobs.records.job import Job
from document_parser.models import Classification, ClassificationOrder
from document_parser.storage import StoredFileMissing

if TYPE_CHECKING:
    from document_parser.api.services import Services


def answer_to(
    services: Services,
    job: Job,
    order: ClassificationOrder,
    wait_seconds: float = WAIT_SECONDS,
    *,
    asks_model_again: bool = False,
) -> bytes | None:
    """Return the answer to an order, as JSON; have a worker make it first if it is not there. None if that takes longer.

    With ``asks_model_again`` one that was made while the model was away is made anew. Raises as ``load_answer``.
    """
    job_id = job.card.job_id

    def request_answer() -> None:
        store_order(services, job_id, order)
        queue.enqueue_stage(services.redis, job_id, f"classify-{order.digest}")

    def is_final(answer: bytes) -> bool:
        return not (asks_model_again and order.model and Classification.model_validate_json(answer).lacks_model)

    key = storage_keys.classification(job_id, order.digest, job.revision)
    return load_answer(
        services,
        job,
        "classification",
        order.digest,
        key,
        request_answer,
        wait_seconds=wait_seconds,
        is_final=is_final,
    )


def store_order(services: Services, job_id: str, order: ClassificationOrder) -> None:
    """Store what is asked, so that it is found by its id. Raises StorageUnavailable."""
    services.storage.put(storage_keys.classification_order(job_id, order.digest), order.model_dump_json().encode())


def order_by_id(services: Services, job_id: str, classification_id: str) -> ClassificationOrder:
    """Return what was asked before. Raises ClassificationNotFound, StorageUnavailable."""
    if not is_order_id(classification_id):
        raise ClassificationNotFound()
    try:
        stored = services.storage.get(storage_keys.classification_order(job_id, classification_id))
    except StoredFileMissing:
        raise ClassificationNotFound() from None
    return ClassificationOrder.model_validate_json(stored)
