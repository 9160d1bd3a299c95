"""Stand in front of another engine."""

from __future__ import annotations

from document_parser.engines.base import Engine
from document_parser.models import Block, PageImage, PageImageSpec, PageKind


class WrappedEngine(Engine):
    """An engine that lets another one do its work. Those that derive from it say what happens when a page is read."""

    def __init__(self, engine: Engine) -> None:
        """Take the name and the page image of the engine."""
        self.name = engine.name  # type: ignore[misc]
        self.image_spec = engine.image_spec
        self.engine = engine

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
