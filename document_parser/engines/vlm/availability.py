"""Cached check of whether a server answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


class AvailabilityCache:
    """Whether a server answers, cached for some seconds. Callers at the same time share one probe."""

    def __init__(self, look: Callable[[], Awaitable[bool]], seconds: float) -> None:
        """Cache the result of the probe ``look`` for this many seconds."""
        self._probe = look
        self._seconds = seconds
        self._present = False
        self._noted_at = float("-inf")
        self._probing: asyncio.Task[bool] | None = None

    def record(self, present: bool) -> None:
        """Record what a real request has just shown."""
        self._present = present
        self._noted_at = time.monotonic()

    async def is_available(self) -> bool:
        """Return whether the server answers; probe it if the last result is too old."""
        if time.monotonic() - self._noted_at < self._seconds:
            return self._present
        if self._probing is None:
            self._probing = asyncio.create_task(self._probe_once())
        return await asyncio.shield(self._probing)

    async def _probe_once(self) -> bool:
        """Probe the server and record the result."""
        try:
            self.record(await self._probe())
        finally:
            self._probing = None
        return self._present

    async def aclose(self) -> None:
        """Cancel a running probe and wait for its end."""
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.wait([self._probing])
