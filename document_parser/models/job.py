"""The status of a job, as the API shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field, field_serializer

from document_parser.models.classification import DocumentSegment
from document_parser.models.enums import JobState, Lane, format_utc

REREADING = "rereading page "
"""How ``stage`` begins while a page of a completed job is read again."""
EXTRACTING = "extracting"
"""The ``stage`` of a completed job while values that were asked for are extracted from it."""


class JobError(BaseModel):
    """Why a job failed. ``status`` is the HTTP status with the same meaning."""

    code: str
    message: str
    status: int
    retryable: bool = False
    details: dict[str, Any] = Field(default_factory=dict)


class ResultWarning(BaseModel):
    """A warning of a page, by its code."""

    page: int
    code: str


ExtractionState = Literal["pending", "completed", "failed", "skipped"]
"""Whether an extraction waits for its document or a worker, has its answer, could not be made, or never will be since the job
failed or was cancelled."""


class ExtractionError(BaseModel):
    """Why an extraction failed."""

    code: str
    message: str


class JobExtraction(BaseModel):
    """An extraction that was asked of a job, and how far it is."""

    id: str
    schema_name: str | None = Field(default=None, description="The name of a prebuilt schema; null for one that was sent.")
    scope: Literal["document", "page", "row"] = "document"
    status: ExtractionState = "pending"
    number: int | None = Field(default=None, description="Counts the extractions of the job as they end, from 1.")
    ended_at: datetime | None = None
    error: ExtractionError | None = None
    url: str = Field(default="", description="Where the answer is.")

    @field_serializer("ended_at", when_used="json")
    def _utc(self, value: datetime | None) -> str | None:
        return None if value is None else format_utc(value)


class ResultFacts(BaseModel):
    """Facts about a result beside its content."""

    stripped: int = 0
    """How many lines of page headers and footers the texts leave out. Bare page numbers are not counted."""
    segments: list[DocumentSegment] | None = None
    """The documents that the file holds; None if that was not asked for, or could not be said."""


class Progress(BaseModel):
    """Counts of finished pages."""

    current_page: int = 0
    total_pages: int | None = None
    deepseek_pages: int = 0
    nanonets_pages: int = 0
    vlm_pages: int = 0
    text_layer_pages: int = 0
    cpu_pages: int = 0
    blank_pages: int = 0
    cached_pages: int = 0
    failed_pages: int = 0
    flagged_pages: int = 0
    """Pages read with a warning; a person should check them."""
    percent: float = 0.0
    eta_seconds: int | None = None


class WebhookTry(BaseModel):
    """One attempt to deliver a webhook: the HTTP status of the response, or what failed before there was one."""

    at: datetime
    status: int | None = None
    error: str | None = None

    @field_serializer("at", when_used="json")
    def _utc(self, value: datetime) -> str:
        return format_utc(value)


WebhookState = Literal["pending", "delivered", "failed"]
"""Whether a webhook waits for delivery, was delivered, or was given up."""


class Webhook(BaseModel):
    """The delivery of a job's webhook. The newest attempts come last. The URL is never shown, because it may hold secrets."""

    state: WebhookState = "pending"
    revision: int | None = Field(default=None, description="The revision that it reports; null if it reports none.")
    retry: int | None = Field(
        default=None, description="Which of the job's retries it reports, from 1; null if it reports the job's end."
    )
    extraction: int | None = Field(
        default=None, description="Which of the job's extractions it reports, from 1; null if it reports none."
    )
    attempts: int = Field(default=0, description="Attempts since the event, or since the last replay.")
    replays: int = Field(default=0, description="How often the operator started the delivery again.")
    last_status: int | None = None
    last_error: str | None = None
    next_attempt_at: datetime | None = None
    tries: list[WebhookTry] = []

    @field_serializer("next_attempt_at", when_used="json")
    def _utc(self, value: datetime | None) -> str | None:
        return None if value is None else format_utc(value)


