"""A web server with documents, which redirects, stalls, lies and cuts as a test tells it to."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.peer import Asked, serving

SECRET = "X-Amz-Signature=the-query-is-a-secret"
"""A query that must be told to nobody but the server."""


@dataclass
class Served:
    """How one path is answered."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    """The connection breaks after this many bytes of the body, the first ``cuts`` times."""
    cuts: int = 1_000_000
    length: int | None = None
    """The Content-Length that is told instead of the true one; -1 for none."""
    hold: threading.Event | None = None
    """Nothing is sent after ``cut_after`` bytes until this is set."""
    ranges: bool = False
    """Whether parts are answered, to requests with If-Range, with the entity tag "one"."""


@dataclass
class DocumentHost:
    """The server's paths, and what was asked of it."""

    paths: dict[str, Served | Callable[[Asked], Served]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    port: int = 0

    def url(self, path: str, query: str = "") -> str:
        return f"http://127.0.0.1:{self.port}{path}" + (f"?{query}" if query else "")

    def count(self, path: str) -> int:
        return sum(one.path.partition("?")[0] == path for one in self.asked)


@contextlib.contextmanager
def document_host(**paths: Any) -> Iterator[DocumentHost]:
    """A server; its ``paths`` may be changed while it serves."""
    host = DocumentHost()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = Asked("GET", self.path, dict(self.headers), b"")
            host.asked.append(asked)
            found = host.paths.get(self.path.partition("?")[0], Served(status=404))
            with contextlib.suppress(OSError):
                self._answer(asked, found if isinstance(found, Served) else found(asked))

        def _answer(self, asked: Asked, served: Served) -> None:
            body, start = served.body, 0
            if served.ranges and asked.headers.get("If-Range") == '"one"':
                start = int(asked.headers["Range"].removeprefix("bytes=").rstrip("-"))
            self.send_response(206 if start else served.status)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            if served.ranges:
                self.send_header("Accept-Ranges", "bytes")
                self.send_header("ETag", '"one"')
            for name, value in served.headers.items():
                self.send_header(name, value)
            length = len(body) - start if served.length is None else served.length
            if length >= 0:
                self.send_header("Content-Length", str(length))
            else:
                self.send_header("Connection", "close")
            self.end_headers()
            rest = body[start:]
            cut = served.cut_after if served.cut_after is not None and served.cuts > 0 else len(rest)
            self.wfile.write(rest[:cut])
            self.wfile.flush()
            if served.hold is not None:
                served.hold.wait(60)
                self.wfile.write(rest[cut:])
            elif cut < len(rest):
                served.cuts -= 1
                self.close_connection = True
            if length != len(rest):
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    with serving(Handler) as server:
        server.daemon_threads = True
        host.port = server.server_port
        yield host
