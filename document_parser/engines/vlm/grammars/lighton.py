"""LightOnOCR: Markdown with HTML tables, and the places of what it read.

LightOnOCR-3, asked for ``grounding``, writes ``![label](x1,y1,x2,y2)`` before each part of a page; ``text+`` goes on with the
part before it, as in the next column. The older models, and LightOnOCR-3 without a prompt, write ``![image](image_1.png)`` for
an image; those named *bbox* have its box after it, ``x1,y1,x2,y2``. All coordinates count 0 to 1000.
Source: the repository lightonai/LightOnOCR (``client.py``, ``models.py``, ``grounding.py``), the cards of the models.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from document_parser.engines.vlm.grammars.grammar import Scale, cell_texts, relabel, strip_delimiters
from document_parser.engines.vlm.grammars.markdown import without_wrapping
from document_parser.engines.vlm.markdown import markdown_blocks
from document_parser.models import Block, BlockKind, BoundingBox

PROMPT = "grounding"
"""Asked of LightOnOCR-3, which knows no other words. The older models know none at all."""
WITHOUT_PROMPT = re.compile(r"lightonocr-(?:1b|2-)", re.IGNORECASE)
"""The names of the older models."""
EXTRA: dict[str, Any] = {"chat_template_kwargs": {"enable_thinking": False}}
"""Fields of every request: those of LightOnOCR-3 that are Qwen3.5 would think first. Other templates ignore it."""
NUMBER = r"\s{0,3}(\d{1,4}(?:\.\d{1,4})?)\s{0,3}"
PART = re.compile(rf"!\[([A-Za-z_][\w-]{{0,40}})\+?\]\({NUMBER},{NUMBER},{NUMBER},{NUMBER}\)[ \t]*\n?")
"""What stands before a part of a page: its label and its box."""
UNFINISHED = re.compile(r"!\[[\w+-]{0,42}(?:\](?:\([\d\s.,]{0,40})?)?\Z")
"""The beginning of that, at which an answer breaks off."""
IMAGE = re.compile(
    r"!\[image\]\(image_\d{1,4}\.\w{3,4}\)"
    r"(?:[ \t]*(\d{1,4}(?:\.\d{1,4})?(?:[ \t]*,[ \t]*\d{1,4}(?:\.\d{1,4})?){3}))?",
    re.IGNORECASE,
)
"""An image and the four numbers of its box, if they are there."""
FIGURES = frozenset({"image", "chart", "figure", "header_image", "footer_image"})
"""Labels of pictures. What is written below them describes the picture, or estimates the data of a chart."""
KINDS: dict[str, tuple[BlockKind, int]] = {
    "title": ("heading", 1),
    "section": ("heading", 2),
    "caption": ("caption", 0),
    "figure_title": ("caption", 0),
    "footnote": ("footnote", 0),
    "page_footnote": ("footnote", 0),
    "header": ("page_header", 0),
    "page_header": ("page_header", 0),
    "footer": ("page_footer", 0),
    "page_footer": ("page_footer", 0),
    "page_number": ("page_number", 0),
}
"""Kinds and levels of text blocks by label; a heading that has marks of Markdown keeps their level."""


def parse_lighton(text: str, scale: Scale | None = None) -> list[Block]:
    """Return the blocks of an answer in its order, with the boxes that it has. Accepts any text."""
    text = UNFINISHED.sub("", without_wrapping(text))
    parts = list(PART.finditer(text))
    if not parts:
        return _plain_blocks(text, scale)
    blocks = markdown_blocks(text[: parts[0].start()])
    ends = [*(part.start() for part in parts[1:]), len(text)]
    for part, end in zip(parts, ends, strict=True):
        box = scale.box(*map(float, part.groups()[1:])) if scale else None
        blocks += _blocks_of(part[1].lower(), text[part.end() : end].strip("\n"), box)
    return blocks


def _blocks_of(label: str, text: str, box: BoundingBox | None) -> Iterator[Block]:
    """Yield the blocks of a part of a page, each with its box."""
    if label in FIGURES:
        words = (cell_texts(block) or block.text for block in markdown_blocks(text))
        yield Block(kind="figure", text="\n".join(filter(None, words)), box=box)
        return
    if label == "formula":
        if formula := strip_delimiters(text):
            yield Block(kind="formula", text=formula, box=box)
        return
    if label == "code" and not text.lstrip().startswith("```"):
        if text.strip():
            yield Block(kind="code", text=text, box=box)
        return
    for block in markdown_blocks(text):
        block.box = box
        if label in KINDS:
            relabel(block, *KINDS[label])
        yield block


def _plain_blocks(text: str, scale: Scale | None) -> list[Block]:
    """Return the blocks of an answer without places of its parts. Images are figures; those with a box keep it."""
    blocks: list[Block] = []
    position = 0
    for image in IMAGE.finditer(text):
        blocks += markdown_blocks(text[position : image.start()])
        numbers = [float(number) for number in image[1].split(",")] if image[1] else []
        blocks.append(Block(kind="figure", box=scale.box(*numbers) if scale and numbers else None))
        position = image.end()
    return blocks + markdown_blocks(text[position:])
