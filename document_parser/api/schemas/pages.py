"""Pages of a job, and their figures and images."""

from __future__ import annotations

from pydantic import BaseModel, Field

from document_parser.api.schemas.base import JobPath, Query
from document_parser.models import Attempt, EngineName, Page, PageError, PageState, PageWarning, WarningCode


class PagePath(JobPath):
    """The path of a page of a job."""

    number: int = Field(ge=1, description="Number of the page, from 1.", json_schema_extra={"example": 1})


class FigurePath(JobPath):
    """The path of a figure of a job."""

    name: str = Field(
        pattern=r"^page-[0-9]{4,7}(-r[0-9]{1,6})?-figure-[0-9]{1,3}\.jpg$",
        description="The name in ``picture`` of a figure's block.",
        json_schema_extra={"example": "page-0001-figure-1.jpg"},
    )


class ImageQuery(Query):
    """The query of a page's image."""

    revision: int = Field(default=0, ge=0, description="Revision of the page, as in its image_url.")


class PageEntry(BaseModel):
    """A page in the job's ledger."""

    number: int
    state: PageState
    engine: EngineName | None = None
    warnings: list[WarningCode] = []
    error: str | None = None


class Pages(BaseModel):
    """All pages of a job in ascending order; empty until the document has been opened."""

    job_id: str
    total: int | None
    pages: list[PageEntry]


class PageView(BaseModel):
    """One page, read or not, and the reasons for its reading."""

    job_id: str
    number: int
    state: PageState
    route: str = ""
    attempts: list[Attempt] = []
    warnings: list[PageWarning] = []
    error: PageError | None = None
    page: Page | None = None
    image_url: str
    rereading: bool = False
    """Whether a retry of the page is queued or running. Until it ends, this is the page as it was."""
    retry_error: PageError | None = None
    """Why the last retry of this page has changed nothing."""


class Rereading(BaseModel):
    """The response to the request to read a page again."""

    job_id: str
    number: int
    revision: int = Field(description="Revision of the current result.")
    message: str
    status_url: str
    events_url: str = Field(description="Address of the events that follow this response.")
