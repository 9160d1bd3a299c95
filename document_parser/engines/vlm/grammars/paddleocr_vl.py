"""PaddleOCR-VL: text, formulas and tables in OTSL; by the prompt ``Spotting:`` also lines with the corners of their boxes.

The model reads parts of pages that a layout model of its own cuts out, which is no part of its server. A page given at once
reads as text in lines. Source: the repository PaddlePaddle/PaddleX (``paddleocr_vl``), vLLM's recipe for the model.
"""

from __future__ import annotations

import re

from document_parser.engines.vlm.grammars.grammar import Scale
from document_parser.engines.vlm.grammars.markdown import without_wrapping
from document_parser.engines.vlm.grammars.otsl import TOKEN, read_otsl
from document_parser.engines.vlm.markdown import markdown_blocks, to_running_text
from document_parser.models import Block

PROMPT = "OCR:"
"""Asked for the text of an image."""
LOCATION = re.compile(r"<\|LOC_(\d{1,4})\|>")
"""One coordinate of a corner."""
CORNERS = re.compile(r"(?:<\|LOC_BEGIN\|>)?\s{0,5}((?:<\|LOC_\d{1,4}\|>\s{0,5}){4,8})(?:<\|LOC_END\|>)?")
"""The coordinates after the text of a line."""
TEXT_MARK = re.compile(r"<\|TEXT_(?:START|END)\|>")
"""What may stand around the text of a line."""


def parse_paddleocr_vl(text: str, scale: Scale | None = None) -> list[Block]:
    """Return the blocks of an answer in its order. Accepts any text."""
    text = without_wrapping(text)
    if LOCATION.search(text):
        return _lines_of(text, scale)
    return blocks_with_otsl(text)


def blocks_with_otsl(text: str) -> list[Block]:
    """Return the blocks of Markdown in which tables may be in OTSL. The text before a table's first cell is read as text."""
    blocks: list[Block] = []
    for part in _split_tables(text):
        if TOKEN.search(part) is None:
            blocks += markdown_blocks(part)
            continue
        table, outside = read_otsl(part)
        blocks += markdown_blocks(outside)
        if table is not None:
            blocks.append(Block(kind="table", table=table))
    return blocks


def _split_tables(text: str) -> list[str]:
    """Split a text after each table: a row that is followed by a blank line, or by a line without a token."""
    parts: list[list[str]] = [[]]
    in_table = False
    for line in text.split("\n"):
        has_token = TOKEN.search(line) is not None
        ends = in_table and not has_token and (not line.strip() or parts[-1][-1].rstrip().endswith("<nl>"))
        if ends or (has_token and not in_table):
            parts.append([])
        in_table = has_token or (in_table and not ends)
        parts[-1].append(line)
    return ["\n".join(lines) for lines in parts if any(line.strip() for line in lines)]


def _lines_of(text: str, scale: Scale | None) -> list[Block]:
    """Return each line as a paragraph with the box around its corners."""
    blocks: list[Block] = []
    position = 0
    for corners in CORNERS.finditer(text):
        words = to_running_text(TEXT_MARK.sub("", text[position : corners.start()]))
        numbers = [float(number) for number in LOCATION.findall(corners[1])]
        numbers = numbers[: len(numbers) // 2 * 2]
        across, down = numbers[0::2], numbers[1::2]
        box = scale.box(min(across), min(down), max(across), max(down)) if scale else None
        if words:
            blocks.append(Block(kind="paragraph", text=words, box=box))
        position = corners.end()
    rest = to_running_text(TEXT_MARK.sub("", text[position:]))
    return [*blocks, Block(kind="paragraph", text=rest)] if rest else blocks
