"""HTML whose elements have boxes: ``<p data-bbox="81 56 930 98">``, and ``data-label`` for what they are.

The tags are found by a regular expression, as in html_table: a model's answer is untrusted, and every step takes time linear in
it. One reader takes the tags in order; the box of an element holds for all text up to the next element with a box.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from document_parser.engines.vlm.emphasis import extract_emphasis
from document_parser.engines.vlm.grammars.grammar import Scale, cell_texts, relabel
from document_parser.engines.vlm.grammars.markdown import without_wrapping
from document_parser.engines.vlm.html_table import read_table, to_plain_text
from document_parser.engines.vlm.markdown import normalize_formulas, to_running_text
from document_parser.models import Block, BlockKind, BoundingBox, Cell

PROMPT = (
    "Convert this page to HTML. Give each element the attribute data-bbox with its box as x0 y0 x1 y1, each of 0 to 1000 of "
    "the page's width and height. Write every word of the page once, in reading order, and nothing else."
)
"""Asked of a model whose card names no prompt."""
MARK = re.compile(r"\bdata-bbox\s{0,3}=", re.IGNORECASE)
"""The attribute that every answer has."""
TAG = re.compile(r"""<(/?)([a-zA-Z][a-zA-Z0-9_-]{0,20})\b((?:[^<>"']|"[^"<]{0,8000}"|'[^'<]{0,8000}')*)>""")
"""Any tag: slash, name, attributes. A quoted value may hold ``>``."""
ATTRIBUTE = re.compile(r"""([a-zA-Z-]{1,20})\s{0,3}=\s{0,3}(?:"([^"]*)"|'([^']*)')""")
"""An attribute and its quoted value."""
NUMBER = re.compile(r"-?\d{1,6}(?:\.\d{1,6})?")
"""One coordinate."""
COMMENT = re.compile(r"<!--[^<>]{0,1000}-->|<!doctype[^<>]{0,200}>", re.IGNORECASE)
"""What is no part of the page."""
HEADINGS = {f"h{level}": level for level in range(1, 7)}
"""Heading tags and their levels."""
BLOCK_TAGS = frozenset({"p", "div", "blockquote", "section", "article", "figure", "header", "footer", "dd"})
"""Tags that end the text before them."""
CAPTION_TAGS = frozenset({"figcaption", "caption"})
"""Tags of captions."""
INLINE = {"b": "**", "strong": "**", "i": "*", "em": "*", "del": "~~", "s": "~~"}
"""Tags of emphasis and the Markdown that stands for them until it becomes spans."""
KEPT_INLINE = frozenset({"sup", "sub"})
"""Tags that ``to_running_text`` understands."""


@dataclass(frozen=True)
class Labels:
    """What the labels of a model mean.

    ``figures`` are labels of figures: all that is written inside describes the picture. ``formulas`` and ``codes`` are labels
    of formulas and code. Nothing is kept of the labels in ``dropped``.
    """

    kinds: Mapping[str, BlockKind] = field(default_factory=dict)
    figures: frozenset[str] = frozenset({"image", "figure", "picture", "chart", "diagram"})
    formulas: frozenset[str] = frozenset({"formula", "equation"})
    codes: frozenset[str] = frozenset({"code"})
    dropped: frozenset[str] = frozenset()


PLAIN_LABELS = Labels(
    kinds={
        "title": "title",
        "caption": "caption",
        "footnote": "footnote",
        "header": "page_header",
        "page-header": "page_header",
        "footer": "page_footer",
        "page-footer": "page_footer",
        "page-number": "page_number",
        "section-header": "heading",
    }
)
"""Labels that general models were seen to write, in lower case."""


def parse_html(text: str, scale: Scale | None = None) -> list[Block]:
    """Return the blocks of an answer in its order, boxes in fractions of the image. Accepts any text."""
    return read_html(text, scale, PLAIN_LABELS)


def read_html(text: str, scale: Scale | None, labels: Labels) -> list[Block]:
    """Return the blocks of HTML whose elements have boxes and the labels of a model."""
    reader = _Reader(scale, labels)
    text, position = COMMENT.sub("", without_wrapping(text)), 0
    for tag in TAG.finditer(text):
        reader.add_text(text[position : tag.start()])
        reader.add_tag(tag[2].lower(), bool(tag[1]), tag[3], tag[0])
        position = tag.end()
    reader.add_text(text[position:])
    return reader.finish()


class _Reader:
    """Turns tags and text, taken in order, into blocks."""

    def __init__(self, scale: Scale | None, labels: Labels) -> None:
        self._scale, self._labels = scale, labels
        self._blocks: list[Block] = []
        self._box: BoundingBox | None = None
        self._label = ""
        self._figure: Block | None = None  # the figure that the text belongs to
        self._pieces: list[str] = []
        self._kind: BlockKind = "paragraph"
        self._level: int | None = None
        self._lists: list[int] = []  # the numbers of the open lists; -1 of one without numbers
        self._table: list[str] | None = None  # the source of the open table
        self._table_depth = 0
        self._in_formula = False  # in a formula of its own, not inside a text
        self._verbatim = False

    def add_text(self, text: str) -> None:
        """Take the text between two tags."""
        if self._table is not None:
            self._table.append(text)
        elif self._verbatim:
            self._pieces.append(text)
        elif text:
            self._pieces.append(re.sub(r"\s+", " ", text))

    def add_tag(self, name: str, closing: bool, attributes: str, source: str) -> None:
        """Take one tag. ``source`` is the tag as it is written."""
        if self._table is not None and name != "table":
            self._table.append(_for_table(name, closing, attributes, source))
            return
        if not closing and name != "td" and MARK.search(attributes):
            self._begin_element(attributes)
        if name == "table":
            self._add_table_tag(closing, source)
        elif name in HEADINGS:
            self._begin("heading" if not closing else "paragraph", None if closing else HEADINGS[name])
        elif name in ("ul", "ol", "li"):
            self._add_list_tag(name, closing, attributes)
        elif name in CAPTION_TAGS:
            self._begin("paragraph" if closing else "caption")
        elif name == "pre":
            self._begin("paragraph" if closing else "code")
            self._verbatim = not closing
        elif name == "math":
            self._add_formula_tag(closing, attributes)
        elif name == "img" and not closing:
            self._add_image(attributes)
        elif name == "input" and not closing:
            self._pieces.append(_check_box(attributes))
        elif name in ("br", "hr"):
            self._pieces.append("\n" if self._verbatim else "<br>")
        elif name in BLOCK_TAGS:
            self._begin("paragraph")
        elif name in INLINE:
            self._pieces.append(f"<{'/' if closing else ''}{name}>")
        elif name in KEPT_INLINE:
            self._pieces.append(source)

    def finish(self) -> list[Block]:
        """Return all blocks. A table or formula that is still open ends here."""
        if self._table is not None:
            self._end_table()
        self._flush()
        for block in self._blocks:
            parts: list[Block | Cell] = [block, *(block.table.cells if block.table else ())]
            for part in parts:
                if block.kind not in ("code", "formula"):
                    extract_emphasis(part)
        return self._blocks

    def _begin_element(self, attributes: str) -> None:
        """Begin an element with a box: all text up to the next one is inside it."""
        self._begin("paragraph")
        values = attributes_of(attributes)
        numbers = [float(number) for number in NUMBER.findall(values.get("data-bbox", ""))[:4]]
        self._box = self._scale.box(*numbers) if self._scale and len(numbers) == 4 else None
        self._label = (values.get("data-label") or values.get("class") or "").strip().lower().replace(" ", "-")
        self._figure = None
        if self._label in self._labels.figures:
            self._figure = Block(kind="figure", box=self._box)
            self._blocks.append(self._figure)

    def _begin(self, kind: BlockKind, level: int | None = None) -> None:
        """End the text so far, and say what the next text is."""
        self._flush()
        self._kind, self._level = kind, level

    def _flush(self) -> None:
        """Add the text so far as a block."""
        text, kind, level = "".join(self._pieces), self._kind, self._level
        self._pieces = []
        if self._verbatim:
            text = to_plain_text(text).strip("\n")
        elif self._in_formula:
            self._in_formula = False
            kind, level, text = "formula", None, to_plain_text(text).strip().strip("$").strip()
        else:
            text = to_running_text(re.sub(r" {2,}", " ", text))
        if text:
            self._add(Block(kind=kind, text=text, level=level))

    def _add(self, block: Block) -> None:
        """Add a block with the box and by the label of its element."""
        if self._label in self._labels.dropped:
            return
        if self._figure is not None:
            if block.kind == "caption":
                block.box = None
                self._blocks.append(block)
            elif words := block.text or cell_texts(block):
                self._figure.text = f"{self._figure.text}\n{words}".strip()
            return
        block.box = self._box
        if self._label in self._labels.formulas and block.kind == "paragraph" and (formula := _formula_in(block.text)):
            block.kind, block.text = "formula", formula
        elif self._label in self._labels.codes and block.kind == "paragraph":
            block.kind = "code"
        elif kind := self._labels.kinds.get(self._label):
            relabel(block, kind, 1 if kind == "title" else 2)
        if block.kind == "paragraph" and block.text[0] in "☐☑☒":
            block.kind = "checkbox"
        self._blocks.append(block)

    def _add_table_tag(self, closing: bool, source: str) -> None:
        """Begin or end a table."""
        if self._table is None:
            if closing:
                return
            self._begin("paragraph")
            self._table, self._table_depth = [], 0
        self._table.append(source)
        self._table_depth += -1 if closing else 1
        if self._table_depth == 0:
            self._end_table()

    def _end_table(self) -> None:
        """Add the open table, and what is written outside its cells as its caption."""
        table, outside = read_table("".join(self._table or ()))
        self._table = None
        if outside:
            self._add(Block(kind="caption" if table else "paragraph", text=normalize_formulas(outside)))
        if table:
            for cell in table.cells:
                cell.text = normalize_formulas(cell.text)
            self._add(Block(kind="table", table=table))

    def _add_list_tag(self, name: str, closing: bool, attributes: str) -> None:
        """Begin or end a list or an item."""
        if name == "li":
            self._begin("paragraph" if closing else "list_item", None if closing else max(1, len(self._lists)))
            if not closing and self._lists and self._lists[-1] >= 0:
                value = attributes_of(attributes).get("value", "")
                self._lists[-1] = int(value) if value.isdecimal() and len(value) < 6 else self._lists[-1] + 1
                self._pieces.append(f"{self._lists[-1]}. ")
            return
        self._begin("paragraph")
        if closing:
            self._lists = self._lists[:-1]
        else:
            start = attributes_of(attributes).get("start", "")
            numbered = int(start) - 1 if start.isdecimal() and 0 < len(start) < 6 else 0
            self._lists.append(max(0, numbered) if name == "ol" else -1)

    def _add_formula_tag(self, closing: bool, attributes: str) -> None:
        """Begin or end a formula: a block of its own, or one inside the text."""
        if attributes_of(attributes).get("display") == "block" and not closing:
            self._flush()
            self._in_formula = True
        elif self._in_formula and closing:
            self._flush()
        else:
            self._pieces.append("$")

    def _add_image(self, attributes: str) -> None:
        """Add an image: the description of the figure that it is in, or a figure of its own."""
        described = to_running_text(attributes_of(attributes).get("alt", ""))
        if self._figure is not None:
            self._figure.text = f"{self._figure.text}\n{described}".strip()
            return
        kind, level = self._kind, self._level
        self._flush()
        self._add(Block(kind="figure", text=described))
        self._kind, self._level = kind, level


def attributes_of(source: str) -> dict[str, str]:
    """Return the attributes of a tag that have a quoted value, by name in lower case."""
    return {name.lower(): double or single for name, double, single in ATTRIBUTE.findall(source)}


def _formula_in(text: str) -> str:
    """Return the formula that a text is; empty if it is more than one formula, such as its number."""
    inside = text.strip("$").strip()
    is_one = "$" not in inside and (text.startswith("$") or "\\" in text)
    return inside if is_one else ""


def _check_box(attributes: str) -> str:
    """Return the mark of a check box or radio button; the value of another field."""
    values = attributes_of(attributes)
    if values.get("type", "").lower() in ("checkbox", "radio"):
        return "☑ " if re.search(r"\bchecked\b", attributes, re.IGNORECASE) else "☐ "
    return values.get("value", "")


def _for_table(name: str, closing: bool, attributes: str, source: str) -> str:
    """Return a tag inside a table as ``read_table`` understands it: formulas, check boxes and emphasis become text."""
    match name:
        case "math":
            return "$"
        case "input":
            return "" if closing else _check_box(attributes)
        case "img":
            return to_running_text(attributes_of(attributes).get("alt", ""))
    return source
