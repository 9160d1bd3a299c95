"""What an open document answers, to the opener that holds it and to the process that reads; and the opener's limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from document_parser.models import Damage, PageFacts, PageImage, PictureSpec, RulingLine, Word

if TYPE_CHECKING:
    from document_parser.imaging.page_image import Picture


@dataclass(frozen=True)
class OpenerLimits:
    """What an opener child may take: MiB above what it was forked with, seconds a request; million pixels and MiB a picture."""

    memory_mb: int = 1280
    timeout_seconds: float = 60.0
    max_image_megapixels: int = 200
    max_image_memory_mb: int = 1024


class OpenedDocument(Protocol):
    """An opened file of any kind, pages from 1."""

    page_count: int

    def facts(self, number: int) -> PageFacts: ...
    def words(self, number: int) -> list[Word]: ...
    def rules(self, number: int) -> list[RulingLine]: ...
    def damage(self, number: int) -> list[Damage]: ...
    def render(self, number: int, spec: PictureSpec, turn: int) -> Picture: ...


class PageSource(Protocol):
    """What reading needs of an open document."""

    async def facts(self, number: int) -> PageFacts: ...

    async def words(self, number: int) -> list[Word]: ...

    async def rules(self, number: int) -> list[RulingLine]: ...

    async def damage(self, number: int) -> list[Damage]: ...

    async def render(self, number: int, spec: PictureSpec, turn: int = 0) -> PageImage: ...
