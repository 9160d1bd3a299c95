"""Lines in the margins of a page that may be running heads, feet or page numbers, told by place and text alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from document_parser.layout.blocks.furniture import identifies
from document_parser.models import Block, BlockKind, BoundingBox, Page

Edge = Literal["top", "bottom", "side"]

TOP, BOTTOM = 0.16, 0.84
"""Shares of the page height above and below which a block may be furniture."""
SIDE = 0.08
"""The same for the width: what runs up the side of a page."""
BOXLESS = 2
"""Of blocks without a place, so many at the beginning and the end of a page may be."""
LONGEST = 160
LONGEST_WITH_IDENTIFIERS = 600
"""The same in characters for a letterhead's foot, of which the company's accounts and numbers are part."""
LEAST_WHITE = 0.5
"""White between furniture and content, against the height of the line."""
MOST_ROWS = 4

_KINDS: frozenset[BlockKind] = frozenset(
    ["paragraph", "heading", "title", "list_item", "caption", "footnote", "page_header", "page_footer", "page_number", "table"]
)
_DIGITS = re.compile(r"\d+")
_ROMAN = re.compile(r"[ivxl]{1,8}", re.IGNORECASE)
_NUMBER = re.compile(
    r"[^\w]*(?:page|seite|side|p[aá]gina|pagina|p|s)?[^\w]*(?:\d{1,5}|[ivxl]{1,8})[^\w]*(?:(?:of|von|de|sur|di|van|av)?[^\w]*\d{1,5})?[^\w]*",
    re.IGNORECASE,
)
_ROMAN_DIGITS = {"i": 1, "v": 5, "x": 10, "l": 50}


@dataclass(frozen=True, slots=True)
class MarginLine:
    """A short text in a margin. ``block`` is its place among the page's blocks; ``line`` says which line of the block it is.

    ``key`` is the text in small letters, numbers left out; ``numbers`` are these. ``box`` is None where it is not known.
    ``inner`` is the place of a block that stands right beside it, without white between, on the side of the content.
    """

    page: int
    block: int
    edge: Edge
    kind: BlockKind
    key: str
    numbers: tuple[int, ...]
    box: BoundingBox | None
    outermost: bool
    inner: int | None = None
    line: Literal["whole", "first", "last"] = "whole"
    identifiers: frozenset[str] = frozenset()
    """The accounts, tax numbers, telephones and the like in it."""

    @property
    def is_number(self) -> bool:
        """Whether it says nothing but a number, as page numbers do."""
        return self.key.startswith("\0")


def margin_lines(page: Page) -> Iterator[MarginLine]:
    """What may be furniture on a page."""
    last = len(page.blocks) - 1
    for place, block in enumerate(page.blocks):
        edge = _edge(block, place, last)
        if edge is None or block.kind not in _KINDS:
            continue
        yield from _lines(page, place, block, edge)


def _edge(block: Block, place: int, last: int) -> Edge | None:
    if block.box is not None:
        return "top" if block.box.bottom <= TOP else "bottom" if block.box.top >= BOTTOM else _side(block.box)
    if place < BOXLESS and place <= last - place:
        return "top"
    return "bottom" if place > last - BOXLESS else None


def _side(box: BoundingBox) -> Edge | None:
    tall = box.bottom - box.top > box.right - box.left
    return "side" if tall and (box.right <= SIDE or box.left >= 1 - SIDE) else None


def _lines(page: Page, place: int, block: Block, edge: Edge) -> Iterator[MarginLine]:
    text = margin_text(block)
    whole = " ".join(text.split())
    if whole and len(whole) <= (LONGEST_WITH_IDENTIFIERS if identifies(whole) else LONGEST):
        yield _line(page, place, block, edge, whole, "whole")
    if block.box is None and block.kind == "paragraph" and "\n" in text:
        # Models write a head and the text below it as one paragraph.
        first, final = text.split("\n", 1)[0].strip(), text.rsplit("\n", 1)[1].strip()
        part = first if edge == "top" else final
        if part and len(part) <= LONGEST:
            yield _line(page, place, block, edge, part, "first" if edge == "top" else "last")


def margin_text(block: Block) -> str:
    """The text of a block; of a small table, that of its cells. Empty where it is too large to be furniture."""
    if block.table is None:
        return block.text.strip()
    if block.table.rows > MOST_ROWS:
        return ""
    return " ".join(cell.text for cell in block.table.cells if cell.text)


def _line(page: Page, place: int, block: Block, edge: Edge, text: str, line: Literal["whole", "first", "last"]) -> MarginLine:
    key, numbers = _key(text)
    return MarginLine(
        page=page.number,
        block=place,
        edge=edge,
        kind=block.kind,
        key=key,
        numbers=numbers,
        box=block.box,
        outermost=_outermost(page.blocks, block, edge),
        inner=_inner(page.blocks, block, edge),
        line=line,
        identifiers=identifies(text),
    )


def _key(text: str) -> tuple[str, tuple[int, ...]]:
    """(what stays the same from page to page, the numbers in it). Of a page number alone nothing stays but a mark."""
    small = text.casefold()
    if is_page_number(small):
        found = [int(digits) for digits in _DIGITS.findall(small)] or [_roman(small)]
        return "\0" + ("roman" if not _DIGITS.search(small) else ""), (found[0],)
    numbers = tuple(int(digits) for digits in _DIGITS.findall(small) if len(digits) <= 9)
    return " ".join(re.sub(r"[^\w#]+", " ", _DIGITS.sub("#", small)).split()), numbers


def is_page_number(text: str) -> bool:
    """Return whether a text says nothing but the number of a page."""
    small = text.casefold()
    return bool(_NUMBER.fullmatch(small)) and not (small.isalpha() and not _ROMAN.fullmatch(small))


def _roman(text: str) -> int:
    values = [_ROMAN_DIGITS[letter] for letter in re.sub(r"[^ivxl]", "", text)]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return sum(-value if value < after else value for value, after in pairs)


def _outermost(blocks: list[Block], block: Block, edge: Edge) -> bool:
    """Whether nothing stands further out on the page."""
    if block.box is None:
        return block is (blocks[0] if edge == "top" else blocks[-1])
    others = [other.box for other in blocks if other is not block and other.box is not None]
    if edge == "side":
        return True
    if edge == "top":
        return all(other.bottom > block.box.top for other in others)
    return all(other.top < block.box.bottom for other in others)


def _inner(blocks: list[Block], block: Block, edge: Edge) -> int | None:
    """The place of the block right beside it on the side of the content; None where there is white, or nothing."""
    if block.box is None or edge == "side":
        return None
    white = (block.box.bottom - block.box.top) * LEAST_WHITE
    for place, other in enumerate(blocks):
        if other is block or other.box is None or not _one_column(block.box, other.box):
            continue
        gap = other.box.top - block.box.bottom if edge == "top" else block.box.top - other.box.bottom
        if -white < gap < white:
            return place
    return None


def _one_column(one: BoundingBox, other: BoundingBox) -> bool:
    return min(one.right, other.right) > max(one.left, other.left)
