"""Answer with a converted document: its texts in the formats that were asked for, its status, and what went wrong."""

from __future__ import annotations

import json
import mimetypes
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import PurePath
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from flask import Response, stream_with_context

from document_parser.api.compat import conversion
from document_parser.api.compat.conversion import PageProblem
from document_parser.api.compat.docling.options import EMBEDDED, FACTS, PLACEHOLDER
from document_parser.api.compat.facade import error_of
from document_parser.jobs.records.job import Job

PIECE_BYTES = 1 << 16
"""Bytes of a stored export that are read at once."""
MAX_ARCHIVE_IN_MEMORY = 1 << 22
"""Bytes of an archive that are kept in memory before it goes to disk."""
FIELDS = {
    "markdown": "md_content",
    PLACEHOLDER: "json_content",
    EMBEDDED: "json_content",
    "html": "html_content",
    "text": "text_content",
}
"""The field of each export in an answer."""
EXTENSIONS = {"md_content": "md", "json_content": "json", "html_content": "html", "text_content": "txt"}
"""The extension of each field's file in an archive."""
EMPTY = ("md_content", "json_content", "html_content", "text_content", "doctags_content", "doclang_content")
"""All fields of an answer; those that nobody asked for are null."""
GRADES = ((0.9, "excellent"), (0.8, "good"), (0.5, "fair"), (0.0, "poor"))
"""The least score of each grade, as Docling has them."""
_CATEGORIES = {
    "PAGE_NOT_READ": "policy",
    "SYNC_TIMEOUT": "timeout",
    "QUOTA_EXCEEDED": "policy",
    "DOWNLOAD_FAILED": "source_unavailable",
    "INTERNAL_ERROR": "internal",
}
"""The category of an error; ``backend_failure`` for all others."""


def converted(job: Job) -> Response:
    """Return the answer for one document that was read. Raises as ``load_result``."""
    exports = asked_exports(job)
    with ExitStack() as stack:
        streams = {FIELDS[name]: stack.enter_context(conversion.load_export(job, name)) for name in exports}
        problems, facts = conversion.page_problems(job), conversion.load_json(job, FACTS)
        kept = stack.pop_all()
    rest = {
        "status": status_of(job, problems),
        "errors": error_items(problems, facts),
        "processing_time": seconds_of(job),
        "timings": {},
        "confidence": confidence({int(page): score for page, score in facts["scores"].items()}),
    }

    def body() -> Iterator[bytes]:
        with kept:
            yield b'{"document":'
            yield from document_fields(job, streams)
            yield b"," + json.dumps(rest).encode()[1:]

    return Response(stream_with_context(body()), mimetype="application/json")


def document_fields(job: Job, streams: dict[str, IO[bytes]]) -> Iterator[bytes]:
    """Yield the JSON object with the texts of a document."""
    yield b'{"filename":' + json.dumps(job.card.filename).encode()
    for name in EMPTY:
        yield f',"{name}":'.encode()
        if name not in streams:
            yield b"null"
        elif name == "json_content":
            yield from docling_document(job, streams[name])
        else:
            yield from _as_string(streams[name])
    yield b"}"


def docling_document(job: Job, stream: IO[bytes]) -> Iterator[bytes]:
    """Yield the DoclingDocument with what only the job's record knows: where it comes from."""
    stream.read(1)
    yield b"{" + (f'"origin":{json.dumps(found)},'.encode() if (found := origin(job)) else b"")
    while data := stream.read(PIECE_BYTES):
        yield data


def origin(job: Job) -> dict[str, Any] | None:
    """Return the file that a document comes from; None if its media type is none that docling-core accepts."""
    media_type = job.card.media_type.partition(";")[0].strip()
    if media_type not in mimetypes.types_map.values():
        return None
    return {
        "mimetype": media_type,
        "binary_hash": int(job.card.sha256 or "0", 16) & 0xFFFF_FFFF_FFFF_FFFF,
        "filename": job.card.filename,
    }


