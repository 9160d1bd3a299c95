"""Define typed models of the service's responses."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from document_parser.errors import UnexpectedAnswer
from document_parser.models import (
    Attempt,
    BoundingBox,
    Child,
    Chunk,
    ChunkStrategy,
    Delivery,
    Document,
    DocumentSegment,
    EngineName,
    JobStatus,
    OutputFormat,
    Page,
    PageError,
    PageState,
    PageWarning,
    ResultWarning,
)
from document_parser.models.extraction import ResultExtraction

_Model = TypeVar("_Model", bound=BaseModel)


class Result(BaseModel):
    """The result of a job. The content is in the field named after its format.

    ``tables`` has ``{page, caption, csv}`` for each table.
    """

    job_id: str
    filename: str
    format: OutputFormat
    expires_at: datetime | None = None
    complete: bool
    revision: int = 1
    failed_pages: list[int] = Field(default_factory=list)
    stripped: int = 0
    segments: list[DocumentSegment] | None = None
    """The documents that the file holds; None unless it was classified."""
    missing_pages: list[int] | None = Field(default_factory=list)
    """Pages that were not read when the job was cancelled; None if it was cancelled before it was opened."""
    warnings: list[ResultWarning] = Field(default_factory=list)
    extraction: ResultExtraction | None = None
    """What was asked to be extracted with the document; None if nothing was."""
    markdown: str | None = None
    html: str | None = None
    text: str | None = None
    document: Document | None = None
    tables: list[dict[str, Any]] | None = None
    chunks: list[Chunk] | None = None


class UsedChunking(BaseModel):
    """How a document was parted into chunks."""

    max_tokens: int
    overlap: int
    strategy: ChunkStrategy
    encoding: str


class ChunkList(BaseModel):
    """The chunks of a document, in order."""

    job_id: str
    revision: int = 1
    complete: bool
    chunking: UsedChunking
    chunks: list[Chunk]


class CitedPage(BaseModel):
    """A page of a cited range: the addresses of its image and of the image with marks, and the boxes.

    The addresses are None for a part of a document without pages.
    """

    page: int
    image_url: str | None = None
    marked_image_url: str | None = None
    boxes: list[BoundingBox]


class Citation(BaseModel):
    """Where a range of the Markdown stands in the document."""

    revision: int = 1
    start: int
    end: int
    text: str
    pages: list[CitedPage]


class BatchJob(BaseModel):
    """A file of a batch that was sent: with its job, or with the error that refuses it."""

    name: str
    job_id: str | None = None
    error: PageError | None = None


class BatchAccepted(BaseModel):
    """A batch that was sent, and its files in the order in which they were sent."""

    batch_id: str
    jobs: list[BatchJob]


class PageEntry(BaseModel):
    """A page in the job's ledger. ``error`` is an error code."""

    number: int
    state: PageState
    engine: EngineName | None = None
    warnings: list[str] = Field(default_factory=list)
    error: str | None = None


class PageView(BaseModel):
    """One page of a job and the reasons for its reading. ``page`` is None until the page has been read."""

    number: int
    state: PageState
    route: str = ""
    attempts: list[Attempt] = Field(default_factory=list)
    warnings: list[PageWarning] = Field(default_factory=list)
    error: PageError | None = None
    page: Page | None = None
    rereading: bool = False
    retry_error: PageError | None = None
    """Why the last retry of this page has changed nothing."""


class JobList(BaseModel):
    """One page of the list of jobs, newest first. ``next_cursor`` requests the next page; None at the end."""

    jobs: list[JobStatus]
    next_cursor: str | None = None


class Pages(BaseModel):
    """All pages of a job."""

    pages: list[PageEntry]


class Children(BaseModel):
    """The documents inside a document."""

    children: list[Child]


class UploadState(BaseModel):
    """What has come of a resumable upload, in bytes."""

    upload_id: str
    offset: int


class Accepted(BaseModel):
    """A submission that the service has accepted."""

    job_id: str


class DeliveryList(BaseModel):
    """One page of the list of deliveries, newest first. ``next_cursor`` requests the next page; None at the end."""

    deliveries: list[Delivery]
    next_cursor: str | None = None


class Rereading(BaseModel):
    """A page that will be read again. ``revision`` is that of the result until then."""

    number: int
    revision: int


def parse_body(kind: type[_Model], body: bytes) -> _Model:
    """Parse a response body as ``kind``. Raises UnexpectedAnswer if the body has another shape."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise UnexpectedAnswer(expected=kind.__name__) from error
