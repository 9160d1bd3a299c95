"""The model of a job, and its status as callers see it. ``record`` keeps it in Redis."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from document_parser.errors import DocumentParserError
from document_parser.jobs.records.stored_options import CardWithOptions
from document_parser.models import (
    EXTRACTING,
    REREADING,
    Fetching,
    JobError,
    JobExtraction,
    JobState,
    JobStatus,
    Lane,
    Options,
    Progress,
    ResultCopy,
    SourceKind,
    Webhook,
)

CacheState = Literal["hit", "miss", "off"]
"""Whether the cache had the document when the job was created; ``off`` if the cache is not used for it."""

ID_PATTERN = r"[0-9a-f-]{36}"
"""Form of the ids of jobs, batches and uploads, which are UUIDs; a loose one, as a filter before Redis is asked."""
PUBLIC = "public"
"""The owner of everything that is sent without an API key."""

UNKNOWN_KIND: SourceKind = "text"
"""Stands for the kind of a document that has not been fetched yet. Nothing opens it before."""
SHOWN_COUNTS = ("blank", "failed", "flagged", "cached", "deepseek", "nanonets", "vlm", "text_layer", "cpu")
"""Counts of finished pages that the progress shows, by their names in the ledger."""


def log_fields(request_id: str, key_id: str) -> dict[str, str]:
    """Return the fields of a log line that name who sent a job. ``user_id`` is left out if no key did."""
    return {"request_id": request_id} | ({"user_id": key_id} if key_id else {})


class JobCard(CardWithOptions):
    """The facts of a job that are known at its upload; stored as ``job.json`` beside the document.

    ``sha256`` and ``size`` (bytes) are those of the uploaded file. Of a document that has not been fetched yet, the media type
    and ``sha256`` are empty, and its kind is not known.
    """

    job_id: str
    owner: str = PUBLIC
    key_id: str = ""
    """The id of the API key that sent it; empty if none was needed. Documents inside others have that of the upload."""
    tier: str = ""
    """The tier of the caller that sent it; empty if none applies. Documents inside others have that of the upload."""
    filename: str
    media_type: str
    kind: SourceKind
    sha256: str
    size: int
    options: Options
    extraction: JobExtraction | None = None
    """The extraction that was asked for with the document; None if there was none. Storage has what was asked."""
    exports: tuple[str, ...] = ()
    """Exports that are written before the job ends, beside its output format."""
    created_at: datetime
    lane: Lane = "normal"
    """The lane before the document has been opened."""
    webhook_url: str = ""
    result_s3: str = ""
    """The prefix in a bucket into which the result's files are put; empty if none was asked for."""
    unscanned: bool = False
    """Whether the document is stored, but not seen yet by the virus scanner, which was away. Nothing opens it before."""
    origin: str = ""
    """Where the document is fetched from, without the query of its address; empty for an upload."""
    idempotency_key: str = ""
    """A hash of the Idempotency-Key; empty if the upload had none."""
    fingerprint: str = ""
    """A hash of everything that was sent with the Idempotency-Key."""
    request_id: str = ""
    """The id of the upload's request; every log line about the job has it."""
    traceparent: str = ""
    """The span of the upload's request, to whose trace all work on the job belongs; empty if traces were off."""
    parent: str = ""
    """The id of the job whose document this one is inside; empty for an upload."""
    root: str = ""
    """The id of the upload's job that the document is inside, at whatever depth; empty for an upload."""
    depth: int = 0
    """How deep the document is inside others: 0 for an upload."""
    batch: str = ""
    """The id of the batch that the document belongs to; empty if it was sent by itself."""
    place: str = ""
    """Its place in the batch."""
    upload: str = ""
    """The id of the resumable upload that it was sent as; empty if it was sent in one request."""
    path: str = ""
    """Its path in the archive that it was unpacked from; empty if that is its filename."""

    @property
    def log_fields(self) -> dict[str, str]:
        """Return what log lines about the job name beside it: its request, and the key that sent it."""
        return log_fields(self.request_id, self.key_id)

    @property
    def is_fetched(self) -> bool:
        """Return whether the document is here to be read; False while it has to be fetched, or scanned for viruses."""
        return not self.unscanned and (not self.origin or bool(self.sha256))


