"""A job: what is known of it, and how it is shown to its caller. How Redis keeps it: ``record``."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from document_parser.errors import DocumentParserError
from document_parser.models import (
    REREADING,
    JobError,
    JobState,
    JobStatus,
    Lane,
    Options,
    Progress,
    SourceKind,
    Webhook,
)

CacheState = Literal["hit", "miss", "off"]

PUBLIC = "public"
"""The owner of jobs while nobody has keys."""

SHOWN_COUNTS = ("blank", "failed", "flagged", "cached", "deepseek", "nanonets", "text_layer", "cpu")
"""Counts of finished pages that the progress shows, by their names in the ledger."""


class JobCard(BaseModel):
    """What is known of a job from its first moment; stored as ``job.json`` beside the document."""

    job_id: str
    owner: str = PUBLIC
    filename: str
    media_type: str
    kind: SourceKind
    sha256: str
    size: int
    options: Options
    created_at: datetime
    lane: Lane = "normal"
    """Before the document has been opened."""
    webhook_url: str = ""
    idempotency_key: str = ""
    """A hash of it; empty where none came."""
    fingerprint: str = ""
    """Of everything that came with the key."""
    request_id: str = ""
    """Of the upload: it stands in every line that the log has of the job."""


class Job(BaseModel):
    """A job as Redis knows it."""

    card: JobCard
    state: JobState
    lane: Lane = "normal"
    cache: CacheState = "off"
    shared: bool = False
    waits_for: str = ""
    """The job that reads the same document meanwhile."""
    planned: bool = False
    total: int | None = None
    page_count: int | None = None
    counts: dict[str, int] = {}
    started_at: datetime | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None
    error: JobError | None = None
    complete: bool | None = None
    revision: int = 1
    locked: bool = False
    """It came with a password, which went with its end."""
    rereading: int | None = None
    """The page that is read again, or will be next."""
    webhook: Webhook | None = None
    webhook_body: str = ""
    """What it says; empty until it was first tried."""
    revised_webhook: Webhook | None = None
    revised_body: str = ""
    retry_failed_webhook: Webhook | None = None
    retry_failed_body: str = ""
    retries: int = 0
    """How many pages were read again so far, or were to be and could not."""
    retry_failed_pages: list[int] = []
    seen_at: datetime | None = None
    """When Redis told this, on its own clock."""
    foretold: bool = False
    """Whether somebody foretells: nobody does where no worker has been for a while."""
    seconds_left: float | None = None
    queue_position: int | None = None

    @property
    def closed(self) -> bool:
        return self.planned and self.counts.get("finished", 0) == self.total

    @property
    def at_rest(self) -> bool:
        """Ended, and no page of it is read again or will be."""
        return self.state.ended and self.rereading is None

    def show(self) -> JobStatus:
        return JobStatus(
            job_id=self.card.job_id,
            status=self.state,
            stage=self._stage(),
            lane=self.lane,
            cache=self._cache(),
            shared=self.shared,
            queue_position=self.queue_position if self.state is JobState.QUEUED else None,
            filename=self.card.filename,
            complete=self.complete,
            revision=self.revision,
            retry_failed_pages=self.retry_failed_pages,
            progress=self._progress(),
            created_at=self.card.created_at,
            started_at=self.started_at,
            completed_at=self.completed_at,
            expires_at=self.expires_at,
            error=self.error,
            webhook=self.webhook,
            revised_webhook=self.revised_webhook,
            retry_failed_webhook=self.retry_failed_webhook,
        )

    def _cache(self) -> CacheState:
        cached, finished = self.counts.get("cached", 0), self.counts.get("finished", 0)
        if self.cache == "miss" and cached and cached == finished == self.total:
            return "hit"
        return self.cache

    def _stage(self) -> str:
        if self.rereading is not None:
            return f"{REREADING}{self.rereading}"
        if self.state is not JobState.PROCESSING:
            return self.state.value
        if self.total is None:
            return "opening"
        return "assembling" if self.closed else "reading"

    def _progress(self) -> Progress:
        names = {"current_page": "current"} | {f"{name}_pages": name for name in SHOWN_COUNTS}
        finished = self.counts.get("finished", 0)
        progress = Progress(
            total_pages=self.total,
            percent=round(100 * finished / self.total, 1) if self.total else 0.0,
            eta_seconds=self._eta(finished),
            **{field: self.counts.get(name, 0) for field, name in names.items()},
        )
        return progress.model_copy(update={"percent": 100.0}) if self.state is JobState.COMPLETED else progress

    def _eta(self, finished: int) -> int | None:
        """What is foretold; until the pace of the service is known, what the job's own past lets expect.

        None where nobody works: no past tells when that ends.
        """
        if self.state.ended or not self.foretold:
            return None
        if self.seconds_left is not None:
            return round(self.seconds_left)
        if not finished or not self.total or self.started_at is None or self.seen_at is None:
            return None
        elapsed = (self.seen_at - self.started_at).total_seconds()
        return max(0, round(elapsed / finished * (self.total - finished)))


def as_job_error(error: DocumentParserError) -> JobError:
    """The error as a job's record keeps it."""
    return JobError(
        code=error.code, message=error.message, status=error.status, retryable=error.retryable, details=error.details
    )
