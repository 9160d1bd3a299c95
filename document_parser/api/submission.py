"""Make jobs of received documents. Every way in ends here."""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from dataclasses import dataclass

import structlog
from flask import request

from document_parser.api.intake.draining import drain_request
from document_parser.api.job_fields import JobFields
from document_parser.api.middleware import errors
from document_parser.api.resumable import FinishedUpload
from document_parser.api.services import Services
from document_parser.errors import (
    ContentMismatch,
    EmptyFile,
    FileTooLarge,
    IdempotencyKeyReused,
    JobExpired,
    QueueFull,
    StorageFull,
    StorageUnavailable,
    UnsupportedFormat,
    UploadGone,
)
from document_parser.ingest.sniff import safe_filename, sniff
from document_parser.ingest.staged_file import StagedFile
from document_parser.jobs import queue
from document_parser.jobs.ending import discard_files
from document_parser.jobs.queue import Submission
from document_parser.jobs.records import passwords, record, storage_keys, uploads
from document_parser.jobs.records.job import PUBLIC, CacheState, JobCard
from document_parser.jobs.redis import clock
from document_parser.jobs.redis.connection import RedisError
from document_parser.jobs.scheduling import admission, budget, disk_space, lanes
from document_parser.models import JobState
from document_parser.settings import Settings
from document_parser.storage import StoredFileMissing
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

SUBMISSION_ERRORS = (
    EmptyFile,
    IdempotencyKeyReused,
    JobExpired,
    FileTooLarge,
    UnsupportedFormat,
    ContentMismatch,
    QueueFull,
    StorageUnavailable,
    StorageFull,
)
"""Errors of making a job of a document."""


@dataclass(frozen=True, slots=True)
class AcceptedUpload:
    """The job of an upload, created now or earlier with the same Idempotency-Key."""

    job_id: str
    cache: CacheState
    state: JobState = JobState.QUEUED
    replayed: bool = False
    shared: bool = False


def check_capacity(services: Services, *, keyed: bool = False) -> None:
    """Check disk and queue before the upload is read. Raises StorageFull, QueueFull, RedisError.

    A request with an Idempotency-Key may be about a job that is already queued. It is read if the disk has room, and the queue
    is checked later.
    """
    size = request.content_length or 0
    try:
        disk_space.check(services.settings.store, size)
        if not keyed:
            admission.check(services.redis, services.settings.queue, size)
    except (QueueFull, StorageFull):
        drain_request()
        raise


def submit_document(
    services: Services, staged: StagedFile | FinishedUpload, filename: str, fields: JobFields
) -> AcceptedUpload:
    """Check and store a received document, create its job and enqueue its plan.

    Raises the errors in SUBMISSION_ERRORS, UploadGone, and RedisError.
    """
    most = services.settings.api.max_upload_mb
    if staged.size > most << 20:
        raise FileTooLarge.for_size(most, received=staged.size)
    card = _card(services, staged, filename, fields)
    if card.idempotency_key and (held := _find_idempotent(services, card)) is not None:
        return held
    structlog.contextvars.bind_contextvars(job_id=card.job_id)
    # job.json follows: one sync of the folder for both, before the upload is answered.
    _store(services, staged, storage_keys.source(card.job_id))
    submitted = _submit(services, card, fields.password)
    if submitted.replayed:
        # A simultaneous request with the same key was faster.
        discard_files(services.redis, services.storage, card.job_id)
        return _load_replayed(services, submitted.job_id)
    if isinstance(staged, FinishedUpload):
        uploads.note_use(services.redis, staged.upload_id)
    log.info("job_queued", size=card.size, media_type=card.media_type, cache=submitted.cache)
    return AcceptedUpload(submitted.job_id, submitted.cache, shared=submitted.shared)


def _store(services: Services, staged: StagedFile | FinishedUpload, key: str) -> None:
    """Store a document under a key: a staged file is moved there, that of a resumable upload gets a second name.

    The upload keeps its own, so that a request that failed, or whose answer was lost, can be sent again.
    """
    if isinstance(staged, StagedFile):
        services.storage.put_file(key, staged.path, followed=True)
        return
    try:
        services.storage.duplicate(storage_keys.upload(staged.upload_id), key, followed=True)
    except StoredFileMissing:
        raise UploadGone() from None


def _card(services: Services, staged: StagedFile | FinishedUpload, filename: str, fields: JobFields) -> JobCard:
    """Return the card of a new job. Raises EmptyFile, UnsupportedFormat, ContentMismatch, RedisError."""
    name = safe_filename(filename)
    kind = sniff(staged.head, name, staged.size)
    redis, queue_settings = services.redis, services.settings.queue
    card = JobCard(
        job_id=str(uuid.uuid4()),
        filename=name,
        media_type=kind.media_type,
        kind=kind.kind,
        sha256=staged.sha256,
        size=staged.size,
        options=fields.options,
        lane=lanes.lane_at_upload(
            fields.options, staged.size, queue_settings, overspent=budget.is_spent(redis, PUBLIC, queue_settings)
        ),
        created_at=clock.now(redis),
        webhook_url=fields.webhook_url,
        request_id=errors.request_id(),
        idempotency_key=fields.idempotency_key,
    )
    if not fields.idempotency_key:
        return card
    return card.model_copy(update={"fingerprint": _fingerprint(services.settings, card, fields.password)})


def _fingerprint(settings: Settings, card: JobCard, password: str) -> str:
    """Return a hash of everything that the caller sent."""
    sent = card.model_dump_json(include={"sha256", "filename", "options", "webhook_url"})
    secret = passwords.fingerprint(settings, password) if password else ""
    return hashlib.sha256(f"{sent}{secret}".encode()).hexdigest()


def _find_idempotent(services: Services, card: JobCard) -> AcceptedUpload | None:
    """Return the job that an earlier request with this key created; None if there is none.

    Raises IdempotencyKeyReused if that request sent something else, QueueFull, JobExpired, RedisError.
    """
    held = record.job_of_key(services.redis, card.owner, card.idempotency_key)
    if held is None:
        admission.check(services.redis, services.settings.queue, card.size)
        return None
    job_id, fingerprint = held
    if fingerprint != card.fingerprint:
        raise IdempotencyKeyReused()
    return _load_replayed(services, job_id)


def _load_replayed(services: Services, job_id: str) -> AcceptedUpload:
    """Return a job that exists already as the result of this upload. Raises JobNotFound, JobExpired, RedisError."""
    structlog.contextvars.bind_contextvars(job_id=job_id)
    job = record.load(services.redis, job_id)
    log.info("job_replayed")
    return AcceptedUpload(job_id, job.cache, job.state, replayed=True, shared=job.shared)


def _submit(services: Services, card: JobCard, password: str) -> Submission:
    """Create the job of an upload. If that fails, its files are deleted.

    Raises QueueFull, IdempotencyKeyReused, StorageUnavailable, RedisError.
    """
    sealed = passwords.seal(services.settings, password) if password else None
    try:
        record.store_card(services.storage, card)
        return queue.submit(services.redis, services.settings, card, sealed)
    except (RedisError, StorageUnavailable, QueueFull, IdempotencyKeyReused):
        # Without Redis, files that cannot be removed cannot be noted either; the first error is the one to report.
        with contextlib.suppress(RedisError):
            discard_files(services.redis, services.storage, card.job_id)
        raise
