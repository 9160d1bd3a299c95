"""The event stream of a job, as a client receives it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tests.support.service import Service


def stream_events(service: Service, job_id: str, last: str = "") -> list[dict[str, Any]]:
    """The events of a job until its stream ends; those after the event ``last``, where one is given."""
    with service.client.stream("GET", f"/v1/jobs/{job_id}/events", headers={"Last-Event-ID": last} if last else {}) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        return _events_in(answer.iter_lines())


def without_status(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events but those that only tell the job's status."""
    return [event for event in found if event["event"] != "status"]


def _events_in(lines: Iterable[str]) -> list[dict[str, Any]]:
    """The events of a stream: id, event, data; comments and the retry hint left out."""
    found: list[dict[str, Any]] = []
    fields: dict[str, Any] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line and name in ("id", "event", "data"):
            fields[name] = value
        elif not line and "event" in fields:
            found.append({**fields, "data": json.loads(fields["data"])})
            fields = {}
    return found
