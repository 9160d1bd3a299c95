"""Wall clocks that a test sets, for real processes: a small library is preloaded into them (set_clock.c)."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("set_clock.c")


class SetClock:
    """The clock of all processes that are started with its ``environment``; may be set while they run."""

    def __init__(self, library: Path, file: Path) -> None:
        self.file = file
        self.environment = {"LD_PRELOAD": str(library), "SET_CLOCK": str(file)}
        self.set(hours=0)

    def set(self, hours: float) -> None:
        """So many hours ahead of the machine's clock from now on; behind it where negative."""
        seconds = struct.pack("l", round(hours * 3600))
        if not self.file.exists():
            self.file.write_bytes(seconds)
        with self.file.open("r+b") as file:  # in place: the processes have it mapped
            file.write(seconds)


def library(folder: Path) -> Path:
    """The compiled library; the test is skipped where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler: clocks of real processes cannot be set")
    path = folder / "set_clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(path), str(SOURCE), "-ldl"], check=True)
    return path
