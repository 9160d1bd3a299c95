"""An OpenTelemetry collector for tests: an HTTP server that takes spans as protobuf and keeps them."""

from __future__ import annotations

import contextlib
import gzip
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.support.peer import Answer, Asked, peer


@dataclass(frozen=True)
class Span:
    """A span as it was exported."""

    name: str
    kind: int
    trace_id: str
    id: str
    parent: str
    start: int
    end: int
    attributes: dict[str, Any]
    resource: dict[str, Any]
    failed: bool


@dataclass
class Collector:
    """What was exported. While ``away``, nothing is taken."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    away: bool = False
    refused: int = 0

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    def only(self, name: str) -> Span:
        (found,) = self.named(name)
        return found

    def parent_of(self, span: Span) -> Span | None:
        return next((other for other in self.spans if other.id == span.parent), None)

    def names(self, trace_id: str) -> Counter[str]:
        return Counter(span.name for span in self.spans if span.trace_id == trace_id)

    def take(self, asked: Asked) -> Answer:
        headers = {name.lower(): value for name, value in asked.headers.items()}
        assert (asked.path, headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
        if self.away:
            self.refused += 1
            return Answer(400, b"")  # which no exporter repeats
        body = gzip.decompress(asked.body) if headers.get("content-encoding") == "gzip" else asked.body
        sent = ExportTraceServiceRequest.FromString(body)
        for from_one in sent.resource_spans:
            resource = _attributes(from_one.resource.attributes)
            for scope in from_one.scope_spans:
                self.spans += [_span(span, resource) for span in scope.spans]
        return Answer(200, b"", {"Content-Type": "application/x-protobuf"})


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()
    with peer(collector.take) as server:
        collector.url = server.url
        yield collector


def settings(url: str) -> dict[str, str]:
    return {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": url}


def _span(span: Any, resource: dict[str, Any]) -> Span:
    times = span.start_time_unix_nano, span.end_time_unix_nano
    ids = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
    failed = span.status.code == Status.STATUS_CODE_ERROR
    return Span(span.name, span.kind, *ids, *times, _attributes(span.attributes), resource, failed)


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
