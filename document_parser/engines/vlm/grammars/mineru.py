"""MinerU2.5: first the layout of a page, then the contents of each region from a crop of its own.

The layout is a line for each region, ``<|box_start|>x1 y1 x2 y2<|box_end|><|ref_start|>text<|ref_end|><|rotate_up|>``, of 0 to
1000. An answer here is the layout with what each crop read below its line, so that it can be checked and parsed as one text.
Source: the package mineru-vl-utils 2.0.7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from document_parser.engines.vlm.grammars.grammar import Scale, relabel, strip_delimiters
from document_parser.engines.vlm.grammars.paddleocr_vl import blocks_with_otsl
from document_parser.models import Block, BlockKind, BoundingBox

PROMPT = "\nLayout Detection:"
"""Asked about the page."""
LAYOUT_SIDE = 1036
"""Sides in pixels of the image that the layout is detected in."""
REGION = re.compile(
    r"<\|box_start\|>\s{0,5}(\d{1,4})\s+(\d{1,4})\s+(\d{1,4})\s+(\d{1,4})\s{0,5}<\|box_end\|>"
    r"<\|ref_start\|>(\w{1,40})<\|ref_end\|>(?:<\|rotate_(up|right|down|left)\|>)?(?:<\|?txt_contd_\w{1,10}\|?>)?"
)
"""A region: four coordinates, type, and how it is turned."""
MARK = re.compile(r"<\|box_start\|>")
"""What every layout has."""
ANGLES = {"": 0, "up": 0, "right": 90, "down": 180, "left": 270}
"""By how many degrees counter-clockwise a crop is turned to be upright."""

TABLE_PROMPT, FORMULA_PROMPT, TEXT_PROMPT = "\nTable Recognition:", "\nFormula Recognition:", "\nText Recognition:"
PENALTIES = {"presence_penalty": 1.0, "frequency_penalty": 0.05}
"""Sampling of the model's own client for text and formulas."""
TABLE_PENALTIES = {"presence_penalty": 1.0, "frequency_penalty": 0.005}
"""The same for tables."""
EXTRA: dict[str, Any] = {
    "skip_special_tokens": False,
    "top_p": 0.01,
    "repetition_penalty": 1.0,
    "vllm_xargs": {"no_repeat_ngram_size": 100},
}
"""Fields of every request, as the model's own client sends them. Without special tokens a layout would lose its boxes."""

FIGURE_TYPES = frozenset({"image", "chart", "image_block"})
"""Types of regions that are not read."""
CONTAINER_TYPES = frozenset({"list", "equation_block", "image_block"})
"""Types of regions whose parts are regions too; one without parts is read itself."""
IGNORED_TYPES = frozenset({"inline_formula"})
"""Types that are read with the text around them."""
KINDS: dict[str, BlockKind] = {
    "title": "heading",
    "doc_title": "title",
    "paragraph_title": "heading",
    "caption": "caption",
    "table_caption": "caption",
    "image_caption": "caption",
    "code_caption": "caption",
    "footnote": "footnote",
    "table_footnote": "footnote",
    "image_footnote": "footnote",
    "page_footnote": "footnote",
    "header": "page_header",
    "footer": "page_footer",
    "page_number": "page_number",
    "list_item": "list_item",
}
"""Kinds of text blocks by the type of their region."""
CODE_TYPES = frozenset({"code", "algorithm"})
"""Types of regions whose text is code."""
FORMULA_TYPES = frozenset({"equation", "equation_block"})
"""Types of regions that are formulas."""
MIN_COVERED_SHARE = 0.9
"""Share of a region inside another one from which it is a part of it."""


@dataclass(frozen=True)
class Region:
    """A region of a page. ``line`` is how the layout says it; ``angle`` as in ANGLES."""

    line: str
    box: BoundingBox
    type: str
    angle: int

    @property
    def prompt(self) -> str:
        """Return what is asked about its crop; empty if it is not read."""
        if self.type in FIGURE_TYPES:
            return ""
        if self.type == "table":
            return TABLE_PROMPT
        return FORMULA_PROMPT if self.type in FORMULA_TYPES else TEXT_PROMPT

    @property
    def extra(self) -> dict[str, Any]:
        """Return the sampling for its crop."""
        return TABLE_PENALTIES if self.type == "table" else PENALTIES

    def contains(self, other: Region) -> bool:
        """Return whether the other region is a part of this one."""
        mine, its = self.box, other.box
        across = min(mine.right, its.right) - max(mine.left, its.left)
        down = min(mine.bottom, its.bottom) - max(mine.top, its.top)
        area = (its.right - its.left) * (its.bottom - its.top)
        return across > 0 and down > 0 and across * down >= MIN_COVERED_SHARE * area


def regions_of(layout: str, scale: Scale) -> list[Region]:
    """Return the regions to read in the order of the layout.

    Left out are regions without an area, those that a table reads along, and containers whose parts are regions.
    """
    found = [region for line in REGION.finditer(layout) if (region := _region_of(line, scale))]
    return [region for region in found if not _is_read_along(region, found)]


def join_answers(answers: Sequence[tuple[Region, str]]) -> str:
    """Return the regions and what was read in each as one text, which ``parse_mineru`` parses."""
    return "\n".join(f"{region.line}\n{MARK.sub('', text)}" for region, text in answers)


def parse_mineru(text: str, scale: Scale | None = None) -> list[Block]:
    """Return the blocks of a layout with contents, or of its beginning, in its order. Accepts any text."""
    blocks: list[Block] = []
    marks = list(REGION.finditer(text))
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    for mark, end in zip(marks, ends, strict=False):
        box = scale.box(*map(float, mark.groups()[:4])) if scale else None
        blocks += _blocks_of(mark[5].lower(), text[mark.end() : end].strip(), box)
    return blocks


def _region_of(line: re.Match[str], scale: Scale) -> Region | None:
    """Return a region of the layout; None if it has no area or is read with the text around it."""
    box, kind = scale.box(*map(float, line.groups()[:4])), line[5].lower()
    if box.left >= box.right or box.top >= box.bottom or kind in IGNORED_TYPES:
        return None
    return Region(line[0], box, kind, ANGLES[line[6] or ""])


def _is_read_along(region: Region, regions: Sequence[Region]) -> bool:
    """Return whether other regions are read instead of this one: the table it is in, or its own parts."""
    others = [other for other in regions if other is not region]
    if region.type in CONTAINER_TYPES and any(region.contains(other) for other in others):
        return True
    inside = region.type in FORMULA_TYPES or region.type == "text"
    return inside and any(other.type == "table" and other.contains(region) for other in others)


def _blocks_of(kind: str, text: str, box: BoundingBox | None) -> Iterator[Block]:
    """Yield the blocks of a region, each with its box."""
    if kind in FIGURE_TYPES:
        yield Block(kind="figure", box=box)
    for block in _contents_of(kind, text):
        block.box = box
        if wanted := KINDS.get(kind):
            relabel(block, wanted, 1 if wanted == "title" else 2)
        yield block


def _contents_of(kind: str, text: str) -> list[Block]:
    """Return the blocks of what was read in a region of this type."""
    if not text or text == "[Non-Text]":
        return []
    if kind in FORMULA_TYPES:
        inside = strip_delimiters(text)
        return [Block(kind="formula", text=inside)] if inside else []
    if kind in CODE_TYPES:
        return [Block(kind="code", text=text.strip("`\n"))]
    return blocks_with_otsl(text)
