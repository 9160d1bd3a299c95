"""Bring what the embedded Valkey wrote to the disk twice a second.

Valkey's own ``appendfsync everysec`` begins a sync a second after the last one at the earliest, and holds back writes while one
is under way: a write may be one to two seconds old before it is durable. A file is synced whoever asks for it, so this process
asks more often, and the server's own syncs find little left to do.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

SYNC_SECONDS = 0.4
"""Least time from one sync to the next, in seconds."""


class AppendOnlySync:
    """Syncs the newest append-only file below ``folder``, the data folder of a Valkey, if it has grown."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "appendonlydir"
        self._ended = time.monotonic()
        self._synced: tuple[Path, int] | None = None

    def sync_if_due(self) -> None:
        """Sync the file unless it was synced just now. It is called several times a second."""
        if time.monotonic() - self._ended < SYNC_SECONDS:
            return
        # The server meets the same disk, refuses writes and says why.
        with contextlib.suppress(OSError):
            self.sync()
        self._ended = time.monotonic()

    def sync(self) -> None:
        """Sync the newest file if it has grown since the last call. Raises OSError."""
        # A rewrite begins a file with a higher number, and removes those before it once it has ended.
        newest = max(self.folder.glob("*.incr.aof"), key=_number, default=None)
        if newest is None:
            return
        file = os.open(newest, os.O_RDONLY | os.O_CLOEXEC)
        try:
            now = (newest, os.fstat(file).st_size)
            if now != self._synced:
                os.fdatasync(file)
                self._synced = now
        finally:
            os.close(file)


def _number(path: Path) -> int:
    """Return the number of an append-only file: ``appendonly.aof.12.incr.aof``."""
    number = path.name.split(".")[-3]
    return int(number) if number.isdigit() else 0
