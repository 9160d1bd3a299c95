"""Handing results out."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote

from flask import Response, request

from document_parser.api import problems
from document_parser.errors import JobNotComplete
from document_parser.jobs import files, queue
from document_parser.jobs.job import Job
from document_parser.models import FORMAT_FILES, JobState, OutputFormat, utc_text
from document_parser.storage import StoredFileMissing

if TYPE_CHECKING:
    from document_parser.api.factory import Services

EXPORT_SECONDS = 30.0
CHUNK_BYTES = 1 << 16
CONTENT_NAMES = {"markdown": "markdown", "html": "html", "text": "text", "json": "document", "csv": "tables"}
_ACCEPTED: dict[str, OutputFormat] = {
    "text/markdown": "markdown",
    "text/html": "html",
    "text/plain": "text",
    "application/zip": "zip",
}


def respond(services: Services, job: Job, wanted: str) -> Response:
    """The result of a job that has ended, in its own or another format.

    Raises JobNotComplete; the error of a failed job is its answer.
    """
    if not job.state.ended:
        raise JobNotComplete(status=job.state.value)
    if job.error is not None:
        return problems.answer(job.error)
    accepted = _accepted_format()
    if accepted is not None and not wanted:
        return _file(services, job, accepted, attached=False)
    name: OutputFormat = wanted or job.card.options.output_format  # type: ignore[assignment]
    if name == "zip":
        return _file(services, job, name, attached=True)
    stream = stored(services, job, name)
    return Response(_body(services, job, name, stream), mimetype="application/json")


def download(services: Services, job: Job, wanted: str) -> Response:
    """The same as a file. Raises JobNotComplete; the error of a failed job is its answer."""
    if not job.state.ended:
        raise JobNotComplete(status=job.state.value)
    if job.error is not None:
        return problems.answer(job.error)
    return _file(services, job, wanted or job.card.options.output_format, attached=True)  # type: ignore[arg-type]


def stored(services: Services, job: Job, name: OutputFormat) -> BinaryIO:
    """The stored result; a format that is not there yet is written by a worker while we wait a little.

    Raises JobNotComplete where that takes longer: asking again picks it up.
    """
    key = files.result(job.card.job_id, FORMAT_FILES[name].extension, job.revision)
    deadline, rung = time.monotonic() + EXPORT_SECONDS, False
    while True:
        try:
            return services.storage.open(key)
        except StoredFileMissing:
            if not rung:
                queue.ring_stage(services.redis, job.card.job_id, f"export-{name}")
                rung = True
        if time.monotonic() > deadline or not services.redis.exists(f"job:{job.card.job_id}"):
            raise JobNotComplete("This format is being written. Ask again shortly.", format=name)
        time.sleep(0.05)


def _accepted_format() -> OutputFormat | None:
    """The format that a specific Accept header names; none for ``*/*`` and JSON, which is the ordinary body."""
    best = request.accept_mimetypes.best
    return _ACCEPTED.get(best) if best and "application/json" not in request.accept_mimetypes.values() else None


def _file(services: Services, job: Job, name: OutputFormat, *, attached: bool) -> Response:
    media_type, extension = FORMAT_FILES[name]
    response = Response(_chunks(stored(services, job, name)), content_type=media_type)
    if attached:
        stem = job.card.filename.rpartition(".")[0] or job.card.filename
        response.headers["Content-Disposition"] = _attachment(f"{stem}.{extension}")
    if name == "html":
        # A document's HTML is shown without scripts, frames, forms or anything from elsewhere; figures are ours.
        policy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:"
        response.headers["Content-Security-Policy"] = policy
    return response


def _attachment(name: str) -> str:
    """The header that names a file, as RFC 6266 has it: in ASCII for programs such as curl, and in full."""
    plain = re.sub(r"[^A-Za-z0-9 ._()+,=@-]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _body(services: Services, job: Job, name: OutputFormat, stream: BinaryIO) -> Iterator[bytes]:
    """The JSON body, content last: JSON content is passed through unparsed, text is escaped piece by piece."""
    entries = services.ledger.entries(job.card.job_id)
    head = {
        "job_id": job.card.job_id,
        "filename": job.card.filename,
        "format": name,
        "expires_at": utc_text(job.expires_at) if job.expires_at else None,
        "cache": job.show().cache,
        "complete": bool(job.complete) and job.state is JobState.COMPLETED,
        "revision": job.revision,
        "failed_pages": sorted(number for number, entry in entries.items() if entry["state"] == "failed"),
        "warnings": [
            {"page": number, "code": code} for number, entry in sorted(entries.items()) for code in entry.get("warnings", [])
        ],
    }
    yield (json.dumps(head, ensure_ascii=False)[:-1] + f', "{CONTENT_NAMES[name]}": ').encode()
    yield from _chunks(stream) if name in ("json", "csv") else _escaped(stream)
    yield b"}"


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    with stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


def _escaped(stream: BinaryIO) -> Iterator[bytes]:
    """A text file as one JSON string. Cut at line ends, where no character is cut in two."""
    yield b'"'
    with stream:
        for line in stream:
            yield json.dumps(line.decode(), ensure_ascii=False)[1:-1].encode()
    yield b'"'
