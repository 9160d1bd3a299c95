"""Handing results out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any, BinaryIO, NamedTuple, get_args
from urllib.parse import quote

from flask import Response, request
from pydantic import ValidationError

from document_parser.api import problems
from document_parser.api.waiting import last_event, wait_for_format
from document_parser.errors import InvalidOption, JobNotComplete, SeveralTables, TableNotFound
from document_parser.jobs import files, queue, record
from document_parser.jobs.job import Job
from document_parser.models import FORMAT_FILES, JobState, OutputFormat, PageStatus, ResultFacts, utc_text
from document_parser.storage import StoredFileMissing
from document_parser.table_archive import TableArchive, TableEntry

if TYPE_CHECKING:
    from document_parser.api.factory import Services

EXPORT_SECONDS = 30.0
CHUNK_BYTES = 1 << 16
CONTENT_NAMES = {"markdown": "markdown", "html": "html", "text": "text", "json": "document", "tables": "tables"}
_ACCEPTED: dict[str, OutputFormat] = {
    "text/markdown": "markdown",
    "text/html": "html",
    "text/csv": "csv",
    "text/plain": "text",
    "application/zip": "zip",
}


def respond(services: Services, job: Job, wanted: str, table: int | None = None) -> Response:
    """The result of a job that has ended, in its own or another format.

    Raises JobNotComplete, InvalidOption, TableNotFound; the error of a failed job is its answer.
    """
    if not job.state.ended:
        raise JobNotComplete(status=job.state.value)
    if job.error is not None:
        return problems.answer(job.error)
    accepted = None if wanted else _accepted_format()
    name: OutputFormat = wanted or accepted or job.card.options.output_format  # type: ignore[assignment]
    _check_table(table, name)
    if name == "csv" and not _json_only():
        return _csv(services, job, table, attached=False)
    if name == "zip" or accepted is not None:
        return _file(services, job, name, attached=accepted is None)
    name = "tables" if name == "csv" else name
    return Response(_body(services, job, name, stored(services, job, name)), mimetype="application/json")


def download(services: Services, job: Job, wanted: str, table: int | None = None) -> Response:
    """The same as a file. Raises JobNotComplete, InvalidOption, TableNotFound; the error of a failed job is its answer."""
    if not job.state.ended:
        raise JobNotComplete(status=job.state.value)
    if job.error is not None:
        return problems.answer(job.error)
    name: OutputFormat = wanted or job.card.options.output_format  # type: ignore[assignment]
    _check_table(table, name)
    return _csv(services, job, table, attached=True) if name == "csv" else _file(services, job, name, attached=True)


class Stored(NamedTuple):
    """A stored result, and what is known of it."""

    stream: BinaryIO
    facts: ResultFacts

    @property
    def headers(self) -> dict[str, str]:
        return {"X-Stripped-Lines": str(self.facts.stripped)}


def stored(services: Services, job: Job, name: OutputFormat) -> Stored:
    """The stored result; a format that is not there yet is written by a worker while we wait a little.

    Raises JobNotComplete where that takes longer, or as many requests wait as may: asking again picks it up; RecordedError
    where the format could not be written.
    """
    if (found := _stored(services, job, name)) is not None:
        return found
    # The place in the events is taken before the bell rings: whatever comes of it is heard.
    last = last_event(services.redis, job.card.job_id)
    queue.ring_stage(services.redis, job.card.job_id, f"export-{name}")
    wait_for_format(services, job.card.job_id, name, last, EXPORT_SECONDS)
    if (found := _stored(services, job, name)) is None:
        record.load(services.redis, job.card.job_id)  # deleted meanwhile: that is what there is to say
        raise JobNotComplete("This format is being written. Ask again shortly.", format=name)
    return found


def _stored(services: Services, job: Job, name: OutputFormat) -> Stored | None:
    """The result as it lies in storage; None where it has not been written, or what is known of it is torn."""
    try:
        facts = ResultFacts.model_validate_json(services.storage.get(files.result_facts(job.card.job_id, job.revision)))
        key = files.result(job.card.job_id, FORMAT_FILES[name].extension, job.revision)
        return Stored(services.storage.open(key), facts)
    except (StoredFileMissing, ValidationError):
        return None


def _accepted_format() -> OutputFormat | None:
    """The format that a specific Accept header names; none for ``*/*`` and JSON, which is the ordinary body."""
    best = request.accept_mimetypes.best
    return _ACCEPTED.get(best) if best and "application/json" not in request.accept_mimetypes.values() else None


def _file(services: Services, job: Job, name: OutputFormat, *, attached: bool) -> Response:
    media_type, extension = FORMAT_FILES[name]
    found = stored(services, job, name)
    response = Response(_chunks(found.stream), content_type=media_type, headers=found.headers)
    if attached:
        response.headers["Content-Disposition"] = _attachment(f"{_stem(job)}.{extension}")
    if name == "html":
        # A document's HTML is shown without scripts, frames, forms or anything from elsewhere; figures are ours.
        policy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:"
        response.headers["Content-Security-Policy"] = policy
    return response


def _check_table(table: int | None, name: OutputFormat) -> None:
    """Raise InvalidOption if one table is asked for in a format that has them all."""
    if table is not None and name != "csv":
        raise InvalidOption(f"Not understood: table: only format=csv gives a single table, and this is {name}.")


def _json_only() -> bool:
    """Return whether the Accept header allows JSON and no CSV."""
    return bool(request.accept_mimetypes["application/json"]) and not request.accept_mimetypes["text/csv"]


def _csv(services: Services, job: Job, table: int | None, *, attached: bool) -> Response:
    """Return the only table or the one asked for as CSV, several as an archive. The archive also if Accept names only that.

    Without a table the CSV is empty. Raises JobNotComplete, TableNotFound.
    """
    found = stored(services, job, "csv")
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
        name = f"{_stem(job)}-{entry.file}" if entry and table is not None else f"{_stem(job)}.csv"
        headers["Content-Disposition"] = _attachment(name)
    header = "present" if entry and entry.header else "absent"
    return Response(_table(archive, entry), content_type=f"text/csv; charset=utf-8; header={header}", headers=headers)


def _archive(job: Job, archive: TableArchive, headers: dict[str, str]) -> Response:
    media_type, extension = FORMAT_FILES["csv"]
    archive.stream.seek(0)
    headers["Content-Disposition"] = _attachment(f"{_stem(job)}.{extension}")
    return Response(_chunks(archive.stream), content_type=media_type, headers=headers)


def _table(archive: TableArchive, entry: TableEntry | None) -> Iterator[bytes]:
    with archive.stream:
        if entry is not None:
            yield from _chunks(archive.open(entry))


def _stem(job: Job) -> str:
    return job.card.filename.rpartition(".")[0] or job.card.filename


def _attachment(name: str) -> str:
    """The header that names a file, as RFC 6266 has it: in ASCII for programs such as curl, and in full."""
    plain = re.sub(r"[^A-Za-z0-9 ._()+,=@-]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _body(services: Services, job: Job, name: OutputFormat, found: Stored) -> Iterator[bytes]:
    """The JSON body, content last: JSON content is passed through unparsed, text is escaped piece by piece."""
    entries = services.ledger.entries(job.card.job_id)
    missing = _missing(job, entries)
    head = {
        "job_id": job.card.job_id,
        "filename": job.card.filename,
        "format": name,
        "expires_at": utc_text(job.expires_at) if job.expires_at else None,
        "cache": job.show().cache,
        "complete": bool(job.complete) and job.state is JobState.COMPLETED,
        "revision": job.revision,
        "missing_pages": missing,
        "message": _what_is_missing(missing),
        "failed_pages": sorted(number for number, entry in entries.items() if entry["state"] == "failed"),
        "stripped": found.facts.stripped,
        "warnings": [
            {"page": number, "code": code} for number, entry in sorted(entries.items()) for code in entry.get("warnings", [])
        ],
    }
    yield (json.dumps(head, ensure_ascii=False)[:-1] + f', "{CONTENT_NAMES[name]}": ').encode()
    yield from _chunks(found.stream) if name in ("json", "tables") else _escaped(found.stream)
    yield b"}"


def _missing(job: Job, entries: dict[int, dict[str, Any]]) -> list[int] | None:
    """The pages that were not read when the job was cancelled; None if it had not been opened, so that nobody knows them."""
    if job.total is None and job.state is JobState.CANCELLED:
        return None
    return sorted(number for number, entry in entries.items() if entry["state"] not in get_args(PageStatus))


def _what_is_missing(pages: list[int] | None) -> str:
    if pages is None:
        return "The job was cancelled before its document was opened: how many pages it has is not known."
    if not pages:
        return ""
    return (
        f"The job was cancelled: {len(pages)} of its pages {'was' if len(pages) == 1 else 'were'} not read, see missing_pages."
    )


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
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
