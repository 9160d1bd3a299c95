"""Trace each document through all processes, if the operator asks for that. Otherwise nothing is recorded or imported.

``spans`` records with OpenTelemetry. This module is what the rest of the product calls. A trace begins with the request that
sends a document, or with that of the caller's ``traceparent``; the job carries it to every worker.

Source: W3C Trace Context, for ``traceparent``; the semantic conventions of OpenTelemetry, for the names of attributes.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

from document_parser.telemetry import logs

if TYPE_CHECKING:
    from document_parser.settings import TracingSettings
    from document_parser.telemetry.spans import Recorder

TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
"""Form of the header that names a trace and a span in it: version, trace, span, flags. Ids of zeros are invalid."""
TRACEPARENT_HEADER = "traceparent"
"""Name of the header, in requests that are received and sent."""

Attribute = str | bool | int | float
"""Value of an attribute. None holds content of a document, the name of a file, an address or anything personal."""
Kind = Literal["internal", "server", "client", "consumer"]
"""What a span is about: work in the process, a request that it answers or sends, or work taken from the queue."""


class Span(Protocol):
    """A span that has begun."""

    def note(self, attributes: Mapping[str, Attribute]) -> None:
        """Add attributes."""

    def fail(self, error_type: str) -> None:
        """Mark the span as failed, with the code or the class of the error."""


class _NotRecorded:
    """The span of a process that records none."""

    def note(self, attributes: Mapping[str, Attribute]) -> None:
        """Do nothing."""

    def fail(self, error_type: str) -> None:
        """Do nothing."""


NOT_RECORDED = _NotRecorded()
"""Stands for every span while tracing is off."""

_recorder: list[Recorder] = []


def configure(settings: TracingSettings) -> None:
    """Record the spans of this process and of those that are forked from it, if the settings say so."""
    if settings.traces_exporter != "none":
        from document_parser.telemetry.spans import Recorder

        _recorder[:] = [Recorder(settings)]
        logs.add_to_every_line(log_fields)


def recorder() -> Recorder | None:
    """Return what records the spans of this process; None if they are not recorded."""
    return _recorder[0] if _recorder else None


def span(
    name: str,
    kind: Kind = "internal",
    attributes: Mapping[str, Attribute] | None = None,
    *,
    parent: str | None = None,
) -> AbstractContextManager[Span]:
    """Record the block as a span; an error that leaves it marks the span as failed.

    ``parent`` is the ``traceparent`` of its parent, empty for a new trace. None takes the span of the surrounding block.
    """
    if not _recorder:
        return contextlib.nullcontext(NOT_RECORDED)
    return _recorder[0].span(name, kind, attributes or {}, parent)


def stage(name: str, job_id: str, parent: str, **attributes: Attribute) -> AbstractContextManager[Span]:
    """Record the block as a stage of a job that was taken from the queue. ``parent`` is the job's ``traceparent``."""
    facts = {"messaging.system": "rq", "messaging.operation.name": name, "messaging.message.conversation_id": job_id}
    return span(name, "consumer", {**facts, "docparse.job.id": job_id, **attributes}, parent=parent)


def record_past(name: str, job_id: str, parent: str, start: datetime, end: datetime) -> None:
    """Record what happened to a job between these times. ``parent`` is the job's ``traceparent``."""
    if _recorder:
        _recorder[0].record_past(name, {"docparse.job.id": job_id}, parent, (start, end))


def begin(name: str, kind: Kind, attributes: Mapping[str, Attribute], parent: str) -> tuple[Span, Callable[[], None]]:
    """Begin a span that becomes that of this thread. Return it and the function that ends it, in the same thread."""
    if not _recorder:
        return NOT_RECORDED, lambda: None
    return _recorder[0].begin(name, kind, attributes, parent)


def traceparent() -> str:
    """Return the ``traceparent`` of the current span; empty if there is none."""
    return _recorder[0].traceparent() if _recorder else ""


def headers() -> dict[str, str]:
    """Return the header that hands the current trace on to another server; none if there is no current span."""
    found = traceparent()
    return {TRACEPARENT_HEADER: found} if found else {}


def accept_traceparent(sent: str) -> str:
    """Return a ``traceparent`` that a caller sent; empty if it is not valid, so that a new trace begins."""
    return sent if TRACEPARENT.fullmatch(sent) else ""


def log_fields() -> dict[str, str]:
    """Return the fields of a log line that name the current trace and span; none if there is no current span."""
    _, trace_id, span_id, *_ = (traceparent() or "---").split("-")
    return {"trace_id": trace_id, "span_id": span_id} if trace_id else {}
