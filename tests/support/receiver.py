"""A server that receives webhooks, and a service that sends them quickly."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.commands import docparse
from tests.support.peer import serving
from tests.support.service import SOON, Service, wait_until

RETRIES = 3
PATH = "/hooks/path-secret?token=query-secret"


@dataclass
class Call:
    """One request a receiver got."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def content(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass
class Receiver:
    """A caller's server. Gives the prepared answers in turn, then 200; an Event for an answer is waited for."""

    answers: list[int | tuple[int, dict[str, str]] | threading.Event] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"

    def about(self, job_id: str) -> list[Call]:
        return [call for call in self.calls if call.content["data"]["job_id"] == job_id]


@contextlib.contextmanager
def receiving(*answers: Any) -> Iterator[Receiver]:
    receiver = Receiver(list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.calls.append(Call({name.lower(): value for name, value in self.headers.items()}, body))
            answer = receiver.answers.pop(0) if receiver.answers else 200
            if isinstance(answer, threading.Event):
                answer.wait(120)
                answer = 200
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            with contextlib.suppress(OSError):
                self.send_response(status)
                for name, value in {"Content-Length": "12", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"answer-body\n")

        def log_message(self, *_):
            pass

    with serving(Handler) as server:
        receiver.port = server.server_port
        yield receiver


def settings(**more: Any) -> dict[str, Any]:
    return {
        "WEBHOOK_ALLOW_HOSTS": '["127.0.0.1"]',
        "WEBHOOK_RETRY_SECONDS": json.dumps([0.1] * RETRIES),
        "WEBHOOK_TIMEOUT_SECONDS": 3,
        **SOON,
        **more,
    }


def told(
    service: Service, job_id: str, state: str = "delivered", seconds: float = 40, which: str = "webhook"
) -> dict[str, Any]:
    """The webhook of a job once its delivery is over; ``which``: webhook, or revised_ or retry_failed_webhook."""
    wait_until(lambda: (service.status(job_id)[which] or {}).get("state") == state, seconds, f"the webhook is {state}")
    return service.status(job_id)[which]


def secret_of(service: Service, *options: str) -> str:
    command = docparse("webhook-secret", *options)
    printed = subprocess.run(command, env=service.environment, cwd=service.folder, capture_output=True, text=True, check=True)
    return printed.stdout.strip()
