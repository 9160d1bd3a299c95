"""What of an append-only file is on the disk: a small library is preloaded into the server and logs its syncs (log_syncs.c)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_name("log_syncs.c")


class Sync(NamedTuple):
    """One sync, in seconds on the monotonic clock, and the bytes of the file that it made durable."""

    began: float
    ended: float
    durable: int


class SyncLog:
    """The syncs of all processes that are started with its ``environment``. Raises FileNotFoundError without a C compiler."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise FileNotFoundError("no C compiler: syncs of real processes cannot be seen")
        library, self.file = folder / "log_syncs.so", folder / "syncs.log"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"], check=True)
        self.environment = {"LD_PRELOAD": str(library), "LOG_SYNCS": str(self.file)}

    def syncs(self) -> list[Sync]:
        """All syncs so far, in the order in which they ended."""
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        fields = (line.split() for line in lines)
        return [Sync(float(began), float(ended), int(durable)) for began, ended, durable in fields]
