"""Page numbers and running heads, only where one page alone makes them obvious."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from document_parser.models import Block, Word
from document_parser.pipeline.layout.lines import Line, body_size, lines_of
from document_parser.pipeline.layout.scale import Scale

NUMBER_MARGIN = 0.08
"""Share of the page height at its top and bottom in which a page number may stand."""
CENTRED_MARGIN = 0.14
"""The same for one in the middle of the page width."""
HEAD_MARGIN = 0.06
"""The same for running heads and feet."""
SMALL = 0.92
"""A running head is at most this large, against the body's size."""

_PAGE_NUMBER = re.compile(r"(?:page\s+)?[-–—|\s]*\d{1,4}[-–—|\s]*(?:(?:of|/)\s*\d{1,4})?", re.IGNORECASE)

Edge = Literal["top", "bottom"]


def split_furniture(words: list[Word], scale: Scale) -> tuple[list[Block], list[Word], list[Block]]:
    """(blocks of the top margin, the content's words, blocks of the bottom margin)."""
    body = body_size(words)
    top = _margin_line(words, scale, body, "top")
    rest = _without(words, top)
    bottom = _margin_line(rest, scale, body, "bottom")
    return _blocks(top, "top", scale), _without(rest, bottom), _blocks(bottom, "bottom", scale)


def _without(words: list[Word], line: Line | None) -> list[Word]:
    if line is None:
        return words
    taken = {id(word) for word in line.words}
    return [word for word in words if id(word) not in taken]


def _margin_line(words: Sequence[Word], scale: Scale, body: float, edge: Edge) -> Line | None:
    """The outermost line, where it is furniture."""
    zone = [word for word in words if _margin(word, scale, edge) < CENTRED_MARGIN]
    if not zone:
        return None
    lines = lines_of(zone)
    line = lines[0] if edge == "top" else lines[-1]
    return line if _obvious(line, words, scale, body, edge) else None


def _margin(word: Word, scale: Scale, edge: Edge) -> float:
    """How far the middle of a word is from an edge, as a share of the page height."""
    middle = (word.top + word.bottom) / 2 / scale.height
    return middle if edge == "top" else 1 - middle


def _obvious(line: Line, words: Sequence[Word], scale: Scale, body: float, edge: Edge) -> bool:
    if _distance(line, words, edge) < body:
        return False
    away = max(_margin(word, scale, edge) for word in line.words)
    if _PAGE_NUMBER.fullmatch(line.text):
        return away < NUMBER_MARGIN or abs(line.left + line.right - scale.width) < 0.05 * scale.width
    return away < HEAD_MARGIN and line.size <= SMALL * body and len(line.text) <= 100


def _distance(line: Line, words: Sequence[Word], edge: Edge) -> float:
    """White between a margin line and the nearest content, in points; infinite where there is nothing else."""
    own = {id(word) for word in line.words}
    others = [word for word in words if id(word) not in own]
    if not others:
        return float("inf")
    if edge == "top":
        return min(word.top for word in others) - line.bottom
    return line.top - max(word.bottom for word in others)


def _blocks(line: Line | None, edge: Edge, scale: Scale) -> list[Block]:
    if line is None:
        return []
    box = scale.box(line.words)
    if _PAGE_NUMBER.fullmatch(line.text):
        return [Block(kind="page_number", text=line.text, box=box)]
    return [Block(kind="page_header" if edge == "top" else "page_footer", text=line.text, box=box)]
