"""Accept documents."""

from __future__ import annotations

import contextlib
import hashlib
import re
import uuid
from dataclasses import dataclass
from typing import Any

import structlog
from flask import Response, request, url_for
from flask_openapi import APIBlueprint, Tag
from pydantic import ValidationError

from document_parser.api import openapi
from document_parser.api.auth import check_origin
from document_parser.api.intake.draining import drain_request
from document_parser.api.intake.form_parser import MULTIPART
from document_parser.api.intake.uploads import receive_upload
from document_parser.api.middleware import errors, rate_limits, responses
from document_parser.api.routes.waiting import retry_after_header, wait_for_end
from document_parser.api.schemas import Accepted
from document_parser.api.services import Services, get_services
from document_parser.errors import (
    BadRequest,
    ContentMismatch,
    EmptyFile,
    FileMissing,
    FileTooLarge,
    Forbidden,
    IdempotencyKeyReused,
    InvalidOption,
    JobExpired,
    QueueFull,
    ServerBusy,
    StorageFull,
    StorageUnavailable,
    UnsupportedFormat,
    UploadCutOff,
    UploadTooSlow,
    WebhookNotResolved,
    WebhookRefused,
)
from document_parser.ingest.needs import missing_needs
from document_parser.ingest.sniff import safe_filename, sniff
from document_parser.ingest.staged_file import StagedFile
from document_parser.jobs import queue
from document_parser.jobs.ending import discard_files
from document_parser.jobs.queue import Submission
from document_parser.jobs.records import passwords, record, storage_keys
from document_parser.jobs.records.job import PUBLIC, CacheState, JobCard
from document_parser.jobs.redis import clock
from document_parser.jobs.redis.connection import RedisError
from document_parser.jobs.scheduling import admission, budget, disk_space, lanes
from document_parser.models import JobState, Options
from document_parser.settings import ApiSettings, Settings, validation
from document_parser.ssrf import MAX_URL_CHARACTERS, AddressCheck, AddressRefused, lookups
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

MAX_PASSWORD_CHARACTERS = 512
"""Maximum length of a document's password in characters."""
IDEMPOTENCY_KEY_PATTERN = r"[\x21-\x7e]{1,255}"
"""Pattern of an Idempotency-Key: visible ASCII characters."""

UPLOAD_ERRORS = (
    BadRequest,
    FileMissing,
    EmptyFile,
    UploadCutOff,
    UploadTooSlow,
    Forbidden,
    IdempotencyKeyReused,
    JobExpired,
    FileTooLarge,
    UnsupportedFormat,
    ContentMismatch,
    InvalidOption,
    WebhookRefused,
    WebhookNotResolved,
    ServerBusy,
    QueueFull,
    StorageUnavailable,
    StorageFull,
)
"""Errors of an upload."""
IDEMPOTENCY_KEY_TEXT = "The same key returns the same job for IDEMPOTENCY_HOURS. Use a UUID, for example."
"""Description of the Idempotency-Key in the documentation."""
UPLOAD_TEXT = (
    "As a form: the field file and the options beside it. Or the document itself as the body, of any media type except "
    "those of forms, with filename and options in the query."
)
"""Description of the two forms of an upload in the documentation."""


def blueprint(settings: ApiSettings) -> APIBlueprint:
    """Return the routes that accept documents. The documentation shows the default mode of these settings."""
    tag = Tag(name="process", description="Send documents.")
    routes = APIBlueprint("process", __name__, url_prefix="/v1/process", abp_tags=[tag])
    fields = _fields(settings)
    described: dict[str, Any] = {
        "request_body": _request_body(fields),
        "openapi_extensions": {"parameters": _parameters(fields)},
    }
    queued = openapi.answer(Accepted, "The document is queued.", "Location", "Idempotency-Replayed", "Retry-After")

    @routes.post(
        "/async",
        summary="Queue a document",
        description=UPLOAD_TEXT,
        responses=openapi.responses({202: queued, 414: openapi.uri_too_long()}, *UPLOAD_ERRORS),
        operation_id="process_async",
        **described,
    )
    def process_async() -> Response:
        return accepted_response(accept_upload())

    @routes.post(
        "/sync",
        summary="Read a document and wait for the result",
        description=f"After SYNC_TIMEOUT_SECONDS the answer is 202, as from /async, and the job goes on. {UPLOAD_TEXT}",
        responses=openapi.responses(
            {
                200: openapi.answer(openapi.RESULT_CONTENT, "The result.", "Idempotency-Replayed"),
                202: queued,
                414: openapi.uri_too_long(),
            },
            *UPLOAD_ERRORS,
            *openapi.RESULT,
        ),
        operation_id="process_sync",
        **described,
    )
    def process_sync() -> Response:
        from document_parser.api.routes.results import respond

        taken = accept_upload()
        services = get_services()
        job = wait_for_end(services, taken.job_id, services.settings.api.sync_timeout_seconds)
        return with_replay_header(respond(services, job, ""), taken) if job.state.has_ended else accepted_response(taken)

    return routes


