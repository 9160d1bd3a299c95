"""gunicorn's threaded worker, in which only complete requests take threads.

Heads are read by the loop that accepts, a piece whenever one is there, and what comes after an answer is read there too: a
client that sends or goes slowly holds a descriptor and no thread. Bodies are the app's: ``uploads.WholeBody``; they have
threads of their own, so that many slow uploads hold up nobody who only asks. Whoever asks whether the service lives is answered
by threads of its own as well, however busy the others are, and those of the other health routes, which look at much.

TLS and the PROXY protocol hide heads from the loop: with them gunicorn's way remains, a thread for each, for a bounded time.
"""

from __future__ import annotations

import re
import socket
import ssl
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

from document_parser.api.arrivals import Arrivals
from document_parser.settings import load_settings

HEAD_SECONDS = 10.0
"""From a connection's first byte to the end of the headers, which come at once; CLIENT_STALL_SECONDS where that is shorter."""
FIRST_BYTE_SECONDS = 0.5
"""Under TLS: a silent connection leaves its thread after this, and is closed if it says nothing for ``keepalive``."""
UNREAD_BODY_SECONDS = 0.05
"""For the rest of a request that was answered before it had come; later the connection is not kept alive."""
PARTING_SECONDS = 2.0
"""For what comes after the answer: the rest of the request, and the client's going."""
STOPPING_SECONDS = 1.0
"""For a head that is under way when the worker stops."""
LOOK_SECONDS = 0.25
PIECE_BYTES = 1 << 16
MAX_HEAD_BYTES = 1 << 16
"""No client of ours sends a longer head."""
NO_HTTP = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
HEAD_TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
END_OF_HEAD = b"\r\n\r\n"
LIVE = (b"GET /v1/health/live", b"HEAD /v1/health/live")
HEALTH = (b"GET /v1/health", b"HEAD /v1/health")
HEALTH_THREADS = 2
BRINGS_BODY = re.compile(rb"\n(?:content-length:[ \t]*0*[1-9]|transfer-encoding:)", re.IGNORECASE)


class Connection(gthread.TConn):  # type: ignore[misc]  # gunicorn has no types
    """A connection that says when it is closed."""

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any, closed: Callable[[Connection], None]) -> None:
        super().__init__(cfg, sock, client, server)
        self.received = b""
        """What has come of the next request and has not been given to the parser."""
        self._closed: Callable[[Connection], None] | None = closed

    @property
    def address(self) -> str:
        """The client's IP address; empty at a unix socket."""
        return str(self.client[0]) if isinstance(self.client, tuple) else ""

    def close(self, graceful: bool = False) -> None:
        closed, self._closed = self._closed, None
        if closed is not None:
            closed(self)
        super().close(graceful)


@dataclass(eq=False)
class Head:
    """The head of a request under way. ``until`` is of ``time.monotonic``."""

    conn: Connection
    until: float
    data: bytearray = field(default_factory=bytearray)
    watched: bool = False

    @property
    def complete(self) -> bool:
        """Whether a parser need not wait for more."""
        return END_OF_HEAD in self.data

    @property
    def refusal(self) -> bytes:
        """The answer to what no parser should wait for the end of; empty if there is none. That it is no HTTP, for example TLS,
        shows at the first byte.
        """
        if not self.data[:1].isalpha():
            return NO_HTTP
        return HEAD_TOO_LONG if len(self.data) > MAX_HEAD_BYTES and not self.complete else b""


