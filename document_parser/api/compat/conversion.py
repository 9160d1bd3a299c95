"""Do what every facade does with a document, by the means of this service's own routes: submit, wait, load, extract."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import IO, Any, NamedTuple, get_args

from document_parser.api.compat.intake import Arrived
from document_parser.api.job_fields import idempotency_key, parse_fields
from document_parser.api.middleware import errors, rate_limits
from document_parser.api.routes.jobs import check_job_id
from document_parser.api.routes.pages import revision_of
from document_parser.api.routes.stored_extractions import asked_with_document
from document_parser.api.routes.stored_results import load_result
from document_parser.api.routes.waiting import retry_after_header, wait_for_end
from document_parser.api.services import get_services
from document_parser.api.submission import AcceptedUpload, submit_document, submit_link
from document_parser.errors import InvalidOption, JobEnded, PageNotRead, PageUnreadable, ServerBusy, SyncTimeout
from document_parser.ingest.fetch import check_origin as check_link
from document_parser.ingest.origin import Origin
from document_parser.jobs.records import record, storage_keys
from document_parser.jobs.records.job import Job
from document_parser.jobs.records.page_file import read_page_file
from document_parser.models import HARMLESS_WARNINGS, PLACES, Document, JobState, PageStatus, PlacedText
from document_parser.ssrf import lookups
from document_parser.storage import StoredFileMissing

MAX_HEADER_CHARACTERS = 2000
"""Maximum length of a header that lists jobs or pages."""


class PageProblem(NamedTuple):
    """Why a page could not be read, or was not: a code of ours, and a sentence."""

    page: int
    code: str
    message: str


def submit(
    arrived: Arrived, options: Mapping[str, Any], *, exports: tuple[str, ...] = (), key: str | None = None
) -> AcceptedUpload:
    """Make a job of a document.

    ``options`` are fields as /v1/process takes them, those of an extraction included; ``exports`` are written before the job
    ends. ``key`` is the hash of an idempotency key; that of the request's own header if None, which suits one document only.
    Raises the errors in UPLOAD_ERRORS and LINK_ERRORS, RedisError.
    """
    services = get_services()
    fields = parse_fields(services.settings, options, beside=(), key=idempotency_key() if key is None else key)
    fields = replace(fields, exports=exports)
    if not isinstance(arrived.document, Origin):
        return submit_document(services, arrived.document, arrived.filename, fields)
    try:
        check_link(services.settings, arrived.document, lookups.resolver_for(rate_limits.caller()))
    except ValueError as error:
        raise InvalidOption.for_fields({"field": "url", "problem": str(error)}) from None
    return submit_link(services, arrived.document, fields)


def wait_for_job(job_id: str) -> Job:
    """Return a job that was read, once it is. Waits for at most SYNC_TIMEOUT_SECONDS.

    Raises SyncTimeout, ServerBusy if too many requests wait, RecordedError for the error of a failed job, JobEnded for one
    that was cancelled before it was opened, JobNotFound, JobExpired, RedisError.
    """
    services = get_services()
    job = wait_for_end(services, job_id, services.settings.api.sync_timeout_seconds)
    if not job.state.has_ended:
        raise ServerBusy() if retry_after_header() else SyncTimeout(job_id=job_id)
    return check_succeeded(job)


def check_succeeded(job: Job) -> Job:
    """Return a job that has ended with something read.

    Raises RecordedError for the error of a failed one, JobEnded if it was cancelled before the document was opened.
    """
    if job.error is not None:
        raise errors.RecordedError(job.error)
    if job.state is JobState.CANCELLED and job.page_count is None:
        raise JobEnded("The job was cancelled before the document was opened: nothing of it was read. Send it again.")
    return job


def find_job(job_id: str, wait_seconds: float = 0) -> Job:
    """Return a job of this request's caller, once it has ended or after a while. Raises JobNotFound, JobExpired, RedisError."""
    services = get_services()
    return wait_for_end(services, check_job_id(job_id), min(wait_seconds, services.settings.api.sync_timeout_seconds))


