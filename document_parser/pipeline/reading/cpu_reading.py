"""What the CPU engine reads of a page that a model reads: when it is needed, or meanwhile, where a core is free."""

from __future__ import annotations

import asyncio
import time

from document_parser.errors import EngineError, PageUnreadable
from document_parser.models import EngineName, Reading
from document_parser.pipeline.reading import routing
from document_parser.pipeline.reading.page_context import PageContext


class BackgroundOcr:
    """The CPU engine's reading of one page, made once at most.

    Begun while a model answers, it is waited for; not begun by then, it is dropped: the model's pages wait for no core.
    """

    def __init__(self, one: PageContext) -> None:
        self._one = one
        self._task: asyncio.Task[Reading | None] | None = None
        self._begun = False

    @property
    def engine(self) -> EngineName | None:
        """The CPU engine of this page's ladder."""
        names = (name for name in self._one.route.engines if name not in (*routing.MODELS, "text_layer"))
        return next(names, None)

    def start_if_idle(self) -> None:
        """Read the page beside whoever is reading it, as soon as a core is free."""
        if self._task is None and self.engine is not None:
            self._task = asyncio.create_task(self._on_a_spare_core())

    async def if_begun(self) -> Reading | None:
        """The reading, where it has begun; None, and no reading later, where no core was free so far."""
        if self._begun:
            return await self.reading()
        await self.aclose()
        return None

    async def reading(self) -> Reading | None:
        """What the CPU engine reads; None where there is none, or it fails."""
        if self._task is None or not self._begun:
            await self.aclose()
            self._task = asyncio.create_task(self._read())
        return await self._task

    async def aclose(self) -> None:
        """Stop reading."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])
        if not self._begun:
            self._task = None

    async def _on_a_spare_core(self) -> Reading | None:
        async with self._one.engines.spare_cores:
            return await self._read()

    async def _read(self) -> Reading | None:
        name, started = self.engine, time.monotonic()
        self._begun = True
        if name is None:
            return None
        try:
            return await self._one.read(name, await self._one.picture_for(name))
        except (EngineError, PageUnreadable) as error:
            self._one.record_attempt(name, "error", f"as a witness: {error.message}", started)
            return None