class PatientWorker(gthread.ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Set as gunicorn's ``worker_class``."""

    def init_process(self) -> None:
        api = load_settings().api
        self._head_seconds = min(HEAD_SECONDS, api.client_stall_seconds)
        self._most_of_an_address = 0 if api.trusted_proxies else api.max_connections_per_address
        self._reads_heads = not self.cfg.is_ssl and self.cfg.http_protocols == ["h1"] and self.cfg.proxy_protocol == "off"
        self.arrivals = Arrivals(self._head_seconds)
        # If gunicorn has no such name any more, nothing happens: it waits for five seconds itself.
        if hasattr(gthread, "DEFAULT_WORKER_DATA_TIMEOUT"):
            gthread.DEFAULT_WORKER_DATA_TIMEOUT = UNREAD_BODY_SECONDS if self._reads_heads else FIRST_BYTE_SECONDS
        self._heads: dict[Connection, Head] = {}
        self._parting: dict[Connection, float] = {}
        self._open: Counter[str] = Counter()
        self._next_look = 0.0
        self._live = ThreadPoolExecutor(HEALTH_THREADS, thread_name_prefix="live")
        self._health = ThreadPoolExecutor(HEALTH_THREADS, thread_name_prefix="health")
        self._bodies = ThreadPoolExecutor(self.cfg.threads, thread_name_prefix="bodies")
        super().init_process()

    def handle_quit(self, sig: Any, frame: Any) -> None:
        """Stop at once, without shutting the thread pool down, which ends with the process.

        gunicorn's own handler takes the pool's lock first. If the signal has interrupted the holder of that lock (``submit``,
        or this handler at the other signal of a Ctrl-C), it deadlocks until the arbiter kills it at the graceful timeout.
        """
        super(gthread.ThreadWorker, self).handle_quit(sig, frame)

    # --- heads --------------------------------------------------------------------------------------------------------

    def accept(self, listener: Any) -> None:
        if not self._reads_heads:
            super().accept(listener)
            return
        try:
            sock, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self.nr_conns += 1
        conn = Connection(self.cfg, sock, client, listener.getsockname(), self._count_out)
        self._open[conn.address] += 1
        if self._has_room_for(conn):
            self._await_head(conn)
        else:
            self._drop(conn)

    def on_client_socket_readable(self, conn: Any, client: Any) -> None:
        """A connection that was kept alive says something."""
        if not self._reads_heads:
            super().on_client_socket_readable(conn, client)
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await_head(conn)

    def _await_head(self, conn: Connection, data: bytes = b"") -> None:
        """``data`` has come already."""
        conn.sock.setblocking(False)
        seconds = self._head_seconds if data else self.cfg.keepalive
        self._heads[conn] = head = Head(conn, time.monotonic() + seconds, bytearray(data))
        if data and (head.complete or head.refusal):
            self._go_on(head)
        else:
            self._read_head(head)

    def _read_head(self, head: Head) -> None:
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
        elif head.complete or head.refusal or not piece:  # a parser says what is wrong with a head that ends too early
            self._go_on(head)
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

    def _go_on(self, head: Head) -> None:
        """Give the request to a thread, or refuse it here: a parser would wait in a thread for the end of it.

        After an answer that may be the rest of an upload which was cut off, and nothing is said.
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
        """The head is here; until the answer has been sent the app watches over the time."""
        self.arrivals.end(conn.arrival)
        try:
            return super().handle_request(req, conn)
        finally:
            conn.arrival = self.arrivals.begin(conn.sock, PARTING_SECONDS)

    # --- after the answer ---------------------------------------------------------------------------------------------

    def finish_request(self, conn: Any, fs: Future[Any]) -> None:
        """In the loop again. gunicorn itself would wait here for a client to go, and hold up everybody."""
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
        except (OSError, ValueError, KeyError):  # it has gone
            self._drop(conn)
        else:
            self._parting[conn] = time.monotonic() + PARTING_SECONDS

    def _drain(self, conn: Any, _sock: Any) -> None:
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
        """Called in each turn of the loop: close what is over its time."""
        super().murder_pending()
        now = time.monotonic()
        if now < self._next_look and self.alive:
            return
        self._next_look = now + LOOK_SECONDS
        for head in list(self._heads.values()):
            until = head.until if self.alive else min(head.until, now + STOPPING_SECONDS if head.data else now)
            head.until = until
            if now >= until:
                self._forget(head)
                self._drop(head.conn)
        for conn, until in list(self._parting.items()):
            if now >= until:
                self._end_parting(conn)

    def _has_room_for(self, conn: Connection) -> bool:
        """Whether the connection may stay; another may have to go for it, the one that has been silent for longest."""
        if self.nr_conns > self.worker_connections - self.cfg.threads:
            self._close_idle(lambda _: True)
        most = self._most_of_an_address
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

    def _count_out(self, conn: Connection) -> None:
        self._open[conn.address] -= 1
        if not self._open[conn.address]:
            del self._open[conn.address]
