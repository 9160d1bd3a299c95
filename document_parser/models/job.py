"""How a job stands, as a caller is told."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field, field_serializer

from document_parser.models.enums import JobState, Lane, utc_text

REREADING = "rereading page "
"""How the stage begins while a page of a completed job is read again."""


class JobError(BaseModel):
    """Why a job failed; ``status`` is the HTTP status that says the same."""

    code: str
    message: str
    status: int
    retryable: bool = False
    details: dict[str, Any] = Field(default_factory=dict)


class ResultWarning(BaseModel):
    """A warning of a page, by its code."""

    page: int
    code: str


class ResultFacts(BaseModel):
    """What is known of a result beside its content."""

    stripped: int = 0
    """How many lines of running heads and feet the texts leave out, bare page numbers not counted."""


class Progress(BaseModel):
    """Counts of finished pages."""

    current_page: int = 0
    total_pages: int | None = None
    deepseek_pages: int = 0
    nanonets_pages: int = 0
    text_layer_pages: int = 0
    cpu_pages: int = 0
    blank_pages: int = 0
    cached_pages: int = 0
    failed_pages: int = 0
    flagged_pages: int = 0
    """Read, with a warning: somebody should look at them."""
    percent: float = 0.0
    eta_seconds: int | None = None


class WebhookTry(BaseModel):
    """One try to deliver a webhook: the HTTP status of the answer, or what went wrong before there was one."""

    at: datetime
    status: int | None = None
    error: str | None = None

    @field_serializer("at", when_used="json")
    def _utc(self, value: datetime) -> str:
        return utc_text(value)


WebhookState = Literal["pending", "delivered", "failed"]


class Webhook(BaseModel):
    """How the delivery of a job's webhook goes; the newest tries stand last. Never the URL, which may hold secrets."""

    state: WebhookState = "pending"
    revision: int | None = Field(default=None, description="The revision it tells of; null where it tells of none.")
    retry: int | None = Field(
        default=None, description="Which of the job's retries it tells of, from 1; null where it tells of the job's end."
    )
    attempts: int = Field(default=0, description="Tries since there was something to tell, or since the last replay.")
    replays: int = Field(default=0, description="How often the operator began anew.")
    last_status: int | None = None
    last_error: str | None = None
    next_attempt_at: datetime | None = None
    tries: list[WebhookTry] = []

    @field_serializer("next_attempt_at", when_used="json")
    def _utc(self, value: datetime | None) -> str | None:
        return None if value is None else utc_text(value)


class Delivery(Webhook):
    """A webhook of a job, for the operator: of its address the host alone."""

    job_id: str
    event: str
    host: str
    ended_at: datetime | None
    expires_at: datetime | None

    @field_serializer("ended_at", "expires_at", when_used="json")
    def _moments(self, value: datetime | None) -> str | None:
        return None if value is None else utc_text(value)


class Replayed(BaseModel):
    """How many given-up deliveries are tried again, and how many are left for a further call."""

    replayed: int
    left: int


class Pinged(BaseModel):
    """What came of a ping: the status of the answer, or why there was none."""

    delivered: bool
    status: int | None
    error: str | None
    milliseconds: int
    webhook_id: str


class JobStatus(BaseModel):
    """What the status route shows."""

    job_id: str
    status: JobState
    stage: str = ""
    lane: Lane = "normal"
    cache: Literal["hit", "miss", "off"] = "off"
    """Whether all of it was read before; ``off`` where the cache was not asked."""
    shared: bool = False
    """Whether another job that was there first reads, or has read, the document for this one too."""
    queue_position: int | None = None
    """Place among the jobs that nobody has begun, from 1."""
    filename: str
    complete: bool | None = None
    revision: int = 1
    """Raised each time a page was read again: the result is another one."""
    retry_failed_pages: list[int] = []
    """Pages whose newest reading again failed: they are as they were, and say why in ``retry_error``."""
    progress: Progress = Field(default_factory=Progress)
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None
    error: JobError | None = None
    webhook: Webhook | None = None
    revised_webhook: Webhook | None = None
    """The same for the newest revision, from the first page on that was read again."""
    retry_failed_webhook: Webhook | None = None
    """The same for the newest reading again that failed."""

    @property
    def at_rest(self) -> bool:
        """Ended, and no page of it is being read again or will be."""
        return self.status.ended and not self.stage.startswith(REREADING)

    @field_serializer("created_at", "started_at", "completed_at", "expires_at", when_used="json")
    def _utc(self, value: datetime | None) -> str | None:
        return None if value is None else utc_text(value)
