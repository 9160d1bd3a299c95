"""Stream the events of a job or batch as they happen: Server-Sent Events, replayed from Last-Event-ID.

The stream in Redis holds kinds and page numbers; contents stay in storage.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from flask import Response, request
from flask_openapi import APIBlueprint, Tag

from document_parser.api import openapi
from document_parser.api.middleware.identity import proof_check
from document_parser.api.routes.jobs import check_job_id
from document_parser.api.schemas import EVENT_ID, EventsHeader, EventsQuery, JobPath
from document_parser.api.server import options
from document_parser.api.services import Services, get_services
from document_parser.errors import BatchExpired, BatchNotFound, InvalidOption, JobExpired, JobNotFound
from document_parser.jobs.records import record
from document_parser.jobs.redis.connection import text

MAX_EVENTS_PER_READ = 256
"""Maximum number of events read from Redis at once."""
STEP_MILLISECONDS = 1000
"""Longest wait for events in Redis, in milliseconds, before the client and the worker are checked."""
STATUS_SECONDS = 1.0
"""Minimum time between two status events, in seconds, except at the end."""
RETRY_MILLISECONDS = 2000
"""Time in milliseconds that a client waits before it reconnects."""


def blueprint() -> APIBlueprint:
    """Return the route of a job's events."""
    routes = APIBlueprint("events", __name__, url_prefix="/v1/jobs", abp_tags=[Tag(name="jobs")])

    @routes.get(
        "/<job_id>/events",
        summary="Events of a job as they happen",
        description="Server-Sent Events. The stream closes after the end of the job; Last-Event-ID resumes it.",
        responses=openapi.responses({200: openapi.answer(openapi.EVENT_STREAM, "The events.")}, InvalidOption, *openapi.JOB),
        operation_id="job_events",
    )
    def events(path: JobPath, query: EventsQuery, header: EventsHeader) -> Response:
        services = get_services()
        return stream_events(services, job_subject(services, check_job_id(path.job_id)), query, header)

    return routes


class Seen(NamedTuple):
    """A job or batch as a stream shows it."""

    status: str
    """Its status as JSON."""
    is_at_rest: bool
    """Whether it has ended, and nothing of it will change by itself."""
    last_kind: str
    """The kind of the event with which it ends."""


@dataclass(frozen=True)
class Subject:
    """A job or batch whose events are streamed."""

    stream: str
    """The Redis key of its events."""
    facts: dict[str, str]
    """What each event says of it: its id."""
    load: Callable[[], Seen]
    """Load it. Raises GONE, RedisError."""
    ends: tuple[str, ...]
    """The kinds of events with which it ends."""
    deleted: str
    """The kind of the event that says that it is gone."""


GONE = (JobNotFound, JobExpired, BatchNotFound, BatchExpired)
"""Errors of a job or batch that is not there any more."""
ENDS = ("job.completed", "job.failed", "job.cancelled", "job.extracted", "extraction.failed")
"""Kinds of events with which a job ends, or what was asked of it behind its end."""


def job_subject(services: Services, job_id: str) -> Subject:
    """Return a job to stream events of."""

    def load() -> Seen:
        job = record.load(services.redis, job_id)
        return Seen(job.to_status().model_dump_json(), job.is_at_rest, f"job.{job.state}")

    return Subject(f"job:{job_id}:events", {"job_id": job_id}, load, ENDS, "job.deleted")


