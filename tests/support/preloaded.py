"""Programs of ours as processes that start at once: their modules are loaded once for all tests of this process.

The process that has loaded them is ``tests.support.command_server``. What it starts are processes of their own, with their own
arguments, folder, environment and standard streams, also as ``/proc`` shows them.
"""

from __future__ import annotations

import atexit
import marshal
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from document_parser.settings.example import environment_fields

ROOT = Path(__file__).resolve().parents[2]
CLEARED = (
    *("REDIS_URL", "DATABASE_URL", "AUTH_MODE", "TIERS_FILE", "STORAGE_URL", "S3_ENDPOINT_URL"),
    *("ADMIN_TOKEN", "SECRET_KEY", "INFERENCE_MODE"),
)
"""Variables that tests do not take over from whoever starts them."""
ROOM = "x" * 2**16
"""What a forked process overwrites with its own command line, and with its own environment."""
LOAD_SECONDS = 180


class ForkedProcess:
    """A process that ``tests.support.command_server`` has started, with what of ``subprocess.Popen`` tests use."""

    def __init__(
        self, program: str, command: list[str], folder: Path, environment: Mapping[str, str], streams: tuple[int, int, int]
    ) -> None:
        """Start a program that ``command`` would start. ``/proc`` shows that command line."""
        self.args = command
        self.returncode: int | None = None
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(str(socket_of(program)))
        encoded = {os.fsencode(name): os.fsencode(value) for name, value in environment.items()}
        called = marshal.dumps((command, str(folder), encoded))
        socket.send_fds(self._connection, [len(called).to_bytes(8, "little")], list(streams))
        self._connection.sendall(called)
        self.pid = int.from_bytes(self._connection.recv(4, socket.MSG_WAITALL), "little")
        assert self.pid, f"{command} does not start"

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        found = self._ended(timeout)
        if found is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        return found

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ended(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._connection], [], [], seconds)[0]:
            status = self._connection.recv(4, socket.MSG_WAITALL)
            self._connection.close()
            self.returncode = os.waitstatus_to_exitcode(int.from_bytes(status, "little"))
        return self.returncode


def takes(environment: Mapping[str, str]) -> bool:
    """Whether a process that is forked reads of this environment all that one that is started would: all but our settings is
    the same for both.
    """
    ours, loaded = _settings(), _environment()
    return all(environment.get(name) == loaded.get(name) for name in (environment.keys() | loaded.keys()) - ours)


@cache
def _settings() -> frozenset[str]:
    return frozenset(name for _, name, _ in environment_fields())


@cache
def _environment() -> dict[str, str]:
    """The environment in which modules are loaded."""
    return {name: value for name, value in os.environ.items() if name not in CLEARED} | {"PYTHONPATH": str(ROOT)}


@cache
def socket_of(program: str) -> Path:
    """The socket of a server of this process for a program, which ends with it."""
    folder = Path(tempfile.mkdtemp(prefix="docparse-commands-", dir="/tmp"))
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.support.command_server", program, str(folder / "socket"), ROOM],
        cwd=ROOT,
        env=_environment() | {"ROOM": ROOM},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )

    def end() -> None:
        server.communicate()
        shutil.rmtree(folder)

    atexit.register(end)
    deadline = time.monotonic() + LOAD_SECONDS
    while not (folder / "socket").exists():
        assert server.poll() is None, f"{program} cannot be loaded"
        assert time.monotonic() < deadline, f"{program} is not loaded after {LOAD_SECONDS} s"
        time.sleep(0.05)
    return folder / "socket"
