"""Documents that are sent in pieces."""

from __future__ import annotations

from pydantic import BaseModel, Field

from document_parser.api.schemas.base import EXAMPLE_JOB_ID, Strict
from document_parser.jobs.records.job import ID_PATTERN


class UploadPath(BaseModel):
    """The path of a resumable upload."""

    upload_id: str = Field(
        description="The end of the Location from the response to the creation.",
        json_schema_extra={"pattern": f"^{ID_PATTERN}$", "example": EXAMPLE_JOB_ID},
    )


class UploadState(BaseModel):
    """What has come of a resumable upload."""

    upload_id: str
    offset: int = Field(description="Bytes that are stored.")
    length: int | None = Field(description="Bytes of the whole; null until it is announced.")
    complete: bool = Field(description="Whether a job can be made of it.")
    filename: str = Field(description="Name of the document's file; empty if it is not known.")
    expires_at: str = Field(description="When it is deleted if nothing more comes.")
    upload_url: str = Field(description="Address of the upload, for clients of tus.")


class UploadInit(Strict):
    """What is known of a document that will be sent in chunks."""

    filename: str = Field(default="", max_length=1024, description="Name of the document's file.")
    size: int | None = Field(default=None, ge=0, description="Bytes of the whole document.")


class UploadStarted(UploadState):
    """An upload in chunks that has begun."""

    chunk_bytes: int = Field(description="Bytes of each chunk but the last, if chunks are sent with an index.")