class Job(BaseModel):
    """A job as its record in Redis describes it.

    ``total`` is the number of pages to read and ``page_count`` that of the document; both are None until it has been opened.
    """

    card: JobCard
    state: JobState
    lane: Lane = "normal"
    cache: CacheState = "off"
    shared: bool = False
    waits_for: str = ""
    """The id of the job that reads the same document meanwhile; empty if there is none."""
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
    """Whether the document had a password, which was deleted when the job ended."""
    rereading: int | None = None
    """The page that is being read again, or will be next; None if there is none."""
    webhook: Webhook | None = None
    webhook_body: str = ""
    """The body of the webhook; empty until it was first tried."""
    revised_webhook: Webhook | None = None
    revised_body: str = ""
    retry_failed_webhook: Webhook | None = None
    retry_failed_body: str = ""
    extracted_webhook: Webhook | None = None
    extracted_body: str = ""
    extraction_failed_webhook: Webhook | None = None
    extraction_failed_body: str = ""
    extractions: list[JobExtraction] = []
    """What was asked to be extracted, the newest last."""
    awaits_invoice: str = ""
    """The job of the electronic invoice inside the document that its extractions wait for; empty if they wait for none."""
    read: bool = False
    """Whether its result has been read completely; noted only if the job is to be deleted then."""
    retries: int = 0
    """How many retries of pages have ended so far, failed ones included."""
    retry_failed_pages: list[int] = []
    seen_at: datetime | None = None
    """When the record was read, on Redis' clock."""
    received_bytes: int = 0
    """How many bytes of a document that is being fetched have come."""
    announced_bytes: int | None = None
    """How many bytes it has; None if that is not known."""
    result_s3: ResultCopy | None = None
    children: int = 0
    """How many documents are inside the document, read or not."""
    foretold: bool = False
    """Whether there is a forecast; there is none if no worker has run for a while."""
    seconds_left: float | None = None
    queue_position: int | None = None

    @property
    def is_closed(self) -> bool:
        """Return whether the document has been planned and all its pages are finished."""
        return self.planned and self.counts.get("finished", 0) == self.total

    @property
    def is_at_rest(self) -> bool:
        """Return whether the job has ended, and no page of it is being read again and nothing is being extracted."""
        return self.state.has_ended and self.rereading is None and not self.pending_extractions

    @property
    def pending_extractions(self) -> list[str]:
        """Return the ids of extractions that were asked for and have not ended."""
        return [one.id for one in self.extractions if one.status == "pending"]

    def find_extraction(self, extraction_id: str) -> JobExtraction | None:
        """Return an extraction as callers see it; None if it was not asked for."""
        return next((self._shown(one) for one in self.extractions if one.id == extraction_id), None)

    def _shown(self, extraction: JobExtraction) -> JobExtraction:
        return extraction.model_copy(update={"url": f"/v1/jobs/{self.card.job_id}/extractions/{extraction.id}"})

    def to_status(self) -> JobStatus:
        """Return the status of the job as callers see it."""
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
            batch_id=self.card.batch or None,
            children=self.children,
            extractions=[*map(self._shown, self.extractions)],
            retry_failed_pages=self.retry_failed_pages,
            progress=self._progress(),
            created_at=self.card.created_at,
            started_at=self.started_at,
            completed_at=self.completed_at,
            expires_at=self.expires_at,
            error=self.error,
            source=self._fetching(),
            result_s3=self.result_s3,
            webhook=self.webhook,
            revised_webhook=self.revised_webhook,
            retry_failed_webhook=self.retry_failed_webhook,
            extracted_webhook=self.extracted_webhook,
            extraction_failed_webhook=self.extraction_failed_webhook,
        )

    def _fetching(self) -> Fetching | None:
        if not self.card.origin:
            return None
        if self.card.is_fetched:
            return Fetching(address=self.card.origin, received_bytes=self.card.size, total_bytes=self.card.size)
        return Fetching(address=self.card.origin, received_bytes=self.received_bytes, total_bytes=self.announced_bytes)

    def _cache(self) -> CacheState:
        """Return the state of the cache; a miss is shown as a hit if all readings of its pages came from the cache."""
        cached, finished = self.counts.get("cached", 0), self.counts.get("finished", 0)
        if self.cache == "miss" and cached and cached == finished == self.total:
            return "hit"
        return self.cache

    def _stage(self) -> str:
        if self.rereading is not None:
            return f"{REREADING}{self.rereading}"
        if self.state is JobState.COMPLETED and self.pending_extractions:
            return EXTRACTING
        if self.state is not JobState.PROCESSING:
            return self.state.value
        if not self.card.is_fetched:
            return "scanning" if self.card.unscanned else "fetching"
        if self.total is None:
            return "opening"
        return "assembling" if self.is_closed else "reading"

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
        """Return the forecast in seconds; until the service's pace is known, an estimate from the job's own finished pages.

        None if there is no forecast, since no worker runs and it is unknown when one will.
        """
        if self.state.has_ended or not self.foretold:
            return None
        if self.seconds_left is not None:
            return round(self.seconds_left)
        if not finished or not self.total or self.started_at is None or self.seen_at is None:
            return None
        elapsed = (self.seen_at - self.started_at).total_seconds()
        return max(0, round(elapsed / finished * (self.total - finished)))


def as_job_error(error: DocumentParserError) -> JobError:
    """Return the error in the form that a job's record keeps."""
    return JobError(
        code=error.code, message=error.message, status=error.status, retryable=error.retryable, details=error.details
    )
