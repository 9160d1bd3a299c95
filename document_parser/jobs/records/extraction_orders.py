"""Keep what was asked to be extracted from a document, in storage beside its pages."""

from __future__ import annotations

from document_parser.jobs.records import storage_keys
from document_parser.models.extraction import ExtractionOrder
from document_parser.storage import Storage, StoredFileMissing


def store_order(storage: Storage, job_id: str, order: ExtractionOrder) -> None:
    """Store what was asked, for the worker and for those who ask again. Raises StorageUnavailable."""
    storage.put(storage_keys.extraction_order(job_id, order.digest), order.model_dump_json().encode())


def load_order(storage: Storage, job_id: str, extraction_id: str) -> ExtractionOrder | None:
    """Return what was asked; None if nothing was under this id. Raises StorageUnavailable, ValidationError."""
    try:
        return ExtractionOrder.model_validate_json(storage.get(storage_keys.extraction_order(job_id, extraction_id)))
    except StoredFileMissing:
        return None