class Delivery(Webhook):
    """A webhook of a job, or of the batch with this id, for the operator. Only the host of its address is shown."""

    job_id: str
    event: str
    host: str
    ended_at: datetime | None
    expires_at: datetime | None

    @field_serializer("ended_at", "expires_at", when_used="json")
    def _moments(self, value: datetime | None) -> str | None:
        return None if value is None else format_utc(value)


class Replayed(BaseModel):
    """How many given-up deliveries are tried again, and how many are left for another call."""

    replayed: int
    left: int


class Pinged(BaseModel):
    """The result of a ping: the status of the response, or why there was none."""

    delivered: bool
    status: int | None
    error: str | None
    milliseconds: int
    webhook_id: str


class Fetching(BaseModel):
    """Where a job's document comes from, if it was not uploaded, and how much of it has come."""

    address: str = Field(description="The address without its query, which may be a secret; or s3://bucket/key.")
    received_bytes: int = 0
    total_bytes: int | None = Field(default=None, description="Size of the document; null while the host does not say it.")


ResultCopyState = Literal["pending", "stored", "failed", "skipped"]
"""Whether a result waits to be put into the bucket, is there, was given up, or does not exist since the job failed or was
cancelled."""


class ResultCopy(BaseModel):
    """The copy of a result in the bucket that ``result_s3`` named."""

    state: ResultCopyState = "pending"
    uri: str = Field(description="The prefix of the result's files in the bucket.")
    revision: int | None = Field(default=None, description="The revision of the files that are there; null if none are.")
    attempts: int = 0
    error: JobError | None = Field(default=None, description="Why the last attempt failed; null if it did not.")
    next_attempt_at: datetime | None = None

    @field_serializer("next_attempt_at", when_used="json")
    def _utc(self, value: datetime | None) -> str | None:
        return None if value is None else format_utc(value)


class JobStatus(BaseModel):
    """What the status route shows."""

    job_id: str
    status: JobState
    stage: str = ""
    lane: Lane = "normal"
    cache: Literal["hit", "miss", "off"] = "off"
    """Whether the whole document came from the cache; ``off`` if the cache was not asked."""
    shared: bool = False
    """Whether another, earlier job reads or has read the document for this one too."""
    queue_position: int | None = None
    """Place among the jobs that have not begun, from 1."""
    filename: str
    complete: bool | None = None
    revision: int = 1
    """Raised each time a page is read again, which changes the result."""
    batch_id: str | None = None
    """The batch that it belongs to; null if it was sent by itself."""
    children: int = 0
    """How many documents are inside this one. The result lists them with their jobs."""
    extractions: list[JobExtraction] = []
    """The extractions that were asked of it, the newest last."""
    retry_failed_pages: list[int] = []
    """Pages whose newest retry failed. They are unchanged, and ``retry_error`` says why."""
    progress: Progress = Field(default_factory=Progress)
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None
    error: JobError | None = None
    source: Fetching | None = None
    """Where the document is fetched from; null if it was uploaded."""
    result_s3: ResultCopy | None = None
    """The copy of the result in a bucket; null if none was asked for."""
    webhook: Webhook | None = None
    revised_webhook: Webhook | None = None
    """The webhook of the newest revision, from the first page on that was read again."""
    retry_failed_webhook: Webhook | None = None
    """The webhook of the newest retry that failed."""
    extracted_webhook: Webhook | None = None
    """The webhook of the newest extraction."""
    extraction_failed_webhook: Webhook | None = None
    """The webhook of the newest extraction that failed."""

    @property
    def is_at_rest(self) -> bool:
        """Return whether the job has ended, and no page of it is being read again and nothing is being extracted."""
        return self.status.has_ended and not self.stage.startswith((REREADING, EXTRACTING))

    @field_serializer("created_at", "started_at", "completed_at", "expires_at", when_used="json")
    def _utc(self, value: datetime | None) -> str | None:
        return None if value is None else format_utc(value)
