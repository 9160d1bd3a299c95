"""What a form of answers is: how it is parsed, where its boxes are, and what its model wants to be sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from document_parser.models import Block, BlockKind, BoundingBox

RELABELLED_KINDS = frozenset({"paragraph", "heading", "list_item"})
"""Kinds of blocks that a label of the model may change. Tables, formulas and code keep theirs."""


class Scale(NamedTuple):
    """The largest coordinates of a model's boxes, to the right and down."""

    width: float
    height: float

    def box(self, left: float, top: float, right: float, bottom: float) -> BoundingBox:
        """Return a box in the model's coordinates as one in fractions of the image."""
        return BoundingBox.of(left / self.width, top / self.height, right / self.width, bottom / self.height)


class PictureSize(NamedTuple):
    """The page image that a model wants: resolution in dpi, the rest in pixels; 0 sets no limit.

    Both sides are multiples of ``multiple``, the side of the squares that the model cuts an image into.
    """

    dpi: float = 200.0
    long_side: int = 2048
    short_side: int = 0
    max_pixels: int = 0
    multiple: int = 1


USUAL_SIZE = PictureSize()
"""The page image for a model that is not known."""
Parser = Callable[[str, Scale | None], list[Block]]
"""Returns the blocks of an answer or of its beginning; without a scale, none has a box. It accepts any text, never raises."""


@dataclass(frozen=True)
class Grammar:
    """The form in which a model answers, and what it wants to be sent if the settings say nothing else."""

    parse: Parser
    prompt: str = ""
    """Words sent after the image; empty: the image alone."""
    picture: PictureSize = USUAL_SIZE
    box_scale: int = 1000
    """Largest coordinate of the boxes; 0: they count the pixels of the image as the model sees it."""
    mark: re.Pattern[str] | None = None
    """What every answer of this form has somewhere; None: any text may be one."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the request."""


def relabel(block: Block, kind: BlockKind, level: int = 0) -> None:
    """Set a block's kind as the model's label says, if the label decides it. ``level`` is for titles and headings."""
    if block.kind not in RELABELLED_KINDS:
        return
    if kind in ("title", "heading"):
        block.level = block.level if block.kind == "heading" else level
    elif kind == "list_item":
        block.level = block.level if block.kind == "list_item" else 1
    else:
        block.level = None
    block.kind = kind


def strip_delimiters(text: str) -> str:
    """Return LaTeX without the delimiters around it."""
    text = text.strip()
    for begin, end in (("$$", "$$"), ("\\[", "\\]"), ("$", "$")):
        if text.startswith(begin) and text.endswith(end) and len(text) > len(begin) + len(end):
            return text[len(begin) : -len(end)].strip()
    return text.strip("$").strip()


def cell_texts(block: Block) -> str:
    """Return the texts of a block's table as lines; empty if it has no table."""
    rows: dict[int, list[str]] = {}
    for cell in block.table.cells if block.table else ():
        rows.setdefault(cell.row, []).append(cell.text)
    return "\n".join(" ".join(filter(None, texts)) for texts in rows.values()).strip()