def archive(jobs: list[Job]) -> Response:
    """Return the documents of jobs as files in one archive, each in the formats that were asked for.

    Headers name the pages that were not read, and those to look at: the archive has no place for them.
    """
    headers = conversion.page_headers(jobs)
    whole = SpooledTemporaryFile(MAX_ARCHIVE_IN_MEMORY)  # noqa: SIM115 - closed when it has been sent
    taken: set[str] = set()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as files:
        for job in jobs:
            stem = _free_name(PurePath(job.card.filename).stem, taken)
            for name in asked_exports(job):
                field = FIELDS[name]
                with (
                    conversion.load_export(job, name) as stream,
                    files.open(f"{stem}.{EXTENSIONS[field]}", "w", force_zip64=True) as out,
                ):
                    for data in docling_document(job, stream) if field == "json_content" else _pieces(stream):
                        out.write(data)
    size = whole.tell()
    whole.seek(0)
    response = Response(stream_with_context(_closing(whole)), mimetype="application/zip")
    response.headers["Content-Disposition"] = 'attachment; filename="converted_docs.zip"'
    response.headers.update(headers)
    response.content_length = size
    return response


def asked_exports(job: Job) -> list[str]:
    """Return the exports that are fields of the answer; Markdown and the document of a job that another protocol has made."""
    return [name for name in job.card.exports if name in FIELDS] or (
        [] if FACTS in job.card.exports else ["markdown", PLACEHOLDER]
    )


def status_of(job: Job, problems: list[PageProblem]) -> str:
    """Return how a document ended."""
    if job.error is not None:
        return "failure"
    return "partial_success" if problems or job.complete is False else "success"


def error_items(problems: list[PageProblem], facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the errors of a document: of each page that was not read, and the warnings of pages that were.

    A warning is of the component ``pipeline`` and of the category ``unknown``, and leaves the document its status.
    """
    failed = [_error_item("document_backend", one, _CATEGORIES.get(one.code, "backend_failure")) for one in problems]
    # Facts of older jobs have no warnings.
    return failed + [_error_item("pipeline", PageProblem(**one), "unknown") for one in facts.get("warnings", ())]


def _error_item(component: str, problem: PageProblem, category: str) -> dict[str, Any]:
    return {
        "component_type": component,
        "module_name": problem.code,
        "error_message": problem.message,
        "category": category,
        "page_no": problem.page,
    }


def failure(job: Job) -> dict[str, Any] | None:
    """Return why a task failed; None if it did not."""
    if (error := error_of(job)) is None:
        return None
    category = _CATEGORIES.get(error.code, "unknown")
    return {
        "category": category if category != "backend_failure" else "unknown",
        "message": error.message,
        "retryable": error.retryable,
        "phase": "execution",
        "details": {"code": error.code},
    }


def confidence(scores: dict[int, float]) -> dict[str, Any]:
    """Return the scores of the pages and of the whole document, with the grades that Docling gives them."""
    pages = {number: _graded([score]) for number, score in scores.items()}
    return {**_graded(list(scores.values())), "pages": pages}


def seconds_of(job: Job) -> float:
    """Return the time from the beginning of reading to the end of the job, in seconds."""
    begun = job.started_at or job.card.created_at
    return max(0.0, (job.completed_at - begun).total_seconds()) if job.completed_at else 0.0


def _graded(scores: list[float]) -> dict[str, Any]:
    mean, low = (sum(scores) / len(scores), min(scores)) if scores else (None, None)
    return {"mean_score": mean, "low_score": low, "mean_grade": _grade(mean), "low_grade": _grade(low)}


def _grade(score: float | None) -> str:
    return next((grade for least, grade in GRADES if score is not None and score >= least), "unspecified")


def _free_name(stem: str, taken: set[str]) -> str:
    """Return the name, with a number if another document has it."""
    numbered = (f"{stem}-{number}" for number in range(2, len(taken) + 3))
    name = next(one for one in chain([stem or "document"], numbered) if one not in taken)
    taken.add(name)
    return name


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    while data := stream.read(PIECE_BYTES):
        yield data


def _closing(stream: IO[bytes]) -> Iterator[bytes]:
    with stream:
        yield from _pieces(stream)


def _as_string(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield a text file as one JSON string, line by line, where no character is split."""
    yield b'"'
    for line in stream:
        yield json.dumps(line.decode())[1:-1].encode()
    yield b'"'
