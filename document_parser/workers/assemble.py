"""Assemble a document: write its pages as a result file, and end its job."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import IO, Any, NamedTuple, get_args

from document_parser.engines.registry import describe_machine
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
from document_parser.jobs import queue
from document_parser.jobs.ending import end_job
from document_parser.jobs.records import children, record, storage_keys
from document_parser.jobs.records.job import Job, as_job_error
from document_parser.jobs.records.ledger import Claim
from document_parser.jobs.records.page_file import read_page_file
from document_parser.jobs.records.usage import Changes
from document_parser.models import (
    FORMAT_FILES,
    PLACES,
    WRITTEN_FOR_BATCHES,
    Chunking,
    Document,
    JobError,
    JobState,
    Options,
    Page,
    PageError,
    PageStatus,
    ResultFacts,
    stored_json,
)
from document_parser.pipeline.assembly.document import write_document
from document_parser.pipeline.assembly.searchable_pdf import write_searchable
from document_parser.pipeline.reading.figures import KeepFigure
from document_parser.storage import Storage, StoredFileMissing, open_scratch
from document_parser.telemetry import logs, tracing
from document_parser.workers.classify import classify_asked
from document_parser.workers.context import Context, task_boundary
from document_parser.workers.heartbeat import release_on_storage_error
from document_parser.workers.originals import original_of

log = logs.get_logger(__name__)

Entries = dict[int, dict[str, Any]]
"""The entries of a job's ledger by page number."""

MAX_EXPORTS_BESIDE = 8
"""How many exports of a revision are kept beside the formats: chunks of other sizes, documents of other systems."""
MAX_SMALL_PAGES = 16
"""A document of at most this many pages is assembled by the task that closes its ledger, a larger one by its own task."""


def assemble(context: Context, job_id: str, actor: str, *, alone: bool = False) -> None:
    """Write the result of a closed ledger and end the job. Nothing happens if another actor assembles it.

    A page that was read but whose file is gone or torn, as after a power cut, is read again first. ``alone`` says that the
    actor does nothing else meanwhile. Raises RedisError, StorageUnavailable.
    """
    claim = context.ledger.claim_stage(job_id, "assemble", actor, alone=alone)
    job = context.load(job_id) if claim else None
    if claim is None or job is None:
        return
    used: Changes = {}
    try:
        with release_on_storage_error(context.ledger, claim), tracing.stage("assemble", job_id, job.card.traceparent):
            error = _error_if_nothing_read(context, job_id)
            if error is None:
                export_first(context, job, _first_exports(job), used)
    except PagesLost as lost:
        _read_again(context, claim, lost)
        return
    if error is not None:
        fail(context, job_id, error)
        context.ledger.finish_stage(claim)
        return
    outcome = end_job(context.redis, context.ledger, context.storage, job_id, JobState.COMPLETED)
    context.ledger.finish_stage(claim, used=used)
    if outcome == "ok":
        _keep_in_cache(context, job)


def export_first(context: Context, job: Job, names: Iterable[str], used: Changes, entries: Entries | None = None) -> None:
    """Write the exports that were asked for with the document.

    A PDF that cannot be written fails no job: whoever asks for it later learns why. Raises as ``export``.
    """
    with fetched(context, job, used, entries) as document:
        for name in names:
            try:
                _write_export(context, job, name, document)
            except DocumentParserError as error:
                if name != "pdf" or isinstance(error, StorageUnavailable):
                    raise
                log.info("pdf_not_written", job_id=job.card.job_id, code=error.code)


def _first_exports(job: Job) -> tuple[str, ...]:
    """Return the formats and other exports that are written before the job ends."""
    card = job.card
    return tuple(dict.fromkeys((card.options.output_format, *(WRITTEN_FOR_BATCHES if card.batch else ()), *card.exports)))


def _read_again(context: Context, claim: Claim, lost: PagesLost) -> None:
    """Give lost pages to the readers. A job that loses the same page repeatedly fails."""
    outcome = context.ledger.reopen(claim, lost.pages)
    log.warning("pages_lost", job_id=claim.job_id, pages=lost.pages, outcome=outcome)
    if outcome == "ready":
        queue.enqueue_readers(context.redis)
    elif outcome == "again":
        fail(context, claim.job_id, lost)
        context.ledger.finish_stage(claim)


