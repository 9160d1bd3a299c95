"""Render the images of one page upright, and smaller if the context of a model is too small."""

from __future__ import annotations

from document_parser.engines.registry import Engines
from document_parser.models import PageImage, PageImageSpec
from document_parser.sources.base import PageSource

MIN_SIDEWAYS_SCORE = 1.0
"""Sideways score of a page image above which its lines seem to run from top to bottom, so that its direction is detected."""
SHRINK_RATIO = 0.7
"""An image that did not fit into the model's context is sent again at this part of its size."""


class OrientedImages:
    """The images of one page.

    ``turn`` is their clockwise rotation in degrees from what a viewer shows; None if it is not known yet.
    """

    def __init__(self, source: PageSource, number: int, engines: Engines) -> None:
        """Remember the page; nothing is rendered yet."""
        self._source = source
        self._number = number
        self._engines = engines
        self._scale = 1.0
        self._direction_checked = False
        self._last: tuple[PageImageSpec, int, PageImage] | None = None
        self.turn: int | None = None

    async def render(self, spec: PageImageSpec) -> PageImage:
        """Return the upright page image. Raises PageUnreadable, and EngineError if its direction cannot be detected."""
        if self._scale < 1:
            spec = spec.model_copy(update={"max_long_side": round(spec.max_long_side * self._scale), "min_short_side": 0})
        if self.turn is None:
            image = await self._render_turned(spec, 0)
            self.turn = await self._engines.detect_turn(image) if image.sideways_score > MIN_SIDEWAYS_SCORE else 0
        return await self._render_turned(spec, self.turn)

    async def _render_turned(self, spec: PageImageSpec, turn: int) -> PageImage:
        """Render the page, or return the last image: the image of the direction check is mostly the one that is read."""
        if self._last is None or self._last[:2] != (spec, turn):
            self._last = spec, turn, await self._source.render(self._number, spec, turn)
        return self._last[2]

    def shrink(self) -> None:
        """Render all further images smaller."""
        self._scale *= SHRINK_RATIO

    async def correct_turn(self, image: PageImage | None) -> bool:
        """Detect the direction of a page that was read badly, at most once a page. Return whether it must be turned.

        ``image`` is the image that was read; None has no direction. Raises EngineError.
        """
        if self._direction_checked or image is None:
            return False
        self._direction_checked = True
        more = await self._engines.detect_turn(image)
        self.turn = ((self.turn or 0) + more) % 360
        return more != 0
