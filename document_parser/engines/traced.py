"""Record what is asked of an engine as a span."""

from __future__ import annotations

from document_parser.engines.base import Engine, Watch
from document_parser.engines.wrapped import WrappedEngine
from document_parser.models import PageImage, Reading
from document_parser.telemetry import tracing


def traced_engine(engine: Engine) -> Engine:
    """Return the engine with a span for each page image that it reads; the engine itself while traces are off."""
    return engine if tracing.recorder() is None else TracedEngine(engine)


class TracedEngine(WrappedEngine):
    """An engine whose readings are spans. An answer that its engine refuses to give marks its span as failed."""

    async def read(self, page: PageImage, *, temperature: float | None = None, watch: Watch | None = None) -> Reading:
        """Let the engine read a page image. Raises EngineError."""
        with tracing.span(f"read {self.name}", attributes={"docparse.engine": self.name}) as span:
            reading = await self.engine.read(page, temperature=temperature, watch=watch)
            span.note({"docparse.finish_reason": reading.finish_reason})
            return reading