def _keep_in_cache(context: Context, job: Job) -> None:
    """Keep the document in the cache for later uploads of the same.

    No request waits for this any more, and a full store loses only the copy.
    """
    try:
        machine = partial(describe_machine, context.settings)
        if not job.children:  # a copy would need jobs of its own for them
            context.cache.keep_document(job, context.ledger.entries(job.card.job_id), machine)
    except (StorageUnavailable, StoredFileMissing, EngineError):
        log.warning("not_cached", job_id=job.card.job_id)
    waiting = record.waiting_for(context.redis, job.card.job_id)
    queue.enqueue_waiting(context.redis, context.ledger, job.card.job_id, waiting)


def assemble_or_enqueue(context: Context, job_id: str, actor: str) -> None:
    """Assemble a document of at most ``MAX_SMALL_PAGES`` pages here, or enqueue the assembly of a larger one.

    Raises RedisError, StorageUnavailable.
    """
    job = context.load(job_id)
    if job is not None and (job.total or 0) <= MAX_SMALL_PAGES:
        assemble(context, job_id, actor)
    else:
        queue.enqueue_stage(context.redis, job_id, "assemble")


def _error_if_nothing_read(context: Context, job_id: str) -> DocumentParserError | None:
    """Return the error of a document if all its pages failed, else None.

    It is the most common error of the pages, with the message of the first such page.
    """
    entries = context.ledger.entries(job_id)
    if not entries or any(entry["state"] != "failed" for entry in entries.values()):
        return None
    codes = Counter(entry.get("error", PageUnreadable.code) for _, entry in sorted(entries.items()))
    code = codes.most_common(1)[0][0]
    number = min(number for number, entry in entries.items() if entry.get("error", PageUnreadable.code) == code)
    page = stored_page(context, job_id, number, entries[number].get("revision", 1))
    kind, said = error_class(code) or PageUnreadable, (page and page.error) or _error_of_entry(entries[number])
    return kind(f"No page of the document could be read. Page {number}: {said.message}", failed_pages=sorted(entries))


def fail(context: Context, job_id: str, error: DocumentParserError) -> None:
    """End a job as failed with this error. Raises RedisError, StorageUnavailable."""
    end_job(context.redis, context.ledger, context.storage, job_id, JobState.FAILED, error)


class Fetched(NamedTuple):
    """A document whose pages are at hand. ``pages`` yields them, each time from the first one."""

    head: Document
    pages: Callable[[], Iterator[Page]]


@contextlib.contextmanager
def fetched(context: Context, job: Job, used: Changes, entries: Entries | None = None) -> Iterator[Fetched]:
    """Fetch the pages of the job's revision once: exports read them more than once, and storage may be far away.

    ``entries`` are used instead of the ledger in Redis if they are given. What a model spent is added to ``used``.
    Raises PagesLost, StorageUnavailable, RedisError.
    """
    card = job.card
    with context.storage.scratch() as path, open_scratch(path) as kept:
        for page in load_pages(context, card.job_id, entries or context.ledger.entries(card.job_id)):
            kept.write(stored_json(page) + b"\n")
        read_kept = partial(_read_kept_pages, kept)
        head = Document(
            filename=card.filename,
            media_type=card.media_type,
            page_count=job.page_count or 0,
            revision=job.revision,
            segments=classify_asked(context, job, read_kept, used),
        )
        inner = children.load(context.storage, card.job_id) if job.children else []
        yield Fetched(head.with_children(inner), read_kept)


def export(context: Context, job: Job, name: str, used: Changes) -> None:
    """Write one export of the result of the job's revision.

    ``name`` is that of a format, or of another export: ``Chunking.export_name``, ``shape_export``, or PLACES.
    Raises as ``fetched``.
    """
    with fetched(context, job, used) as document:
        _write_export(context, job, name, document)


def _write_export(context: Context, job: Job, name: str, document: Fetched) -> None:
    """Write one export of a document and what is told with its result. Raises StorageUnavailable, DocumentParserError."""
    card, (head, pages) = job.card, document
    written, options = _plan_export(name, card.options)
    with context.storage.scratch() as path:
        with open_scratch(path) as out:
            if written == "pdf":
                with original_of(context, job, path.parent) as original:
                    stripped = write_searchable(head, pages, options, original, out)
            else:
                figures = Figures(partial(_load_figure, context, card.job_id), "figures")
                stripped = write_document(head, pages, options, written, out, figures)
        # Stored before the result: whenever the result is there, this is there too.
        facts = ResultFacts(stripped=stripped, segments=head.segments).model_dump_json().encode()
        context.storage.put(storage_keys.result_facts(card.job_id, job.revision), facts)
        context.storage.put_file(storage_keys.export(card.job_id, name, job.revision), path)
    if name not in FORMAT_FILES and name != PLACES:
        _discard_exports_beside(context.storage, job, storage_keys.export(card.job_id, name, job.revision))


