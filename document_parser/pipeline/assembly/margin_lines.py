"""Find lines in the margins of a page that may be running heads, feet or page numbers, by place and text alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from document_parser.layout.blocks.furniture import identifiers_of_margin_line
from document_parser.models import Block, BlockKind, BoundingBox, Page
from document_parser.text.page_words import COUNTING_PAGE_NUMBER

Edge = Literal["top", "bottom", "side"]
"""The edge of the page that a line is at."""

TOP_SHARE, BOTTOM_SHARE = 0.16, 0.84
"""Shares of the page height above and below which a block may be furniture."""
SIDE_SHARE = 0.08
"""The same for the width, on either side: text that runs up the side of a page."""
MAX_BOXLESS_BLOCKS = 2
"""If blocks have no boxes, this many at the beginning and at the end of a page may be furniture."""
MAX_CHARACTERS = 160
"""Characters of a line of furniture at most."""
MAX_CHARACTERS_WITH_IDENTIFIERS = 600
"""The same for a letterhead's foot, of which the company's accounts and numbers are part."""
MIN_GAP_RATIO = 0.5
"""White between furniture and content, as a ratio of the height of the line; with less the line touches the content."""
MAX_TABLE_ROWS = 4
"""Rows of a table that may be furniture at most."""

_KINDS: frozenset[BlockKind] = frozenset(
    ["paragraph", "heading", "title", "list_item", "caption", "footnote", "page_header", "page_footer", "page_number", "table"]
)
"""Kinds of blocks that may be furniture."""
_DIGITS = re.compile(r"\d+")
_ROMAN = re.compile(r"[ivxl]{1,8}", re.IGNORECASE)
"""A Roman number below 100."""
_ROMAN_DIGITS = {"i": 1, "v": 5, "x": 10, "l": 50}


@dataclass(frozen=True, slots=True)
class MarginLine:
    """A short text in a margin.

    ``page`` is the page number, ``block`` the index among the page's blocks, and ``line`` says which line of the block it is.
    ``key`` is the text in small letters without its numbers, which are ``numbers``. ``box`` is in fractions of the page, origin
    top left; None if not known. ``inner`` is the index of a block right beside it, without white between, on the side of the
    content; None if there is none.
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
    """The accounts, tax numbers, telephone numbers and the like in it."""

    @property
    def is_number(self) -> bool:
        """Return whether the line says nothing but a number, as page numbers do."""
        return self.key.startswith("\0")


def find_margin_lines(page: Page) -> Iterator[MarginLine]:
    """Yield the lines of a page that may be furniture."""
    last = len(page.blocks) - 1
    for place, block in enumerate(page.blocks):
        edge = _edge_of(block, place, last)
        if edge is None or block.kind not in _KINDS:
            continue
        yield from _lines_of(page, place, block, edge)


def _edge_of(block: Block, place: int, last: int) -> Edge | None:
    """Return the edge of the page that a block is at; None if it is not in a margin.

    ``place`` is its index among the blocks, ``last`` the index of the last block.
    """
    if block.box is not None:
        return (
            "top" if block.box.bottom <= TOP_SHARE else "bottom" if block.box.top >= BOTTOM_SHARE else _side_edge_of(block.box)
        )
    if place < MAX_BOXLESS_BLOCKS and place <= last - place:
        return "top"
    return "bottom" if place > last - MAX_BOXLESS_BLOCKS else None


def _side_edge_of(box: BoundingBox) -> Edge | None:
    """Return ``side`` for a box that is higher than wide and lies at the left or right edge, or None."""
    tall = box.bottom - box.top > box.right - box.left
    return "side" if tall and (box.right <= SIDE_SHARE or box.left >= 1 - SIDE_SHARE) else None


