"""Taking documents in."""

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

from document_parser import logs, validation
from document_parser.addresses import MOST_CHARACTERS as MOST_URL_CHARACTERS
from document_parser.addresses import AddressCheck, AddressRefused, lookups
from document_parser.api import answers, factory, limits, openapi, problems
from document_parser.api.auth import check_origin
from document_parser.api.form_parser import MULTIPART
from document_parser.api.schemas import Accepted
from document_parser.api.uploads import StagedFile, receive
from document_parser.api.waiting import retry_after, wait_for_end
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
from document_parser.ingest.sniff import safe_filename, sniff
from document_parser.jobs import admission, budget, clock, files, lanes, passwords, queue, record, room
from document_parser.jobs.connection import RedisError
from document_parser.jobs.ending import discard_files
from document_parser.jobs.job import PUBLIC, CacheState, JobCard
from document_parser.jobs.queue import Submitted
from document_parser.models import JobState, Options
from document_parser.settings import ApiSettings, Settings

log = logs.get(__name__)

MOST_PASSWORD_CHARACTERS = 512
IDEMPOTENCY_KEY = r"[\x21-\x7e]{1,255}"

REFUSALS = (
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
SENT_ONCE = "The same key gives the same job, for IDEMPOTENCY_HOURS: a UUID for example."
BOTH_WAYS = (
    "As a form: the field file and the options beside it. Or the document itself as the body, of any media type that is no "
    "form's, with filename and options in the query."
)


def blueprint(settings: ApiSettings) -> APIBlueprint:
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
        description=BOTH_WAYS,
        responses=openapi.responses({202: queued, 414: openapi.too_long()}, *REFUSALS),
        operation_id="process_async",
        **described,
    )
    def process_async() -> Response:
        return accepted(take_in())

    @routes.post(
        "/sync",
        summary="Read a document and wait for the result",
        description=f"After SYNC_TIMEOUT_SECONDS the answer is 202, as from /async, and the job goes on. {BOTH_WAYS}",
        responses=openapi.responses(
            {
                200: openapi.answer(openapi.RESULT_CONTENT, "The result.", "Idempotency-Replayed"),
                202: queued,
                414: openapi.too_long(),
            },
            *REFUSALS,
            *openapi.RESULT,
        ),
        operation_id="process_sync",
        **described,
    )
    def process_sync() -> Response:
        from document_parser.api.results import respond

        taken = take_in()
        services = factory.services()
        job = wait_for_end(services, taken.job_id, services.settings.api.sync_timeout_seconds)
        return marked(respond(services, job, ""), taken) if job.state.ended else accepted(taken)

    return routes


@dataclass(frozen=True, slots=True)
class TakenIn:
    """The job that an upload brought, now or with the same Idempotency-Key before."""

    job_id: str
    cache: CacheState
    state: JobState = JobState.QUEUED
    replayed: bool = False
    shared: bool = False


def take_in() -> TakenIn:
    """Check and store the upload, write the job, ring the bell. Raises what the user did wrong, and QueueFull."""
    check_origin()
    services = factory.services()
    key = idempotency_key()
    make_room(services, keyed=bool(key))
    with receive() as (staged, filename, fields):
        if staged.size > services.settings.api.max_upload_mb << 20:
            raise FileTooLarge.of(services.settings.api.max_upload_mb, received=staged.size)
        password = fields.pop("password", "")
        webhook_url = check_webhook(services.settings, fields.pop("webhook_url", ""))
        options = parse_options(services.settings, fields, password)
        card = _card(staged, filename, options, webhook_url)
        if key:
            card = card.model_copy(
                update={"idempotency_key": key, "fingerprint": _fingerprint(services.settings, card, password)}
            )
            if (held := _held(services, card)) is not None:
                return held
        structlog.contextvars.bind_contextvars(job_id=card.job_id)
        # job.json follows: one sync of the folder for both, before the upload is answered.
        services.storage.put_file(files.source(card.job_id), staged.path, followed=True)
    submitted = _submit(services, card, password)
    if submitted.replayed:
        # Its twin was faster by a moment.
        discard_files(services.redis, services.storage, card.job_id)
        return _replayed(services, submitted.job_id)
    log.info("job_queued", size=card.size, media_type=card.media_type, cache=submitted.cache)
    return TakenIn(submitted.job_id, submitted.cache, shared=submitted.shared)


def _submit(services: factory.Services, card: JobCard, password: str) -> Submitted:
    """The job that the upload stands for. What was not taken in leaves nothing behind."""
    sealed = passwords.seal(services.settings, password) if password else None
    try:
        record.store_card(services.storage, card)
        return queue.submit(services.redis, services.settings, card, sealed)
    except (RedisError, StorageUnavailable, QueueFull, IdempotencyKeyReused):
        # Without Redis what cannot be removed cannot be noted either: the first error is the one to tell.
        with contextlib.suppress(RedisError):
            discard_files(services.redis, services.storage, card.job_id)
        raise


def make_room(services: factory.Services, *, keyed: bool = False) -> None:
    """Look at the disk and at the queue before the upload is read. Raises StorageFull, QueueFull.

    A request with an Idempotency-Key may be about a job that is in the queue already: it is read first, if the disk has room.
    """
    size = request.content_length or 0
    try:
        room.check(services.settings.store, size)
        if not keyed:
            admission.check(services.redis, services.settings.queue, size)
    except (QueueFull, StorageFull):
        problems.drain()
        raise


