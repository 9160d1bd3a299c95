"""Stream the results of a batch as one ZIP archive, which is never whole in memory or on disk."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from document_parser.api.middleware.errors import RecordedError
from document_parser.api.routes.batch_files import MAX_FILES_PER_READ, all_files
from document_parser.api.routes.results import CHUNK_BYTES
from document_parser.api.routes.stored_results import StoredResult, load_result
from document_parser.api.services import Services
from document_parser.errors import DocumentParserError, JobExpired
from document_parser.ingest.sniff import safe_filename
from document_parser.jobs import queue
from document_parser.jobs.records import record
from document_parser.jobs.records.batches import Batch
from document_parser.jobs.records.job import Job
from document_parser.models import FORMAT_FILES, WRITTEN_FOR_BATCHES, BatchFile, OutputFormat, format_utc
from document_parser.text.table_archive import make_zip_entry

MANIFEST = "manifest.json"
"""Name of the file in the archive that lists all files of the batch, with the reasons of those that have no result."""
RESERVED_CHARACTERS = re.compile(r'[<>:"|?*]')
"""Characters that a file system may not allow in names."""
WITH_RESULT = ("completed", "incomplete", "cancelled")
"""States of files that have a result."""


class _Pieces(io.RawIOBase):
    """What the archive has written since it was last taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        found, self._pieces = b"".join(self._pieces), []
        return found


class _Names:
    """Names in the archive: flat, so that no name becomes a path, and different even where case does not count."""

    def __init__(self) -> None:
        self._taken = {MANIFEST}

    def choose(self, name: str, extensions: Sequence[str]) -> list[str]:
        """Return names for the results of a file, one for each extension."""
        plain, number = RESERVED_CHARACTERS.sub("_", safe_filename(name)), 1
        while True:
            stem = plain if number == 1 else f"{plain} ({number})"
            names = [safe_filename(f"{stem}.{extension}") for extension in extensions]
            if not self._taken.intersection(one.casefold() for one in names):
                self._taken.update(one.casefold() for one in names)
                return names
            number += 1


def stream_archive(services: Services, batch: Batch, formats: Sequence[OutputFormat], inside: list[str]) -> Iterator[bytes]:
    """Yield the archive: each result in these formats, and the manifest last.

    The ids of jobs whose results are in it, in all formats, are added to ``inside``. A result that cannot be had is in the
    manifest with the reason. Raises RedisError, and StorageUnavailable if a result breaks off; the archive then has no end.
    """
    pieces, names, listed = _Pieces(), _Names(), []
    with ZipFile(pieces, "w", ZIP_DEFLATED) as archive:
        for file in _with_formats_ordered(services, batch, formats):
            entry = _manifest_entry(file)
            listed.append(entry)
            if file.status not in WITH_RESULT:
                continue
            extensions = [FORMAT_FILES[name].extension for name in formats]
            for format_name, name in zip(formats, names.choose(file.name, extensions), strict=True):
                try:
                    found = _result(services, file, format_name)
                except (DocumentParserError, RecordedError) as error:
                    entry["error"] = _error_of(error)
                    continue
                with found.stream as stream, archive.open(make_zip_entry(name), "w") as member:
                    while chunk := stream.read(CHUNK_BYTES):
                        member.write(chunk)
                        yield pieces.take()
                entry["results"].append(name)
            if len(entry["results"]) == len(formats):
                inside.append(str(file.job_id))
        archive.writestr(make_zip_entry(MANIFEST), _manifest(batch, listed))
    yield pieces.take()


def _with_formats_ordered(services: Services, batch: Batch, formats: Sequence[OutputFormat]) -> Iterator[BatchFile]:
    """Yield all files, after formats that may be missing have been ordered for as many as are loaded at once."""
    missing = [name for name in formats if name not in (*WRITTEN_FOR_BATCHES, batch.card.options.output_format)]
    waiting: list[BatchFile] = []
    for file in all_files(services, batch):
        waiting.append(file)
        for name in missing if file.status in WITH_RESULT else ():
            queue.enqueue_stage(services.redis, str(file.job_id), f"export-{name}")
        if len(waiting) == MAX_FILES_PER_READ:
            yield from waiting
            waiting = []
    yield from waiting


def _result(services: Services, file: BatchFile, name: OutputFormat) -> StoredResult:
    """Return the stored result of a file. Raises as ``load_result``."""
    jobs: list[Job] = record.load_many(services.redis, [str(file.job_id)])
    if not jobs:
        raise JobExpired(job_id=file.job_id)
    return load_result(services, jobs[0], name)


def _error_of(error: DocumentParserError | RecordedError) -> dict[str, str]:
    fault = error.error if isinstance(error, RecordedError) else error
    return {"code": fault.code, "message": fault.message}


def _manifest_entry(file: BatchFile) -> dict[str, Any]:
    error = {"code": file.error.code, "message": file.error.message} if file.error else None
    kept = file.model_dump(include={"place", "name", "parent", "job_id", "status"})
    return {**kept, "results": [], "error": error}


def _manifest(batch: Batch, listed: list[dict[str, Any]]) -> str:
    head = {
        "batch_id": batch.card.batch_id,
        "status": batch.state,
        "created_at": format_utc(batch.card.created_at),
        "files": listed,
    }
    return json.dumps(head, ensure_ascii=False, indent=1) + "\n"
