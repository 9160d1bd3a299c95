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
from document_parser.api.middleware import errors, tier_limits
from document_parser.api.middleware.identity import check_proof, identity
from document_parser.api.resumable import FinishedUpload
from document_parser.api.services import Services
from document_parser.errors import (
    ContentMismatch,
    EmptyFile,
    FileTooLarge,
    IdempotencyKeyReused,
    InfectedFile,
    JobDeletedAfterRead,
    JobExpired,
    ProgramAbsent,
    QueueFull,
    QuotaExceeded,
    RateLimitExceeded,
    StorageFull,
    StorageUnavailable,
    UnsupportedFormat,
    UploadGone,
    VirusScanUnavailable,
)
from document_parser.ingest import virus_scan
from document_parser.ingest.needs import missing_needs
from document_parser.ingest.origin import Origin
from document_parser.ingest.sniff import safe_filename, sniff
from document_parser.ingest.staged_file import StagedFile
from document_parser.jobs import queue
from document_parser.jobs.ending import discard_files
from document_parser.jobs.queue import Submission
from document_parser.jobs.records import passwords, record, storage_keys, transfers, uploads
from document_parser.jobs.records.extraction_orders import store_order
from document_parser.jobs.records.job import UNKNOWN_KIND, CacheState, JobCard
from document_parser.jobs.redis import clock
from document_parser.jobs.redis.connection import RedisError
from document_parser.jobs.scheduling import admission, disk_space, lanes
from document_parser.models import JobState
from document_parser.settings import Settings
from document_parser.storage import StoredFileMissing
from document_parser.telemetry import logs, tracing

log = logs.get_logger(__name__)

