"""Serve resumable uploads: tus 1.0.0, and simple routes beside it for clients that do not speak tus."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from email.utils import format_datetime
from typing import Any

from flask import Flask, Response, request, url_for
from flask_openapi import APIBlueprint, Tag

from document_parser.api import openapi, resumable
from document_parser.api.auth import check_origin
from document_parser.api.intake import tus
from document_parser.api.intake.draining import drain_request
from document_parser.api.middleware import errors, responses
from document_parser.api.schemas import UploadPath, UploadState
from document_parser.api.services import get_services
from document_parser.errors import (
    BadRequest,
    ChecksumMismatch,
    DocumentParserError,
    FileTooLarge,
    Forbidden,
    OffsetMismatch,
    ServerBusy,
    StorageFull,
    StorageUnavailable,
    TooManyUploads,
    TusVersionUnsupported,
    UploadContentType,
    UploadGone,
    UploadIncomplete,
    UploadInterrupted,
    UploadIsFinal,
    UploadLocked,
    UploadNotFound,
    UploadTooLong,
)
from document_parser.jobs.records.uploads import Upload
from document_parser.models import format_utc

CREATION_ERRORS = (BadRequest, FileTooLarge, StorageFull, StorageUnavailable, TooManyUploads, Forbidden, ServerBusy)
"""Errors of creating an upload."""
UPLOAD = (UploadNotFound, UploadGone)
"""Errors of a route about an upload."""
PIECE_ERRORS = (
    OffsetMismatch,
    UploadLocked,
    UploadInterrupted,
    UploadIsFinal,
    UploadTooLong,
    ChecksumMismatch,
    UploadContentType,
)
"""Errors of sending a piece."""


_TUS_HEADERS = ("Tus-Resumable", "Upload-Offset", "Upload-Length", "Upload-Expires")
_PARAMETERS: dict[str, tuple[dict[str, Any], str]] = {
    "Tus-Resumable": ({"type": "string", "enum": [tus.VERSION]}, "Version of the protocol."),
    "Upload-Length": ({"type": "integer", "minimum": 0, "examples": [1000]}, "Bytes of the whole document."),
    "Upload-Defer-Length": ({"type": "string", "enum": ["1"]}, "The length comes with a later piece."),
    "Upload-Metadata": (
        {"type": "string", "examples": ["filename bGV0dGVyLnBkZg=="]},
        "Pairs of a key and a value in Base64, separated by commas: filename.",
    ),
    "Upload-Concat": (
        {"type": "string", "examples": ["partial"]},
        "partial, or 'final;' and the addresses of the uploads to join.",
    ),
    "Upload-Offset": ({"type": "integer", "minimum": 0, "examples": [0]}, "Where the piece begins. Required."),
    "Upload-Checksum": (
        {"type": "string", "examples": ["sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk="]},
        "sha1, sha256 or md5, a space, and the digest of the piece in Base64.",
    ),
}


def blueprint() -> APIBlueprint:
    """Return the routes of tus."""
    tag = Tag(name="uploads", description="Send large documents in pieces, and go on after a lost connection (tus 1.0.0).")
    routes = APIBlueprint("uploads", __name__, url_prefix=tus.PATH, abp_tags=[tag])

    @routes.post(
        "",
        summary="Create a resumable upload",
        description=(
            "Creation of tus 1.0.0: Upload-Length or 'Upload-Defer-Length: 1', Upload-Metadata with filename, Upload-Concat. A "
            "body of media type application/offset+octet-stream is the first piece."
        ),
        responses=openapi.responses(
            {201: openapi.answer(None, "The upload is created.", "Location", *_TUS_HEADERS)},
            TusVersionUnsupported,
            UploadIncomplete,
            *CREATION_ERRORS,
            *UPLOAD,
            *PIECE_ERRORS,
        ),
        operation_id="create_upload",
        openapi_extensions={
            "parameters": _parameters("Upload-Length", "Upload-Defer-Length", "Upload-Metadata", "Upload-Concat")
        },
    )
    @answer_after_draining
    def create() -> Response:
        return _create()

    @routes.get(
        "/<upload_id>",
        summary="What has come of an upload",
        description="HEAD is that of tus: the headers Upload-Offset and Upload-Length.",
        responses=openapi.responses(
            {200: openapi.answer(UploadState, "The upload.", *_TUS_HEADERS)}, TusVersionUnsupported, *UPLOAD, counted=False
        ),
        operation_id="get_upload",
    )
    @answer_after_draining
    def show(path: UploadPath) -> Response:
        if request.method == "HEAD":
            tus.check_version(request.headers)
        upload = resumable.load(get_services(), path.upload_id)
        return responses.to_response(state_of(upload), 200, _headers(upload, whole=True))

    @routes.patch(
        "/<upload_id>",
        summary="Send a piece of an upload",
        description="The piece begins at Upload-Offset, which must be the upload's. What has come of a broken request is kept.",
        responses=openapi.responses(
            {204: openapi.answer(None, "The piece is stored.", *_TUS_HEADERS)},
            TusVersionUnsupported,
            BadRequest,
            FileTooLarge,
            StorageFull,
            StorageUnavailable,
            TooManyUploads,
            Forbidden,
            *UPLOAD,
            *PIECE_ERRORS,
            counted=False,
        ),
        operation_id="send_piece",
        request_body={"content": {tus.PIECE_TYPE: {"schema": openapi.BINARY}}, "required": True},
        openapi_extensions={"parameters": _parameters("Upload-Offset", "Upload-Length", "Upload-Checksum")},
    )
    @answer_after_draining
    def send(path: UploadPath) -> Response:
        return _append(path.upload_id)

    @routes.delete(
        "/<upload_id>",
        summary="Delete an upload",
        responses=openapi.responses(
            {204: openapi.answer(None, "The upload is deleted.", "Tus-Resumable")},
            TusVersionUnsupported,
            Forbidden,
            StorageUnavailable,
            *UPLOAD,
        ),
        operation_id="delete_upload",
        openapi_extensions={"parameters": _parameters()},
    )
    @answer_after_draining
    def delete(path: UploadPath) -> Response:
        tus.check_version(request.headers)
        check_origin()
        resumable.delete(get_services(), path.upload_id)
        return _no_content({})

    return routes


def register(app: Flask) -> None:
    """Let POST requests to uploads be what X-HTTP-Method-Override says, and put the protocol's headers on every response."""
    inner = app.wsgi_app

    def override(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        asked = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE", "").upper()
        path = environ.get("PATH_INFO", "")
        if environ["REQUEST_METHOD"] == "POST" and asked in tus.METHOD_OVERRIDES and path.startswith(f"{tus.PATH}/"):
            environ["REQUEST_METHOD"] = asked
        return inner(environ, start_response)

    app.wsgi_app = override  # type: ignore[method-assign]

    @app.before_request
    def answer_options() -> Response | None:
        return _options() if request.method == "OPTIONS" and _is_about_uploads() else None

    @app.after_request
    def add_headers(response: Response) -> Response:
        if _is_about_uploads():
            response.headers.setdefault("Tus-Resumable", tus.VERSION)
            if request.method == "HEAD" and response.status_code >= 500:
                # At any other status than 423 tus-js-client drops the upload and begins anew, though this passes.
                response.status_code = UploadLocked.status
            if response.status_code == TusVersionUnsupported.status:
                response.headers["Tus-Version"] = tus.VERSION
            if response.status_code == FileTooLarge.status:
                response.headers["Tus-Max-Size"] = str(resumable.max_bytes(get_services()))
        return response


def _is_about_uploads() -> bool:
    return request.path == tus.PATH or request.path.startswith(f"{tus.PATH}/")


def answer_after_draining(view: Callable[..., Response]) -> Callable[..., Response]:
    """Return a view that reads what its client is still sending before an error is returned, and adds the offset to it."""

    @functools.wraps(view)
    def wrapped(*arguments: Any, **more: Any) -> Response:
        try:
            return view(*arguments, **more)
        except UploadInterrupted as error:
            return _error(error)
        except DocumentParserError as error:
            drain_request()
            return _error(error)

    return wrapped


def _error(error: DocumentParserError) -> Response:
    response = errors.error_response(error)
    if isinstance(error, (OffsetMismatch, UploadInterrupted)):
        response.headers["Upload-Offset"] = str(error.details["offset"])
    if isinstance(error, ChecksumMismatch):
        response.status = f"{error.status} Checksum Mismatch"
    return response


def _options() -> Response:
    """Say what is spoken. Needs no Tus-Resumable."""
    services = get_services()
    return _no_content(
        {
            "Tus-Version": tus.VERSION,
            "Tus-Extension": tus.EXTENSIONS,
            "Tus-Max-Size": str(resumable.max_bytes(services)),
            "Tus-Checksum-Algorithm": ",".join(tus.CHECKSUM_ALGORITHMS),
        }
    )


def _create() -> Response:
    """Create an upload, with its first piece or from others if the request says so."""
    tus.check_version(request.headers)
    check_origin()
    services, metadata = get_services(), request.headers.get("Upload-Metadata", "").strip()
    concat = request.headers.get("Upload-Concat", "").strip()
    kind, parts = tus.parse_concat(concat)
    if kind == "final":
        upload = resumable.join(services, parts, metadata=metadata, concat=concat)
        return _created(upload)
    upload = resumable.create(services, tus.announced_length(request.headers), metadata=metadata, concat=concat)
    if request.mimetype == tus.PIECE_TYPE and request.content_length != 0:
        upload = _first_piece(upload)
    return _created(upload)


def _first_piece(upload: Upload) -> Upload:
    """Receive the first piece together with the creation.

    If it breaks off or does not fit, the upload is there nevertheless, and the response says what has come.
    """
    try:
        return _piece(upload.upload_id, 0)
    except UploadInterrupted:
        return resumable.load(get_services(), upload.upload_id)


def _append(upload_id: str) -> Response:
    tus.check_version(request.headers)
    check_origin()
    tus.check_piece_type(request.mimetype)
    offset = tus.required_number(request.headers, "Upload-Offset")
    upload = _piece(upload_id, offset, length=tus.number(request.headers, "Upload-Length"))
    return _no_content(_headers(upload))


def _piece(upload_id: str, offset: int, *, length: int | None = None) -> Upload:
    return resumable.append(
        get_services(),
        upload_id,
        offset,
        request.stream,
        length=length,
        announced=request.content_length,
        checksum=tus.Checksum.parse(request.headers.get("Upload-Checksum")),
    )


def _created(upload: Upload) -> Response:
    location = url_for("uploads.show", upload_id=upload.upload_id)
    return _empty(201, {"Location": location, **_headers(upload)})


def _no_content(headers: dict[str, str]) -> Response:
    return _empty(204, headers)


def _empty(status: int, headers: dict[str, str]) -> Response:
    response = Response(status=status, headers={"Tus-Resumable": tus.VERSION, **headers})
    del response.headers["Content-Type"]
    response.autocorrect_location_header = False
    return response


def _headers(upload: Upload, *, whole: bool = False) -> dict[str, str]:
    """Return the headers that describe an upload; ``whole`` adds what the upload was created with, as HEAD returns it."""
    found = {"Upload-Offset": str(upload.offset), "Upload-Expires": format_datetime(upload.expires, usegmt=True)}
    if not whole:
        return found
    length = {"Upload-Defer-Length": "1"} if upload.length is None else {"Upload-Length": str(upload.length)}
    sent = {"Upload-Metadata": upload.metadata, "Upload-Concat": upload.concat}
    return {
        "Tus-Resumable": tus.VERSION,
        "Cache-Control": "no-store",
        **found,
        **length,
        **{name: value for name, value in sent.items() if value},
    }


def state_of(upload: Upload) -> UploadState:
    """Return an upload as callers see it."""
    return UploadState(
        upload_id=upload.upload_id,
        offset=upload.offset,
        length=upload.length,
        complete=upload.is_complete,
        filename=tus.filename_of(upload.metadata),
        expires_at=format_utc(upload.expires),
        upload_url=url_for("uploads.show", upload_id=upload.upload_id),
    )


def _parameters(*names: str) -> list[dict[str, Any]]:
    version = openapi.parameter("Tus-Resumable", "header", *_PARAMETERS["Tus-Resumable"]) | {"required": True}
    return [version, *(openapi.parameter(name, "header", *_PARAMETERS[name]) for name in names)]
