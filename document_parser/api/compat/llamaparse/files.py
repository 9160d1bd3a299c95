"""Files: they are resumable uploads that came in one piece, with the limits and the end of these."""

from __future__ import annotations

import base64
import contextlib
from typing import Any

from flask import Response

from document_parser.api import resumable
from document_parser.api.compat.facade import ignore_options, json_response
from document_parser.api.compat.intake import receive_form
from document_parser.api.compat.llamaparse.wire import PROJECT, facade
from document_parser.api.intake.tus import parse_metadata
from document_parser.api.middleware.access import PROCESS
from document_parser.api.services import get_services
from document_parser.errors import UploadGone
from document_parser.ingest.sniff import safe_filename
from document_parser.ingest.staged_file import StagedFile
from document_parser.jobs.records.uploads import Upload
from document_parser.models import format_utc

PURPOSE = "parse"
"""What a file is for unless its sender says something else."""


@facade.route("POST", "/api/v1/beta/files", PROCESS, receives=True)
def upload_file() -> Response:
    """Store a file. Raises as ``receive_form``, ``resumable.create`` and ``resumable.append``."""
    (arrived,), form = receive_form("file")
    ignore_options(*(name for name in form if name not in ("purpose", "external_file_id")))
    services, staged = get_services(), arrived.document
    assert isinstance(staged, StagedFile)
    facts = {"filename": safe_filename(arrived.filename), "purpose": form.get("purpose", PURPOSE)}
    facts |= {"external": form["external_file_id"]} if form.get("external_file_id") else {}
    metadata = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in facts.items())
    upload = resumable.create(services, staged.size, metadata=metadata)
    if staged.size:
        with staged.path.open("rb") as body:
            resumable.append(services, upload.upload_id, 0, body, announced=staged.size)
    return json_response(_described(resumable.load(services, upload.upload_id)))


@facade.route("GET", "/api/v1/beta/files/<upload_id>", PROCESS)
def retrieve_file(upload_id: str) -> Response:
    """Return what is known of a file. Raises UploadNotFound, UploadGone, RedisError."""
    return json_response(_described(resumable.load(get_services(), upload_id)))


@facade.route("DELETE", "/api/v1/beta/files/<upload_id>", PROCESS)
def delete_file(upload_id: str) -> Response:
    """Delete a file, unless it is gone with its last job. Raises UploadNotFound, StorageUnavailable, RedisError."""
    with contextlib.suppress(UploadGone):
        resumable.delete(get_services(), upload_id)
    return Response(status=204)


def _described(upload: Upload) -> dict[str, Any]:
    """Return a file as LlamaParse describes it."""
    facts = parse_metadata(upload.metadata)
    name = facts.get("filename") or "document"
    return {
        "id": upload.upload_id,
        "name": name,
        "project_id": PROJECT,
        "external_file_id": facts.get("external"),
        "file_type": name.rpartition(".")[2].lower() if "." in name else None,
        "purpose": facts.get("purpose", PURPOSE),
        "expires_at": format_utc(upload.expires),
    }