def idempotency_key() -> str:
    """A hash of the request's Idempotency-Key, empty where it has none. Raises BadRequest."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return ""
    if not re.fullmatch(IDEMPOTENCY_KEY, key):
        raise BadRequest("An Idempotency-Key has 1 to 255 characters, none of them a space: a UUID for example.")
    return hashlib.sha256(key.encode()).hexdigest()


def _fingerprint(settings: Settings, card: JobCard, password: str) -> str:
    """Of everything that the caller sent."""
    sent = card.model_dump_json(include={"sha256", "filename", "options", "webhook_url"})
    secret = passwords.fingerprint(settings, password) if password else ""
    return hashlib.sha256(f"{sent}{secret}".encode()).hexdigest()


def _held(services: factory.Services, card: JobCard) -> TakenIn | None:
    """The job that the key has brought before. Raises IdempotencyKeyReused where it came with something else."""
    held = record.of_key(services.redis, card.owner, card.idempotency_key)
    if held is None:
        admission.check(services.redis, services.settings.queue, card.size)
        return None
    job_id, fingerprint = held
    if fingerprint != card.fingerprint:
        raise IdempotencyKeyReused()
    return _replayed(services, job_id)


def _replayed(services: factory.Services, job_id: str) -> TakenIn:
    """Raises JobExpired."""
    structlog.contextvars.bind_contextvars(job_id=job_id)
    job = record.load(services.redis, job_id)
    log.info("job_replayed")
    return TakenIn(job_id, job.cache, job.state, replayed=True, shared=job.shared)


def parse_options(settings: Settings, fields: dict[str, str], password: str = "") -> Options:
    """The options of a form or query. Raises InvalidOption naming each field that is unknown or wrong."""
    given = {name: value for name, value in fields.items() if value != "" or name not in Options.model_fields}
    given.setdefault("accuracy_mode", settings.api.default_accuracy_mode)
    try:
        options = Options.model_validate(given)
    except ValidationError as error:
        raise validation.invalid_option(error, Options, sent_besides()) from None
    check_password(password)
    return options


def sent_besides() -> tuple[str, ...]:
    """Return the names of the fields of an upload that are no options of the reading."""
    return ("file", "password", "webhook_url") if request.mimetype == MULTIPART else ("filename", "password", "webhook_url")


def check_password(password: str) -> None:
    """Raises InvalidOption if no document can have it."""
    if len(password) > MOST_PASSWORD_CHARACTERS:
        raise InvalidOption.of({"field": "password", **validation.too_long(len(password), MOST_PASSWORD_CHARACTERS)})


def check_webhook(settings: Settings, url: str) -> str:
    """The address to tell of the job's end, empty for none. Raises WebhookRefused, WebhookNotResolved."""
    check = AddressCheck(settings.webhooks.allow_hosts, lookups.of(limits.caller()))
    try:
        return str(check.url(url)) if url else ""
    except AddressRefused as refusal:
        if refusal.reason == "dns_timeout":
            raise WebhookNotResolved(reason=refusal.reason) from None
        raise WebhookRefused(reason=refusal.reason) from None


def _card(staged: StagedFile, filename: str, options: Options, webhook_url: str) -> JobCard:
    name = safe_filename(filename)
    kind = sniff(staged.head, name, staged.size)
    redis, queue_settings = factory.services().redis, factory.services().settings.queue
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
        created_at=clock.now(factory.services().redis),
        webhook_url=webhook_url,
        request_id=problems.request_id(),
    )


def accepted(taken: TakenIn) -> Response:
    known = "This Idempotency-Key has brought the document before." if taken.replayed else "The document is queued."
    body = Accepted(
        job_id=taken.job_id,
        status=taken.state,
        cache=taken.cache,
        shared=taken.shared,
        message=f"{known} Ask status_url how it goes, and result_url for the result.",
        status_url=url_for("jobs.status", job_id=taken.job_id),
        result_url=url_for("jobs.result", job_id=taken.job_id),
    )
    return marked(answers.of(body, 202, {"Location": body.status_url, **retry_after()}), taken)


def marked(response: Response, taken: TakenIn) -> Response:
    """The answer, which says where it is about a job that was there before."""
    if taken.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def _fields(settings: ApiSettings) -> dict[str, dict[str, Any]]:
    """The schemas of all fields beside the file, by hand: the view reads the form itself, since text fields must stay text."""
    fields = dict(Options.model_json_schema()["properties"])
    # Left out it is what the server is set to: no client should send the default of another one.
    mode = {name: value for name, value in fields["accuracy_mode"].items() if name != "default"}
    fields["accuracy_mode"] = mode | {"examples": [settings.default_accuracy_mode]}
    fields["password"] = _text("Opens an encrypted document; kept encrypted until the end.", MOST_PASSWORD_CHARACTERS)
    fields["webhook_url"] = _text("Told when the job ends, by a signed POST.", MOST_URL_CHARACTERS)
    return fields


def _text(description: str, longest: int) -> dict[str, Any]:
    return {"type": "string", "default": "", "maxLength": longest, "description": description}


def _request_body(fields: dict[str, dict[str, Any]]) -> dict[str, Any]:
    file = openapi.BINARY | {"description": "The document."}
    form = {"type": "object", "properties": {"file": file, **fields}, "required": ["file"], "additionalProperties": False}
    raw = openapi.BINARY | {"description": "The document itself."}
    return {"content": {"multipart/form-data": {"schema": form}, "application/octet-stream": {"schema": raw}}, "required": True}


def _parameters(fields: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of a document sent as the body itself have no default: sent beside the same field of a form they are an error."""
    key = openapi.parameter("Idempotency-Key", "header", {"type": "string", "pattern": f"^{IDEMPOTENCY_KEY}$"}, SENT_ONCE)
    filename = {"type": "string", "description": "The document's name."}
    return [key] + [
        openapi.parameter(
            name,
            "query",
            {word: value for word, value in schema.items() if word not in ("default", "examples")},
            f"With a raw body. {schema['description']}",
        )
        for name, schema in {"filename": filename, **fields}.items()
    ]
