"""The drawer: a process beside the workers that draws pages for people to look at, however busy the readers are."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from typing import NoReturn

import structlog

from document_parser import logs
from document_parser.errors import DocumentParserError, StorageUnavailable
from document_parser.jobs import record
from document_parser.jobs.connection import RedisError
from document_parser.jobs.context import Context, task_boundary, task_context
from document_parser.jobs.desks import Desks
from document_parser.jobs.ending import discard_files
from document_parser.jobs.pictures import PictureRequest, next_request
from document_parser.jobs.retirement import overgrown
from document_parser.models import PictureSpec
from document_parser.processes import die_with_parent, name_process

log = logs.get(__name__)

PICTURE = PictureSpec(dpi=144, max_long_side=1600, quality=85)
IDLE_SECONDS = 5
PAUSE_SECONDS = 1.0


class Drawer:
    """Draws one page after the other; documents looked at last stay open for a moment."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.desks = Desks(context)

    async def run(self) -> None:
        """Until this process has grown too large: the pool starts another."""
        grown = False
        while not grown:
            request = await asyncio.to_thread(next_request, self.context.redis, IDLE_SECONDS)
            if request is None:
                await self.desks.tidy()
            else:
                await self.draw(request)
            grown = overgrown(self.context.settings)
        await self.desks.tidy()
        log.info("drawer_retires")

    async def draw(self, request: PictureRequest) -> None:
        """Store the picture and say so, or say that it cannot be drawn."""
        refused: list[DocumentParserError] = []
        facts = {"request_id": record.request_id(self.context.redis, request.job_id), "job_id": request.job_id}
        with (
            structlog.contextvars.bound_contextvars(**facts, page=request.number),
            task_boundary(refused.append, stage="picture"),
        ):
            async with self.desks.document(request.job_id) as document:
                image = await document.source.render(request.number, PICTURE, request.turn)
            await asyncio.to_thread(self.context.storage.put, request.file, image.data)
        if self.context.load(request.job_id) is None:
            # Deleted meanwhile: nothing of it may stay.
            await asyncio.to_thread(discard_files, self.context.redis, self.context.storage, request.job_id)
        request.answer(self.context.redis, "refused" if refused else "drawn")


@logs.CrashLogged()
def run(parent: int) -> NoReturn:
    """The drawer process: until it is told to stop or its parent dies."""
    die_with_parent(parent)
    name_process("docparse-drawer")
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            with task_context() as context:
                asyncio.run(Drawer(context).run())
            sys.exit()
        except (RedisError, StorageUnavailable) as error:
            log.warning("drawer_waits", error=type(error).__name__)
            time.sleep(PAUSE_SECONDS)
