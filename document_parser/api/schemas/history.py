"""The history of jobs in the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from document_parser.api.schemas.base import EXAMPLE_JOB_ID, Moment, Query, Searched
from document_parser.jobs.records.job import ID_PATTERN

HistoryState = Literal["queued", "processing", "completed", "failed", "cancelled", "deleted"]
"""The state of a job in the history."""


HISTORY_CURSOR = rf"([0-9]{{1,17}}_{ID_PATTERN})?"
"""Pattern of a cursor of the history. Empty for the beginning."""


class HistoryQuery(Query):
    """The query of the history of jobs."""

    text: Searched = Field(
        default="", description="Only documents with this in their name, or with this job id or SHA-256.", max_length=256
    )
    owner: Searched = Field(default="", description="Only jobs of this owner.", max_length=64)
    state: HistoryState | SkipJsonSchema[Literal[""]] = Field(default="", description="Only jobs in this state.")
    error_code: Searched = Field(default="", description="Only jobs with this error.", max_length=64)
    since: Moment | None = Field(default=None, description="Only jobs that were sent from this moment on.")
    until: Moment | None = Field(default=None, description="Only jobs that were sent before this moment.")
    limit: int = Field(default=50, ge=1, le=500, description="Maximum number of jobs in the response.")
    cursor: str = Field(
        default="",
        pattern=f"^{HISTORY_CURSOR}$",
        description="next_cursor of the previous response.",
        json_schema_extra={"example": f"1798761600000000_{EXAMPLE_JOB_ID}"},
    )


class FailuresQuery(Query):
    """The query of the reasons for which jobs failed."""

    owner: Searched = Field(default="", description="Only jobs of this owner.", max_length=64)
    since: Moment | None = Field(default=None, description="Only jobs that were sent from this moment on.")
    until: Moment | None = Field(default=None, description="Only jobs that were sent before this moment.")


class HistoryJob(BaseModel):
    """A job as it was when it last changed. Texts are empty for what does not apply, or was removed for privacy."""

    job_id: str
    owner: str
    key_id: str
    state: HistoryState
    complete: bool | None
    filename: str
    media_type: str
    size: int
    sha256: str
    options: dict[str, Any]
    lane: str
    cache: str
    total_pages: int | None
    page_counts: dict[str, int]
    """Finished pages by outcome and by engine."""
    error_code: str
    error_message: str
    revision: int
    children: int
    parent: str
    batch_id: str
    webhook_host: str
    request_id: str
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    expires_at: datetime | None
    deleted_at: datetime | None


class HistoryPage(BaseModel):
    """Jobs of the history, newest first.

    A page of a search may have fewer jobs than ``limit`` and still a ``next_cursor``, which goes on with the search.
    """

    jobs: list[HistoryJob]
    next_cursor: str | None


class Failure(BaseModel):
    """How many jobs failed for one reason."""

    error_code: str
    meaning: str
    """What the code says to users; empty for a code that this release does not know."""
    jobs: int
    owners: int
    newest_at: datetime
    """When the newest of these jobs was sent."""


class Failures(BaseModel):
    """Why jobs failed, the most frequent reason first."""

    failures: list[Failure]
    jobs: int
    """All of them together."""
    is_whole: bool
    """False if there are more failed jobs than are counted at once; then the newest are counted."""
