"""DeepSeek-OCR: its request and the parser of its answers.

An answer is a sequence of ``<|ref|>LABEL<|/ref|><|det|>[[x1,y1,x2,y2]]<|/det|>`` lines, each followed by lines of content.
Coordinates count 0 to 999 over the image. Answers are read by regular expressions, never evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from document_parser.engines.vlm.client import VisionEngine
from document_parser.engines.vlm.markdown import markdown_blocks
from document_parser.engines.vlm.request import ModelRequest
from document_parser.models import Block, BlockKind, BoundingBox, EngineName, PageImage, PageImageSpec
from document_parser.settings import Settings

MAX_COORDINATE = 999
"""The largest coordinate of a box in an answer."""
TOKEN_PATTERN = re.compile(r"<\|(/?)(ref|det)\|>")
"""The special tokens around a label or a place."""
PLACE_PATTERN = re.compile(r"\s*([A-Za-z][A-Za-z_ ]{0,30})?\s*([\[(][\d.,\s\[\]()]*)?")
"""A label, if there is one, and the coordinates after it."""
NUMBER_PATTERN = re.compile(r"\d{1,6}(?:\.\d{1,6})?")
"""One coordinate."""
BARE_PLACE_PATTERN = re.compile(r"^([A-Za-z_]{2,30}) ?(\[\[[\d., \[\]]{7,2000}\]\])[ \t]*$", re.MULTILINE)
"""A label and a place whose special tokens the server has removed."""

KINDS_BY_LABEL: dict[str, BlockKind] = {
    "title": "title",
    "sub_title": "heading",
    "table_caption": "caption",
    "figure_caption": "caption",
    "image_caption": "caption",
    "caption": "caption",
    "header": "page_header",
    "footer": "page_footer",
    "page_number": "page_number",
    "footnote": "footnote",
    "page_footnote": "footnote",
    "table_footnote": "footnote",
    "figure_footnote": "footnote",
}
"""Kinds of text blocks by the label above them. Tables, formulas and code under these labels keep their kind."""
FIGURE_LABELS = {"image", "figure"}
"""Labels of figures."""
FORMULA_LABELS = {"equation", "formula", "interline_equation"}
"""Labels of formulas."""
RELABELLED_KINDS = {"paragraph", "heading", "list_item"}
"""Kinds of blocks whose label decides what they are."""
LEVELS: dict[BlockKind, int] = {"title": 1, "heading": 2}
"""Heading levels of the kinds that have one."""


class DeepSeekEngine(VisionEngine):
    """DeepSeek-OCR, which writes the text of a page with boxes."""

    name: ClassVar[EngineName] = "deepseek"

    def __init__(self, settings: Settings) -> None:
        """Build the request from the settings."""
        own = settings.deepseek
        self.image_spec = PageImageSpec(dpi=own.picture_dpi, max_long_side=own.picture_long_side, straighten=True)
        arguments = {
            "ngram_size": own.ngram_size,
            "window_size": own.window_size,
            "whitelist_token_ids": list(own.whitelist_token_ids),
        }
        # Without special tokens the answer would lose its labels and boxes.
        extra = {"skip_special_tokens": False, "vllm_xargs": arguments}
        request = ModelRequest(own.url, own.model, own.prompt, own.max_tokens, own.temperature, extra)
        super().__init__(settings.engines, request)

    def parse(self, text: str, _: PageImage | None = None) -> list[Block]:
        """Return the blocks of an answer or of its beginning. Never raises."""
        return parse_deepseek(text)


def parse_deepseek(text: str) -> list[Block]:
    """Return the blocks of an answer in its order, boxes in fractions of the image. Accepts any text."""
    blocks: list[Block] = []
    waiting: BoundingBox | None = None  # the box of a table whose cells follow under the label of its caption
    for section in _split_sections(text):
        made = list(_blocks_of(section))
        table = next((block for block in made if block.kind == "table"), None)
        if waiting is not None and table is not None and section.label != "table":
            table.box = waiting
        else:
            blocks += _figure_of(waiting)
        waiting = section.box if section.label == "table" and not made else None
        blocks += made
    return blocks + _figure_of(waiting)


@dataclass
class _Section:
    """A label, its place and the text below it."""

    label: str = ""
    box: BoundingBox | None = None
    content: str = ""


def _split_sections(text: str) -> Iterator[_Section]:
    """Yield the sections of an answer."""
    if TOKEN_PATTERN.search(text) is None:
        text = BARE_PLACE_PATTERN.sub(r"<|ref|>\1<|/ref|><|det|>\2<|/det|>", text)
    section = _Section()
    inside, position = "", 0
    for mark in TOKEN_PATTERN.finditer(text):
        _add_piece(section, inside, text[position : mark.start()])
        position = mark.end()
        inside = "" if mark[1] else mark[2]
        if inside == "ref" or (inside == "det" and section.box is not None):
            yield section
            section = _Section()
    _add_piece(section, inside, text[position:])
    yield section


def _add_piece(section: _Section, inside: str, piece: str) -> None:
    """Add a piece of the answer to the section. A piece that is neither label nor coordinates is kept as content."""
    if inside == "ref" and len(piece) <= 40 and "\n" not in piece.strip():
        section.label = piece.strip().lower().replace(" ", "_")
    elif inside == "det":
        place = PLACE_PATTERN.match(piece)
        if place is None or place[2] is None:
            section.content += piece
            return
        section.label = section.label or (place[1] or "").strip().lower().replace(" ", "_")
        section.box = _union_of(place[2])
        section.content += piece[place.end() :]
    else:
        section.content += piece


def _union_of(numbers: str) -> BoundingBox | None:
    """Return the box around all boxes of a list of numbers. None if there are fewer than four numbers."""
    values = [float(number) / MAX_COORDINATE for number in NUMBER_PATTERN.findall(numbers)]
    values = values[: len(values) // 4 * 4]
    if not values:
        return None
    across, down = values[0::2], values[1::2]
    return BoundingBox.of(min(across), min(down), max(across), max(down))


def _blocks_of(section: _Section) -> Iterator[Block]:
    """Yield the blocks of a section, each with the section's box."""
    if section.label in FIGURE_LABELS:
        yield Block(kind="figure", box=section.box)
    for block in markdown_blocks(section.content):
        block.box = section.box
        if block.kind in RELABELLED_KINDS:
            _relabel(block, section.label)
        yield block


def _relabel(block: Block, label: str) -> None:
    """Set a block's kind and heading level by the label of its section."""
    if label in FORMULA_LABELS:
        block.kind, block.level, block.text = "formula", None, block.text.strip("$").strip()
    elif kind := KINDS_BY_LABEL.get(label):
        own_level = block.level if block.kind == "heading" else None
        block.kind, block.level = kind, (own_level or LEVELS[kind]) if kind in LEVELS else None


def _figure_of(box: BoundingBox | None) -> list[Block]:
    """Return a figure in place of a table that was seen but not read, so that its place is not lost. Empty without a box."""
    return [] if box is None else [Block(kind="figure", box=box)]
