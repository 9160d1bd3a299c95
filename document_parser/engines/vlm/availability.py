"""Whether a server is there, asked seldom."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


class Presence:
    """Whether a server answers, remembered for some seconds. Callers at the same time share one look."""

    def __init__(self, look: Callable[[], Awaitable[bool]], seconds: float) -> None:
        self._look = look
        self._seconds = seconds
        self._present = False
        self._noted_at = float("-inf")
        self._looking: asyncio.Task[bool] | None = None

    def note(self, present: bool) -> None:
        """What a real request has just shown."""
        self._present = present
        self._noted_at = time.monotonic()

    async def known(self) -> bool:
        if time.monotonic() - self._noted_at < self._seconds:
            return self._present
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_once())
        return await asyncio.shield(self._looking)

    async def _look_once(self) -> bool:
        try:
            self.note(await self._look())
        finally:
            self._looking = None
        return self._present

    async def aclose(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