@dataclass(frozen=True, slots=True)
class AcceptedUpload:
    """The job of an upload, created now or earlier with the same Idempotency-Key."""

    job_id: str
    cache: CacheState
    state: JobState = JobState.QUEUED
    replayed: bool = False
    shared: bool = False


def accept_upload() -> AcceptedUpload:
    """Check and store the upload of this request, create its job and enqueue its plan.

    Raises the errors in UPLOAD_ERRORS and RedisError.
    """
    check_origin()
    services = get_services()
    key = idempotency_key()
    check_capacity(services, keyed=bool(key))
    with receive_upload() as (staged, filename, fields):
        if staged.size > services.settings.api.max_upload_mb << 20:
            raise FileTooLarge.for_size(services.settings.api.max_upload_mb, received=staged.size)
        password = fields.pop("password", "")
        webhook_url = check_webhook(services.settings, fields.pop("webhook_url", ""))
        options = parse_options(services.settings, fields, password)
        card = _card(staged, filename, options, webhook_url)
        if key:
            card = card.model_copy(
                update={"idempotency_key": key, "fingerprint": _fingerprint(services.settings, card, password)}
            )
            if (held := _find_idempotent(services, card)) is not None:
                return held
        structlog.contextvars.bind_contextvars(job_id=card.job_id)
        # job.json follows: one sync of the folder for both, before the upload is answered.
        services.storage.put_file(storage_keys.source(card.job_id), staged.path, followed=True)
    submitted = _submit(services, card, password)
    if submitted.replayed:
        # A simultaneous request with the same key was faster.
        discard_files(services.redis, services.storage, card.job_id)
        return _load_replayed(services, submitted.job_id)
    log.info("job_queued", size=card.size, media_type=card.media_type, cache=submitted.cache)
    return AcceptedUpload(submitted.job_id, submitted.cache, shared=submitted.shared)


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


def idempotency_key() -> str:
    """Return a hash of the request's Idempotency-Key; empty if it has none. Raises BadRequest if it is malformed."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return ""
    if not re.fullmatch(IDEMPOTENCY_KEY_PATTERN, key):
        raise BadRequest("An Idempotency-Key has 1 to 255 characters without spaces. Use a UUID, for example.")
    return hashlib.sha256(key.encode()).hexdigest()


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


def parse_options(settings: Settings, fields: dict[str, str], password: str = "") -> Options:
    """Return the options of a form or query. Raises InvalidOption that names each unknown or invalid field."""
    given = {name: value for name, value in fields.items() if value != "" or name not in Options.model_fields}
    given.setdefault("accuracy_mode", settings.api.default_accuracy_mode)
    try:
        options = Options.model_validate(given)
    except ValidationError as error:
        raise validation.invalid_option(error, Options, names_beside_options()) from None
    check_password(password)
    return options


def names_beside_options() -> tuple[str, ...]:
    """Return the names of an upload's fields that are no options of the reading."""
    return ("file", "password", "webhook_url") if request.mimetype == MULTIPART else ("filename", "password", "webhook_url")


def check_password(password: str) -> None:
    """Refuse a password that no document can have. Raises InvalidOption."""
    if len(password) > MAX_PASSWORD_CHARACTERS:
        raise InvalidOption.for_fields(
            {"field": "password", **validation.too_many_characters(len(password), MAX_PASSWORD_CHARACTERS)}
        )


