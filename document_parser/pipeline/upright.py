"""The pictures of one page as it is to be read: turned upright, and smaller where a model's context is too small."""

from __future__ import annotations

from typing import Protocol

from document_parser.engines import Engines
from document_parser.models import Damage, PageFacts, PageImage, PictureSpec, Rule, Word

SIDEWAYS = 1.0
SMALLER = 0.7
"""A picture that did not fit into the model's context is sent again at this part of its size."""


class PageSource(Protocol):
    """What reading needs of an open document."""

    async def facts(self, number: int) -> PageFacts: ...

    async def words(self, number: int) -> list[Word]: ...

    async def rules(self, number: int) -> list[Rule]: ...

    async def damage(self, number: int) -> list[Damage]: ...

    async def render(self, number: int, spec: PictureSpec, turn: int = 0) -> PageImage: ...


class UprightPictures:
    """The pictures of one page. ``turn`` is by how many degrees clockwise they are turned from what a viewer shows."""

    def __init__(self, source: PageSource, number: int, engines: Engines) -> None:
        self._source = source
        self._number = number
        self._engines = engines
        self._scale = 1.0
        self._looked = False
        self._last: tuple[PictureSpec, int, PageImage] | None = None
        self.turn: int | None = None

    async def take(self, spec: PictureSpec) -> PageImage:
        """The page as it is to be read. Raises PageUnreadable, and EngineError where its direction cannot be found."""
        if self._scale < 1:
            spec = spec.model_copy(update={"max_long_side": round(spec.max_long_side * self._scale), "min_short_side": 0})
        if self.turn is None:
            image = await self._drawn(spec, 0)
            self.turn = await self._engines.upright_turn(image) if image.sideways > SIDEWAYS else 0
        return await self._drawn(spec, self.turn)

    async def _drawn(self, spec: PictureSpec, turn: int) -> PageImage:
        """The last picture is remembered: what was looked at is mostly what is read."""
        if self._last is None or self._last[:2] != (spec, turn):
            self._last = spec, turn, await self._source.render(self._number, spec, turn)
        return self._last[2]

    def shrink(self) -> None:
        """Smaller from now on."""
        self._scale *= SMALLER

    async def turn_over(self, image: PageImage | None) -> bool:
        """Whether the page turns out to stand otherwise than it was read; looked at once a page, where reading went badly."""
        if self._looked or image is None:
            return False
        self._looked = True
        more = await self._engines.upright_turn(image)
        self.turn = ((self.turn or 0) + more) % 360
        return more != 0

    def forget(self) -> None:
        """Let go of the picture that is remembered."""
        self._last = None
