"""Serve uploads in chunks for clients that do not speak tus: init, chunk, complete. They are the same uploads.

``init`` returns an ``upload_id``, ``chunk`` stores a piece at its ``offset`` or with its ``index``, and ``complete`` makes a
job, as a process call with ``upload_id`` does.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from typing import IO, Any, cast

from flask import Response, request
from flask_openapi import APIBlueprint, Tag
from pydantic import ValidationError

from document_parser.api import openapi, resumable
from document_parser.api.auth import check_origin
from document_parser.api.intake.form_parser import MULTIPART
from document_parser.api.middleware import responses
from document_parser.api.routes.process import UPLOAD_ERRORS, UPLOAD_ID, accept_upload, accepted_response
from document_parser.api.routes.uploads import CREATION_ERRORS, PIECE_ERRORS, UPLOAD, answer_after_draining, state_of
from document_parser.api.schemas import EXAMPLE_JOB_ID, Accepted, UploadInit, UploadStarted, UploadState
from document_parser.api.services import get_services
from document_parser.errors import BadRequest, FileMissing, InvalidOption
from document_parser.ingest.staged_file import StagedFile
from document_parser.settings import validation
from document_parser.storage import SYNC_BYTES

CHUNK_BYTES = SYNC_BYTES
"""The size of chunks that are sent with an ``index``; the last one may be smaller."""
UPLOAD_TAG = "aliases"
"""The tag of these routes in the documentation."""


def blueprint() -> APIBlueprint:
    """Return the routes."""
    tag = Tag(name=UPLOAD_TAG, description="Other names of the same routes, and uploads in chunks without tus.")
    routes = APIBlueprint("chunked_uploads", __name__, url_prefix="/api/v1/documents/upload", abp_tags=[tag])

    @routes.post(
        "/init",
        summary="Begin an upload in chunks",
        description="As JSON or as a form. Without size, complete ends the upload where it is.",
        responses=openapi.responses({201: UploadStarted}, InvalidOption, *CREATION_ERRORS),
        operation_id="alias_upload_init",
        request_body={"content": {kind: {"schema": UploadInit.model_json_schema()} for kind in (openapi.JSON, openapi.FORM)}},
    )
    @answer_after_draining
    def init() -> Response:
        check_origin()
        asked = _init_fields()
        name = base64.b64encode(asked.filename.encode()).decode()
        upload = resumable.create(get_services(), asked.size, metadata=f"filename {name}" if name else "")
        started = UploadStarted(chunk_bytes=CHUNK_BYTES, **state_of(upload).model_dump())
        return responses.to_response(started, 201, {"Location": started.upload_url})

    @routes.post(
        "/chunk",
        summary="Send a chunk",
        description=(
            "The chunk as the body, with upload_id and offset or index in the query; or a form with the chunk as the field "
            "file. Chunks are sent in order. One that is stored already is not stored again."
        ),
        responses=openapi.responses(
            {200: UploadState}, FileMissing, InvalidOption, *CREATION_ERRORS, *UPLOAD, *PIECE_ERRORS, counted=False
        ),
        operation_id="alias_upload_chunk",
        request_body={"content": {"application/octet-stream": {"schema": openapi.BINARY}}, "required": True},
        openapi_extensions={"parameters": _CHUNK_PARAMETERS},
    )
    @answer_after_draining
    def chunk() -> Response:
        check_origin()
        return responses.to_response(_store_chunk())

    @routes.post(
        "/complete",
        summary="Make a job of an upload",
        description="As POST /v1/process/async with upload_id.",
        responses=openapi.responses(
            {202: openapi.answer(Accepted, "The document is queued.", "Location", "Idempotency-Replayed", "Retry-After")},
            *UPLOAD_ERRORS,
        ),
        operation_id="alias_upload_complete",
        request_body={"content": {kind: {"schema": _COMPLETE} for kind in (openapi.JSON, openapi.FORM)}, "required": True},
    )
    def complete() -> Response:
        return accepted_response(accept_upload(ends_upload=True))

    return routes


def _init_fields() -> UploadInit:
    """Return the fields of the request. Raises InvalidOption, BadRequest."""
    given: Any = request.get_json(silent=True) if request.mimetype == openapi.JSON else None
    if request.mimetype == openapi.JSON and not isinstance(given, dict):
        raise BadRequest("Send a JSON object with filename and size.")
    fields = {**request.args.to_dict(), **request.form.to_dict(), **(given or {})}
    try:
        return UploadInit.model_validate(fields)
    except ValidationError as error:
        raise validation.invalid_option(error, UploadInit) from None


def _store_chunk() -> UploadState:
    """Store the chunk of the request. Raises the errors of the route."""
    services = get_services()
    with _chunk() as (body, size, fields):
        upload_id, offset = fields.get("upload_id", ""), _offset(fields)
        upload = resumable.load(services, upload_id)
        if size is None or not 0 < offset + size <= upload.offset:
            upload = resumable.append(services, upload_id, offset, body, announced=size)
    return state_of(upload)


@contextlib.contextmanager
def _chunk() -> Iterator[tuple[IO[bytes], int | None, dict[str, str]]]:
    """Give the bytes of the chunk, how many there are if that is known, and the fields beside it. Raises FileMissing."""
    if request.mimetype != MULTIPART:
        yield request.stream, request.content_length, request.args.to_dict()
        return
    part = next(iter(request.files.values()), None)
    if part is None:
        raise FileMissing("Send the chunk as the body of the request, or as the field 'file' of a form.")
    staged = cast(StagedFile, part.stream)
    with staged.path.open("rb") as body:
        yield body, staged.size, {**request.args.to_dict(), **request.form.to_dict()}


def _offset(fields: dict[str, str]) -> int:
    """Return where the chunk begins, by its ``offset`` or its ``index``. Raises InvalidOption."""
    given = [name for name in ("offset", "index") if name in fields]
    if len(given) != 1:
        raise InvalidOption.for_fields({"field": "offset", "problem": "send either offset (in bytes) or index (from 0)"})
    (name,) = given
    if not fields[name].isascii() or not fields[name].isdigit() or len(fields[name]) > 18:
        raise InvalidOption.for_fields({"field": name, "problem": "is not a number"})
    return int(fields[name]) * (CHUNK_BYTES if name == "index" else 1)


_ID: dict[str, Any] = {"type": "string", "pattern": UPLOAD_ID, "examples": [EXAMPLE_JOB_ID]}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0, "examples": [0]}
_CHUNK_PARAMETERS = [
    openapi.parameter("upload_id", "query", _ID, "The upload. Required."),
    openapi.parameter("offset", "query", _COUNT, "Where the chunk begins in bytes; or index."),
    openapi.parameter(
        "index", "query", _COUNT, f"Number of the chunk from 0, if all but the last have chunk_bytes ({CHUNK_BYTES})."
    ),
]
_COMPLETE = {
    "type": "object",
    "description": "upload_id, and the options of POST /v1/process/async beside it.",
    "properties": {"upload_id": _ID},
    "required": ["upload_id"],
}
