"""Draw how the pages of a document were read, in this process."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import NamedTuple

from document_parser.errors import FormatNeedsPages, PageUnreadable
from document_parser.imaging.overlay import draw_overlay
from document_parser.models import Options, PageImageSpec
from document_parser.pipeline.local.reader import DocumentParser

DRAWN = PageImageSpec(dpi=150.0, max_long_side=2400)
"""The page images that are drawn on."""


class Overlay(NamedTuple):
    """A page with what was read of it drawn on it as a PNG, and its state; no image if the page cannot be shown."""

    number: int
    status: str
    image: bytes | None


async def draw_overlays(
    reader: DocumentParser, path: Path, options: Options, password: str = ""
) -> AsyncGenerator[Overlay, None]:
    """Read a document and yield its pages one by one, as they are written into results.

    Raises FormatNeedsPages for a document without pages, and as ``DocumentParser.read``.
    """
    with await reader.read(path, options, password=password) as result:
        original = result.original
        if original is None or not original.has_pages:
            raise FormatNeedsPages(format="overlay")
        async with await original.openers.open(original.path, original.kind, original.password) as source:
            for page in result.assembled():
                try:
                    image = await source.render(page.number, DRAWN, page.rotation)
                except PageUnreadable:
                    yield Overlay(page.number, page.status, None)
                    continue
                yield Overlay(page.number, page.status, draw_overlay(image, page))
