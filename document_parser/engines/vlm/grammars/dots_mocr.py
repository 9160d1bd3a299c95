"""dots.ocr and dots.mocr: a JSON list of ``{"bbox": [x1, y1, x2, y2], "category": "Text", "text": "..."}`` in reading order.

Boxes count pixels of the image as the model sees it: resized so that both sides are multiples of 28. Pictures have no text,
formulas are LaTeX, tables HTML, all else Markdown.
Source: the repository rednote-hilab/dots.ocr (prompts, ``post_process_cells``, ``smart_resize``) and the model's cards.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from document_parser.engines.vlm.grammars.grammar import Scale, relabel, strip_delimiters
from document_parser.engines.vlm.markdown import markdown_blocks
from document_parser.models import Block, BlockKind, BoundingBox

PROMPT = """Please output the layout information from the PDF image, including each layout element's bbox, its category, \
and the corresponding text content within the bbox.

1. Bbox format: [x1, y1, x2, y2]

2. Layout Categories: The possible categories are ['Caption', 'Footnote', 'Formula', 'List-item', 'Page-footer', \
'Page-header', 'Picture', 'Section-header', 'Table', 'Text', 'Title'].

3. Text Extraction & Formatting Rules:
    - Picture: For the 'Picture' category, the text field should be omitted.
    - Formula: Format its text as LaTeX.
    - Table: Format its text as HTML.
    - All Others (Text, Title, etc.): Format their text as Markdown.

4. Constraints:
    - The output text must be the original text from the image, with no translation.
    - All layout elements must be sorted according to human reading order.

5. Final Output: The entire output must be a single JSON object.
"""
"""The prompt of the model for layout and text, exact in wording."""
MARK = re.compile(r'"bbox"\s{0,5}:')
"""The key that every answer has."""
MIN_PIXELS, MAX_PIXELS = 3136, 11_289_600
"""Limits of the pixels that the model sees of an image."""
KINDS: dict[str, BlockKind] = {
    "title": "title",
    "section-header": "heading",
    "list-item": "list_item",
    "caption": "caption",
    "footnote": "footnote",
    "page-header": "page_header",
    "page-footer": "page_footer",
}
"""Kinds of text blocks by category. Tables, formulas and code keep theirs."""
ELEMENT = re.compile(
    r'"bbox"\s*:\s*\[([^\[\]"]{0,200})\]\s*,\s*"category"\s*:\s*"([^"]{0,60})"'
    r'(?:\s*,\s*"text"\s*:\s*"((?:[^"\\]|\\.)*))?',
    re.DOTALL,
)
"""An element of a list that is no whole JSON: its numbers, category and text as far as it goes."""
NUMBER = re.compile(r"-?\d{1,6}(?:\.\d{1,6})?")
"""One coordinate."""
LOST_BACKSLASH = {"\f": "\\f", "\b": "\\b"}
"""Control characters that stand in no page: the model wrote LaTeX such as ``\\frac`` and did not double its backslash."""


class _Element(NamedTuple):
    """One element: its four coordinates, if they are there, its category in lower case and its text."""

    numbers: list[float]
    category: str
    text: str


def parse_dots_mocr(text: str, scale: Scale | None = None) -> list[Block]:
    """Return the blocks of an answer in its order; of one that is cut off or no whole JSON, those that can be read.

    ``scale`` is the size of the image in pixels as the model sees it. Accepts any text.
    """
    blocks: list[Block] = []
    for element in _elements_of(text):
        box = scale.box(*element.numbers) if scale and len(element.numbers) == 4 else None
        blocks += _blocks_of(element, box)
    return blocks


def size_for_model(width: int, height: int, multiple: int, least: int = MIN_PIXELS, most: int = MAX_PIXELS) -> Scale:
    """Return the size in pixels in which a Qwen2-VL encoder sees an image.

    Both sides are multiples of ``multiple``, and their product is between ``least`` and ``most``.
    Source: ``smart_resize`` of Qwen2-VL's image processor.
    """
    across, down = (max(multiple, round(side / multiple) * multiple) for side in (width, height))
    if across * down > most:
        shrink = (width * height / most) ** 0.5
        across, down = (max(multiple, int(side / shrink / multiple) * multiple) for side in (width, height))
    elif across * down < least:
        grow = (least / (width * height)) ** 0.5
        across, down = (-int(-side * grow // multiple) * multiple for side in (width, height))
    return Scale(across, down)


def _blocks_of(element: _Element, box: BoundingBox | None) -> Iterator[Block]:
    """Yield the blocks of an element, each with its box."""
    if element.category == "picture":
        yield Block(kind="figure", box=box)
        return
    if element.category == "formula":
        if formula := strip_delimiters(element.text):
            yield Block(kind="formula", text=formula, box=box)
        return
    for block in markdown_blocks(element.text):
        block.box = box
        if kind := KINDS.get(element.category):
            relabel(block, kind, 1 if kind == "title" else 2)
        yield block


def _elements_of(text: str) -> Iterator[_Element]:
    """Yield the elements of an answer."""
    start = text.find("[")
    try:
        found: Any = json.JSONDecoder(strict=False).raw_decode(text, start)[0] if start >= 0 else None
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, list) and all(isinstance(one, dict) for one in found):
        for one in found:
            yield _element_of(one)
        return
    for match in ELEMENT.finditer(text):
        yield _Element(_numbers_in(match[1]), _category_of(match[2]), _restore(_decode(match[3] or "")))


def _element_of(given: dict[Any, Any]) -> _Element:
    """Return an element of a whole JSON list, whatever its values are."""
    place, text = given.get("bbox"), given.get("text")
    numbers = _numbers_in(" ".join(map(str, place[:4]))) if isinstance(place, list) else []
    return _Element(numbers, _category_of(str(given.get("category", ""))), _restore(text if isinstance(text, str) else ""))


def _category_of(text: str) -> str:
    return text.strip().lower().replace("_", "-").replace(" ", "-")


def _numbers_in(text: str) -> list[float]:
    return [float(number) for number in NUMBER.findall(text)]


def _decode(text: str) -> str:
    """Return the text of a JSON string that may end in the middle or have wrong escapes, which are kept as they are."""
    text = text[:-1] if len(text) - len(text.rstrip("\\")) & 1 else text
    fixed = re.sub(r'\\(u[0-9a-fA-F]{4}|["\\/bfnrt])|\\', lambda found: found[0] if found[1] else "\\\\", text)
    try:
        return str(json.loads(f'"{fixed}"', strict=False))
    except ValueError:
        return text


def _restore(text: str) -> str:
    """Return the text with the backslashes of LaTeX that JSON took for escapes."""
    for control, written in LOST_BACKSLASH.items():
        text = text.replace(control, written)
    return text
