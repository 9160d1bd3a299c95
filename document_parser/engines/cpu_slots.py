"""Idle processor cores: a limit on how many pages are read on them at once, and how many the machine has.

The latest request gets the next free core.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from document_parser.settings import cores

MIN_IDLE_CORES = 1.5
"""Idle cores from which optional work may take one: it leaves half a core to the work that people wait for."""
MIN_IDLE_CORES_BESIDE = 0.25
"""Idle cores, besides its own, below which optional work under way should give its core back."""
LOOK_SECONDS = 0.5
"""How long the cores are watched before they count as idle."""
STATISTICS = Path("/proc/stat")
"""Where the system says for how long its cores were idle."""


class IdleCores:
    """The idle cores of the machine, for optional work. An async context manager that is held while one is used.

    ``folder`` is shared by the processes that share the machine: the files in it, one for each core but one, are locked while
    their core is used, so that not all processes take the same idle core at once. The system releases the locks of a process
    that ends. Where the system does not say how busy it is, or the folder cannot be made, no core is idle.
    """

    def __init__(self, folder: Path, statistics: Path = STATISTICS) -> None:
        self._folder = folder
        self._statistics = statistics
        self._seen = self._count_ticks()
        self._looked = time.monotonic()
        self._idle = 0.0
        self._held: list[int] = []

    async def __aenter__(self) -> None:
        """Wait until a core is idle beside what others need, and take it."""
        while self.count() < MIN_IDLE_CORES or not self._take():
            await asyncio.sleep(LOOK_SECONDS)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the core."""
        os.close(self._held.pop())

    def are_needed(self) -> bool:
        """Return whether others need the core that is held. May be called from any thread."""
        return self.count() < MIN_IDLE_CORES_BESIDE

    def count(self) -> float:
        """Return the number of idle cores, on average since the last look."""
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            seen = self._count_ticks()
            total = seen[1] - self._seen[1]
            self._idle = (os.cpu_count() or 1) * (seen[0] - self._seen[0]) / total if total > 0 else 0.0
            self._seen, self._looked = seen, now
        return min(self._idle, float(cores()))

    def _take(self) -> bool:
        """Lock the file of a core that nobody uses; False if there is none, or no folder for the files."""
        for number in range(max(1, cores() - 1)):
            try:
                self._folder.mkdir(exist_ok=True)
                file = os.open(self._folder / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError:
                return False
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(file)
            else:
                self._held.append(file)
                return True
        return False

    def _count_ticks(self) -> tuple[int, int]:
        """Return the idle time and all time of the machine's cores since its start, in ticks."""
        try:
            ticks = [int(field) for field in self._statistics.read_text().split("\n", 1)[0].split()[1:9]]
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
