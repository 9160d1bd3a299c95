"""Record spans with OpenTelemetry's SDK and export them by OTLP. Imported only while tracing is on.

A web worker exports its own spans, from a thread. A work horse lives for one task, and would have to wait for its export: it
hands each span that ends to one process of the pool, the span sender, through a socket that never blocks. A span that has
ended is therefore kept even if its process is killed right afterwards, and a collector that is away delays no page.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

from opentelemetry import context as contexts
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags, Tracer
from opentelemetry.trace import Span as OtelSpan
from opentelemetry.trace.propagation import get_current_span, set_span_in_context

from document_parser.errors import DocumentParserError
from document_parser.telemetry import logs
from document_parser.version import __version__

if TYPE_CHECKING:
    from document_parser.settings import TracingSettings
    from document_parser.telemetry.tracing import Attribute, Kind

log = logs.get_logger(__name__)

SCOPE = InstrumentationScope("document_parser", __version__)
"""What made the spans."""
FLUSH_SECONDS = 2.0
"""The longest time that a process waits at its end for its last spans to be exported."""
MAX_SPAN_BYTES = 1 << 16
"""The largest span that is handed to the sender, as JSON."""
BUFFER_BYTES = 1 << 22
"""Spans that wait for the sender, as far as the kernel allows; beyond that they are dropped."""


class RandomIds(IdGenerator):
    """Ids from the operating system: forked processes share the state of Python's own random numbers."""

    def generate_span_id(self) -> int:
        """Return the id of a new span."""
        return secrets.randbelow((1 << 64) - 1) + 1

    def generate_trace_id(self) -> int:
        """Return the id of a new trace."""
        return secrets.randbelow((1 << 128) - 1) + 1

    def is_trace_id_random(self) -> bool:
        """Return that all bits of the id of a trace are random."""
        return True


class Recorder:
    """Records the spans of a process and of those that are forked from it; each makes its own tracer at its first span."""

    def __init__(self, settings: TracingSettings) -> None:
        """Keep the settings; no thread is started and nothing is connected to yet."""
        self._settings = settings
        self._lock = threading.Lock()
        self._pid = 0
        self._tracer: Tracer | None = None
        self._to_sender: socket.socket | None = None

    def hand_to(self, sender: socket.socket) -> None:
        """Hand all spans from now on to the span sender at the other end of this socket."""
        self._to_sender = sender

    def span(self, name: str, kind: Kind, attributes: Mapping[str, Attribute], parent: str | None) -> RecordedSpan:
        """Begin a span, which is current within a ``with`` block."""
        found = self._get_tracer().start_span(name, _context_of(parent), SpanKind[kind.upper()], dict(attributes))
        return RecordedSpan(found)

    def begin(
        self, name: str, kind: Kind, attributes: Mapping[str, Attribute], parent: str
    ) -> tuple[RecordedSpan, Callable[[], None]]:
        """Begin a span that becomes that of this thread. Return it and the function that ends it, in the same thread."""
        begun = self.span(name, kind, attributes, parent).__enter__()
        return begun, lambda: begun.__exit__(None, None, None)

    def record_past(
        self, name: str, attributes: Mapping[str, Attribute], parent: str, times: tuple[datetime, datetime]
    ) -> None:
        """Record a span that began and ended at these times."""
        start, end = (int(moment.timestamp() * 1e9) for moment in times)
        span = self._get_tracer().start_span(name, _context_of(parent), attributes=dict(attributes), start_time=start)
        span.end(end)

    def traceparent(self) -> str:
        """Return the ``traceparent`` of the current span; empty if there is none."""
        found = get_current_span().get_span_context()
        return f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}" if found.is_valid else ""

    def _get_tracer(self) -> Tracer:
        """Return the tracer of this process."""
        if self._tracer is None or self._pid != os.getpid():
            with self._lock if self._pid == os.getpid() else contextlib.nullcontext():
                self._tracer, self._pid = self._make_tracer(), os.getpid()
                self._lock = threading.Lock()
        return self._tracer

    def _make_tracer(self) -> Tracer:
        if self._to_sender is not None:
            # The sender says who they are from: to find that out takes longer than a short task.
            provider = TracerProvider(resource=Resource({}), shutdown_on_exit=False, id_generator=RandomIds())
            provider.add_span_processor(ToSender(self._to_sender))
        else:
            resource = make_resource(self._settings)
            provider = TracerProvider(resource=resource, shutdown_on_exit=False, id_generator=RandomIds())
            exporting = Exporting(self._settings)
            provider.add_span_processor(exporting.processor)
            atexit.register(exporting.close)
        return provider.get_tracer(SCOPE.name, SCOPE.version)


