"""Accept documents."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from flask_openapi import APIBlueprint, Tag

from document_parser.api import openapi
from document_parser.api.auth import check_origin
from document_parser.api.complete_reads import end_with_read
from document_parser.api.extraction_fields import FORM_PROPERTIES
from document_parser.api.intake.form_parser import MULTIPART
from document_parser.api.intake.uploads import receive_upload
from document_parser.api.job_fields import (
    FIELD_ERRORS,
    IDEMPOTENCY_KEY_PATTERN,
    MAX_PASSWORD_CHARACTERS,
    check_texts,
    idempotency_key,
    parse_fields,
)
from document_parser.api.middleware import responses
from document_parser.api.resumable import FinishedUpload, end_upload, finished_upload
from document_parser.api.routes.waiting import retry_after_header, wait_for_end
from document_parser.api.schemas import EXAMPLE_JOB_ID, Accepted
from document_parser.api.services import Services, get_services
from document_parser.api.submission import SUBMISSION_ERRORS, AcceptedUpload, check_capacity, submit_document
from document_parser.errors import (
    FileMissing,
    Forbidden,
    InvalidOption,
    ServerBusy,
    UploadCutOff,
    UploadGone,
    UploadIncomplete,
    UploadLocked,
    UploadNotFound,
    UploadTooSlow,
)
from document_parser.ingest.origin import MAX_ADDRESS_CHARACTERS
from document_parser.jobs.records.job import ID_PATTERN
from document_parser.models import Options
from document_parser.settings import ApiSettings
from document_parser.ssrf import MAX_URL_CHARACTERS

UPLOAD_ERRORS = (
    FileMissing,
    UploadCutOff,
    UploadTooSlow,
    UploadIncomplete,
    UploadLocked,
    UploadNotFound,
    UploadGone,
    Forbidden,
    ServerBusy,
    *FIELD_ERRORS,
    *SUBMISSION_ERRORS,
)
"""Errors of an upload."""
UPLOAD_ID = f"^{ID_PATTERN}$"
"""Pattern of the id of a resumable upload."""
IDEMPOTENCY_KEY_TEXT = "The same key returns the same job for IDEMPOTENCY_HOURS. Use a UUID, for example."
"""Description of the Idempotency-Key in the documentation."""
UPLOAD_TEXT = (
    "As a form: the field file and the options beside it. Or the document itself as the body, of any media type except "
    "those of forms, with filename and options in the query. Or upload_id instead of the file, the id of a complete resumable "
    "upload, in a form or in a JSON object with the options beside it."
)
"""Description of the two forms of an upload in the documentation."""


def blueprint(settings: ApiSettings) -> APIBlueprint:
    """Return the routes that accept documents. The documentation shows the default mode of these settings."""
    tag = Tag(name="process", description="Send documents.")
    routes = APIBlueprint("process", __name__, url_prefix="/v1/process", abp_tags=[tag])
    described = upload_description(settings)
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
        if not job.state.has_ended:
            return accepted_response(taken)
        return with_replay_header(end_with_read(respond(services, job, ""), services, job), taken)

    return routes


def accept_upload(*, ends_upload: bool = False, extracts: bool = False) -> AcceptedUpload:
    """Receive the document of this request and make a job of it.

    ``ends_upload`` lets a resumable upload whose length was never announced end where it is. ``extracts`` refuses a request
    that asks for no values.
    Raises the errors in UPLOAD_ERRORS and RedisError.
    """
    check_origin()
    services = get_services()
    key = idempotency_key()
    check_capacity(services, keyed=bool(key))
    name_field = "file" if request.mimetype == MULTIPART else "filename"
    with receive_upload() as (staged, filename, fields):
        upload_id = fields.pop("upload_id", "")
        asked = parse_fields(services.settings, fields, beside=(name_field, "upload_id"), key=key)
        if extracts and asked.order is None:
            raise InvalidOption.for_fields({"field": "schema", "problem": "send json_schema, schema or extract_fields"})
        if staged is not None:
            if ends_upload:
                raise FileMissing("Send upload_id, in a form or in a JSON object.")
            return submit_document(services, staged, filename, asked)
        if ends_upload:
            check_texts(upload_id=upload_id)
            end_upload(services, upload_id)
        upload, filename = named_upload(services, upload_id, filename)
        return submit_document(services, upload, filename, asked)


def named_upload(services: Services, upload_id: Any, filename: Any) -> tuple[FinishedUpload, str]:
    """Return a complete resumable upload, and the name of its document: the one sent with the request, else its own.

    Raises InvalidOption for fields that are no text, UploadIncomplete, UploadNotFound, UploadGone, StorageUnavailable,
    RedisError.
    """
    check_texts(upload_id=upload_id, filename=filename)
    upload = finished_upload(services, upload_id)
    return upload, filename or upload.filename


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


def upload_description(settings: ApiSettings, **examples: str) -> dict[str, Any]:
    """Return the body and the parameters of a route that takes a document, for the documentation.

    ``examples`` are values of fields that the route needs.
    """
    fields = field_schemas(settings)
    fields |= {name: fields[name] | {"examples": [value]} for name, value in examples.items()}
    return {
        "request_body": _request_body(fields, {"file": openapi.BINARY | {"description": "The document."}}),
        "openapi_extensions": {"parameters": _parameters(fields)},
    }


def batch_description(settings: ApiSettings) -> dict[str, Any]:
    """Return the body and the parameters of a batch, for the documentation."""
    fields = field_schemas(settings)
    form = {"files": {"type": "array", "items": openapi.BINARY, "minItems": 1, "description": "The documents."}}
    return {
        "request_body": _request_body(fields, form),
        "openapi_extensions": {"parameters": _parameters(fields)},
    }


def field_schemas(settings: ApiSettings) -> dict[str, dict[str, Any]]:
    """Return the schemas of all fields beside the document.

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
    fields["result_s3"] = _text_schema(
        "s3://bucket/prefix in a bucket of RESULT_S3_BUCKETS: the result's files are put there, in a folder named by the job.",
        MAX_ADDRESS_CHARACTERS,
    )
    return fields | FORM_PROPERTIES


