"""A batch of documents as the API shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field, field_serializer

from document_parser.models.document import PageError
from document_parser.models.enums import format_utc
from document_parser.models.job import JobError, Webhook

BatchState = Literal["processing", "completed", "partial", "failed"]
"""The state of a batch: ``partial`` if some of its files were not read, or not completely, ``failed`` if none was read."""
FileState = Literal["queued", "processing", "completed", "incomplete", "failed", "cancelled", "refused", "deleted", "expired"]
"""The state of a file of a batch.

That of its job; ``incomplete`` if pages of it could not be read; ``refused`` if it has no job; ``deleted`` and ``expired`` if
its job is gone.
"""


class BatchPages(BaseModel):
    """Pages of all documents that have been opened, and those of them that are finished."""

    total: int = 0
    finished: int = 0


class BatchFile(BaseModel):
    """A file of a batch, or a document inside one."""

    place: str
    """Where it is in the batch: files in the order in which they were sent, and documents inside one behind it."""
    name: str
    parent: str | None = Field(default=None, description="For a document inside another one: the job of that one.")
    job_id: str | None = None
    status: FileState
    total_pages: int | None = None
    finished_pages: int = 0
    flagged_pages: int = 0
    status_url: str | None = None
    result_url: str | None = None
    error: JobError | PageError | None = Field(default=None, description="Why it was refused, or why its job failed.")


class BatchStatus(BaseModel):
    """The state of a batch, and its files one page at a time."""

    batch_id: str
    status: BatchState
    counts: dict[FileState, int] = Field(
        description="Number of files by state. An archive that was sent alone counts as the files in it."
    )
    files: int = Field(description="Number of files, those inside other files included.")
    pages: BatchPages = Field(default_factory=BatchPages)
    archive: str | None = Field(default=None, description="For a single archive: its job.")
    jobs: list[BatchFile] = []
    next_cursor: str | None = Field(default=None, description="Requests the next page of ``jobs``; null at the end.")
    created_at: datetime
    completed_at: datetime | None = None
    expires_at: datetime | None = None
    webhook: Webhook | None = None
    events_url: str
    download_url: str

    @field_serializer("created_at", "completed_at", "expires_at", when_used="json")
    def _utc(self, value: datetime | None) -> str | None:
        return None if value is None else format_utc(value)
