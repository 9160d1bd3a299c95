"""The handle to an opener child, in the process that reads."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from contextlib import ExitStack

from document_parser.sources.exchange import exchange, receive_pid
from document_parser.sources.protocol import FORK_REQUEST, Reply, Request
from document_parser.sources.zygote import START_TIMEOUT_SECONDS, Zygote

_GRACE_SECONDS = 0.5
"""Wall-clock time beyond a request's seconds before the child is given up."""


def request_child(zygote: Zygote, kind: str = FORK_REQUEST) -> socket.socket:
    """Return our end of a socket pair whose other end a new child holds. ``kind`` is that of its document, if it is known.

    Raises OSError if the zygote does not answer.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with theirs, ExitStack() as undo:
        undo.callback(ours.close)
        socket.send_fds(zygote.control, [kind.encode()], [theirs.fileno()])
        undo.pop_all()
    ours.setblocking(False)
    return ours


class Child:
    """One opener child and the socket to it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._handle: int | None = None
        self.pid = 0

    async def receive_pid(self) -> None:
        """Receive the child's pid while it waits for us, so that the handle on it cannot mean another process.

        Raises OSError (including TimeoutError), EOFError or ValueError if the child does not start.
        """
        async with asyncio.timeout(START_TIMEOUT_SECONDS):
            self.pid = await receive_pid(self._sock)
        self._handle = os.pidfd_open(self.pid)

    async def ask(self, request: Request) -> tuple[Reply, bytes]:
        """Send a request and return the reply with its payload.

        Raises OSError (including TimeoutError), EOFError or ValueError if the child can no longer be used.
        """
        async with asyncio.timeout(request.seconds + _GRACE_SECONDS):
            return await exchange(self._sock, request)

    def close(self) -> None:
        """Kill the child, whatever it is doing."""
        self._sock.close()
        if self._handle is None:
            return
        try:
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has already ended
        finally:
            os.close(self._handle)
            self._handle = None
