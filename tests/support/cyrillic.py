"""Pages in Cyrillic letters, which RapidOCR does not know, and what is needed to draw and to read them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from document_parser.engines.tesseract.packs import find_packs
from document_parser.settings import Settings

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
CYRILLIC = ("Вчера вечером в город приехали", "новые учителя и открыли большую", "школу для детей нашей деревни.")


def has_pack(name: str) -> bool:
    """Whether Tesseract's pack of this language is installed."""
    return name in find_packs(Settings()).languages


needs_cyrillic_font = pytest.mark.skipif(not Path(FONT).exists(), reason="no font with Cyrillic letters is installed")
needs_russian_pack = pytest.mark.skipif(not has_pack("rus"), reason="Tesseract or its Russian pack is not installed")


def page_of_lines(
    lines: Sequence[str], size: tuple[int, int], mode: str = "L", left: int = 80, top: int = 90, pitch: int = 90
) -> Image.Image:
    """A white page with these lines in black."""
    image = Image.new(mode, size, "white")
    pen, font = ImageDraw.Draw(image), ImageFont.truetype(FONT, 34)
    for number, line in enumerate(lines):
        pen.text((left, top + pitch * number), line, fill="black", font=font)
    return image
