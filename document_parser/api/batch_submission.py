"""Make a batch of received documents: one record, and a job of each document that can be read."""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from document_parser.api.job_fields import JobFields
from document_parser.api.middleware import errors, tier_limits
from document_parser.api.middleware.audit import note_subject
from document_parser.api.middleware.identity import check_proof, identity
from document_parser.api.resumable import FinishedUpload
from document_parser.api.services import Services
from document_parser.api.submission import FILE_ERRORS, check_document, result_prefix, store_document
from document_parser.errors import DocumentParserError, IdempotencyKeyReused, StorageUnavailable
from document_parser.ingest.sniff import safe_filename
from document_parser.ingest.staged_file import StagedFile
from document_parser.jobs import queue
from document_parser.jobs.ending import delete_batch, discard_files
from document_parser.jobs.records import batches, passwords, record, storage_keys
from document_parser.jobs.records.batches import Batch, BatchCard, BatchEntry
from document_parser.jobs.records.extraction_orders import store_order
from document_parser.jobs.records.job import JobCard
from document_parser.jobs.redis import clock
from document_parser.jobs.redis.connection import RedisError
from document_parser.jobs.scheduling import admission, quotas
from document_parser.models import PageError, Webhook
from document_parser.telemetry import logs, tracing

log = logs.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AcceptedBatch:
    """The batch of a request, created now or earlier with the same Idempotency-Key."""

    batch: Batch
    entries: list[BatchEntry]
    """The files that were sent, in their order."""
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class _Document:
    """A received document: the card of its job, or the error that refuses it."""

    staged: StagedFile | FinishedUpload
    name: str
    card: JobCard | None = None
    error: PageError | None = None


def submit_batch(
    services: Services, files: Sequence[tuple[StagedFile | FinishedUpload, str]], fields: JobFields
) -> AcceptedBatch:
    """Check and store received documents, create their batch and its jobs, and enqueue their plans.

    A document that cannot be read is in the batch with its error. If the same request comes again with its Idempotency-Key,
    jobs that are missing since a server was stopped are created now. Raises QueueFull, IdempotencyKeyReused, BatchExpired,
    StorageUnavailable, RedisError.
    """
    check_proof()
    documents = [_check(services, staged, filename, fields) for staged, filename in files]
    card = _batch_card(services, documents, fields)
    entries = [_entry(card.batch_id, index, document) for index, document in enumerate(documents)]
    batch = Batch(card=card, state="processing", webhook=Webhook() if card.webhook_url else None)
    batches.store(services.storage, batch, [entry for entry in entries if entry.job_id is None])
    batch_id = _create(services, card, entries, documents)
    replayed = batch_id != card.batch_id
    if replayed:
        services.storage.delete(storage_keys.batch(card.batch_id))
    note_subject(batch_id)
    log.info("batch_replayed" if replayed else "batch_queued", batch_id=batch_id, files=len(documents))
    _create_jobs(services, batch_id, documents, fields, created=not replayed)
    sent = batches.entries(services.redis, batch_id)
    return AcceptedBatch(batches.load(services.redis, batch_id), [entry for entry in sent if entry.parent is None], replayed)


def job_id_of(batch_id: str, index: int) -> str:
    """Return the job id of the file with this index: the same each time, so that a file sent again becomes one job."""
    return str(uuid.uuid5(uuid.UUID(batch_id), f"file {index}"))


def _check(services: Services, staged: StagedFile | FinishedUpload, filename: str, fields: JobFields) -> _Document:
    """Return a received document with the card of its job, or with the error that refuses it. Raises RedisError."""
    name = _shown_path(filename)
    try:
        return _Document(staged, name, card=check_document(services, staged, filename, fields))
    except FILE_ERRORS as error:
        return _Document(staged, name, error=PageError(code=error.code, message=error.message))


