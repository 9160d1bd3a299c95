"""Idle processor cores: a limit on how many pages are read on them at once, and how many the machine has.

The latest request gets the next free core.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from types import TracebackType

MIN_IDLE_CORES = 1.5
"""Idle cores from which optional work may take one: it leaves half a core to the work that people wait for."""
LOOK_SECONDS = 0.25
"""How long the cores are watched before they count as idle."""
_STATISTICS = Path("/proc/stat")


class IdleCores:
    """How many cores of the machine are idle, whoever uses the others. None is where the system does not say."""

    def __init__(self) -> None:
        self._seen = self._count()
        self._looked = time.monotonic()
        self._idle = 0.0

    def count(self) -> float:
        """Return the number of idle cores, on average over the last moments."""
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            seen = self._count()
            total = seen[1] - self._seen[1]
            self._idle = (os.cpu_count() or 1) * (seen[0] - self._seen[0]) / total if total > 0 else 0.0
            self._seen, self._looked = seen, now
        return min(self._idle, float(len(os.sched_getaffinity(0))))

    async def wait(self) -> None:
        """Wait until a core is idle beside what others need."""
        while self.count() < MIN_IDLE_CORES:
            await asyncio.sleep(LOOK_SECONDS)

    @staticmethod
    def _count() -> tuple[int, int]:
        """Return the idle time and all time of the machine's cores since its start, in ticks."""
        try:
            ticks = [int(field) for field in _STATISTICS.read_text().split("\n", 1)[0].split()[1:9]]
        except (OSError, ValueError):
            return 0, 0
        return ticks[3] + ticks[4], sum(ticks)


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
