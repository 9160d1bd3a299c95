"""Mistral's OCR: a document in, its pages out, in one request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

from flask import Response

from document_parser.api import resumable
from document_parser.api.compat import conversion
from document_parser.api.compat.facade import ignore_options
from document_parser.api.compat.intake import Arrived, arrived_in_json, begin_upload
from document_parser.api.compat.json_body import InlineDocument, receive_json
from document_parser.api.compat.mistral import signed_urls
from document_parser.api.compat.mistral.ocr_request import OcrRequest, parse_request
from document_parser.api.compat.mistral.wire import facade
from document_parser.api.middleware.access import RESULT_READ, Access
from document_parser.api.routes.results import CHUNK_BYTES
from document_parser.api.services import get_services
from document_parser.errors import InvalidOption
from document_parser.ingest.download_name import download_name
from document_parser.ingest.origin import Origin
from document_parser.jobs.records.job import Job

MODEL = "document-parser"
"""The model that an answer names: the service reads with its own."""


@facade.route("POST", "/v1/ocr", Access("process", actions=("job.submit", RESULT_READ)), receives=True)
def read_document() -> Response:
    """Return the pages of a document. Raises as ``conversion.submit``, ``wait_for_job`` and ``load_export``, InvalidOption."""
    begin_upload()
    body = receive_json()
    asked = parse_request(body)
    arrived = _arrived(body.get("document"))
    ignore_options(*asked.ignored)
    taken = conversion.submit(arrived, asked.options, exports=(asked.answer.export_name,))
    job = conversion.wait_for_job(taken.job_id)
    response = Response(_body(job, asked), mimetype="application/json")
    response.headers["X-Job-ID"] = taken.job_id
    return response


def _body(job: Job, asked: OcrRequest) -> Iterator[bytes]:
    """Return the pieces of the answer. Everything that can fail is done before the first one is sent."""
    found = conversion.page_problems(job)
    tail: dict[str, Any] = {
        "model": MODEL,
        "usage_info": {"pages_processed": (job.total or 0) - len(found), "doc_size_bytes": job.card.size},
        "document_annotation": _annotation(job),
    }
    return _streamed(conversion.load_export(job, asked.answer.export_name), tail)


def _annotation(job: Job) -> str | None:
    """Return the values that were asked for with the document, as JSON text; None if none were, or they could not be had."""
    found = conversion.extraction_of(job)
    return json.dumps(found["data"], ensure_ascii=False) if found is not None and found.get("data") is not None else None


def _streamed(pages: IO[bytes], tail: dict[str, Any]) -> Iterator[bytes]:
    """Yield the answer with the pages as they are stored."""
    with pages:
        yield b'{"pages": '
        while piece := pages.read(CHUNK_BYTES):
            yield piece
    yield b", " + json.dumps(tail, ensure_ascii=False).encode()[1:]


def _arrived(document: Any) -> Arrived:
    """Return the document that a request has or names.

    Raises InvalidOption, SignedAddressInvalid, UploadNotFound, UploadGone, UploadIncomplete, StorageUnavailable, RedisError.
    """
    if not isinstance(document, dict):
        raise _wrong("is an object with type document_url, image_url or file")
    name = document.get("document_name") or ""
    if not isinstance(name, str):
        raise _wrong("document_name is a text")
    if document.get("type") == "file" or "file_id" in document:
        return _stored(document.get("file_id"), name)
    value = document.get("document_url", document.get("image_url"))
    if isinstance(value, dict):  # image_url may be an object with the address and a level of detail
        value = value.get("url")
    if isinstance(value, InlineDocument) or (isinstance(value, str) and value[:5].lower() == "data:"):
        return arrived_in_json(value, name, lambda media_type: download_name("", "document", "", media_type))
    if not isinstance(value, str) or not value:
        raise _wrong("needs document_url, image_url or file_id")
    own = signed_urls.file_of_own_address(get_services().settings, value)
    return _stored(own, name) if own is not None else Arrived(Origin(address=value), name)


def _stored(file_id: Any, name: str) -> Arrived:
    """Return a file that was sent before. It belongs to the caller's owner, whoever signed its address."""
    if not isinstance(file_id, str):
        raise _wrong("file_id is a text")
    upload = resumable.finished_upload(get_services(), file_id)
    return Arrived(upload, name or upload.filename)


def _wrong(problem: str) -> InvalidOption:
    return InvalidOption.for_fields({"field": "document", "problem": problem})
