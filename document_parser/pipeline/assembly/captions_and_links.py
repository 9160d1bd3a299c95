"""Link captions with their tables or figures, and remove links to pages that the document leaves out."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from document_parser.export.base import caption_owners
from document_parser.models import Block, Cell, Page, Span
from document_parser.text.spans import PAGE_LINK, Style, style_of

Holder = TypeVar("Holder", Block, Cell)
"""What has text with spans: a block or a table cell."""


def with_captions(page: Page) -> Page:
    """Return the page with each caption and its table or figure linked to each other, by their indexes among the blocks.

    This is done once when the page has been read, and again in its document: by then blocks have other kinds and indexes.
    """
    owner_of = caption_owners(page.blocks)
    caption_of = {owner: caption for caption, owner in owner_of.items()}
    blocks = [_link(block, caption_of.get(place), owner_of.get(place)) for place, block in enumerate(page.blocks)]
    return page if blocks == page.blocks else page.model_copy(update={"blocks": blocks})


def _link(block: Block, caption: int | None, owner: int | None) -> Block:
    """Return the block with these links; the same block if it has them already."""
    if (block.caption, block.caption_of) == (caption, owner):
        return block
    return block.model_copy(update={"caption": caption, "caption_of": owner})


def remove_dead_links(page: Page, there: Collection[int]) -> Page:
    """Return the page without links to pages that are not in ``there``; the text of the links stays."""
    blocks = [_remove_from_block(block, there) for block in page.blocks]
    return page if blocks == page.blocks else page.model_copy(update={"blocks": blocks})


def _remove_from_block(block: Block, there: Collection[int]) -> Block:
    """Return the block, and its table, without links to pages that are not in ``there``."""
    if (
        block.table is not None
        and not block.table.is_packed
        and any(_has_dead_link(cell.spans, there) for cell in block.table.cells)
    ):
        cells = [_remove_from_spans(cell, there) for cell in block.table.cells]
        block = block.model_copy(update={"table": block.table.model_copy(update={"cells": cells})})
    return _remove_from_spans(block, there)


def _remove_from_spans(holder: Holder, there: Collection[int]) -> Holder:
    """Return a block or cell without links to pages that are not in ``there``, and without spans that say nothing then."""
    if not _has_dead_link(holder.spans, there):
        return holder
    spans = [span.model_copy(update={"link": None}) if _has_dead_link([span], there) else span for span in holder.spans]
    return holder.model_copy(update={"spans": [span for span in spans if style_of(span) != Style()]})


def _has_dead_link(spans: list[Span], there: Collection[int]) -> bool:
    """Return whether one of the spans links to a page that is not in ``there``."""
    numbers = {_page_of(span) for span in spans if span.link} - {None}
    return any(number not in there for number in numbers)


def _page_of(span: Span) -> int | None:
    """Return the page number that a link leads to; None if it leads elsewhere."""
    number = (span.link or "").removeprefix(PAGE_LINK)
    return int(number) if number != span.link and number.isdigit() else None