def _shown_path(filename: str) -> str:
    """Return a file's name to show, with the folders that it was sent with."""
    parts = [part for part in filename.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(map(safe_filename, parts)) or safe_filename(filename)


def _batch_card(services: Services, documents: Sequence[_Document], fields: JobFields) -> BatchCard:
    """Return the card of a new batch. Raises RedisError."""
    card = BatchCard(
        batch_id=str(uuid.uuid4()),
        owner=identity().owner,
        created_at=clock.now(services.redis),
        options=fields.options,
        webhook_url=fields.webhook_url,
        request_id=errors.request_id(),
        traceparent=tracing.traceparent(),
        idempotency_key=fields.idempotency_key,
        archive=len(documents) == 1 and documents[0].card is not None and documents[0].card.kind == "archive",
    )
    if not fields.idempotency_key:
        return card
    sent = hashlib.sha256(f"{card.model_dump_json(include={'options', 'webhook_url'})}{fields.result_s3}".encode())
    sent.update(fields.order.digest.encode() if fields.order is not None else b"")
    for document in documents:
        sent.update(f"{document.staged.sha256} {document.name}\n".encode())
    if fields.password:
        sent.update(passwords.fingerprint(services.settings, fields.password).encode())
    return card.model_copy(update={"fingerprint": sent.hexdigest()})


def _entry(batch_id: str, index: int, document: _Document) -> BatchEntry:
    job_id = job_id_of(batch_id, index) if document.card is not None else None
    return BatchEntry(place=batches.place_of(index), name=document.name, job_id=job_id, error=document.error)


def _create(services: Services, card: BatchCard, entries: Sequence[BatchEntry], documents: Sequence[_Document]) -> str:
    """Create the record of a batch, and return its id or that of the earlier batch with the same key.

    Raises QueueFull, IdempotencyKeyReused, RedisError.
    """
    redis, settings = services.redis, services.settings
    created = batches.create(
        redis,
        settings,
        card,
        entries,
        key=batches.idempotency_key(card.owner, card.idempotency_key),
        size=sum(document.card.size for document in documents if document.card is not None),
        webhook=Webhook() if card.webhook_url else None,
        most=tuple(admission.bounds_of(settings.queue).model_dump().values()),
        quotas=quotas.to_argument(tier_limits.tier_of_caller(), card.created_at) if identity().tier else "",
    )
    if created.outcome in ("reused", "full", "quota"):
        with contextlib.suppress(StorageUnavailable):
            services.storage.delete(storage_keys.batch(card.batch_id))
    if created.outcome == "reused":
        raise IdempotencyKeyReused()
    if created.outcome == "full":
        raise admission.load(redis, settings.queue).refusal(created.which)  # type: ignore[arg-type]
    if created.outcome == "quota":
        raise quotas.to_refusal(tier_limits.tier_of_caller(), (created.which, *created.facts), card.created_at)
    if created.outcome == "created":
        tier_limits.note_documents(sum(entry.job_id is not None for entry in entries))
    return created.which or card.batch_id


def _create_jobs(
    services: Services, batch_id: str, documents: Sequence[_Document], fields: JobFields, *, created: bool
) -> None:
    """Create the jobs of a batch that do not exist yet.

    If one cannot be created, the whole batch is deleted, if this request has ``created`` it. Raises StorageUnavailable,
    RedisError.
    """
    cards = list(_job_cards(batch_id, documents, fields.result_s3))
    ids = [] if created else [card.job_id for card, _ in cards]
    known = {job.card.job_id for job in record.load_many(services.redis, ids)}
    try:
        for card, staged in cards:
            if card.job_id not in known:
                _create_job(services, card, staged, fields)
    except (RedisError, StorageUnavailable):
        if created:
            # The first error is the one to report. What is left is settled by the sweep.
            with contextlib.suppress(RedisError, DocumentParserError):
                batch = batches.load(services.redis, batch_id)
                delete_batch(services.redis, services.ledger, services.storage, batch.card)
        raise


def _job_cards(
    batch_id: str, documents: Sequence[_Document], result_s3: str
) -> Iterator[tuple[JobCard, StagedFile | FinishedUpload]]:
    for index, document in enumerate(documents):
        if document.card is not None:
            own = {"webhook_url": "", "idempotency_key": "", "fingerprint": ""}
            place = {"job_id": job_id_of(batch_id, index), "batch": batch_id, "place": batches.place_of(index)}
            place["result_s3"] = result_prefix(result_s3, place["job_id"])
            place["path"] = document.name if document.name != document.card.filename else ""
            yield document.card.model_copy(update={**own, **place}), document.staged


def _create_job(services: Services, card: JobCard, staged: StagedFile | FinishedUpload, fields: JobFields) -> None:
    """Store a document and create its job. Raises StorageUnavailable, RedisError."""
    sealed = passwords.seal(services.settings, fields.password) if fields.password else None
    store_document(services, staged, storage_keys.source(card.job_id))
    if fields.order is not None:
        store_order(services.storage, card.job_id, fields.order)
    record.store_card(services.storage, card)
    if queue.submit(services.redis, services.settings, card, sealed, bounded=False).gone:
        discard_files(services.redis, services.storage, card.job_id)
