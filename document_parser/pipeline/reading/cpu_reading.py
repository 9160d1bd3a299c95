"""Read a page with the CPU engine beside the model that reads it: at once if needed, else on an idle core."""

from __future__ import annotations

import asyncio
import time

from document_parser.errors import EngineError, PageUnreadable
from document_parser.models import CPU_ENGINES, EngineName, Reading
from document_parser.pipeline.reading.page_context import PageContext


class BackgroundOcr:
    """Read one page with the CPU engine as evidence for what a model reads: on an idle core while the model answers, or now.

    A reading on an idle core that has not started when the model's answer arrives is dropped, and one that has started stops: a
    page of a model does not wait for a core.
    """

    def __init__(self, context: PageContext) -> None:
        """Remember the page; nothing is read yet."""
        self._context = context
        self._task: asyncio.Task[Reading | None] | None = None
        self._started = False
        self._stopping = False
        self._needed = False

    @property
    def engine(self) -> EngineName | None:
        """Return the CPU engine among the engines of this page's route; None if there is none."""
        names = (name for name in self._context.route.engines if name in CPU_ENGINES)
        return next(names, None)

    def start_if_idle(self) -> None:
        """Read the page in the background, beside the engine that reads it, as soon as a core is free."""
        if self._task is None and self.engine is not None:
            self._task = asyncio.create_task(self._read_on_idle_core())

    async def reading_if_started(self) -> Reading | None:
        """Return the reading if it has started, after its end. If it has not, cancel it and return None.

        Raises as ``reading``.
        """
        if self._started:
            return await self.reading()
        await self.aclose()
        return None

    async def stop(self, seconds: float) -> Reading | None:
        """Stop a reading under way and return what it has read by then.

        None if it has not started, if it fails, or if it does not stop within ``seconds``. Raises as ``reading``.
        """
        if self._task is None or not self._started:
            await self.aclose()
            return None
        self._stopping = True
        done, _ = await asyncio.wait([self._task], timeout=seconds)
        return self._task.result() if done else None

    async def reading(self) -> Reading | None:
        """Read the whole page now, or wait for the reading under way. None if the route has no CPU engine or if it fails.

        Raises StorageUnavailable and RedisError of the reading cache in workers.
        """
        self._needed = True
        if self._task is None or not self._started or not _is_whole(await self._task):
            await self.aclose()
            self._stopping = False
            self._task = asyncio.create_task(self._read())
        return await self._task

    async def aclose(self) -> None:
        """Cancel the reading and wait until it has ended."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])
        if not self._started:
            self._task = None

    async def _read_on_idle_core(self) -> Reading | None:
        """Wait for an idle core, then read."""
        async with self._context.engines.cpu_slots, self._context.engines.idle_cores:
            return await self._read()

    async def _read(self) -> Reading | None:
        """Read the page and record a failure in the attempts of the page; None if there is no CPU engine or if it fails."""
        name, started = self.engine, time.monotonic()
        self._started = True
        if name is None:
            return None
        try:
            return await self._context.read(name, await self._context.image_for(name), watch=self._should_stop)
        except (EngineError, PageUnreadable) as error:
            self._context.record_attempt(name, "error", f"check of the model's answer: {error.message}", started)
            return None

    def _should_stop(self, _text: str) -> str | None:
        """Return why reading should stop now: the model has answered, or others need the core."""
        if self._stopping:
            return "the model has answered"
        return "others need the core" if not self._needed and self._context.engines.idle_cores.are_needed() else None


def _is_whole(reading: Reading | None) -> bool:
    """Return whether a reading has ended by itself, be it by a failure."""
    return reading is None or reading.finish_reason != "aborted"
