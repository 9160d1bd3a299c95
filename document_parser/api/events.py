"""A job's events as they happen: Server-Sent Events, replayed by Last-Event-ID.

The stream in Redis holds kinds and page numbers; contents stay in storage.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from typing import Any

from flask import Response, request
from flask_openapi import APIBlueprint, Tag

from document_parser.api import factory, openapi, serving
from document_parser.api.jobs import known
from document_parser.api.schemas import EVENT_ID, EventsHeader, EventsQuery, JobPath
from document_parser.errors import InvalidOption, JobExpired, JobNotFound
from document_parser.jobs import record
from document_parser.jobs.connection import text
from document_parser.jobs.job import Job

BATCH = 256
STEP_MILLISECONDS = 1000
STATUS_SECONDS = 1.0
EVENT_STREAM = {"description": "Server-Sent Events; the data of each is JSON."}
RETRY_MILLISECONDS = 2000
"""How long a client waits before it connects again."""


def blueprint() -> APIBlueprint:
    routes = APIBlueprint("events", __name__, url_prefix="/v1/jobs", abp_tags=[Tag(name="jobs")])

    @routes.get(
        "/<job_id>/events",
        summary="What happens to a job, as it happens",
        description="Server-Sent Events. After the end of the job the stream closes; Last-Event-ID goes on where it was.",
        responses=openapi.responses(
            {200: openapi.answer({"text/event-stream": EVENT_STREAM}, "The events.")}, InvalidOption, *openapi.JOB
        ),
        operation_id="job_events",
    )
    def events(path: JobPath, query: EventsQuery, header: EventsHeader) -> Response:
        services = factory.services()
        job = record.load(services.redis, known(path.job_id))
        last = header.last_event_id or query.last_event_id
        if not re.fullmatch(EVENT_ID, last):
            raise InvalidOption.of({"field": "Last-Event-ID", "problem": "no id of an event; send it as it came"})
        stream = EventStream(services, job, last or "0")
        response = Response(stream.run(), content_type="text/event-stream; charset=utf-8")
        response.headers["Cache-Control"] = "no-store"
        # nginx would otherwise keep events back until its buffer is full.
        response.headers["X-Accel-Buffering"] = "no"
        return response

    return routes


class EventStream:
    """One client's stream. It ends with the job, at its longest duration, or at once where half of the threads wait already."""

    def __init__(self, services: factory.Services, job: Job, last: str) -> None:
        self.services = services
        self.job_id = job.card.job_id
        self.last = last
        self.job = job
        self.status = job.show().model_dump_json()
        self.shown_at = time.monotonic()
        self.ended = False
        self.socket: socket.socket | None = request.environ.get("gunicorn.socket")

    def run(self) -> Iterator[str]:
        """The text of the stream, piece by piece."""
        may_wait = self.services.waiting.take()
        try:
            yield f"retry: {RETRY_MILLISECONDS}\n\n" + _message("status", self.status)
            yield from self._live() if may_wait else self._read(block=None)
        except (JobNotFound, JobExpired):
            yield _message("job.deleted", json.dumps({"job_id": self.job_id}))
        finally:
            if may_wait:
                self.services.waiting.give_back()

    def _live(self) -> Iterator[str]:
        api = self.services.settings.api
        started = said = time.monotonic()
        while not self._over() and time.monotonic() - started < api.events_stream_seconds:
            silent = True
            for piece in self._read(block=STEP_MILLISECONDS):
                silent = False
                yield piece
            if not silent:
                said = time.monotonic()
            elif self.job.at_rest:
                # Its events have been sent before, or were lost with Redis: say once more how it ended.
                yield self._status() + _message(f"job.{self.job.state}", json.dumps({"job_id": self.job_id}))
                return
            elif time.monotonic() - said > api.events_heartbeat_seconds:
                said = time.monotonic()
                yield ": alive\n\n"

    def _over(self) -> bool:
        return self.ended or serving.leaving() or (self.socket is not None and _hung_up(self.socket))

    def _read(self, block: int | None) -> Iterator[str]:
        """The events after the last one, and the status where it has changed."""
        reply: Any = self.services.redis.xread({f"job:{self.job_id}:events": self.last}, count=BATCH, block=block)
        found = reply[0][1] if reply else []
        pieces = [self._event(text(event_id), fields) for event_id, fields in found]
        if self.ended or time.monotonic() - self.shown_at > STATUS_SECONDS:
            # Before the last event: whoever closes at the end has seen how it ended.
            pieces.insert(-1 if self.ended else len(pieces), self._status())
            # Pages that are read again have more to tell.
            self.ended = self.ended and self.job.rereading is None
        yield from filter(None, pieces)

    def _event(self, event_id: str, fields: dict[bytes, bytes]) -> str:
        self.last = event_id
        facts: dict[str, Any] = {text(name): text(value) for name, value in fields.items()}
        kind = facts.pop("kind")
        facts.pop("reason", None)  # for those who wait for the format
        self.ended = self.ended or kind in ("job.completed", "job.failed", "job.cancelled")
        if "warnings" in facts:
            facts["warnings"] = [code for code in facts["warnings"].split(",") if code]
        facts |= {name: int(facts[name]) for name in ("page", "pages", "revision") if name in facts}
        return _message(kind, json.dumps({"job_id": self.job_id, **facts}), event_id)

    def _status(self) -> str:
        """The status event, empty where it says what was said before. Raises JobNotFound, JobExpired."""
        self.shown_at = time.monotonic()
        self.job = record.load(self.services.redis, self.job_id)
        status = self.job.show().model_dump_json()
        if status == self.status:
            return ""
        self.status = status
        return _message("status", status)


def _hung_up(client: socket.socket) -> bool:
    """Whether the client has closed its side: a silent stream would otherwise keep its thread until the next heartbeat."""
    try:
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _message(kind: str, data: str, event_id: str = "") -> str:
    head = f"id: {event_id}\n" if event_id else ""
    return f"{head}event: {kind}\ndata: {data}\n\n"
