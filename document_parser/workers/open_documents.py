"""Keep documents open for readers and for the process that draws page images. Each is opened once and closed when unused."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from document_parser.errors import PageUnreadable
from document_parser.jobs.records.job import Job
from document_parser.sources.source import Source
from document_parser.workers.context import Context

IDLE_DOCUMENTS = 2
"""How many unused documents stay open, the newest ones."""


@dataclass
class OpenDocument:
    """A job's document, open in an opener child."""

    job: Job
    source: Source
    stack: contextlib.ExitStack


@dataclass
class _SharedDocument:
    """A document that is opened once and shared by its pages in flight."""

    opening: asyncio.Task[OpenDocument]
    users: int = 0


@dataclass
class OpenDocuments:
    """The documents that a process has open. Unused ones are closed, except for the newest ``IDLE_DOCUMENTS``."""

    context: Context
    documents: dict[str, _SharedDocument] = field(default_factory=dict)

    @contextlib.asynccontextmanager
    async def document(self, job_id: str) -> AsyncIterator[OpenDocument]:
        """Give a job's open document, valid within the context.

        Raises DocumentError if it does not open, PageUnreadable if the job is gone, StorageUnavailable, RedisError.
        """
        shared = self.documents.get(job_id)
        if shared is None:
            shared = self.documents[job_id] = _SharedDocument(asyncio.ensure_future(self._open(job_id)))
        shared.users += 1
        try:
            yield await asyncio.shield(shared.opening)
        finally:
            shared.users -= 1
            await self.close_unused(keep=IDLE_DOCUMENTS)

    async def close_unused(self, keep: int = 0) -> None:
        """Close unused documents beyond the newest ``keep``, and all that did not open."""
        idle = [job_id for job_id, shared in self.documents.items() if not shared.users]
        broken = [job_id for job_id in idle if _is_failed(self.documents[job_id].opening)]
        sound = [job_id for job_id in idle if job_id not in broken]
        for job_id in broken + sound[: max(0, len(sound) - keep)]:
            await _close(self.documents.pop(job_id).opening)

    async def _open(self, job_id: str) -> OpenDocument:
        """Open a job's document. The caller closes its source and its stack."""
        job = self.context.load(job_id)
        if job is None:
            raise PageUnreadable("The job was deleted.")
        with contextlib.ExitStack() as stack:
            path = await asyncio.to_thread(stack.enter_context, self.context.local_source(job_id))
            source = await self.context.open(job, path)
            return OpenDocument(job, source, stack.pop_all())


def _is_failed(opening: asyncio.Task[OpenDocument]) -> bool:
    return opening.done() and (opening.cancelled() or opening.exception() is not None)


async def _close(opening: asyncio.Task[OpenDocument]) -> None:
    if not opening.done():
        opening.cancel()
    await asyncio.wait([opening])
    if not _is_failed(opening):
        document = opening.result()
        await document.source.close()
        document.stack.close()