def _lines_of(page: Page, place: int, block: Block, edge: Edge) -> Iterator[MarginLine]:
    """Yield the lines of a block that may be furniture: all of it, and for models the first or the last line of a paragraph."""
    text = margin_text(block)
    whole = " ".join(text.split())
    if whole and len(whole) <= (MAX_CHARACTERS_WITH_IDENTIFIERS if identifiers_of_margin_line(whole) else MAX_CHARACTERS):
        yield _make_line(page, place, block, edge, whole, "whole")
    if block.box is None and block.kind == "paragraph" and "\n" in text:
        # Models write a head and the text below it as one paragraph.
        first, final = text.split("\n", 1)[0].strip(), text.rsplit("\n", 1)[1].strip()
        part = first if edge == "top" else final
        if part and len(part) <= MAX_CHARACTERS:
            yield _make_line(page, place, block, edge, part, "first" if edge == "top" else "last")


def margin_text(block: Block) -> str:
    """Return the text of a block; of a small table, that of its cells. Empty if the table is too large to be furniture."""
    if block.table is None:
        return block.text.strip()
    if block.table.rows > MAX_TABLE_ROWS:
        return ""
    return " ".join(cell.text for cell in block.table.cells if cell.text)


def _make_line(
    page: Page, place: int, block: Block, edge: Edge, text: str, line: Literal["whole", "first", "last"]
) -> MarginLine:
    """Return one line of a block as a MarginLine."""
    key, numbers = _split_numbers(text)
    return MarginLine(
        page=page.number,
        block=place,
        edge=edge,
        kind=block.kind,
        key=key,
        numbers=numbers,
        box=block.box,
        outermost=_is_outermost(page.blocks, block, edge),
        inner=_inner_neighbour_of(page.blocks, block, edge),
        line=line,
        identifiers=identifiers_of_margin_line(text),
    )


def _split_numbers(text: str) -> tuple[str, tuple[int, ...]]:
    """Return (what stays the same from page to page, the numbers in it). Of a page number alone only a mark stays."""
    small = text.casefold()
    if is_page_number(small):
        found = [int(digits) for digits in _DIGITS.findall(small)] or [_roman_value_of(small)]
        return "\0" + ("roman" if not _DIGITS.search(small) else ""), (found[0],)
    numbers = tuple(int(digits) for digits in _DIGITS.findall(small) if len(digits) <= 9)
    return " ".join(re.sub(r"[^\w#]+", " ", _DIGITS.sub("#", small)).split()), numbers


def is_page_number(text: str) -> bool:
    """Return whether a text says nothing but the number of a page."""
    small = text.casefold()
    return bool(COUNTING_PAGE_NUMBER.fullmatch(small)) and not (small.isalpha() and not _ROMAN.fullmatch(small))


def _roman_value_of(text: str) -> int:
    """Return the value of a Roman number in small letters; other characters are ignored."""
    values = [_ROMAN_DIGITS[letter] for letter in re.sub(r"[^ivxl]", "", text)]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return sum(-value if value < after else value for value, after in pairs)


def _is_outermost(blocks: list[Block], block: Block, edge: Edge) -> bool:
    """Return whether nothing is further out on the page."""
    if block.box is None:
        return block is (blocks[0] if edge == "top" else blocks[-1])
    others = [other.box for other in blocks if other is not block and other.box is not None]
    if edge == "side":
        return True
    if edge == "top":
        return all(other.bottom > block.box.top for other in others)
    return all(other.top < block.box.bottom for other in others)


def _inner_neighbour_of(blocks: list[Block], block: Block, edge: Edge) -> int | None:
    """Return the index of the block right beside it on the side of the content; None if there is white, or nothing."""
    if block.box is None or edge == "side":
        return None
    white = (block.box.bottom - block.box.top) * MIN_GAP_RATIO
    for place, other in enumerate(blocks):
        if other is block or other.box is None or not _is_in_same_column(block.box, other.box):
            continue
        gap = other.box.top - block.box.bottom if edge == "top" else block.box.top - other.box.bottom
        if -white < gap < white:
            return place
    return None


def _is_in_same_column(one: BoundingBox, other: BoundingBox) -> bool:
    """Return whether two boxes overlap horizontally."""
    return min(one.right, other.right) > max(one.left, other.left)
