"""gunicorn's threaded worker, whose threads wait only so long for the head of a request, and for a client to go."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

from gunicorn.workers import gthread

from document_parser import logs
from document_parser.api.arrivals import Arrivals
from document_parser.settings import load_settings

log = logs.get(__name__)

HEAD_SECONDS = 10.0
"""From a connection's first byte to the end of the headers, which come at once; CLIENT_STALL_SECONDS where that is shorter."""
FIRST_BYTE_SECONDS = 0.5
"""A connection that says nothing leaves its thread after this, and is closed where it says nothing for ``keepalive``."""
PARTING_SECONDS = 2.0
"""For what comes after the answer: the rest of the request, and the client's going."""


class PatientWorker(gthread.ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Set as gunicorn's ``worker_class``. Bodies are the app's: ``uploads.WholeBody``."""

    def init_process(self) -> None:
        self.arrivals = Arrivals(min(HEAD_SECONDS, load_settings().api.client_stall_seconds))
        # Where gunicorn has no such name any more, nothing happens: it waits for five seconds itself.
        if hasattr(gthread, "DEFAULT_WORKER_DATA_TIMEOUT"):
            gthread.DEFAULT_WORKER_DATA_TIMEOUT = FIRST_BYTE_SECONDS
        super().init_process()

    def handle_quit(self, sig: Any, frame: Any) -> None:
        """Stop at once, without shutting the thread pool down, which ends with the process.

        gunicorn's own handler takes the pool's lock first. If the signal has interrupted the holder of that lock (``submit``,
        or this handler at the other signal of a Ctrl-C), it deadlocks until the arbiter kills it at the graceful timeout.
        """
        super(gthread.ThreadWorker, self).handle_quit(sig, frame)

    def handle(self, conn: Any) -> Any:
        conn.arrival = self.arrivals.begin(conn.sock)
        try:
            keep = super().handle(conn)
            if not keep:
                _part(conn)
            return keep
        finally:
            self.arrivals.end(conn.arrival)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """The head is here; until the answer has been sent the app watches over the time."""
        self.arrivals.end(conn.arrival)
        try:
            return super().handle_request(req, conn)
        finally:
            conn.arrival = self.arrivals.begin(conn.sock, PARTING_SECONDS)


def _part(conn: Any) -> None:
    """Let the client read to the end before its connection is closed.

    gunicorn does the same, but in the thread that accepts for all: a client that does not go would hold up everybody.
    """
    with contextlib.suppress(OSError):
        conn.sock.shutdown(socket.SHUT_WR)
        while not conn.arrival.cut and conn.sock.recv(1 << 16):
            pass
