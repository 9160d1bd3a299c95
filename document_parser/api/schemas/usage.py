"""What was used, and the audit."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel, Field

from document_parser.accounts.identity import OWNER_PATTERN
from document_parser.api.schemas.base import Day, Moment, Query, Searched


class UsageQuery(Query):
    """The query of usage."""

    by: str = Field(
        default="day",
        description="What is added up apart: some of day, key, engine and owner, separated by commas.",
        json_schema_extra={"pattern": r"^((day|key|engine|owner)(,(day|key|engine|owner)){0,3})?$"},
    )
    since: Day | None = Field(default=None, description="The first day, in UTC.")
    until: Day | None = Field(default=None, description="The last day.")
    owner: Searched = Field(
        default="",
        description="For admins: usage of this owner; * for all. Without it, one's own.",
        max_length=64,
        json_schema_extra={"pattern": rf"^({OWNER_PATTERN}|\*)?$"},
    )


class AuditQuery(Query):
    """The query of the audit."""

    owner: Searched = Field(default="", description="Only what this owner's callers did.", max_length=64)
    key_id: Searched = Field(default="", description="Only what was done with this key.", max_length=36)
    action: Searched = Field(default="", description="Only this action, like result.read.", max_length=32)
    job_id: Searched = Field(default="", description="Only what was done to this job.", max_length=36)
    since: Moment | None = Field(default=None, description="Only entries from this moment on.")
    until: Moment | None = Field(default=None, description="Only entries before this moment.")
    limit: int = Field(default=50, ge=1, le=500, description="Maximum number of entries in the response.")
    cursor: int | None = Field(
        default=None, ge=1, le=2**53, description="next_cursor of the previous response.", json_schema_extra={"example": 1000}
    )


class UsageLine(BaseModel):
    """Usage added up. What it was not grouped by is None."""

    owner: str | None = None
    day: date | None = None
    key_id: str | None = None
    """Empty for what was sent without a key."""
    engine: str | None = None
    """``none`` for documents and bytes, and for pages that no engine read."""
    documents: int
    pages: int
    bytes: int
    seconds: float
    tokens: int
    extractions: int


class QuotaState(BaseModel):
    """What is left of a quota of the caller's owner."""

    quota: str
    """concurrent_jobs, documents_per_day, documents_per_month or pages_per_month."""
    limit: int
    used: int
    """With what was taken for documents that have not ended."""
    left: int
    resets_at: datetime | None
    """When the count begins anew; null for concurrent_jobs."""


class UsageReport(BaseModel):
    """What was used. It is seconds old."""

    by: list[str]
    usage: list[UsageLine]
    total: UsageLine
    tier: str
    """The tier of the caller; empty if none applies."""
    quotas: list[QuotaState]
    """Those of the caller's tier, at this moment."""


class AuditEntry(BaseModel):
    """Who did what, when, from where, and how it ended. Texts are empty for what does not apply."""

    id: int
    at: datetime
    owner: str
    key_id: str
    actor: str
    """key, operator, or anyone (with AUTH_MODE=off)."""
    action: str
    subject: str
    """The id of the batch or key that it was done to."""
    job_id: str
    address: str
    status: int
    """HTTP status of the answer."""
    request_id: str


class AuditPage(BaseModel):
    """Entries of the audit, newest first."""

    entries: list[AuditEntry]
    next_cursor: int | None
