"""Virus scanners for tests: a small server of clamd's protocol, and the real daemon with one signature."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import socket
import socketserver
import struct
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from tests.support.service import wait_until

SAMPLE = b"%PDF-1.4 a harmless file that our own database calls infected\n" * 3
"""What both scanners find."""
SIGNATURE = "Docparse.Test.Sample"
Mood = Literal["well", "slow", "full", "failing"]
CLAMD = shutil.which("clamd") or shutil.which("clamd", path="/usr/sbin")


class FakeClamd(socketserver.ThreadingUnixStreamServer):
    """Finds ``SAMPLE`` and nothing else. ``mood`` says how it answers; ``limit`` is its StreamMaxLength in bytes.

    It fails at files that hold ``fails_on``, whatever its mood.
    """

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), _Scan)
        self.url = f"unix://{path}"
        self.mood: Mood = "well"
        self.limit = 1 << 30
        self.fails_on: bytes | None = None
        self.scanned: list[bytes] = []
        self.stopped = threading.Event()


class _Scan(socketserver.StreamRequestHandler):
    server: FakeClamd

    def handle(self) -> None:
        command = b""
        while not command.endswith(b"\0"):
            if not (byte := self.rfile.read(1)):
                return
            command += byte
        self.wfile.write((self._scan() if command == b"zINSTREAM\0" else "ClamAV 1.0 (a fake)").encode() + b"\0")

    def _scan(self) -> str:
        data = b""
        while size := struct.unpack("!L", self.rfile.read(4))[0]:
            data += self.rfile.read(size)
            if len(data) > self.server.limit:
                return "INSTREAM size limit exceeded. ERROR"
        self.server.scanned.append(data)
        if self.server.mood == "slow":
            self.server.stopped.wait(60)
        fails_on = self.server.fails_on
        if self.server.mood == "failing" or (fails_on is not None and fails_on in data):
            return "stream: Can't allocate memory ERROR"
        return f"stream: {SIGNATURE} FOUND" if SAMPLE in data else "stream: OK"


@contextlib.contextmanager
def fake_clamd() -> Iterator[FakeClamd]:
    """Run the small server in a thread."""
    with tempfile.TemporaryDirectory(prefix="clamd-") as folder, FakeClamd(Path(folder) / "clamd.sock") as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.stopped.set()
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def real_clamd(stream_max: str = "1M") -> Iterator[str]:
    """Run Debian's daemon with a database that has the hash of ``SAMPLE``; give its address."""
    assert CLAMD is not None
    with tempfile.TemporaryDirectory(prefix="clamd-") as name:
        folder = Path(name)
        (folder / "db").mkdir()
        digest = hashlib.md5(SAMPLE, usedforsecurity=False).hexdigest()
        (folder / "db" / "own.hdb").write_text(f"{digest}:{len(SAMPLE)}:{SIGNATURE}\n")
        sock = folder / "clamd.sock"
        (folder / "clamd.conf").write_text(
            f"DatabaseDirectory {folder / 'db'}\nLocalSocket {sock}\nForeground yes\nStreamMaxLength {stream_max}\n"
            f"TemporaryDirectory {folder}\nLogFile {folder / 'clamd.log'}\n"
        )
        with (folder / "out").open("wb") as out:
            process = subprocess.Popen([CLAMD, "-c", str(folder / "clamd.conf")], stdout=out, stderr=out)
        try:
            wait_until(lambda: process.poll() is not None or _answers(sock), 60, "clamd answers")
            assert process.poll() is None, (folder / "out").read_text()
            yield f"unix://{sock}"
        finally:
            process.terminate()
            process.wait()


def _answers(path: Path) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(path))
        return True
    return False