def check_webhook(settings: Settings, url: str) -> str:
    """Return the webhook address if it may be called; empty if none was sent.

    Raises WebhookRefused, WebhookNotResolved.
    """
    check = AddressCheck(settings.webhooks.allow_hosts, lookups.resolver_for(rate_limits.caller()))
    try:
        return str(check.check_url(url)) if url else ""
    except AddressRefused as refusal:
        if refusal.reason == "dns_timeout":
            raise WebhookNotResolved(reason=refusal.reason) from None
        raise WebhookRefused(reason=refusal.reason) from None


def _card(staged: StagedFile, filename: str, options: Options, webhook_url: str) -> JobCard:
    """Return the card of a new job. Raises EmptyFile, UnsupportedFormat, ContentMismatch, RedisError."""
    name = safe_filename(filename)
    kind = sniff(staged.head, name, staged.size, missing_needs(get_services().settings))
    redis, queue_settings = get_services().redis, get_services().settings.queue
    return JobCard(
        job_id=str(uuid.uuid4()),
        filename=name,
        media_type=kind.media_type,
        kind=kind.kind,
        sha256=staged.sha256,
        size=staged.size,
        options=options,
        lane=lanes.lane_at_upload(
            options, staged.size, queue_settings, overspent=budget.is_spent(redis, PUBLIC, queue_settings)
        ),
        created_at=clock.now(get_services().redis),
        webhook_url=webhook_url,
        request_id=errors.request_id(),
    )


def accepted_response(taken: AcceptedUpload) -> Response:
    """Return the 202 response of an upload."""
    known = "The document was sent with this Idempotency-Key before." if taken.replayed else "The document is queued."
    body = Accepted(
        job_id=taken.job_id,
        status=taken.state,
        cache=taken.cache,
        shared=taken.shared,
        message=f"{known} status_url shows its progress, result_url returns the result.",
        status_url=url_for("jobs.status", job_id=taken.job_id),
        result_url=url_for("jobs.result", job_id=taken.job_id),
    )
    return with_replay_header(responses.to_response(body, 202, {"Location": body.status_url, **retry_after_header()}), taken)


def with_replay_header(response: Response, taken: AcceptedUpload) -> Response:
    """Return the response with the header Idempotency-Replayed if its job existed before."""
    if taken.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def _fields(settings: ApiSettings) -> dict[str, dict[str, Any]]:
    """Return the schemas of all fields beside the file.

    They are written by hand: the view reads the form itself, because text fields must stay text.
    """
    fields = dict(Options.model_json_schema()["properties"])
    # If left out, the server's own setting applies: no client should send the default of another server.
    mode = {name: value for name, value in fields["accuracy_mode"].items() if name != "default"}
    fields["accuracy_mode"] = mode | {"examples": [settings.default_accuracy_mode]}
    fields["password"] = _text_schema(
        "Password of an encrypted document; kept encrypted until the job ends.", MAX_PASSWORD_CHARACTERS
    )
    fields["webhook_url"] = _text_schema("Address that receives a signed POST when the job ends.", MAX_URL_CHARACTERS)
    return fields


def _text_schema(description: str, longest: int) -> dict[str, Any]:
    return {"type": "string", "default": "", "maxLength": longest, "description": description}


def _request_body(fields: dict[str, dict[str, Any]]) -> dict[str, Any]:
    file = openapi.BINARY | {"description": "The document."}
    form = {"type": "object", "properties": {"file": file, **fields}, "required": ["file"], "additionalProperties": False}
    raw = openapi.BINARY | {"description": "The document itself."}
    return {"content": {"multipart/form-data": {"schema": form}, "application/octet-stream": {"schema": raw}}, "required": True}


def _parameters(fields: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the query parameters of a document sent as the raw body, and the Idempotency-Key.

    They have no default: sent besides the same field of a form they are an error.
    """
    key = openapi.parameter(
        "Idempotency-Key", "header", {"type": "string", "pattern": f"^{IDEMPOTENCY_KEY_PATTERN}$"}, IDEMPOTENCY_KEY_TEXT
    )
    filename = {"type": "string", "description": "Name of the document's file."}
    return [key] + [
        openapi.parameter(
            name,
            "query",
            {word: value for word, value in schema.items() if word not in ("default", "examples")},
            f"With a raw body. {schema['description']}",
        )
        for name, schema in {"filename": filename, **fields}.items()
    ]
