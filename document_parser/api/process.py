"""Taking documents in."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import structlog
from flask import Response, jsonify, url_for
from flask_openapi import APIBlueprint, Tag
from pydantic import ValidationError

from document_parser import logs
from document_parser.addresses import AddressCheck, AddressRefused
from document_parser.api import factory, problems
from document_parser.api.auth import check_origin
from document_parser.api.schemas import Accepted
from document_parser.api.uploads import StagedFile, receive
from document_parser.api.waiting import wait_for_end
from document_parser.errors import FileTooLarge, InvalidOption, StorageUnavailable, WebhookRefused
from document_parser.ingest.sniff import safe_filename, sniff
from document_parser.jobs import files, passwords, queue, record
from document_parser.jobs.connection import RedisError
from document_parser.jobs.record import JobCard
from document_parser.models import JobState, Options
from document_parser.settings import Settings

log = logs.get(__name__)

MOST_PASSWORD_CHARACTERS = 512


def blueprint() -> APIBlueprint:
    tag = Tag(name="process", description="Send documents.")
    routes = APIBlueprint("process", __name__, url_prefix="/v1/process", abp_tags=[tag])
    body = _request_body()

    @routes.post(
        "/async",
        summary="Queue a document",
        request_body=body,
        responses={202: Accepted, **_refusals()},
        operation_id="process_async",
    )
    def process_async() -> Response:
        return accepted(take_in())

    @routes.post(
        "/sync",
        summary="Read a document and wait for the result",
        description="After SYNC_TIMEOUT_SECONDS the answer is 202, as from /async, and the job goes on.",
        request_body=body,
        responses={202: Accepted, **_refusals()},
        operation_id="process_sync",
    )
    def process_sync() -> Response:
        from document_parser.api.results import respond

        card = take_in()
        services = factory.services()
        job = wait_for_end(services, card.job_id, services.settings.api.sync_timeout_seconds)
        return respond(services, job, "") if job.state.ended else accepted(card)

    return routes


def take_in() -> JobCard:
    """Check and store the upload, write the job, ring the bell. Raises what the user did wrong."""
    check_origin()
    services = factory.services()
    with receive() as (staged, filename, fields):
        if staged.size > services.settings.api.max_upload_mb << 20:
            raise FileTooLarge(limit_mb=services.settings.api.max_upload_mb)
        password = fields.pop("password", "")
        webhook_url = check_webhook(services.settings, fields.pop("webhook_url", ""))
        options = parse_options(services.settings, fields, password)
        card = _card(staged, filename, options, webhook_url)
        structlog.contextvars.bind_contextvars(job_id=card.job_id)
        services.storage.put_file(files.source(card.job_id), staged.path)
    try:
        record.store_card(services.storage, card)
        queue.submit(services.redis, card, passwords.seal(services.settings, password) if password else None)
    except (RedisError, StorageUnavailable):
        # What was not taken in leaves nothing behind.
        services.storage.delete_all(files.folder(card.job_id))
        raise
    log.info("job_queued", size=card.size, media_type=card.media_type)
    return card


def parse_options(settings: Settings, fields: dict[str, str], password: str = "") -> Options:
    """The options of a form or query. Raises InvalidOption naming each field that is unknown or wrong."""
    given = {name: value for name, value in fields.items() if value != ""}
    given.setdefault("accuracy_mode", settings.api.default_accuracy_mode)
    try:
        options = Options.model_validate(given)
    except ValidationError as error:
        raise problems.option_error(error) from None
    if len(password) > MOST_PASSWORD_CHARACTERS:
        raise InvalidOption("Not understood: password: it is longer than any document's.")
    return options


def check_webhook(settings: Settings, url: str) -> str:
    """The address to tell of the job's end, empty for none. Raises WebhookRefused."""
    try:
        return str(AddressCheck(settings.webhooks.allow_hosts).url(url)) if url else ""
    except AddressRefused as refusal:
        raise WebhookRefused(reason=refusal.reason) from None


def _card(staged: StagedFile, filename: str, options: Options, webhook_url: str) -> JobCard:
    name = safe_filename(filename)
    kind = sniff(staged.head, name, staged.size)
    return JobCard(
        job_id=str(uuid.uuid4()),
        filename=name,
        media_type=kind.media_type,
        kind=kind.kind,
        sha256=staged.sha256,
        size=staged.size,
        options=options,
        created_at=datetime.now(UTC),
        webhook_url=webhook_url,
        request_id=problems.request_id(),
    )


def accepted(card: JobCard) -> Response:
    body = Accepted(
        job_id=card.job_id,
        status=JobState.QUEUED,
        message="The document is queued. Ask status_url how it goes, and result_url for the result.",
        status_url=url_for("jobs.status", job_id=card.job_id),
        result_url=url_for("jobs.result", job_id=card.job_id),
    )
    response = jsonify(body.model_dump(mode="json"))
    response.status_code = 202
    response.headers["Location"] = body.status_url
    return response


def _refusals() -> dict[str | int, Any]:
    return dict.fromkeys((400, 413, 415, 422, 503), problems.ProblemBody)


def _request_body() -> dict[str, Any]:
    """Described by hand: the view reads the form itself, since text fields must stay text."""
    properties = dict(Options.model_json_schema()["properties"])
    properties["password"] = {"type": "string", "description": "Opens an encrypted document; kept encrypted until the end."}
    properties["webhook_url"] = {"type": "string", "description": "Told when the job ends, by a signed POST."}
    fields = {"file": {"type": "string", "format": "binary", "description": "The document."}, **properties}
    multipart = {"schema": {"type": "object", "properties": fields, "required": ["file"]}}
    raw = {"schema": {"type": "string", "format": "binary"}}
    return {"content": {"multipart/form-data": multipart, "application/octet-stream": raw}, "required": True}
