"""Idle processor cores: a limit on how many pages are read on them at once. The latest request gets the next free core."""

from __future__ import annotations

import asyncio
from types import TracebackType


class CpuSlots:
    """Limits how many tasks use a core at once. An async context manager that is held while a core is used.

    If several tasks wait, the latest gets the next free core. A waiting task does optional work beside another one and is
    cancelled in the end, so the latest has the most time left.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: list[asyncio.Future[None]] = []

    async def __aenter__(self) -> None:
        """Wait for a free core and take it."""
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._release()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the core."""
        self._release()

    def _release(self) -> None:
        """Give the core to the latest waiting task, or count it as free."""
        while self._waiting:
            turn = self._waiting.pop()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
