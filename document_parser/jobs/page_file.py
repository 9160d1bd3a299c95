"""The file of a page that was read."""

from __future__ import annotations

from pydantic import ValidationError

from document_parser import logs
from document_parser.jobs import files
from document_parser.models import Page
from document_parser.storage import Storage, StoredFileMissing

log = logs.get(__name__)


def read_page_file(storage: Storage, job_id: str, number: int, revision: int) -> Page | None:
    """Return the page as it was stored for a revision; None if there is no file, or an empty or torn one."""
    try:
        return Page.model_validate_json(storage.get(files.page(job_id, number, revision)))
    except StoredFileMissing:
        return None
    except ValidationError:
        log.warning("page_file_torn", job_id=job_id, page=number)
        return None
