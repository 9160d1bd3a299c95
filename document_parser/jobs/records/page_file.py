"""Read the stored file of a page."""

from __future__ import annotations

from pydantic import ValidationError

from document_parser.jobs.records import storage_keys
from document_parser.models import Page
from document_parser.storage import Storage, StoredFileMissing
from document_parser.telemetry import logs

log = logs.get_logger(__name__)


def read_page_file(storage: Storage, job_id: str, number: int, revision: int) -> Page | None:
    """Return the page as it was stored for a revision; None if there is no file, or if it is empty or torn.

    Raises StorageUnavailable.
    """
    try:
        return Page.model_validate_json(storage.get(storage_keys.page(job_id, number, revision)))
    except StoredFileMissing:
        return None
    except ValidationError:
        log.warning("page_file_torn", job_id=job_id, page=number)
        return None
