"""Extend gunicorn's threaded worker so that only complete requests take threads.

The loop that accepts connections reads heads, piece by piece as they come, and what comes after a response. A client that
sends or disconnects slowly therefore holds a file descriptor and no thread. Bodies are read by the app (``uploads.WholeBody``)
in threads of their own, so that many slow uploads do not delay requests without a body. Liveness requests have threads of
their own too, however busy the others are, and so have the other health routes, which check many things.

TLS and the PROXY protocol hide heads from the loop. With them gunicorn's way remains: a thread for each, for a bounded time.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers import gthread

from document_parser.api.intake.arrivals import Arrivals
from document_parser.settings import load_settings

HEAD_SECONDS = 10.0
"""Maximum time from a connection's first byte to the end of the headers, in seconds.

CLIENT_STALL_SECONDS applies if it is shorter.
"""
FIRST_BYTE_SECONDS = 0.5
"""Under TLS: a silent connection leaves its thread after this many seconds.

It is closed if it sends nothing for ``keepalive``.
"""
UNREAD_BODY_SECONDS = 0.05
"""Time in seconds for the rest of a request that is answered before it has come.

If it takes longer, or is longer than gunicorn discards, the response says ``Connection: close``.
"""
PARTING_SECONDS = 2.0
"""Time in seconds after a response for the rest of the request and the client's disconnection."""
STOPPING_SECONDS = 1.0
"""Time in seconds for a head that is being received, or is the first of its connection, when the worker stops."""
CHECK_SECONDS = 0.25
"""Interval of the checks in seconds."""
PIECE_BYTES = 1 << 16
"""Maximum number of bytes that are read from a socket at once."""
MAX_HEAD_BYTES = 1 << 16
"""Maximum size of a head in bytes. No client of this service sends a longer one."""
NO_HTTP = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
"""Response to bytes that are no HTTP."""
HEAD_TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
"""Response to a head longer than MAX_HEAD_BYTES."""
END_OF_HEAD = b"\r\n\r\n"
"""Bytes that end the head of a request."""
LIVE = (b"GET /v1/health/live", b"HEAD /v1/health/live")
"""How requests for liveness begin."""
HEALTH = (b"GET /v1/health", b"HEAD /v1/health")
"""How requests for any health route begin."""
HEALTH_THREADS = 2
"""Threads for liveness, and as many for the other health routes."""
BRINGS_BODY = re.compile(rb"\n(?:content-length:[ \t]*0*[1-9]|transfer-encoding:)", re.IGNORECASE)
"""Pattern of a head whose request has a body."""


class Connection(gthread.TConn):  # type: ignore[misc]  # gunicorn has no types
    """A connection that calls ``closed`` when it is closed."""

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any, closed: Callable[[Connection], None]) -> None:
        super().__init__(cfg, sock, client, server)
        self.received = b""
        """What has come of the next request and has not been given to the parser."""
        self._closed: Callable[[Connection], None] | None = closed

    @property
    def address(self) -> str:
        """Return the client's IP address; empty for a unix socket."""
        return str(self.client[0]) if isinstance(self.client, tuple) else ""

    def close(self, graceful: bool = False) -> None:
        """Close the connection, and report it once."""
        closed, self._closed = self._closed, None
        if closed is not None:
            closed(self)
        super().close(graceful)


@dataclass(eq=False)
class Head:
    """The head of a request that is being received. ``until`` is its deadline by ``time.monotonic``, in seconds."""

    conn: Connection
    until: float
    data: bytearray = field(default_factory=bytearray)
    watched: bool = False

    @property
    def complete(self) -> bool:
        """Return whether a parser has the whole head."""
        return END_OF_HEAD in self.data

    @property
    def refusal(self) -> bytes:
        """Return the response to a head that no parser should wait for; empty if the head is acceptable.

        Bytes that are no HTTP, for example TLS, show at the first byte.
        """
        if not self.data[:1].isalpha():
            return NO_HTTP
        return HEAD_TOO_LONG if len(self.data) > MAX_HEAD_BYTES and not self.complete else b""


