"""A zygote whose openers are taken over by their document: a list of things to try, which answers with what came of each.

Run by ``document_parser.sources.zygote`` in place of the program that reads documents.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

from document_parser.imaging.page_image import RenderedPage
from document_parser.models import PageFacts, PageImageSpec, RulingLine, Word
from document_parser.sources.base import OpenerLimits
from document_parser.sources.opener import run_zygote
from document_parser.sources.protocol import Request


class PryingDocument:
    """Each attempt is a list: what to do, and with what."""

    page_count = 1

    def __init__(self, request: Request, _limits: OpenerLimits) -> None:
        self._attempts = json.loads(Path(request.path).read_text())

    def words(self, _number: int) -> list[Word]:
        return [Word(tried(*attempt), 0, 0, 1, 1) for attempt in self._attempts]

    def facts(self, number: int) -> PageFacts:
        raise NotImplementedError(number)

    def rulings(self, _number: int) -> list[RulingLine]:
        return []

    def render(self, number: int, _spec: PageImageSpec, _turn: int) -> RenderedPage:
        raise NotImplementedError(number)


def tried(what: str, *on: str | int) -> str:
    """``refused``, or what the attempt has brought."""
    try:
        return str(ATTEMPTS[what](*on))
    except OSError as error:
        return "refused" if isinstance(error, PermissionError) else f"{type(error).__name__}: {error}"


def call(name: str, *arguments: int) -> int:
    """A function of the C library."""
    libc = ctypes.CDLL(None, use_errno=True)
    found = int(getattr(libc, name)(*arguments))
    if found < 0:
        raise OSError(ctypes.get_errno(), name)
    return found


def start_program() -> str:
    return subprocess.run(["/bin/true"], check=False).args[0]


ATTEMPTS: dict[str, Callable[..., object]] = {
    "read": lambda path: Path(path).read_text()[:80],
    "list": lambda path: os.listdir(path),  # noqa: PTH208
    "write": lambda path: Path(path).write_text("I was here"),
    "write again": lambda path: os.open(path, os.O_WRONLY),
    "remove": lambda path: Path(path).unlink(),
    "rename": lambda path: Path(path).rename(f"{path}-moved"),
    "connect": lambda port: socket.create_connection(("127.0.0.1", port), 5),
    "connect to socket": lambda path: socket.socket(socket.AF_UNIX).connect(path),
    "listen": lambda: socket.create_server(("127.0.0.1", 0)),
    "fork": os.fork,
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "start": start_program,
    "kill": lambda pid: os.kill(pid, signal.SIGKILL),
    "attach": lambda pid: call("ptrace", 16, pid, 0, 0),
    "mount": lambda: call("mount", 0, 0, 0, 0, 0),
    "new namespace": lambda: call("unshare", 0x10000000),
    "type into the terminal": lambda: call("ioctl", 2, 0x5412, 0),
    "environment": lambda: json.dumps(dict(os.environ)),
}

if __name__ == "__main__":
    run_zygote(PryingDocument)