FILE_ERRORS = (EmptyFile, FileTooLarge, UnsupportedFormat, ContentMismatch, ProgramAbsent, InfectedFile)
"""Errors of one received document, whatever it came with."""
REFUSALS = (QueueFull, RateLimitExceeded, QuotaExceeded)
"""Errors of a job for which there is no room: in the queue, or in the tier of its owner."""
SUBMISSION_ERRORS = (
    *FILE_ERRORS,
    IdempotencyKeyReused,
    JobExpired,
    *REFUSALS,
    JobDeletedAfterRead,
    VirusScanUnavailable,
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
    """Check disk, queue and quotas before the upload is read. Raises StorageFull, the errors in REFUSALS, RedisError.

    A request with an Idempotency-Key may be about a job that is already queued. It is read if the disk has room, and the queue
    and the quotas are checked later.
    """
    size = request.content_length or 0
    try:
        disk_space.check(services.settings.store, size)
        if not keyed:
            tier_limits.check_room()
            tier_limits.queue_load(services.settings, services.redis).check(size)
    except (*REFUSALS, StorageFull):
        drain_request()
        raise


def submit_document(
    services: Services, staged: StagedFile | FinishedUpload, filename: str, fields: JobFields
) -> AcceptedUpload:
    """Check and store a received document, create its job and enqueue its plan.

    Raises the errors in SUBMISSION_ERRORS, KeyRevoked, UploadGone, and RedisError.
    """
    check_proof()
    card = check_document(services, staged, filename, fields)
    if card.idempotency_key and (held := _find_idempotent(services, card)) is not None:
        return held
    structlog.contextvars.bind_contextvars(job_id=card.job_id)
    # job.json follows: one sync of the folder for both, before the upload is answered.
    store_document(services, staged, storage_keys.source(card.job_id))
    submitted = _submit(services, card, fields)
    if submitted.replayed:
        # A simultaneous request with the same key was faster.
        discard_files(services.redis, services.storage, card.job_id)
        return _load_replayed(services, submitted.job_id)
    tier_limits.note_documents(1)
    if isinstance(staged, FinishedUpload):
        uploads.note_use(services.redis, staged.upload_id, fields.options.hours_to_keep(uploads.USED_HOURS))
    log.info("job_queued", size=card.size, media_type=card.media_type, cache=submitted.cache)
    return AcceptedUpload(submitted.job_id, submitted.cache, shared=submitted.shared)


def submit_link(services: Services, origin: Origin, fields: JobFields) -> AcceptedUpload:
    """Create the job of a document that a worker fetches, and enqueue the fetch. The origin was checked.

    Raises IdempotencyKeyReused, JobExpired, QueueFull, StorageUnavailable, RedisError.
    """
    redis, settings, caller = services.redis, services.settings, identity()
    job_id, most = str(uuid.uuid4()), tier_limits.max_file_bytes(settings)
    card = _with_key(
        services,
        JobCard(
            job_id=job_id,
            owner=caller.owner,
            key_id=caller.key_id,
            tier=caller.tier,
            filename=origin.filename,
            media_type="",
            kind=UNKNOWN_KIND,
            sha256="",
            size=0,
            options=fields.options,
            exports=fields.exports,
            extraction=fields.order.as_asked if fields.order is not None else None,
            lane=lanes.lane_at_upload(
                fields.options,
                most,
                settings.queue,
                overspent=tier_limits.is_overspent(settings, redis, caller),
                allowed=tier_limits.tier_of_caller().lanes,
            ),
            created_at=clock.now(redis),
            webhook_url=fields.webhook_url,
            result_s3=result_prefix(fields.result_s3, job_id),
            origin=origin.shown,
            request_id=errors.request_id(),
            traceparent=tracing.traceparent(),
            idempotency_key=fields.idempotency_key,
        ),
        fields,
        origin.model_dump_json(),
    )
    if card.idempotency_key and (held := _find_idempotent(services, card)) is not None:
        return held
    structlog.contextvars.bind_contextvars(job_id=card.job_id)
    submitted = _submit(services, card, fields, transfers.seal_origin(settings, origin))
    if submitted.replayed:
        discard_files(redis, services.storage, card.job_id)
        return _load_replayed(services, submitted.job_id)
    tier_limits.note_documents(1)
    log.info("job_queued", origin="s3" if origin.is_s3 else "url")
    return AcceptedUpload(submitted.job_id, submitted.cache)


def result_prefix(result_s3: str, job_id: str) -> str:
    """Return the prefix of a job's own files below the one that was sent; empty if none was."""
    return f"{result_s3.rstrip('/')}/{job_id}/" if result_s3 else ""


def store_document(services: Services, staged: StagedFile | FinishedUpload, key: str) -> None:
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


def _scan(services: Services, staged: StagedFile | FinishedUpload) -> None:
    """Scan a document for viruses, if the operator wants that. Raises InfectedFile, VirusScanUnavailable, UploadGone."""
    if isinstance(staged, StagedFile):
        virus_scan.check_file(services.settings.virus_scan, staged.path)
        return
    try:
        virus_scan.check(services.settings.virus_scan, services.storage.chunks(storage_keys.upload(staged.upload_id)))
    except StoredFileMissing:
        raise UploadGone() from None


def check_document(services: Services, staged: StagedFile | FinishedUpload, filename: str, fields: JobFields) -> JobCard:
    """Check a received document and return the card of a new job.

    Raises the errors in FILE_ERRORS, VirusScanUnavailable, UploadGone, RedisError.
    """
    if staged.size > tier_limits.max_file_bytes(services.settings):
        raise tier_limits.too_large(services.settings, received=staged.size)
    name = safe_filename(filename)
    kind = sniff(staged.head, name, staged.size, missing_needs(services.settings))
    _scan(services, staged)
    redis, queue_settings, job_id = services.redis, services.settings.queue, str(uuid.uuid4())
    caller = identity()
    card = JobCard(
        job_id=job_id,
        owner=caller.owner,
        key_id=caller.key_id,
        tier=caller.tier,
        filename=name,
        media_type=kind.media_type,
        kind=kind.kind,
        sha256=staged.sha256,
        size=staged.size,
        options=fields.options,
        exports=fields.exports,
        extraction=fields.order.as_asked if fields.order is not None else None,
        lane=lanes.lane_at_upload(
            fields.options,
            staged.size,
            queue_settings,
            overspent=tier_limits.is_overspent(services.settings, redis, caller),
            allowed=tier_limits.tier_of_caller().lanes,
        ),
        created_at=clock.now(redis),
        webhook_url=fields.webhook_url,
        result_s3=result_prefix(fields.result_s3, job_id),
        request_id=errors.request_id(),
        traceparent=tracing.traceparent(),
        idempotency_key=fields.idempotency_key,
        upload=staged.upload_id if isinstance(staged, FinishedUpload) else "",
    )
    return _with_key(services, card, fields)


def _with_key(services: Services, card: JobCard, fields: JobFields, address: str = "") -> JobCard:
    """Return the card with the fingerprint of the request if it has an Idempotency-Key. ``address`` may have secrets."""
    if not fields.idempotency_key:
        return card
    return card.model_copy(update={"fingerprint": _fingerprint(services.settings, card, fields, address)})


def _fingerprint(settings: Settings, card: JobCard, fields: JobFields, address: str) -> str:
    """Return a hash of everything that the caller sent."""
    sent = card.model_dump_json(include={"sha256", "filename", "options", "webhook_url"}) + fields.result_s3
    sent += fields.order.digest if fields.order is not None else ""
    secrets = [passwords.fingerprint(settings, secret) for secret in (fields.password, address) if secret]
    return hashlib.sha256("".join((sent, *secrets)).encode()).hexdigest()


def _find_idempotent(services: Services, card: JobCard) -> AcceptedUpload | None:
    """Return the job that an earlier request with this key created; None if there is none.

    Raises IdempotencyKeyReused if that request sent something else, QueueFull, JobExpired, RedisError.
    """
    held = record.holder_of_key(services.redis, card.owner, card.idempotency_key)
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


def _submit(services: Services, card: JobCard, fields: JobFields, address_token: bytes | None = None) -> Submission:
    """Create the job of an upload, or of a document that is fetched from the sealed address.

    If that fails, its files are deleted.

    Raises the errors in REFUSALS, IdempotencyKeyReused, StorageUnavailable, RedisError.
    """
    sealed = passwords.seal(services.settings, fields.password) if fields.password else None
    try:
        if fields.order is not None:
            store_order(services.storage, card.job_id, fields.order)
        record.store_card(services.storage, card)
        return queue.submit(services.redis, services.settings, card, sealed, address_token=address_token)
    except (RedisError, StorageUnavailable, *REFUSALS, IdempotencyKeyReused):
        # Without Redis, files that cannot be removed cannot be noted either; the first error is the one to report.
        with contextlib.suppress(RedisError):
            discard_files(services.redis, services.storage, card.job_id)
        raise
