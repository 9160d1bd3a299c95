"""Mistral's files: they are resumable uploads that came in one piece, with the limits and the end of these."""

from __future__ import annotations

import base64
import mimetypes
import time
from typing import Any

from flask import Response, request

from document_parser.api import resumable
from document_parser.api.compat.facade import ignore_options, json_response
from document_parser.api.compat.intake import receive_form
from document_parser.api.compat.mistral import signed_urls
from document_parser.api.compat.mistral.wire import facade
from document_parser.api.intake.tus import parse_metadata
from document_parser.api.middleware.access import OPEN, PROCESS, RESULT_READ, Access
from document_parser.api.middleware.identity import identity
from document_parser.api.routes.results import attachment
from document_parser.api.services import Services, get_services
from document_parser.errors import InvalidOption, UploadGone, UploadIncomplete
from document_parser.ingest.sniff import safe_filename
from document_parser.ingest.staged_file import StagedFile
from document_parser.jobs.records import storage_keys, uploads
from document_parser.jobs.records.uploads import Upload
from document_parser.storage import StoredFileMissing

PURPOSE = "ocr"
"""What a file is for unless its sender says something else."""
URL_HOURS = (1, 24, 168)
"""For how many hours a signed address works: at least, by default, at most."""
PAGE_SIZE = 100
"""Files in a list unless another number is asked for."""
_READ = Access("process", actions=(RESULT_READ,))
_LIST = Access("process", operator_when_off=True)


@facade.route("POST", "/v1/files", PROCESS, receives=True)
def upload_file() -> Response:
    """Store a file. Raises as ``receive_form``, ``resumable.create`` and ``resumable.append``, and InvalidOption."""
    (arrived,), form = receive_form("file")
    hours = _hours(form.get("expiry", ""), "expiry")
    ignore_options(*(name for name in form if name not in ("purpose", "expiry", "visibility")))
    assert isinstance(arrived.document, StagedFile)
    metadata = _metadata(
        filename=safe_filename(arrived.filename), purpose=form.get("purpose", PURPOSE), created=str(int(time.time()))
    )
    services, staged = get_services(), arrived.document
    upload = resumable.create(services, staged.size, metadata=metadata)
    if staged.size:
        with staged.path.open("rb") as body:
            upload = resumable.append(services, upload.upload_id, 0, body, announced=staged.size)
    if hours is not None:
        uploads.expire_within(services.redis, upload.upload_id, hours)
        upload = resumable.load(services, upload.upload_id)
    return json_response(_described(upload))


@facade.route("GET", "/v1/files", _LIST)
def list_files() -> Response:
    """Return the caller's files, the newest first. Raises InvalidOption, RedisError."""
    page, size = (_number(name, default) for name, default in (("page", 0), ("page_size", PAGE_SIZE)))
    asked = request.args
    ignore_options(*(name for name in asked if name not in ("page", "page_size", "purpose", "search", "include_total")))
    found = [_described(one) for one in uploads.of_owner(get_services().redis, identity().owner) if one.finished]
    found = [one for one in found if asked.get("purpose", one["purpose"]) == one["purpose"]]
    found = [one for one in found if asked.get("search", "").lower() in one["filename"].lower()]
    found.sort(key=lambda one: one["created_at"], reverse=True)
    return json_response({"data": found[page * size : (page + 1) * size], "object": "list", "total": len(found)})


@facade.route("GET", "/v1/files/<upload_id>", PROCESS)
def retrieve_file(upload_id: str) -> Response:
    """Return what is known of a file. Raises UploadNotFound, UploadGone, RedisError."""
    return json_response(_described(resumable.load(get_services(), upload_id)) | {"deleted": False})


@facade.route("DELETE", "/v1/files/<upload_id>", PROCESS)
def delete_file(upload_id: str) -> Response:
    """Delete a file; jobs have their own copy. Raises UploadNotFound, UploadGone, StorageUnavailable, RedisError."""
    resumable.delete(get_services(), upload_id)
    return json_response({"id": upload_id, "object": "file", "deleted": True})


@facade.route("GET", "/v1/files/<upload_id>/content", _READ)
def download_file(upload_id: str) -> Response:
    """Return the bytes of a file. Raises UploadNotFound, UploadGone, UploadIncomplete, StorageUnavailable, RedisError."""
    services = get_services()
    return _content(services, resumable.load(services, upload_id))


@facade.route("GET", "/v1/files/<upload_id>/url", PROCESS)
def sign_url(upload_id: str) -> Response:
    """Return an address that needs no key for some hours. Raises UploadNotFound, UploadGone, InvalidOption, RedisError."""
    services, (least, usual, most) = get_services(), URL_HOURS
    resumable.load(services, upload_id)
    hours = _number("expiry", usual)
    if not least <= hours <= most:
        raise InvalidOption.for_fields({"field": "expiry", "problem": f"is a number of hours from {least} to {most}"})
    return json_response({"url": signed_urls.sign(services.settings, upload_id, hours)})


@facade.route("GET", "/v1/files/<upload_id>/signed", OPEN)
def download_signed(upload_id: str) -> Response:
    """Return the bytes of a file to whoever has its signed address. Raises SignedAddressInvalid, and as ``download_file``."""
    services = get_services()
    signed_urls.check(services.settings, upload_id, request.args.get("expires", ""), request.args.get("signature", ""))
    return _content(services, uploads.load(services.redis, upload_id))


def _content(services: Services, upload: Upload) -> Response:
    """Return the bytes of a file, for browsers as a file of no known type."""
    if not upload.finished:
        raise UploadIncomplete(upload_id=upload.upload_id, offset=upload.offset, length=upload.length)
    try:
        stream = services.storage.open(storage_keys.upload(upload.upload_id))
    except StoredFileMissing:
        raise UploadGone() from None
    response = Response(iter(lambda: stream.read(1 << 16), b""), content_type="application/octet-stream")
    response.call_on_close(stream.close)
    response.content_length = upload.offset
    response.headers["Content-Disposition"] = attachment(_described(upload)["filename"])
    return response


def _described(upload: Upload) -> dict[str, Any]:
    """Return a file as Mistral describes it. Uploads that came by tus are files as well."""
    facts = parse_metadata(upload.metadata)
    name = facts.get("filename") or facts.get("name") or "document"
    created = facts.get("created", "")
    return {
        "id": upload.upload_id,
        "object": "file",
        "bytes": upload.offset,
        "created_at": int(created) if created.isdecimal() else 0,
        "filename": name,
        "purpose": facts.get("purpose", PURPOSE),
        "sample_type": "ocr_input",
        "source": "upload",
        "num_lines": None,
        "mimetype": mimetypes.guess_type(name)[0],
        "signature": None,
        "expires_at": int(upload.expires.timestamp()),
        "visibility": "user",
    }


def _metadata(**facts: str) -> str:
    """Return facts as the header Upload-Metadata has them."""
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in facts.items())


def _number(name: str, default: int) -> int:
    """Return a number of the query. Raises InvalidOption."""
    sent = request.args.get(name, "")
    if sent and not (sent.isascii() and sent.isdecimal() and len(sent) < 7):
        raise InvalidOption.for_fields({"field": name, "problem": "is a whole number"})
    return int(sent) if sent else default


def _hours(sent: str, name: str) -> int | None:
    """Return a field of a form that is a number of hours; None if it is not there. Raises InvalidOption."""
    if not sent:
        return None
    if not (sent.isascii() and sent.isdecimal() and int(sent[:9]) > 0):
        raise InvalidOption.for_fields({"field": name, "problem": "is a whole number of hours"})
    return int(sent[:9])