def stream_events(services: Services, subject: Subject, query: EventsQuery, header: EventsHeader) -> Response:
    """Return the response that streams events. Raises GONE, InvalidOption, RedisError."""
    seen = subject.load()
    last = header.last_event_id or query.last_event_id
    if not re.fullmatch(EVENT_ID, last):
        raise InvalidOption.for_fields({"field": "Last-Event-ID", "problem": "not the id of an event; send the id unchanged"})
    stream = EventStream(services, subject, seen, last or "0")
    response = Response(stream.messages(), content_type="text/event-stream; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    # nginx would otherwise keep events back until its buffer is full.
    response.headers["X-Accel-Buffering"] = "no"
    return response


class EventStream:
    """One client's stream of events.

    It ends with the job or batch, after its maximum duration, or at once if half of the threads already wait.
    """

    def __init__(self, services: Services, subject: Subject, seen: Seen, last: str) -> None:
        self.services = services
        self.subject = subject
        self.seen = seen
        self.last = last
        self.shown_at = time.monotonic()
        self.ended = False
        self.socket: socket.socket | None = request.environ.get("gunicorn.socket")
        self.may_go_on = proof_check()

    def messages(self) -> Iterator[str]:
        """Yield the text of the stream piece by piece. Raises RedisError."""
        may_wait = self.services.waiting.take()
        try:
            yield f"retry: {RETRY_MILLISECONDS}\n\n" + _message("status", self.seen.status)
            yield from self._follow() if may_wait else self._read(block=None)
        except GONE:
            yield _message(self.subject.deleted, json.dumps(self.subject.facts))
        finally:
            if may_wait:
                self.services.waiting.release()

    def _follow(self) -> Iterator[str]:
        """Yield events until the stream ends, and heartbeats while it is silent."""
        api = self.services.settings.api
        started = said = time.monotonic()
        while not self._is_over() and time.monotonic() - started < api.events_stream_seconds:
            silent = True
            for piece in self._read(block=STEP_MILLISECONDS):
                silent = False
                yield piece
            if not silent:
                said = time.monotonic()
            elif self.seen.is_at_rest:
                # Its events have been sent before, or were lost with Redis: send once more how it ended.
                yield self._status() + _message(self.seen.last_kind, json.dumps(self.subject.facts))
                return
            elif time.monotonic() - said > api.events_heartbeat_seconds:
                said = time.monotonic()
                yield ": alive\n\n"

    def _is_over(self) -> bool:
        over = self.ended or options.is_stopping() or not self.may_go_on()
        return over or (self.socket is not None and _is_closed_by_client(self.socket))

    def _read(self, block: int | None) -> Iterator[str]:
        """Yield the events after the last one, and the status if it has changed."""
        reply: Any = self.services.redis.xread({self.subject.stream: self.last}, count=MAX_EVENTS_PER_READ, block=block)
        found = reply[0][1] if reply else []
        pieces = [self._event(text(event_id), fields) for event_id, fields in found]
        if self.ended or time.monotonic() - self.shown_at > STATUS_SECONDS:
            # Before the last event: a client that closes at the end has received the final status.
            pieces.insert(-1 if self.ended else len(pieces), self._status())
            # Pages that are read again will send more events.
            self.ended = self.ended and self.seen.is_at_rest
        yield from filter(None, pieces)

    def _event(self, event_id: str, fields: dict[bytes, bytes]) -> str:
        """Return one event as text, and note whether it is the last one."""
        self.last = event_id
        facts: dict[str, Any] = {text(name): text(value) for name, value in fields.items()}
        kind = facts.pop("kind")
        facts.pop("reason", None)  # for requests that wait for the format
        self.ended = self.ended or kind in self.subject.ends
        if "warnings" in facts:
            facts["warnings"] = [code for code in facts["warnings"].split(",") if code]
        facts |= {name: int(facts[name]) for name in ("page", "pages", "revision", "bytes") if name in facts}
        return _message(kind, json.dumps({**self.subject.facts, **facts}), event_id)

    def _status(self) -> str:
        """Return the status event; empty if nothing has changed since the last one. Raises GONE."""
        self.shown_at = time.monotonic()
        before, self.seen = self.seen.status, self.subject.load()
        return "" if self.seen.status == before else _message("status", self.seen.status)


def _is_closed_by_client(client: socket.socket) -> bool:
    """Return whether the client has closed its side.

    A silent stream would otherwise hold its thread until the next heartbeat.
    """
    try:
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _message(kind: str, data: str, event_id: str = "") -> str:
    head = f"id: {event_id}\n" if event_id else ""
    return f"{head}event: {kind}\ndata: {data}\n\n"