def _plan_export(name: str, options: Options) -> tuple[str, Options]:
    """Return the writer's name and the options of an export."""
    if (chunking := Chunking.parse(name)) is not None:
        return "chunks", options.with_chunking(chunking)
    return name, options


def _discard_exports_beside(storage: Storage, job: Job, kept: str) -> None:
    """Delete exports beside the formats until few are left, so that a job does not grow with the sizes that are asked for."""
    found = sorted(storage.keys(storage_keys.exports_beside(job.card.job_id, job.revision)))
    others = [key for key in found if key != kept and not key.endswith(f"/{PLACES}.jsonl")]
    for key in others[: max(0, len(others) + 1 - MAX_EXPORTS_BESIDE)]:
        storage.delete(key)


def export_or_error(context: Context, job: Job, name: str, used: Changes) -> JobError | None:
    """Write one format of the result. Return the error for those who wait for it, None if it was written. Raises RedisError."""
    otherwise = FormatFailed(format=name)
    return error_of(partial(export, context, job, name, used), otherwise, job_id=job.card.job_id, stage=f"export-{name}")


def error_of(write: Callable[[], None], otherwise: DocumentParserError, *, job_id: str, stage: str) -> JobError | None:
    """Write something that was asked for after the end of a job. Return the error for those who wait; None if it was written.

    ``otherwise`` is the error for a fault that no error of ours names. Raises RedisError.
    """
    faults: list[DocumentParserError] = []
    try:
        with task_boundary(faults.append, job_id=job_id, stage=stage):
            write()
    except StorageUnavailable as fault:
        log.warning("not_stored", job_id=job_id, stage=stage, code=fault.code)
        faults.append(fault)
    if not faults:
        return None
    return as_job_error(faults[0] if type(faults[0]) is not DocumentParserError else otherwise)


def _read_kept_pages(kept: IO[bytes]) -> Iterator[Page]:
    """Yield the pages of the scratch file from its beginning."""
    kept.seek(0)
    return map(Page.model_validate_json, kept)


def load_pages(context: Context, job_id: str, entries: Entries) -> Iterator[Page]:
    """Yield all pages in order. A page that failed without a file, or was not read, is made from its ledger entry.

    Raises PagesLost at the end if files of pages that were read are missing or torn, and StorageUnavailable.
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
        yield page or Page(number=number, status="failed", error=_error_of_entry(entry))
    if lost:
        raise PagesLost.for_pages(lost)


def figure_writer(context: Context, job: Job) -> KeepFigure | None:
    """Return a function that stores the images of a job's figures; None if its options show none.

    The function raises StorageUnavailable.
    """
    if job.card.options.figures == "none":
        return None

    async def keep(name: str, data: bytes) -> None:
        await put_to_its_end(context.storage, storage_keys.figure(job.card.job_id, name), data)

    return keep


async def put_to_its_end(storage: Storage, key: str, data: bytes) -> None:
    """Store a file, to its end even if the task is cancelled: a thread goes on writing, and a deleted job must leave nothing.

    Raises StorageUnavailable.
    """
    writing = asyncio.create_task(asyncio.to_thread(storage.put, key, data))
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        await asyncio.wait([writing])
        raise


def _load_figure(context: Context, job_id: str, name: str) -> bytes | None:
    """Return the image of a figure, None if it is not stored. Raises StorageUnavailable."""
    with contextlib.suppress(StoredFileMissing):
        return context.storage.get(storage_keys.figure(job_id, name))
    return None


def stored_page(context: Context, job_id: str, number: int, revision: int = 1) -> Page | None:
    """Return a page as it was stored for a revision, None if it was not or its file is torn. Raises StorageUnavailable."""
    return read_page_file(context.storage, job_id, number, revision)


def _error_of_entry(entry: dict[str, Any]) -> PageError:
    return PageError(code=entry.get("error", "PAGE_UNREADABLE"), message="The worker died twice while it read this page.")
