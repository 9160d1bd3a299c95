"""Batches: several documents that were sent together."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from document_parser.api.schemas.base import EXAMPLE_JOB_ID, Query
from document_parser.api.schemas.jobs import StatusQuery
from document_parser.api.schemas.results import _is_none
from document_parser.jobs.records.job import ID_PATTERN
from document_parser.models import BatchState, OutputFormat, PageError


class BatchPath(BaseModel):
    """The path of a batch."""

    batch_id: str = Field(
        description="The batch_id from the response to the upload.",
        json_schema_extra={"pattern": f"^{ID_PATTERN}$", "example": EXAMPLE_JOB_ID},
    )


PLACE = r"([0-9]{6}(\.[0-9]{6}){0,64})?"
"""Pattern of a place in a batch. Empty for the beginning."""


class BatchQuery(StatusQuery):
    """The query of a batch's status."""

    limit: int = Field(default=100, ge=0, le=1000, description="Maximum number of files in the response; 0 leaves them out.")
    cursor: str = Field(
        default="", description="next_cursor of the previous response.", json_schema_extra={"pattern": f"^{PLACE}$"}
    )


class BatchDownloadQuery(Query):
    """The query of a batch's download."""

    format: OutputFormat | SkipJsonSchema[Literal[""]] = Field(
        default="", description="Format of the results; default: Markdown and JSON of each file."
    )


class BatchJob(BaseModel):
    """A file of a batch: with its job, or with the error that refuses it."""

    name: str
    job_id: str | None = Field(default=None, exclude_if=_is_none)
    status_url: str | None = Field(default=None, exclude_if=_is_none)
    error: PageError | None = Field(default=None, exclude_if=_is_none)


class BatchAccepted(BaseModel):
    """The response to a batch."""

    batch_id: str
    status: BatchState
    jobs: list[BatchJob] = Field(description="The files in the order in which they were sent.")
    message: str
    status_url: str
    events_url: str
    download_url: str


class BatchCancelled(BaseModel):
    """The response to the cancellation of a batch."""

    batch_id: str
    status: BatchState
    message: str


class BatchDeleted(BaseModel):
    """The response to the deletion of a batch."""

    batch_id: str
    deleted_files: int
    deleted_keys: int
    """Number of entries of the job store that were deleted."""
    message: str
