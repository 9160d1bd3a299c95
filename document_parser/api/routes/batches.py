"""Serve the routes of batches: send several documents at once, follow them, and fetch all results as one archive."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from flask import Response, url_for
from flask_openapi import APIBlueprint, Tag

from document_parser.api import openapi
from document_parser.api.auth import check_origin
from document_parser.api.batch_submission import AcceptedBatch, submit_batch
from document_parser.api.complete_reads import end_batch_with_read
from document_parser.api.intake.uploads import receive_batch
from document_parser.api.job_fields import idempotency_key, parse_fields
from document_parser.api.middleware import responses
from document_parser.api.routes.batch_archive import stream_archive
from document_parser.api.routes.batch_files import load_status
from document_parser.api.routes.events import Seen, Subject, stream_events
from document_parser.api.routes.process import UPLOAD_ERRORS, batch_description, named_upload
from document_parser.api.routes.results import attachment
from document_parser.api.routes.waiting import retry_after_header, wait_until
from document_parser.api.schemas import (
    BatchAccepted,
    BatchCancelled,
    BatchDeleted,
    BatchDownloadQuery,
    BatchJob,
    BatchPath,
    BatchQuery,
    EventsHeader,
    EventsQuery,
)
from document_parser.api.services import Services, get_services
from document_parser.api.submission import check_capacity
from document_parser.errors import (
    BatchEnded,
    BatchNotComplete,
    BatchNotFound,
    BatchTooLarge,
    Forbidden,
    InvalidOption,
    StorageUnavailable,
    TooManyFiles,
)
from document_parser.jobs.ending import cancel_batch, delete_batch
from document_parser.jobs.records import batches
from document_parser.jobs.records.batches import Batch, BatchEntry
from document_parser.jobs.records.job import ID_PATTERN
from document_parser.models import WRITTEN_FOR_BATCHES, BatchStatus
from document_parser.settings import ApiSettings

SENT_TEXT = (
    "As a form: a field files for each document, and the options beside them, which apply to each. Or one archive as the body. "
    "A document that is refused is in the response with its error; the others are read. An archive that is sent alone is "
    "unpacked, and the files in it are the files of the batch."
)
"""Description of the ways to send a batch, in the documentation."""


def blueprint(settings: ApiSettings) -> APIBlueprint:
    """Return the routes of batches. The documentation shows the default mode of these settings."""
    tag = Tag(name="batches", description="Send several documents at once.")
    routes = APIBlueprint("batches", __name__, url_prefix="/v1", abp_tags=[tag])
    found = openapi.answer(BatchStatus, "The status of the batch.", "Retry-After")

    @routes.post(
        "/process/batch",
        summary="Queue several documents, or one archive",
        description=SENT_TEXT,
        responses=openapi.responses(
            {
                202: openapi.answer(BatchAccepted, "The documents are queued.", "Location", "Idempotency-Replayed"),
                414: openapi.uri_too_long(),
            },
            TooManyFiles,
            BatchTooLarge,
            *UPLOAD_ERRORS,
        ),
        operation_id="process_batch",
        **batch_description(settings),
    )
    def process_batch() -> Response:
        return _accepted_response(_accept())

    @routes.get(
        "/batches/<batch_id>",
        summary="Status of a batch and of its files",
        responses=openapi.responses({200: found}, InvalidOption, *openapi.BATCH),
        operation_id="get_batch",
    )
    def batch(path: BatchPath, query: BatchQuery) -> Response:
        return _status(path, query)

    @routes.get(
        "/batches/<batch_id>/events",
        summary="Events of a batch as they happen",
        description="Server-Sent Events. The stream closes after the end of the batch; Last-Event-ID resumes it.",
        responses=openapi.responses({200: openapi.answer(openapi.EVENT_STREAM, "The events.")}, InvalidOption, *openapi.BATCH),
        operation_id="batch_events",
    )
    def events(path: BatchPath, query: EventsQuery, header: EventsHeader) -> Response:
        services = get_services()
        return stream_events(services, _subject(services, check_batch_id(path.batch_id)), query, header)

    @routes.get(
        "/batches/<batch_id>/download",
        summary="All results as one archive",
        description="A ZIP archive with Markdown and JSON of each file, or one format, and manifest.json, which lists all "
        "files with the reasons of those that have no result. It is streamed.",
        responses=openapi.responses(
            {200: openapi.answer({"application/zip": openapi.BINARY}, "The archive.", "Content-Disposition")},
            InvalidOption,
            BatchNotComplete,
            StorageUnavailable,
            *openapi.BATCH,
        ),
        operation_id="batch_download",
    )
    def download(path: BatchPath, query: BatchDownloadQuery) -> Response:
        return _download(path, query)

    @routes.post(
        "/batches/<batch_id>/cancel",
        summary="End the jobs of a batch, keep what is finished",
        responses=openapi.responses({200: BatchCancelled}, BatchEnded, Forbidden, StorageUnavailable, *openapi.BATCH),
        operation_id="cancel_batch",
    )
    def cancel(path: BatchPath) -> Response:
        check_origin()
        return responses.to_response(_cancel(get_services(), check_batch_id(path.batch_id)))

    @routes.delete(
        "/batches/<batch_id>",
        summary="Delete a batch with its jobs and their files",
        security=openapi.OPERATOR_SECURITY,
        responses=openapi.responses({200: BatchDeleted}, StorageUnavailable, *openapi.OPERATOR_ERRORS, *openapi.BATCH),
        operation_id="delete_batch",
    )
    def delete(path: BatchPath) -> Response:
        check_origin()
        return responses.to_response(_delete(get_services(), check_batch_id(path.batch_id)))

    return routes


def _accept() -> AcceptedBatch:
    """Receive the documents of this request and make a batch of them. Raises the errors in UPLOAD_ERRORS, RedisError."""
    check_origin()
    services = get_services()
    key, api = idempotency_key(), services.settings.api
    check_capacity(services, keyed=bool(key))
    with receive_batch(api.max_batch_files, api.max_batch_mb) as (files, fields):
        upload_id = fields.pop("upload_id", "")
        asked = parse_fields(services.settings, fields, beside=("files", "filename", "upload_id"), key=key)
        received = [named_upload(services, upload_id, name) if staged is None else (staged, name) for staged, name in files]
        return submit_batch(services, received, asked)


def _accepted_response(taken: AcceptedBatch) -> Response:
    """Return the 202 response of a batch."""
    known = "The documents were sent with this Idempotency-Key before." if taken.replayed else "The documents are queued."
    batch_id = taken.batch.card.batch_id
    body = BatchAccepted(
        batch_id=batch_id,
        status=taken.batch.state,
        jobs=[_sent(entry) for entry in taken.entries],
        message=f"{known} status_url shows their progress, download_url returns all results.",
        status_url=url_for("batches.batch", batch_id=batch_id),
        events_url=url_for("batches.events", batch_id=batch_id),
        download_url=url_for("batches.download", batch_id=batch_id),
    )
    response = responses.to_response(body, 202, {"Location": body.status_url})
    if taken.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def _sent(entry: BatchEntry) -> BatchJob:
    status_url = url_for("jobs.status", job_id=entry.job_id) if entry.job_id else None
    return BatchJob(name=entry.name, job_id=entry.job_id, status_url=status_url, error=entry.error)


def _status(path: BatchPath, query: BatchQuery) -> Response:
    services, batch_id = get_services(), check_batch_id(path.batch_id)
    load = partial(batches.load, services.redis, batch_id)
    found = wait_until(services, batches.events_key(batch_id), load, lambda batch: batch.has_ended, query.wait)
    headers = {} if found.has_ended else retry_after_header()
    return responses.to_response(load_status(services, found, query.cursor, query.limit), headers=headers)


def _subject(services: Services, batch_id: str) -> Subject:
    """Return a batch to stream events of."""

    def load() -> Seen:
        batch = batches.load(services.redis, batch_id)
        status = batch.to_status().model_dump_json(exclude={"jobs", "next_cursor"})
        return Seen(status, batch.has_ended, "batch.ended")

    return Subject(batches.events_key(batch_id), {"batch_id": batch_id}, load, ("batch.ended",), "batch.deleted")


def _download(path: BatchPath, query: BatchDownloadQuery) -> Response:
    services = get_services()
    batch = batches.load(services.redis, check_batch_id(path.batch_id))
    if not batch.has_ended:
        raise BatchNotComplete(status=batch.state)
    formats = (query.format,) if query.format else WRITTEN_FOR_BATCHES
    headers: dict[str, Any] = {"Content-Disposition": attachment(f"batch-{batch.card.batch_id[:8]}.zip")}
    inside: list[str] = []
    archive = stream_archive(services, batch, formats, inside)
    response = Response(archive, content_type="application/zip", headers=headers)
    return end_batch_with_read(response, services, inside) if batch.card.options.ends_with_read else response


def _cancel(services: Services, batch_id: str) -> BatchCancelled:
    batch = batches.load(services.redis, batch_id)
    if batch.has_ended:
        raise BatchEnded(f"The batch has already ended: {batch.state}.", status=batch.state)
    cancel_batch(services.redis, services.ledger, services.storage, batch_id)
    batch = batches.load(services.redis, batch_id)
    return BatchCancelled(batch_id=batch_id, status=batch.state, message="Nothing more is read; what is finished is kept.")


def _delete(services: Services, batch_id: str) -> BatchDeleted:
    batch: Batch = batches.load(services.redis, batch_id)
    gone = delete_batch(services.redis, services.ledger, services.storage, batch.card)
    return BatchDeleted(
        batch_id=batch_id,
        deleted_files=gone.files,
        deleted_keys=gone.keys,
        message="The batch, its jobs and their files are deleted.",
    )


def check_batch_id(batch_id: str) -> str:
    """Return the batch id if it is well-formed. Raises BatchNotFound."""
    if not re.fullmatch(ID_PATTERN, batch_id):
        raise BatchNotFound()
    return batch_id
