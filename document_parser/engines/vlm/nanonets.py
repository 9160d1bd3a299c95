"""Nanonets-OCR2-3B: its request. Its answers are Markdown with HTML tables and a few tags, without boxes."""

from __future__ import annotations

from typing import ClassVar

from document_parser.engines.vlm.client import VisionEngine
from document_parser.engines.vlm.markdown import markdown_blocks
from document_parser.engines.vlm.request import ModelRequest
from document_parser.models import Block, EngineName, PageImage, PageImageSpec, PageKind
from document_parser.settings import Settings


class NanonetsEngine(VisionEngine):
    """Nanonets-OCR2-3B, which is strong on tables, forms and small print and writes no boxes."""

    name: ClassVar[EngineName] = "nanonets"

    def __init__(self, settings: Settings) -> None:
        """Build the request from the settings."""
        own = settings.nanonets
        self.image_spec = PageImageSpec(
            dpi=own.picture_dpi,
            max_long_side=own.picture_long_side,
            min_short_side=own.picture_short_side,
            straighten=True,
        )
        # Sent even if it is 1.0: the server would otherwise take 1.05 from the model's own configuration, which harms tables.
        extra = {"repetition_penalty": own.repetition_penalty}
        additions: dict[PageKind, str] = {"figures": own.figures_prompt}
        request = ModelRequest(own.url, own.model, own.prompt, own.max_tokens, own.temperature, extra, additions)
        self._fine = self.image_spec.model_copy(update={"min_short_side": own.picture_fine_side})
        super().__init__(settings.engines, request)

    def image_spec_for(self, kind: PageKind) -> PageImageSpec:
        """Return the page image that the model wants of a page of this kind.

        It is larger for tables of figures and handwriting, because their strokes are small.
        """
        return self._fine if kind in ("figures", "handwriting") else self.image_spec

    def parse(self, text: str, _: PageImage | None = None) -> list[Block]:
        """Return the blocks of an answer or of its beginning. Never raises."""
        return parse_nanonets(text)


def parse_nanonets(text: str) -> list[Block]:
    """Return the blocks of an answer in its order. Accepts any text."""
    return markdown_blocks(text)
