"""Draw page images for people in a process beside the workers, so that they do not wait for busy readers."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from typing import NoReturn

import structlog

from document_parser.errors import DocumentParserError, StorageUnavailable
from document_parser.host.processes import die_with_parent, name_process
from document_parser.imaging.marks import mark_boxes
from document_parser.jobs.ending import discard_files
from document_parser.jobs.records import record, storage_keys
from document_parser.jobs.records.page_images import PageImageRequest, next_request
from document_parser.jobs.redis.connection import RedisError
from document_parser.models import PageImageSpec
from document_parser.storage import Storage
from document_parser.telemetry import logs
from document_parser.workers.context import Context, task_boundary, task_context
from document_parser.workers.open_documents import OpenDocuments
from document_parser.workers.recycling import over_memory_limit

log = logs.get_logger(__name__)

PAGE_IMAGE_SPEC = PageImageSpec(dpi=144, max_long_side=1600, quality=85)
"""The page image: resolution in dots per inch, longest side in pixels, JPEG quality."""
MAX_MARKED_IMAGES = 16
"""How many page images with marks are kept of a job."""
IDLE_SECONDS = 5
"""Seconds without a request after which open documents are closed."""
PAUSE_SECONDS = 1.0
"""The pause in seconds before the next try while Redis or storage is away."""


class PageImageRenderer:
    """Draws the requested page images one after the other. The documents drawn last stay open for a while."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.documents = OpenDocuments(context)

    async def run(self) -> None:
        """Answer requests until this process holds too much memory; the pool then starts another.

        Raises RedisError, StorageUnavailable.
        """
        grown = False
        while not grown:
            request = await asyncio.to_thread(next_request, self.context.redis, IDLE_SECONDS)
            if request is None:
                await self.documents.close_unused()
            else:
                await self.draw(request)
            grown = over_memory_limit(self.context.settings)
        await self.documents.close_unused()
        log.info("drawer_retires")

    async def draw(self, request: PageImageRequest) -> None:
        """Draw and store an image, then publish whether that succeeded. Raises RedisError, StorageUnavailable."""
        refused: list[DocumentParserError] = []
        facts = {**record.log_fields(self.context.redis, request.job_id), "job_id": request.job_id}
        with (
            structlog.contextvars.bound_contextvars(**facts, page=request.number),
            task_boundary(refused.append, stage="picture"),
        ):
            async with self.documents.document(request.job_id) as document:
                image = await document.source.render(request.number, PAGE_IMAGE_SPEC, request.turn)
            data = image.data if request.marks is None else await asyncio.to_thread(mark_boxes, image, request.marks)
            await asyncio.to_thread(self.context.storage.put, request.file, data)
            if request.marks is not None:
                await asyncio.to_thread(_discard_marked, self.context.storage, request)
        if self.context.load(request.job_id) is None:
            # Deleted meanwhile: none of its files may stay.
            await asyncio.to_thread(discard_files, self.context.redis, self.context.storage, request.job_id)
        request.answer(self.context.redis, "refused" if refused else "drawn")


def _discard_marked(storage: Storage, request: PageImageRequest) -> None:
    """Delete images with marks until few are left, so that a job does not grow with what is asked for."""
    others = [key for key in sorted(storage.keys(storage_keys.marked_images(request.job_id))) if key != request.file]
    for key in others[: max(0, len(others) + 1 - MAX_MARKED_IMAGES)]:
        storage.delete(key)


@logs.CrashLogged()
def run_page_image_process(parent: int) -> NoReturn:
    """Run the process that draws page images until it is asked to stop or its parent ends."""
    die_with_parent(parent)
    name_process("docparse-drawer")
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            with task_context() as context:
                asyncio.run(PageImageRenderer(context).run())
            sys.exit()
        except (RedisError, StorageUnavailable) as error:
            log.warning("drawer_waits", error=type(error).__name__)
            time.sleep(PAUSE_SECONDS)
