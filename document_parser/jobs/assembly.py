"""The end of a job: its pages become a file, and its record is closed."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import IO, Any, get_args

from document_parser import logs
from document_parser.engines import on_this_machine
from document_parser.errors import (
    DocumentParserError,
    EngineError,
    FormatFailed,
    PageNotRead,
    PagesLost,
    PageUnreadable,
    StorageUnavailable,
    error_class,
)
from document_parser.export.figures import Figures
from document_parser.jobs import files, queue, record
from document_parser.jobs.actor import given_back_where_storage_is_away
from document_parser.jobs.context import Context, task_boundary
from document_parser.jobs.ending import end_job
from document_parser.jobs.job import Job, as_job_error
from document_parser.jobs.ledger import Claim
from document_parser.jobs.page_file import read_page_file
from document_parser.models import (
    FORMAT_FILES,
    Document,
    JobError,
    JobState,
    OutputFormat,
    Page,
    PageError,
    PageStatus,
    ResultFacts,
)
from document_parser.pipeline.assemble import write_document
from document_parser.pipeline.figures import KeepFigure
from document_parser.storage import StoredFileMissing, open_scratch

log = logs.get(__name__)

Entries = dict[int, dict[str, Any]]
"""The ledger of a job by page number."""

SMALL = 16
"""A document of so few pages is assembled by whoever closes its ledger; larger ones get a task of their own."""


def assemble(context: Context, job_id: str, actor: str, *, alone: bool = False) -> None:
    """Write the result of a closed ledger and end the job. Nothing happens where somebody else is at it.

    A page that was read and whose file is gone or torn, as after a power cut, is read again first.
    """
    claim = context.ledger.claim_stage(job_id, "assemble", actor, alone=alone)
    job = context.load(job_id) if claim else None
    if claim is None or job is None:
        return
    try:
        with given_back_where_storage_is_away(context.ledger, claim):
            error = _nothing_read(context, job_id)
            if error is None:
                export(context, job, job.card.options.output_format)
    except PagesLost as lost:
        _read_again(context, claim, lost)
        return
    if error is not None:
        fail(context, job_id, error)
        context.ledger.finish_stage(claim)
        return
    outcome = end_job(context.redis, context.ledger, context.storage, job_id, JobState.COMPLETED)
    context.ledger.finish_stage(claim)
    if outcome == "ok":
        _keep(context, job)


def _read_again(context: Context, claim: Claim, lost: PagesLost) -> None:
    """Give lost pages to the readers; a job that loses one again and again fails."""
    outcome = context.ledger.reopen(claim, lost.pages)
    log.warning("pages_lost", job_id=claim.job_id, pages=lost.pages, outcome=outcome)
    if outcome == "ready":
        queue.ring_readers(context.redis, context.ledger, context.settings)
    elif outcome == "again":
        fail(context, claim.job_id, lost)
        context.ledger.finish_stage(claim)


def _keep(context: Context, job: Job) -> None:
    """Keep it for whoever sends the same again. Nobody waits for this any more, and a full store costs the copy only."""
    try:
        machine = partial(on_this_machine, context.settings)
        context.cache.keep_document(job, context.ledger.entries(job.card.job_id), machine)
    except (StorageUnavailable, StoredFileMissing, EngineError):
        log.warning("not_cached", job_id=job.card.job_id)
    waiting = record.waiting_for(context.redis, job.card.job_id)
    queue.wake_waiting(context.redis, context.ledger, job.card.job_id, waiting)


def assemble_or_ring(context: Context, job_id: str, actor: str) -> None:
    job = context.load(job_id)
    if job is not None and (job.total or 0) <= SMALL:
        assemble(context, job_id, actor)
    else:
        queue.ring_stage(context.redis, job_id, "assemble")


def _nothing_read(context: Context, job_id: str) -> DocumentParserError | None:
    """The error of a document all of whose pages failed: that of most of them, in the words of the first such page."""
    entries = context.ledger.entries(job_id)
    if not entries or any(entry["state"] != "failed" for entry in entries.values()):
        return None
    codes = Counter(entry.get("error", PageUnreadable.code) for _, entry in sorted(entries.items()))
    code = codes.most_common(1)[0][0]
    number = min(number for number, entry in entries.items() if entry.get("error", PageUnreadable.code) == code)
    page = stored_page(context, job_id, number, entries[number].get("revision", 1))
    kind, said = error_class(code) or PageUnreadable, (page and page.error) or _error(entries[number])
    return kind(f"No page of the document could be read. Page {number}: {said.message}", failed_pages=sorted(entries))


def fail(context: Context, job_id: str, error: DocumentParserError) -> None:
    end_job(context.redis, context.ledger, context.storage, job_id, JobState.FAILED, error)


def export(context: Context, job: Job, name: OutputFormat, entries: Entries | None = None) -> None:
    """Write one format of the result, of the job's revision, from the page files.

    ``entries``: the ledger to write it by, where that is not the one in Redis. Raises PagesLost, StorageUnavailable.
    """
    card = job.card
    head = Document(filename=card.filename, media_type=card.media_type, page_count=job.page_count or 0, revision=job.revision)
    extension = FORMAT_FILES[name].extension
    with (
        context.storage.scratch() as path,
        context.storage.scratch() as pages,
        open_scratch(pages) as kept,
    ):
        # Fetched once: assembling walks over the pages more than once, and storage may be far away.
        for page in _pages(context, card.job_id, entries or context.ledger.entries(card.job_id)):
            kept.write(page.model_dump_json().encode() + b"\n")
        with open_scratch(path) as out:
            figures = Figures(partial(_figure, context, job.card.job_id), "figures")
            stripped = write_document(head, partial(_again, kept), job.card.options, name, out, figures)
        # Before the result: whoever finds that finds this as well.
        facts = ResultFacts(stripped=stripped).model_dump_json().encode()
        context.storage.put(files.result_facts(card.job_id, job.revision), facts)
        context.storage.put_file(files.result(card.job_id, extension, job.revision), path)


def export_fault(context: Context, job: Job, name: OutputFormat) -> JobError | None:
    """Write one format; return why that was not possible, for whoever waits for it. Raises RedisError."""
    faults: list[DocumentParserError] = []
    try:
        with task_boundary(faults.append, job_id=job.card.job_id, stage=f"export-{name}"):
            export(context, job, name)
    except StorageUnavailable as fault:
        log.warning("format_not_stored", job_id=job.card.job_id, code=fault.code)
        faults.append(fault)
    if not faults:
        return None
    told = faults[0]
    return as_job_error(told if type(told) is not DocumentParserError else FormatFailed(format=name))


def _again(kept: IO[bytes]) -> Iterator[Page]:
    kept.seek(0)
    return map(Page.model_validate_json, kept)


def _pages(context: Context, job_id: str, entries: Entries) -> Iterator[Page]:
    """All pages in order. One that failed without leaving a file, or that nobody read, is told from its ledger entry.

    Raises PagesLost at the end if pages were read and their files are not there, or not whole.
    """
    lost = []
    for number, entry in sorted(entries.items()):
        if entry["state"] not in get_args(PageStatus):  # only a cancelled job ends with such pages
            error = PageError(code=PageNotRead.code, message=PageNotRead.message)
            yield Page(number=number, status="failed", error=error)
            continue
        page = stored_page(context, job_id, number, entry.get("revision", 1))
        if page is None and entry["state"] != "failed":
            lost.append(number)
            continue
        yield page or Page(number=number, status="failed", error=_error(entry))
    if lost:
        raise PagesLost.of(lost)


def figure_keeper(context: Context, job: Job) -> KeepFigure | None:
    """Stores the pictures of a job's figures; None where its options show none."""
    if job.card.options.figures == "none":
        return None

    async def keep(name: str, data: bytes) -> None:
        await asyncio.to_thread(context.storage.put, files.figure(job.card.job_id, name), data)

    return keep


def _figure(context: Context, job_id: str, name: str) -> bytes | None:
    with contextlib.suppress(StoredFileMissing):
        return context.storage.get(files.figure(job_id, name))
    return None


def stored_page(context: Context, job_id: str, number: int, revision: int = 1) -> Page | None:
    """The page as it was stored for this revision, None where it has not been."""
    return read_page_file(context.storage, job_id, number, revision)


def _error(entry: dict[str, Any]) -> PageError:
    return PageError(code=entry.get("error", "PAGE_UNREADABLE"), message="Reading this page killed its worker twice.")
