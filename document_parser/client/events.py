"""Follow the events of a job or batch as they happen, also over lost connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
from pydantic import BaseModel, Json, ValidationError

from document_parser.client.transport import Service
from document_parser.errors import UnexpectedAnswer

RECONNECT_SECONDS = 2.0
"""Pause before a stream that ended too early is opened again, in seconds, unless the server names another one."""
_CUT = (httpx2.NetworkError, httpx2.RemoteProtocolError, httpx2.TimeoutException)
"""Errors of a connection that was lost, or is silent for longer than the server lets one be."""


class Event(BaseModel):
    """An event: its kind, its facts by name, and its id. ``status`` has the whole status as its facts, and no id."""

    kind: str
    data: Json[dict[str, Any]]
    id: str


def follow(
    service: Service, path: str, has_ended: Callable[[dict[str, Any]], bool], sleep: Callable[[float], None]
) -> Iterator[Event]:
    """Yield events until nothing more can come. A stream that ends before that is opened again where it ended.

    ``has_ended`` says of a status whether it is the last one. Raises as ``Service.ask``.
    """
    last, status, pause, is_over = "", "", RECONNECT_SECONDS, False
    while not is_over:
        with service.events(path, last) as source:
            for event in _until_cut(source):
                pause = event.retry / 1000 if event.retry is not None else pause
                is_status = event.event == "status"
                if not event.data or (is_status and event.data == status):
                    continue
                found = _parse(event, "" if is_status else event.id)
                last, status = event.id, event.data if is_status else status
                is_over = has_ended(found.data) if is_status else is_over or event.event.endswith(".deleted")
                yield found
        if not is_over:
            sleep(pause)


def _until_cut(source: httpx2.EventSource) -> Iterator[httpx2.ServerSentEvent]:
    """Yield events until the stream ends, or its connection is lost. Raises UnexpectedAnswer if it is no stream of events."""
    try:
        yield from source
    except _CUT:
        return
    except httpx2.SSEError as error:
        raise UnexpectedAnswer(expected="events") from error


def _parse(event: httpx2.ServerSentEvent, event_id: str) -> Event:
    """Return an event with its facts. Raises UnexpectedAnswer if they are no JSON object."""
    try:
        return Event.model_validate({"kind": event.event, "data": event.data, "id": event_id})
    except ValidationError as error:
        raise UnexpectedAnswer(expected="Event") from error