class PatientWorker(gthread.ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Handle requests in threads only once their heads are complete. Set as gunicorn's ``worker_class``."""

    def init_process(self) -> None:
        """Create queues and thread pools in the worker process, then serve."""
        api = load_settings().api
        self._head_seconds = min(HEAD_SECONDS, api.client_stall_seconds)
        self._max_per_address = 0 if api.trusted_proxies else api.max_connections_per_address
        self._reads_heads = not self.cfg.is_ssl and self.cfg.http_protocols == ["h1"] and self.cfg.proxy_protocol == "off"
        self.arrivals = Arrivals(self._head_seconds)
        # If gunicorn does not have this name any more, its own five seconds apply.
        if hasattr(gthread, "DEFAULT_WORKER_DATA_TIMEOUT"):
            gthread.DEFAULT_WORKER_DATA_TIMEOUT = UNREAD_BODY_SECONDS if self._reads_heads else FIRST_BYTE_SECONDS
        self._heads: dict[Connection, Head] = {}
        self._parting: dict[Connection, float] = {}
        self._open: Counter[str] = Counter()
        self._next_check = 0.0
        self._live = ThreadPoolExecutor(HEALTH_THREADS, thread_name_prefix="live")
        self._health = ThreadPoolExecutor(HEALTH_THREADS, thread_name_prefix="health")
        self._bodies = ThreadPoolExecutor(self.cfg.threads, thread_name_prefix="bodies")
        self._serving = threading.local()
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the app behind ``_answer``, which knows whether a connection can be kept alive."""
        super().load_wsgi()
        self.wsgi: Callable[..., Any] = partial(self._answer, self.wsgi)

    def handle_quit(self, sig: Any, frame: Any) -> None:
        """Stop at once without shutting down the thread pool, which ends with the process.

        gunicorn's own handler takes the pool's lock first. If the signal has interrupted the holder of that lock (``submit``,
        or this handler at the other signal of a Ctrl-C), it deadlocks until the arbiter kills it at the graceful timeout.
        """
        super(gthread.ThreadWorker, self).handle_quit(sig, frame)

    # --- heads --------------------------------------------------------------------------------------------------------

    def accept(self, listener: Any) -> None:
        """Accept a connection and wait for its head in the loop."""
        if not self._reads_heads:
            super().accept(listener)
            return
        try:
            sock, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self.nr_conns += 1
        conn = Connection(self.cfg, sock, client, listener.getsockname(), self._count_closed)
        self._open[conn.address] += 1
        if self._has_room_for(conn):
            self._await_head(conn)
        else:
            self._drop(conn)

    def on_client_socket_readable(self, conn: Any, client: Any) -> None:
        """Read the next head of a connection that was kept alive."""
        if not self._reads_heads:
            super().on_client_socket_readable(conn, client)
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await_head(conn)

    def _await_head(self, conn: Connection, data: bytes = b"") -> None:
        """Wait for a head in the loop. ``data`` is the part of it that has come already."""
        conn.sock.setblocking(False)
        seconds = self._head_seconds if data else self.cfg.keepalive
        self._heads[conn] = head = Head(conn, time.monotonic() + seconds, bytearray(data))
        if data and (head.complete or head.refusal):
            self._dispatch(head)
        else:
            self._read_head(head)

    def _read_head(self, head: Head) -> None:
        """Read what has come of a head. Pass the request on once the head is complete or cannot become acceptable."""
        try:
            piece = head.conn.sock.recv(PIECE_BYTES)
        except BlockingIOError:
            self._watch(head)
            return
        except OSError:
            piece = b""
        if piece and not head.data:
            head.until = time.monotonic() + self._head_seconds
        head.data += piece
        if not head.data:
            self._forget(head)
            self._drop(head.conn)
        elif head.complete or head.refusal or not piece:  # the parser reports a head that ends too early
            self._dispatch(head)
        else:
            self._watch(head)

    def _watch(self, head: Head) -> None:
        if not head.watched:
            head.watched = True
            self.poller.register(head.conn.sock, EVENT_READ, lambda _: self._read_head(head))

    def _forget(self, head: Head) -> None:
        del self._heads[head.conn]
        if head.watched:
            self.poller.unregister(head.conn.sock)

    def _dispatch(self, head: Head) -> None:
        """Give the request to a thread, or refuse it here, because a parser would wait in a thread for its end.

        After a response, the bytes may be the rest of an upload that was cut off; then nothing is sent.
        """
        self._forget(head)
        conn = head.conn
        if refusal := head.refusal:
            if not conn.initialized:
                with suppress(OSError):
                    conn.sock.send(refusal)
            self._part(conn)
            return
        conn.received, conn.data_ready = bytes(head.data), True
        done = self._threads_for(conn.received).submit(self.handle, conn)
        done.add_done_callback(lambda future: self.method_queue.defer(self.finish_request, conn, future))

    def _threads_for(self, received: bytes) -> ThreadPoolExecutor:
        if BRINGS_BODY.search(received[: received.find(END_OF_HEAD) + 1]):
            return self._bodies
        if received.startswith(HEALTH):
            return self._live if received.startswith(LIVE) else self._health
        return self.tpool  # type: ignore[no-any-return]

    # --- in a thread --------------------------------------------------------------------------------------------------

    def handle(self, conn: Any) -> Any:
        """Serve a connection in a thread, and watch how fast its request comes."""
        if self._reads_heads:
            conn.init()
            conn.parser.unreader.unread(conn.received)
            conn.received = b""
        conn.arrival = self.arrivals.begin(conn.sock)
        try:
            return super().handle(conn)
        finally:
            self.arrivals.end(conn.arrival)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Run the app. The head is complete; until the response has been sent, the app watches the time."""
        self.arrivals.end(conn.arrival)
        self._serving.parser = conn.parser
        try:
            return super().handle_request(req, conn)
        finally:
            self._serving.parser = None
            conn.arrival = self.arrivals.begin(conn.sock, PARTING_SECONDS)

    def _answer(self, app: Callable[..., Any], environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        """Run the app, and discard what it has left of the body before the response begins.

        gunicorn discards it after the response, which has then said ``keep-alive`` of a connection that may be closed: the
        client's next request meets a connection without an answer. A stream of HTTP/2 has no parser of its own here.
        """
        parser = getattr(self._serving, "parser", None)
        if parser is None:
            return app(environ, start_response)

        def start(*args: Any) -> Any:
            if not parser.finish_body(deadline=time.monotonic() + UNREAD_BODY_SECONDS):
                start_response.__self__.force_close()  # type: ignore[attr-defined]  # a method of gunicorn's Response
            return start_response(*args)

        return app(environ, start)

    # --- after the answer ---------------------------------------------------------------------------------------------

    def finish_request(self, conn: Any, fs: Future[Any]) -> None:
        """Continue in the loop after a request.

        gunicorn itself would wait here for a client to disconnect, and delay all others.
        """
        keep = not fs.cancelled() and fs.exception() is None and fs.result()
        if not keep:
            self._part(conn)
        elif self._reads_heads and (rest := conn.parser.unreader.take_buffered()):
            self._await_head(conn, rest)
        else:
            super().finish_request(conn, fs)

    def _part(self, conn: Any) -> None:
        """Let the client read to the end before its connection is closed, and read what it still sends."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, EVENT_READ, partial(self._drain, conn))
        except (OSError, ValueError, KeyError):  # the client has disconnected
            self._drop(conn)
        else:
            self._parting[conn] = time.monotonic() + PARTING_SECONDS

    def _drain(self, conn: Any, _sock: Any) -> None:
        """Discard what a client still sends, and close its connection at the end."""
        try:
            more = conn.sock.recv(PIECE_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError:
            more = b""
        if not more:
            self._end_parting(conn)

    def _end_parting(self, conn: Any) -> None:
        del self._parting[conn]
        self.poller.unregister(conn.sock)
        self._drop(conn)

    # --- bounds -------------------------------------------------------------------------------------------------------

    def murder_pending(self) -> None:
        """Close the connections that exceed their time. gunicorn calls this in each turn of the loop."""
        super().murder_pending()
        now = time.monotonic()
        if now < self._next_check and self.alive:
            return
        self._next_check = now + CHECK_SECONDS
        for head in list(self._heads.values()):
            # Who has just connected is about to send a request, and would find the connection closed without an answer.
            awaited = bool(head.data) or not head.conn.initialized
            until = head.until if self.alive else min(head.until, now + STOPPING_SECONDS if awaited else now)
            head.until = until
            if now >= until:
                self._forget(head)
                self._drop(head.conn)
        for conn, until in list(self._parting.items()):
            if now >= until:
                self._end_parting(conn)

    def _has_room_for(self, conn: Connection) -> bool:
        """Return whether the connection may stay.

        If there are too many, the connection that has been silent for longest is closed for it.
        """
        if self.nr_conns > self.worker_connections - self.cfg.threads:
            self._close_idle(lambda _: True)
        most = self._max_per_address
        if not most or not conn.address or self._open[conn.address] <= most:
            return True
        return self._close_idle(lambda other: other.address == conn.address)

    def _close_idle(self, wanted: Callable[[Connection], bool]) -> bool:
        """Close one connection that is in no thread. Return whether there was one."""
        for head in self._heads.values():
            if wanted(head.conn):
                self._forget(head)
                self._drop(head.conn)
                return True
        for conn in self.keepalived_conns:
            if wanted(conn):
                self.keepalived_conns.remove(conn)
                self.poller.unregister(conn.sock)
                self._drop(conn)
                return True
        return False

    def _drop(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()

    def _count_closed(self, conn: Connection) -> None:
        self._open[conn.address] -= 1
        if not self._open[conn.address]:
            del self._open[conn.address]
