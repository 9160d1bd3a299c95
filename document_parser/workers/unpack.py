"""Make a job of each document inside a document: attachments, entries of archives, embedded files."""

from __future__ import annotations

import asyncio
import contextlib

from document_parser.errors import MEMBER_ERRORS, NestedTooDeep, TooLargeUnpacked, VirusScanUnavailable
from document_parser.ingest import virus_scan
from document_parser.ingest.invoices import INVOICE_HEAD_BYTES, invoice_specification
from document_parser.ingest.needs import missing_needs
from document_parser.ingest.sniff import name_within, safe_filename, sniff
from document_parser.ingest.staged_file import StagedFile
from document_parser.jobs import queue
from document_parser.jobs.ending import discard_files
from document_parser.jobs.records import batches, children, record, storage_keys, unpacked
from document_parser.jobs.records.extraction_orders import load_order, store_order
from document_parser.jobs.records.job import Job, JobCard
from document_parser.jobs.redis import clock
from document_parser.models import Child, Member, PageError
from document_parser.sources.source import Source
from document_parser.telemetry import logs
from document_parser.workers.context import Context

log = logs.get_logger(__name__)

CHILDREN_FOLDER = "children"
"""Below the prefix of a result in a bucket, the folder of the results of the documents inside."""


async def create_children(context: Context, job: Job, source: Source) -> None:
    """Store and queue the documents inside an open document, and store their list.

    A member that became a job before, when a planner was lost, is not stored again. A member that cannot be read is in the
    list with its error. One that could not be scanned for viruses has a job that waits for
    the scanner. Raises StorageUnavailable, RedisError, PageUnreadable.
    """
    members = await source.members()
    if not members:
        return
    unpacking = _Unpacking(context, job, source)
    found = [await unpacking.add(index, member) for index, member in enumerate(members)]
    await asyncio.to_thread(children.store, context.storage, job.card.job_id, found)
    record.note_children(context.redis, job.card.job_id, len(found))
    log.info("unpacked", job_id=job.card.job_id, members=len(found), jobs=sum(child.job_id is not None for child in found))


class _Unpacking:
    """The unpacking of one document: what it may still unpack, and where to."""

    def __init__(self, context: Context, job: Job, source: Source) -> None:
        self._context = context
        self._card = job.card
        self._source = source
        self._left = context.settings.workers.max_unpacked_mb << 20
        self._names: set[str] = set()
        asked = self._card.extraction
        self._order = load_order(context.storage, self._card.job_id, asked.id) if asked else None

    async def add(self, index: int, member: Member) -> Child:
        """Return the member as a child: with a job, or with the error that says why it has none."""
        job_id = children.child_id(self._card.job_id, index)
        name = member.name or name_within(self._card.filename)
        result_s3 = self._result_prefix(index, safe_filename(name))
        try:
            if self._context.load(job_id) is None:
                await self._create(index, job_id, name, result_s3)
        except MEMBER_ERRORS as error:
            child = Child(name=name, part=member.part, error=PageError(code=error.code, message=error.message))
            self._refuse_in_batch(index, child)
            return child
        return Child(
            name=name,
            part=member.part,
            job_id=job_id,
            status_url=f"/v1/jobs/{job_id}/status",
            source_url=f"/v1/jobs/{job_id}/source",
            invoice=await asyncio.to_thread(self._invoice_of, job_id),
        )

    def _result_prefix(self, index: int, name: str) -> str:
        """Return the prefix for the result of a member: its name below the outer document's; empty if none was asked for.

        The second of the same name has its place behind it. The answer is the same each time.
        """
        own = f"{name}.{index + 1}" if name in self._names else name
        self._names.add(name)
        return f"{self._card.result_s3}{CHILDREN_FOLDER}/{own}/" if self._card.result_s3 else ""

    def _invoice_of(self, job_id: str) -> str | None:
        """Return the specification of a stored electronic invoice; None for another file. Raises StorageUnavailable."""
        job = self._context.load(job_id)
        if job is None or job.card.unscanned or job.card.kind != "xml":
            return None
        with self._context.storage.open(storage_keys.source(job_id)) as stream:
            return invoice_specification(stream.read(INVOICE_HEAD_BYTES))

    async def _create(self, index: int, job_id: str, name: str, result_s3: str) -> None:
        """Store a member and create its job. Raises the errors in MEMBER_ERRORS, StorageUnavailable, RedisError."""
        settings, storage = self._context.settings, self._context.storage
        if self._card.depth >= settings.workers.max_nesting_depth:
            raise NestedTooDeep.with_limit(settings.workers.max_nesting_depth)
        with contextlib.closing(StagedFile(settings.plain_dir)) as staged:
            async for piece in self._source.member(index):
                self._left -= len(piece)
                if self._left < 0:
                    limit = settings.workers.max_unpacked_mb
                    raise TooLargeUnpacked.for_size((limit << 20) - self._left, limit)
                await asyncio.to_thread(staged.write, piece)
            card = self._child_card(staged, index, job_id, name).model_copy(update={"result_s3": result_s3})
            limits = settings.workers
            unpacked.charge(self._context.redis, card.root, staged.size, limits.max_members, limits.max_unpacked_mb)
            card = await self._scan(card, staged)
            await asyncio.to_thread(storage.put_file, storage_keys.source(job_id), staged.path, followed=True)
        if self._order is not None:
            await asyncio.to_thread(store_order, storage, job_id, self._order)
        await asyncio.to_thread(record.store_card, storage, card)
        if queue.submit(self._context.redis, settings, card, None, bounded=False).gone:
            discard_files(self._context.redis, storage, job_id)

    async def _scan(self, card: JobCard, staged: StagedFile) -> JobCard:
        """Return the card of a member that is clean, or that has to be scanned later since the scanner is away.

        Raises InfectedFile; VirusScanUnavailable if the scanner refuses a file of this size.
        """
        try:
            await asyncio.to_thread(virus_scan.check_file, self._context.settings.virus_scan, staged.path)
        except VirusScanUnavailable as error:
            if not error.passes:
                raise
            return card.model_copy(update={"unscanned": True})
        return card

    def _refuse_in_batch(self, index: int, child: Child) -> None:
        """List a member without a job in the batch that its document belongs to. Raises RedisError."""
        if self._card.batch:
            place = batches.place_of(index, self._card.place)
            refused = batches.BatchEntry(place=place, name=child.name, parent=self._card.job_id, error=child.error)
            batches.refuse(self._context.redis, self._card.batch, refused)

    def _child_card(self, staged: StagedFile, index: int, job_id: str, name: str) -> JobCard:
        """Return the card of the job of a member. Raises EmptyFile, UnsupportedFormat, ContentMismatch."""
        shown = safe_filename(name)
        found = sniff(staged.head, shown, staged.size, missing_needs(self._context.settings))
        return JobCard(
            job_id=job_id,
            owner=self._card.owner,
            key_id=self._card.key_id,
            tier=self._card.tier,
            filename=shown,
            media_type=found.media_type,
            kind=found.kind,
            sha256=staged.sha256,
            size=staged.size,
            options=self._card.options.model_copy(update={"page_range": ""}),
            extraction=self._order.as_asked if self._order is not None else None,
            lane=self._card.lane,
            created_at=clock.now(self._context.redis),
            request_id=self._card.request_id,
            traceparent=self._card.traceparent,
            parent=self._card.job_id,
            root=self._card.root or self._card.job_id,
            depth=self._card.depth + 1,
            path=name if name != shown else "",
            batch=self._card.batch,
            place=batches.place_of(index, self._card.place) if self._card.batch else "",
        )
