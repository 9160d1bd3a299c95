"""The documents whose values are kept, and the deletion of all that an owner has."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from document_parser.accounts.identity import OWNER_PATTERN
from document_parser.api.schemas.base import EXAMPLE_JOB_ID, Day, Moment, Query, Searched
from document_parser.jobs.records.job import ID_PATTERN

DOCUMENTS_CURSOR = rf"([0-9]{{1,17}}_{ID_PATTERN}_([0-9a-f]{{32}}|asked)_[0-9]{{1,6}})?"
"""Pattern of a cursor of the documents. Empty for the beginning."""


class DocumentsQuery(Query):
    """The query of the documents whose values are kept."""

    type: Searched = Field(default="", description="Only documents of this type, such as invoice.", max_length=64)
    invoice_number: Searched = Field(
        default="", description="Only the invoice with this number. Case and white space do not count.", max_length=256
    )
    order_number: Searched = Field(default="", description="Only what names this order number.", max_length=256)
    sha256: Searched = Field(
        default="", description="Only the file with this SHA-256.", max_length=64, json_schema_extra={"example": "a" * 64}
    )
    job_id: Searched = Field(default="", description="Only what was found by this job.", max_length=36)
    filename: Searched = Field(default="", description="Only documents with this in their name.", max_length=256)
    since: Moment | None = Field(default=None, alias="from", description="Only documents that were sent from this moment on.")
    until: Moment | None = Field(default=None, alias="to", description="Only documents that were sent before this moment.")
    dated_from: Day | None = Field(default=None, description="Only documents that give this date or a later one themselves.")
    dated_to: Day | None = Field(default=None, description="Only documents that give this date or an earlier one themselves.")
    owner: Searched = Field(
        default="",
        description="For admins: documents of this owner; * for all. Without it, one's own.",
        max_length=64,
        json_schema_extra={"pattern": rf"^({OWNER_PATTERN}|\*)?$"},
    )
    limit: int = Field(default=50, ge=1, le=500, description="Maximum number of documents in the response.")
    cursor: str = Field(
        default="",
        pattern=f"^{DOCUMENTS_CURSOR}$",
        description="next_cursor of the previous response.",
        json_schema_extra={"example": f"1798761600000000_{EXAMPLE_JOB_ID}_{'0' * 32}_0"},
    )


class OwnerDeleted(BaseModel):
    """The response to the deletion of all that an owner has. Each number was checked: nothing of it is there any more."""

    jobs: int
    cancelled_jobs: int
    """How many of the jobs had not ended."""
    batches: int
    uploads: int
    files: int
    redis_keys: int
    history: int
    """Jobs that were removed from the history in the database."""
    usage: int
    """Rows of usage that have become sums without a name."""
    api_keys: int
    """API keys that were revoked, the one of this request among them."""
    message: str


class KnownDocument(BaseModel):
    """A document, or a page of one, with the values that an extraction found."""

    job_id: str
    extraction_id: str = Field(
        validation_alias="source_id", description="The extraction that found the values; asked for the types of documents."
    )
    part: int
    """0 for the whole document; with the scope ``page``, the place in the answer, from 1; of a type the first page."""
    owner: str
    filename: str
    media_type: str
    sha256: str
    type: str
    status: Literal["complete", "partial"]
    invoice_number: str
    order_number: str
    dated: date | None
    fields: Any
    """The values, in the shape of their schema; null if they are too many to be kept."""
    ungrounded: list[str]
    """JSON pointers of the values that are not on a page."""
    created_at: datetime


class KnownDocuments(BaseModel):
    """Documents whose values are kept, newest first."""

    documents: list[KnownDocument]
    next_cursor: str | None


class DocumentsDeleted(BaseModel):
    """How many entries were deleted."""

    deleted: int
