"""What refers to what: captions and their tables or figures name each other, and links lead to pages that are there."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from document_parser.export.base import owners
from document_parser.models import Block, Cell, Page, Span
from document_parser.text.spans import PAGE_LINK

Holder = TypeVar("Holder", Block, Cell)


def with_captions(page: Page) -> Page:
    """The page with each caption and what it is of naming each other, by their places among its blocks.

    Asked for as soon as the page has been read, and again in its document: blocks have other kinds and places by then.
    """
    owner_of = owners(page.blocks)
    caption_of = {owner: caption for caption, owner in owner_of.items()}
    blocks = [_linked(block, caption_of.get(place), owner_of.get(place)) for place, block in enumerate(page.blocks)]
    return page if blocks == page.blocks else page.model_copy(update={"blocks": blocks})


def _linked(block: Block, caption: int | None, owner: int | None) -> Block:
    if (block.caption, block.caption_of) == (caption, owner):
        return block
    return block.model_copy(update={"caption": caption, "caption_of": owner})


def without_dead_links(page: Page, there: Collection[int]) -> Page:
    """The page without links to pages that the document leaves out; their text stays."""
    blocks = [_followable(block, there) for block in page.blocks]
    return page if blocks == page.blocks else page.model_copy(update={"blocks": blocks})


def _followable(block: Block, there: Collection[int]) -> Block:
    if block.table is not None and any(_dead(cell.spans, there) for cell in block.table.cells):
        cells = [_live(cell, there) for cell in block.table.cells]
        block = block.model_copy(update={"table": block.table.model_copy(update={"cells": cells})})
    return _live(block, there)


def _live(holder: Holder, there: Collection[int]) -> Holder:
    if not _dead(holder.spans, there):
        return holder
    spans = [span.model_copy(update={"link": None}) if _dead([span], there) else span for span in holder.spans]
    return holder.model_copy(update={"spans": [span for span in spans if span.bold or span.italic or span.link]})


def _dead(spans: list[Span], there: Collection[int]) -> bool:
    numbers = {_page_of(span) for span in spans if span.link} - {None}
    return any(number not in there for number in numbers)


def _page_of(span: Span) -> int | None:
    """The page that a link leads to; None where it leads elsewhere."""
    number = (span.link or "").removeprefix(PAGE_LINK)
    return int(number) if number != span.link and number.isdigit() else None