def idempotency_parameter() -> dict[str, Any]:
    """Return the description of the header Idempotency-Key."""
    schema = {"type": "string", "pattern": f"^{IDEMPOTENCY_KEY_PATTERN}$"}
    return openapi.parameter("Idempotency-Key", "header", schema, IDEMPOTENCY_KEY_TEXT)


def _text_schema(description: str, longest: int) -> dict[str, Any]:
    return {"type": "string", "default": "", "maxLength": longest, "description": description}


def _request_body(fields: dict[str, dict[str, Any]], sent: dict[str, Any]) -> dict[str, Any]:
    """Return the body: a form with the fields of files in ``sent``, an object that names an upload, or the document itself."""
    form = {"type": "object", "properties": {**sent, **fields}, "required": [*sent], "additionalProperties": False}
    upload_id = _text_schema("Id of a complete resumable upload.", 36) | {"pattern": UPLOAD_ID, "examples": [EXAMPLE_JOB_ID]}
    del upload_id["default"]
    filename = _text_schema("Name of the document's file, if the upload has none.", 4096)
    named = {
        "type": "object",
        "properties": {"upload_id": upload_id, "filename": filename, **fields},
        "required": ["upload_id"],
        "additionalProperties": False,
    }
    raw = openapi.BINARY | {"description": "The document itself."}
    return {
        "content": {
            "multipart/form-data": {"schema": form},
            "application/json": {"schema": named},
            "application/octet-stream": {"schema": raw},
        },
        "required": True,
    }


def _parameters(fields: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the query parameters of a document sent as the raw body, and the Idempotency-Key.

    They have no default: sent besides the same field of a form they are an error.
    """
    filename = {"type": "string", "description": "Name of the document's file."}
    return [idempotency_parameter()] + [
        openapi.parameter(
            name,
            "query",
            {word: value for word, value in schema.items() if word not in ("default", "examples")},
            f"With a raw body. {schema['description']}",
        )
        for name, schema in {"filename": filename, **fields}.items()
    ]
