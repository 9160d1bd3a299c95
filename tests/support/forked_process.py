"""A process that ``tests.support.command_server`` has started, as its caller sees it."""

from __future__ import annotations

import marshal
import os
import select
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path


class ForkedProcess:
    """A process that ``tests.support.command_server`` has started, with what of ``subprocess.Popen`` tests use."""

    def __init__(
        self, server: Path, command: list[str], folder: Path, environment: Mapping[str, str], streams: tuple[int, int, int]
    ) -> None:
        """Call the server that has this socket."""
        self.args = command
        self.returncode: int | None = None
        self._connection = socket.socket(socket.AF_UNIX)
        self._poll = select.poll()
        self._poll.register(self._connection, select.POLLIN)
        self._connection.connect(str(server))
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
        if self.returncode is None and self._poll.poll(None if seconds is None else seconds * 1000):
            status = self._connection.recv(4, socket.MSG_WAITALL)
            self._connection.close()
            self.returncode = os.waitstatus_to_exitcode(int.from_bytes(status, "little"))
        return self.returncode