def load_export(job: Job, name: str) -> IO[bytes]:
    """Return a format of a job that has ended, or another export. Raises as ``load_result``."""
    return load_result(get_services(), job, name).stream


def load_json(job: Job, name: str) -> Any:
    """Return an export that is one JSON value. Raises as ``load_result``."""
    with load_export(job, name) as stream:
        return json.load(stream)


def load_text(job: Job, name: str) -> str:
    """Return a format that is text. Raises as ``load_result``."""
    with load_export(job, name) as stream:
        return stream.read().decode()


def load_document(job: Job) -> Document:
    """Return the whole document as the ``json`` format has it. Large ones are better served by an export of their own."""
    with load_export(job, "json") as stream:
        return Document.model_validate_json(stream.read())


def markdown_pages(job: Job) -> Iterator[tuple[int, str]]:
    """Yield the number of each page and its Markdown: together, without the white space between them, the whole Markdown.

    A text that goes on over the end of a page belongs to the page where it begins. A page without text is left out.
    """
    number, pieces = 0, list[str]()
    with load_export(job, PLACES) as stream:
        for line in stream:
            placed = PlacedText.model_validate_json(line)
            if placed.page != number:
                if text := "".join(pieces).strip():
                    yield number, text
                number, pieces = placed.page, []
            pieces.append(placed.text)
    if text := "".join(pieces).strip():
        yield number, text


def page_problems(job: Job) -> list[PageProblem]:
    """Return the pages that failed, or were not read because the job was cancelled. Raises StorageUnavailable, RedisError."""
    services, found = get_services(), list[PageProblem]()
    for number, entry in sorted(services.ledger.entries(job.card.job_id).items()):
        if entry["state"] == "failed":
            page = read_page_file(services.storage, job.card.job_id, number, revision_of(entry))
            error = page.error if page is not None else None
            code = error.code if error else entry.get("error", PageUnreadable.code)
            found.append(PageProblem(number, code, error.message if error else PageUnreadable.message))
        elif entry["state"] not in get_args(PageStatus):
            found.append(PageProblem(number, PageNotRead.code, PageNotRead.message))
    return found


def warned_pages(job: Job) -> dict[int, list[str]]:
    """Return the codes of the warnings that ask to look at a page, by its number, ascending. Raises RedisError."""
    entries = sorted(get_services().ledger.entries(job.card.job_id).items())
    return {
        number: [code for code in entry["warnings"] if code not in HARMLESS_WARNINGS]
        for number, entry in entries
        if entry.get("flagged")
    }


def page_headers(jobs: Iterable[Job]) -> dict[str, str]:
    """Return headers for an answer that has no place for them: jobs, pages that were not read, and pages to look at.

    Each is a list with commas, the numbers of the pages of several documents one after the other.
    """
    found: dict[str, list[str]] = {"X-Job-Id": [], "X-Failed-Pages": [], "X-Warned-Pages": []}
    for job in jobs:
        found["X-Job-Id"].append(job.card.job_id)
        found["X-Failed-Pages"] += (str(one.page) for one in page_problems(job))
        found["X-Warned-Pages"] += map(str, warned_pages(job))
    return {name: ",".join(values)[:MAX_HEADER_CHARACTERS] for name, values in found.items() if values}


def figure_image(job_id: str, name: str) -> bytes | None:
    """Return the JPEG of a figure, by the name that its block has as ``picture``; None if there is none."""
    try:
        return get_services().storage.get(storage_keys.figure(job_id, name))
    except StoredFileMissing:
        return None


def extraction_of(job: Job) -> dict[str, Any] | None:
    """Return what was extracted with the document, as GET /v1/jobs/ID/result has it; None if nothing was asked for."""
    found = asked_with_document(get_services(), record.load(get_services().redis, job.card.job_id))
    return json.loads(found.as_json()) if found is not None else None
