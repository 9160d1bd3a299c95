"""Return results: formats, downloads, and single tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any, BinaryIO, get_args
from urllib.parse import quote

from flask import Response, request

from document_parser.api.middleware import errors
from document_parser.api.routes.stored_extractions import FoundExtraction, asked_with_document
from document_parser.api.routes.stored_results import StoredResult, load_result
from document_parser.api.routes.with_children import check_appendable, load_with_children
from document_parser.errors import (
    InfectedFile,
    InvalidOption,
    JobExpired,
    JobNotComplete,
    SeveralTables,
    TableNotFound,
    VirusScanUnavailable,
)
from document_parser.jobs.records import children, storage_keys
from document_parser.jobs.records.job import Job
from document_parser.models import FORMAT_FILES, Child, Chunking, JobState, OutputFormat, PageStatus, format_utc
from document_parser.storage import StoredFileMissing
from document_parser.text.table_archive import TableArchive, TableEntry
from document_parser.text.tokens import ENCODING

if TYPE_CHECKING:
    from document_parser.api.services import Services

CHUNK_BYTES = 1 << 16
"""Size of the pieces in which files are sent, in bytes."""
CONTENT_NAMES = {**{name: name for name in ("markdown", "html", "text", "tables", "chunks")}, "json": "document"}
"""Field of the JSON body that holds the content of a format."""
_ACCEPTED: dict[str, OutputFormat] = {
    "text/markdown": "markdown",
    "text/html": "html",
    "text/csv": "csv",
    "text/plain": "text",
    "application/x-ndjson": "chunks",
    "application/pdf": "pdf",
    "application/zip": "zip",
}


def respond(services: Services, job: Job, wanted: str, table: int | None = None, *, appended: bool = False) -> Response:
    """Return the result of a job that has ended, in its own or another format.

    The response to a failed job is its error. ``appended`` adds the documents inside. Raises JobNotComplete, InvalidOption,
    TableNotFound, and as ``load_result`` or ``load_with_children``.
    """
    if not job.state.has_ended:
        raise JobNotComplete(status=job.state.value)
    if job.error is not None:
        return errors.error_response(job.error)
    accepted = None if wanted else _accepted_format()
    name: OutputFormat = wanted or accepted or job.card.options.output_format  # type: ignore[assignment]
    _check_table(table, name)
    if appended:
        check_appendable(name)
    if name == "csv" and not _json_only():
        return _csv(services, job, table, attached=False)
    load = load_with_children if appended else load_result
    if name in ("zip", "pdf") or accepted is not None:
        return _file(job, name, load(services, job, name), attached=accepted is None)
    name = "tables" if name == "csv" else name
    extraction = asked_with_document(services, job)
    return Response(_body(services, job, name, load(services, job, name), extraction=extraction), mimetype="application/json")


def respond_with_chunks(services: Services, job: Job, chunking: Chunking) -> Response:
    """Return the chunks of a job that has ended: as lines of JSON if Accept prefers them, else in the JSON body.

    Raises as ``respond``.
    """
    if not job.state.has_ended:
        raise JobNotComplete(status=job.state.value)
    if job.error is not None:
        return errors.error_response(job.error)
    found = load_result(services, job, "chunks" if chunking == job.card.options.chunking else chunking.export_name)
    if _accepted_format() == "chunks":
        return _file(job, "chunks", found, attached=False)
    return Response(_body(services, job, "chunks", found, chunking), mimetype="application/json")


def download(services: Services, job: Job, wanted: str, table: int | None = None, *, appended: bool = False) -> Response:
    """Return the result of a job that has ended as a file. Arguments and errors are those of ``respond``."""
    if not job.state.has_ended:
        raise JobNotComplete(status=job.state.value)
    if job.error is not None:
        return errors.error_response(job.error)
    name: OutputFormat = wanted or job.card.options.output_format  # type: ignore[assignment]
    _check_table(table, name)
    if appended:
        check_appendable(name)
    if name == "csv":
        return _csv(services, job, table, attached=True)
    load = load_with_children if appended else load_result
    return _file(job, name, load(services, job, name), attached=True)


def source(services: Services, job: Job) -> Response:
    """Return the document itself, byte for byte as it was received.

    Browsers must not show what a stranger sent: it is a file of no known type. Raises JobNotComplete if it is still being
    fetched, or scanned for viruses; VirusScanUnavailable if it never was, InfectedFile, JobExpired, StorageUnavailable.
    """
    if job.card.unscanned:
        if not job.state.has_ended:
            raise JobNotComplete("The document waits for the virus scanner. Ask again later.", status=job.state.value)
        if job.error is not None and job.error.code == InfectedFile.code:
            raise InfectedFile(**job.error.details)
        raise VirusScanUnavailable("The document was never scanned for viruses, so it is not given out.")
    try:
        stream = services.storage.open(storage_keys.source(job.card.job_id))
    except StoredFileMissing:
        if not job.state.has_ended:
            raise JobNotComplete("The document is still being fetched. Ask again shortly.", status=job.state.value) from None
        raise JobExpired() from None
    response = Response(_chunks(stream), content_type="application/octet-stream")
    response.content_length = job.card.size
    response.headers["Content-Disposition"] = attachment(job.card.filename)
    return response


def _accepted_format() -> OutputFormat | None:
    """Return the format that a specific Accept header names.

    None for ``*/*`` and JSON, which mean the ordinary body.
    """
    best = request.accept_mimetypes.best
    return _ACCEPTED.get(best) if best and "application/json" not in request.accept_mimetypes.values() else None


def _file(job: Job, name: OutputFormat, found: StoredResult, *, attached: bool) -> Response:
    """Return a stored result as a file, or as the body if not ``attached``."""
    media_type, extension = FORMAT_FILES[name]
    response = Response(_chunks(found.stream), content_type=media_type, headers=found.headers)
    if attached:
        response.headers["Content-Disposition"] = attachment(f"{stem(job)}.{extension}")
    if name == "html":
        # A document's HTML is shown without scripts, frames, forms and foreign content; figures come from this service.
        policy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:"
        response.headers["Content-Security-Policy"] = policy
    return response


def _check_table(table: int | None, name: OutputFormat) -> None:
    """Refuse a single table in a format that has all of them. Raises InvalidOption."""
    if table is not None and name != "csv":
        raise InvalidOption(f"Not understood: table: it needs format=csv, but the format is {name}.")


def prefers_csv() -> bool:
    """Return whether the Accept header names CSV and not JSON."""
    return _accepted_format() == "csv"


def _json_only() -> bool:
    """Return whether the Accept header allows JSON and no CSV."""
    return bool(request.accept_mimetypes["application/json"]) and not request.accept_mimetypes["text/csv"]


def _csv(services: Services, job: Job, table: int | None, *, attached: bool) -> Response:
    """Return the only table, or the one asked for, as CSV; several tables as an archive.

    If Accept prefers ZIP, the response is the archive. The CSV of a document without tables is empty. Raises JobNotComplete,
    TableNotFound, and as ``load_result``.
    """
    found = load_result(services, job, "csv")
    archive = TableArchive(found.stream)
    headers = found.headers | {"X-Tables": str(len(archive.entries))}
    try:
        entry = archive.entry(table)
    except TableNotFound:
        archive.stream.close()
        raise
    except SeveralTables:
        return _archive(job, archive, headers)
    if table is None and request.accept_mimetypes.best == "application/zip":
        return _archive(job, archive, headers)
    if attached:
        name = f"{stem(job)}-{entry.file}" if entry and table is not None else f"{stem(job)}.csv"
        headers["Content-Disposition"] = attachment(name)
    header = "present" if entry and entry.header else "absent"
    return Response(_table_bytes(archive, entry), content_type=f"text/csv; charset=utf-8; header={header}", headers=headers)


def _archive(job: Job, archive: TableArchive, headers: dict[str, str]) -> Response:
    media_type, extension = FORMAT_FILES["csv"]
    archive.stream.seek(0)
    headers["Content-Disposition"] = attachment(f"{stem(job)}.{extension}")
    return Response(_chunks(archive.stream), content_type=media_type, headers=headers)


def _table_bytes(archive: TableArchive, entry: TableEntry | None) -> Iterator[bytes]:
    with archive.stream:
        if entry is not None:
            yield from _chunks(archive.open(entry))


def stem(job: Job) -> str:
    """Return the name of a job's file without its extension."""
    return job.card.filename.rpartition(".")[0] or job.card.filename


def attachment(name: str) -> str:
    """Return the header that names a file, as in RFC 6266: in ASCII for programs such as curl, and in full."""
    plain = re.sub(r"[^A-Za-z0-9 ._()+,=@-]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _body(
    services: Services,
    job: Job,
    name: OutputFormat,
    found: StoredResult,
    chunking: Chunking | None = None,
    extraction: FoundExtraction | None = None,
) -> Iterator[bytes]:
    """Yield the JSON body, content last. JSON content is passed through unparsed; text is escaped piece by piece.

    ``chunking`` is that of chunks; without it, the job's own. ``extraction`` was asked for with the document.
    """
    entries = services.ledger.entries(job.card.job_id)
    missing, inside = _unread_pages(job, entries), _children(services, job)
    head: dict[str, Any] = {
        "job_id": job.card.job_id,
        "filename": job.card.filename,
        "format": name,
        "expires_at": format_utc(job.expires_at) if job.expires_at else None,
        "cache": job.to_status().cache,
        "complete": bool(job.complete) and job.state is JobState.COMPLETED,
        "revision": job.revision,
        "missing_pages": missing,
        "message": _missing_message(missing),
        "failed_pages": sorted(number for number, entry in entries.items() if entry["state"] == "failed"),
        "stripped": found.facts.stripped,
        "children": [child.model_dump(mode="json") for child in inside],
        "attachments": [child.model_dump(mode="json") for child in inside if child.invoice is not None],
        "warnings": [
            {"page": number, "code": code} for number, entry in sorted(entries.items()) for code in entry.get("warnings", [])
        ],
    }
    if found.facts.segments is not None:
        head["segments"] = [segment.model_dump(mode="json") for segment in found.facts.segments]
    if name == "chunks":
        head["chunking"] = {**(chunking or job.card.options.chunking)._asdict(), "encoding": ENCODING}
    yield json.dumps(head, ensure_ascii=False)[:-1].encode()
    if extraction is not None:
        yield b', "extraction": ' + extraction.as_json()
    yield f', "{CONTENT_NAMES[name]}": '.encode()
    if name == "chunks":
        yield from _json_list(found.stream)
    else:
        yield from _chunks(found.stream) if name in ("json", "tables") else _json_escaped(found.stream)
    yield b"}"


def _children(services: Services, job: Job) -> list[Child]:
    """Return the documents inside the job's document. Raises StorageUnavailable."""
    return children.load(services.storage, job.card.job_id) if job.children else []


def _unread_pages(job: Job, entries: dict[int, dict[str, Any]]) -> list[int] | None:
    """Return the pages that were not read when the job was cancelled.

    None if its document was not opened before, so that its pages are not known.
    """
    if job.total is None and job.state is JobState.CANCELLED:
        return None
    return sorted(number for number, entry in entries.items() if entry["state"] not in get_args(PageStatus))


def _missing_message(pages: list[int] | None) -> str:
    """Return the sentence about pages that are missing; empty if none is."""
    if pages is None:
        return "The job was cancelled before its document was opened. The number of its pages is unknown."
    if not pages:
        return ""
    return (
        f"The job was cancelled: {len(pages)} of its pages {'was' if len(pages) == 1 else 'were'} not read, see missing_pages."
    )


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    with stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


def _json_list(stream: BinaryIO) -> Iterator[bytes]:
    """Yield lines of JSON as one list."""
    yield b"["
    with stream:
        for count, line in enumerate(stream):
            yield (b",\n" if count else b"") + line.rstrip(b"\n")
    yield b"]"


def _json_escaped(stream: BinaryIO) -> Iterator[bytes]:
    """Yield a text file as one JSON string, cut at line ends, where no character is split."""
    yield b'"'
    with stream:
        for line in stream:
            yield json.dumps(line.decode(), ensure_ascii=False)[1:-1].encode()
    yield b'"'
