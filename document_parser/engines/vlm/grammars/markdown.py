"""Markdown without boxes: what olmOCR, Nanonets and general models write."""

from __future__ import annotations

import re

from document_parser.engines.vlm.grammars.grammar import Scale
from document_parser.engines.vlm.markdown import markdown_blocks
from document_parser.models import Block

PROMPT = (
    "Convert this page to Markdown. Write every word of it once, in reading order, and nothing else. Write tables as HTML and "
    "formulas as LaTeX."
)
"""Asked of a model whose card names no prompt."""
FENCE = re.compile(r"\s*```(?:markdown|md|html)?[ \t]*\n(.*?)(?:\n```\s*)?\Z", re.DOTALL | re.IGNORECASE)
"""A fence around a whole answer, which general models add."""
FRONT_MATTER = re.compile(r"\s*---[ \t]*\n(?:[a-z_]{1,40}:[^\n]{0,200}\n){1,20}---[ \t]*(?:\n|\Z)")
"""Facts about the page before its text, as olmOCR writes them."""


def parse_markdown(text: str, _: Scale | None = None) -> list[Block]:
    """Return the blocks of an answer in its order. Accepts any text."""
    return markdown_blocks(without_wrapping(text))


def without_wrapping(text: str) -> str:
    """Return an answer without the fence around it and the facts before it. A fenced part of an answer stays."""
    text = FRONT_MATTER.sub("", text, count=1) if text.lstrip().startswith("---") else text
    if (fenced := FENCE.fullmatch(text)) and "\n```" not in fenced[1]:
        return fenced[1]
    return text
