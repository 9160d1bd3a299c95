"""An opener child, seen from the reading process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from contextlib import ExitStack

from document_parser.pipeline import frames
from document_parser.pipeline.frames import Reply, Request
from document_parser.pipeline.zygote import FORK_REQUEST, STARTING_SECONDS, Zygote

_GRACE_SECONDS = 0.5


def ask_for_child(zygote: Zygote) -> socket.socket:
    """Our end of a socket pair whose other end a new child holds."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with theirs, ExitStack() as undo:
        undo.callback(ours.close)
        socket.send_fds(zygote.control, [FORK_REQUEST], [theirs.fileno()])
        undo.pop_all()
    ours.setblocking(False)
    return ours


class Child:
    """One opener child and the socket to it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._handle: int | None = None
        self.pid = 0

    async def greet(self) -> None:
        """Learn its pid while it waits for us, so that a handle on it can never mean another process."""
        async with asyncio.timeout(STARTING_SECONDS):
            reply, _ = await frames.answer(self._sock)
        self.pid = reply.pid
        self._handle = os.pidfd_open(self.pid)

    async def ask(self, request: Request) -> tuple[Reply, bytes]:
        """Raises OSError (TimeoutError among it), EOFError or ValueError when the child is of no more use."""
        async with asyncio.timeout(request.seconds + _GRACE_SECONDS):
            return await frames.exchange(self._sock, request)

    def close(self) -> None:
        """Kill it, whatever it is doing."""
        self._sock.close()
        if self._handle is None:
            return
        try:
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has ended already
        finally:
            os.close(self._handle)
            self._handle = None