class RecordedSpan:
    """A span that has begun. As a context manager it is the current one in its block, and ends with it."""

    def __init__(self, span: OtelSpan) -> None:
        self._span = span

    def note(self, attributes: Mapping[str, Attribute]) -> None:
        """Add attributes."""
        self._span.set_attributes(attributes)

    def fail(self, error_type: str) -> None:
        """Mark the span as failed, with the code or the class of the error, never its text."""
        self._span.set_attribute("error.type", error_type)
        self._span.set_status(Status(StatusCode.ERROR))

    def __enter__(self) -> Self:
        """Make the span the current one."""
        self._token = contexts.attach(set_span_in_context(self._span))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End the span."""
        if error is not None:
            self.fail(error.code if isinstance(error, DocumentParserError) else type(error).__name__)
        contexts.detach(self._token)
        self._span.end()


def _context_of(parent: str | None) -> Context | None:
    """Return the context with this parent; an empty one for a new trace, None for the current one."""
    if not parent:
        return None if parent is None else Context()
    _, trace_id, span_id, flags = parent.split("-")
    found = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
    return set_span_in_context(NonRecordingSpan(found), Context())


def make_resource(settings: TracingSettings) -> Resource:
    """Return who the spans are from: the service, its version, and what OTEL_RESOURCE_ATTRIBUTES adds."""
    return Resource.create({"service.name": settings.service_name, "service.version": __version__})


class Exporting:
    """Exports spans in the background, as the standard variables of OpenTelemetry say."""

    def __init__(self, settings: TracingSettings) -> None:
        """Start the threads that export; nothing is connected to before the first span."""
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        # The setting may stand in .env, which the SDK does not read. What the environment says of spans alone counts more.
        os.environ.setdefault("OTEL_EXPORTER_OTLP_ENDPOINT", settings.exporter_otlp_endpoint)
        # What they say of a collector that is away is said once, in SayingOnce.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self.processor = BatchSpanProcessor(SayingOnce(OTLPSpanExporter()))
        self._ending, self._ended = threading.Event(), threading.Event()
        # Started now: at the end of a process no thread can be started, and the processor's own end has no deadline.
        threading.Thread(target=self._end, name="spans-end", daemon=True).start()

    def close(self) -> None:
        """Export what is left, for at most FLUSH_SECONDS."""
        self._ending.set()
        self._ended.wait(FLUSH_SECONDS)

    def _end(self) -> None:
        self._ending.wait()
        self.processor.shutdown()  # type: ignore[no-untyped-call]  # the SDK leaves it without types
        self._ended.set()


class SayingOnce(SpanExporter):
    """An exporter that logs once that its collector is away, and once that it is back."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._is_away = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export spans. Those that cannot be exported are lost."""
        result = self._exporter.export(spans)
        away = result is not SpanExportResult.SUCCESS
        if away and not self._is_away:
            log.warning("traces_not_exported", advice="The collector does not take spans. They are dropped until it does.")
        elif self._is_away and not away:
            log.info("traces_exported_again")
        self._is_away = away
        return result

    def shutdown(self) -> None:
        """End the exporter."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Return that nothing is kept back."""
        return True


class ToSender(SpanProcessor):
    """Hands each span that ends to the span sender. It never waits: if the sender does not keep up, the span is dropped."""

    def __init__(self, sender: socket.socket) -> None:
        self._sender = sender

    def on_end(self, span: ReadableSpan) -> None:
        """Send a span."""
        with contextlib.suppress(OSError):
            self._sender.send(pack_span(span), socket.MSG_DONTWAIT)


def pack_span(span: ReadableSpan) -> bytes:
    """Return a span for the sender."""
    own, parent = span.get_span_context(), span.parent
    assert own is not None
    ids = [own.trace_id, own.span_id, int(own.trace_flags), parent.span_id if parent else 0]
    failed = span.status.status_code is StatusCode.ERROR
    times = [span.start_time, span.end_time]
    return json.dumps([span.name, span.kind.value, ids, times, dict(span.attributes or {}), failed]).encode()


def unpack_span(data: bytes, resource: Resource) -> ReadableSpan:
    """Return the span that another process packed."""
    name, kind, (trace_id, span_id, flags, parent_id), (start, end), attributes, failed = json.loads(data)
    own = SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(flags))
    parent = SpanContext(trace_id, parent_id, is_remote=True) if parent_id else None
    return ReadableSpan(
        name,
        own,
        parent,
        resource,
        attributes,
        kind=SpanKind(kind),
        status=Status(StatusCode.ERROR) if failed else Status(),
        start_time=start,
        end_time=end,
        instrumentation_scope=SCOPE,
    )


def span_sockets() -> tuple[socket.socket, socket.socket]:
    """Return the two ends of the way to the sender: the sender's, and that of all who hand spans to it."""
    receiving, sending = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sending.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
    return receiving, sending


@logs.CrashLogged()
def run_span_sender(settings: TracingSettings, receiving: socket.socket, sending: socket.socket) -> None:
    """Export what other processes of the pool record, until all of them have ended. A stop of the pool does not end it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sending.close()
    exporting, resource = Exporting(settings), make_resource(settings)
    while data := receiving.recv(MAX_SPAN_BYTES):
        exporting.processor.on_end(unpack_span(data, resource))
    exporting.close()
