"""Receive documents for facades: in forms, as raw bodies, inside JSON, or as addresses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from flask import request
from werkzeug.datastructures import MultiDict

from document_parser.api.auth import check_origin
from document_parser.api.compat.json_body import InlineDocument, inline_document
from document_parser.api.intake.arrivals import PIECE_BYTES
from document_parser.api.intake.form_parser import MULTIPART
from document_parser.api.intake.uploads import UploadRequest
from document_parser.api.job_fields import idempotency_key
from document_parser.api.resumable import FinishedUpload
from document_parser.api.services import get_services
from document_parser.api.submission import check_capacity
from document_parser.errors import BadRequest, FileMissing, TooManyFiles
from document_parser.ingest.origin import Origin
from document_parser.ingest.staged_file import StagedFile

MAX_FORM_PARTS = 400
"""Maximum number of parts of a form beside its files: clients send each option as a part, and lists as several."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A document that came with a request or before it, or the address that it is fetched from."""

    document: StagedFile | FinishedUpload | Origin
    filename: str


def begin_upload() -> None:
    """Check, before a document is received, whether it may come and there is room for it.

    Raises Forbidden, StorageFull, QueueFull, RateLimitExceeded, QuotaExceeded, RedisError.
    """
    check_origin()
    check_capacity(get_services(), keyed=bool(idempotency_key()))


def receive_form(*file_fields: str, max_files: int = 1) -> tuple[list[Arrived], MultiDict[str, str]]:
    """Return the files of a multipart form in these fields, and its text fields; a list is a field that comes several times.

    Raises as ``begin_upload``, FileMissing, TooManyFiles, and as reading a form does.
    """
    begin_upload()
    if request.mimetype != MULTIPART:
        raise BadRequest(f"Send a multipart form with the document in the field {file_fields[0]!r}.")
    request.max_form_parts = MAX_FORM_PARTS + max_files
    found = [part for name in file_fields for part in request.files.getlist(name)]
    if not found:
        raise FileMissing(f"Send the document in the multipart field {file_fields[0]!r}.")
    if len(found) > max_files:
        raise TooManyFiles.for_limit(max_files, len(found))
    return [Arrived(cast(StagedFile, part.stream), part.filename or "") for part in found], request.form


def receive_body(filename: str) -> Arrived:
    """Return the document that is the body of the request, whatever its media type. Raises as ``begin_upload``."""
    begin_upload()
    staged = cast(UploadRequest, request).stage()
    while piece := request.stream.read(PIECE_BYTES):
        staged.write(piece)
    staged.finish()
    return Arrived(staged, filename)


def arrived_in_json(value: Any, filename: str, name_of: Callable[[str], str] = lambda media_type: "") -> Arrived:
    """Return the document that a value of a JSON body has as base64 or as a data URL.

    ``name_of`` returns the name of the file for the media type of a data URL, if ``filename`` is empty. Raises BadRequest.
    """
    found: InlineDocument | None = inline_document(value)
    if found is None:
        raise BadRequest("The document is no base64. Send its bytes as base64, or its address.")
    return Arrived(found.staged, filename or name_of(found.media_type))
