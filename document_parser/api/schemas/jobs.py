"""Jobs: what is asked of them, and how they answer an upload, a cancellation, a deletion."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from document_parser.accounts.identity import OWNER_PATTERN
from document_parser.api.schemas.base import ListQuery, Query
from document_parser.models import Child, JobState, JobStatus

EVENT_ID = r"([0-9]{1,19}(-[0-9]{1,19})?)?"
"""Pattern of an event id: milliseconds and a counter, as Redis numbers the entries of a stream.

Empty for the beginning.
"""


class EventsHeader(BaseModel):
    """The request header that resumes an event stream."""

    last_event_id: str = Field(
        default="",
        alias="Last-Event-ID",
        description="Resume after this event.",
        json_schema_extra={"pattern": f"^{EVENT_ID}$"},
    )


class EventsQuery(Query):
    """The query of an event stream."""

    last_event_id: str = Field(
        default="",
        pattern=f"^{EVENT_ID}$",
        description="Resume after this event. The header Last-Event-ID takes precedence.",
    )


class StatusQuery(Query):
    """The query of a job's status."""

    wait: float = Field(
        default=0,
        ge=0,
        le=60,
        description="Wait up to this many seconds for the job to end, and for pages that are read again.",
    )


class JobsQuery(ListQuery):
    """The query of the list of jobs."""

    status: JobState | SkipJsonSchema[Literal[""]] = Field(default="", description="Only jobs in this state.")
    owner: str = Field(
        default="",
        description="For admins: jobs of this owner instead of one's own.",
        max_length=64,
        json_schema_extra={"pattern": f"^({OWNER_PATTERN})?$"},
    )


class Accepted(BaseModel):
    """The response to an upload."""

    job_id: str
    status: JobState
    cache: Literal["hit", "miss", "off"] = Field(
        description="hit: the document was read before; miss: it was not; off: the cache is not used."
    )
    shared: bool = Field(description="Whether another job is reading the same document; this job gets its pages.")
    message: str
    status_url: str
    result_url: str


class Jobs(BaseModel):
    """One page of the list of jobs, newest first. ``next_cursor`` requests the next page; null at the end."""

    jobs: list[JobStatus]
    next_cursor: str | None


class Children(BaseModel):
    """The documents inside a job's document; empty until it has been opened."""

    job_id: str
    children: list[Child]


class Cancelled(BaseModel):
    """The response to the cancellation of a job."""

    job_id: str
    status: JobState
    message: str


class Deleted(BaseModel):
    """The response to the deletion of a job."""

    job_id: str
    deleted_files: int
    deleted_keys: int
    """Number of entries of the job store that were deleted."""
    message: str
