"""A small HTTP server that answers what a test tells it to, for clients that meet trouble."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.tls import serve_tls


class Asked(NamedTuple):
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What to answer; ``cut`` promises this many bytes more than come."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0


def good(body: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


def problem(status: int, code: str, retry_after: str = "", /, **details: Any) -> Answer:
    """An error as the service tells it."""
    body = {"error": {"code": code, "message": f"It is {code}.", "details": details}, "request_id": "r-1"}
    headers = {"Retry-After": retry_after} if retry_after else {}
    return Answer(status, json.dumps(body).encode(), headers)


class Peer:
    """What was asked of the server, and its address."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[Asked] = []

    def paths(self) -> list[str]:
        return [f"{one.method} {one.path.partition('?')[0]}" for one in self.asked]


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[ThreadingHTTPServer]:
    """A server on a port of this machine that handles each request in a thread."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def peer(behave: Callable[[Asked], Answer | None], certificate: Path | None = None) -> Iterator[Peer]:
    """A server that answers as ``behave`` says; None closes the connection without an answer. With a ``certificate`` it speaks
    TLS, as localhost.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(self.command, self.path, dict(self.headers), body)
            found.asked.append(asked)
            answer = behave(asked)
            if answer is None:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body) + answer.cut))
            self.end_headers()
            self.wfile.write(answer.body)
            self.close_connection = bool(answer.cut)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the names http.server calls

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    with serving(Handler) as server:
        found = Peer(f"http://127.0.0.1:{server.server_port}")
        if certificate is not None:
            serve_tls(server, certificate)
            found.url = f"https://localhost:{server.server_port}"
        yield found
