"""Record what is asked of an engine as a span."""

from __future__ import annotations

from document_parser.engines.base import Engine, Watch
from document_parser.models import Block, PageImage, PageImageSpec, PageKind, Reading
from document_parser.telemetry import tracing


def traced_engine(engine: Engine) -> Engine:
    """Return the engine with a span for each page image that it reads; the engine itself while traces are off."""
    return engine if tracing.recorder() is None else TracedEngine(engine)


class TracedEngine(Engine):
    """An engine whose readings are spans. An answer that its engine refuses to give marks its span as failed."""

    def __init__(self, engine: Engine) -> None:
        self.name = engine.name  # type: ignore[misc]
        self.image_spec = engine.image_spec
        self.engine = engine

    async def read(self, page: PageImage, *, temperature: float | None = None, watch: Watch | None = None) -> Reading:
        """Let the engine read a page image. Raises EngineError."""
        with tracing.span(f"read {self.name}", attributes={"docparse.engine": self.name}) as span:
            reading = await self.engine.read(page, temperature=temperature, watch=watch)
            span.note({"docparse.finish_reason": reading.finish_reason})
            return reading

    def describe_machine(self) -> str:
        """Return the facts of this machine that decide how the engine reads. Raises EngineError."""
        return self.engine.describe_machine()

    def image_spec_for(self, kind: PageKind) -> PageImageSpec:
        """Return the page image that the engine wants for this kind of page."""
        return self.engine.image_spec_for(kind)

    def parse(self, text: str, page: PageImage | None = None) -> list[Block]:
        """Return the blocks of the engine's raw answer."""
        return self.engine.parse(text, page)

    async def is_available(self) -> bool:
        """Return whether the engine can be asked now."""
        return await self.engine.is_available()

    async def aclose(self) -> None:
        """Close the engine."""
        await self.engine.aclose()
