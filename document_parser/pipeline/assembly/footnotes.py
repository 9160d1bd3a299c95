"""Move footnotes to the end of their page, so that they interrupt no column and no paragraph."""

from __future__ import annotations

from document_parser.models import Block, Page

_FURNITURE = frozenset({"page_footer", "page_number", "page_header", "watermark"})
"""Kinds of blocks that stay below the footnotes."""
_OWNERS = frozenset({"table", "figure", "caption"})
"""Kinds of blocks that keep a footnote right after them."""


def move_footnotes_to_end(page: Page) -> Page:
    """Return the page with its footnotes after its content, before what is in its lower margin.

    A footnote right after a table, figure or caption belongs to that, and stays.
    """
    moved = {place for place in range(len(page.blocks)) if _is_misplaced(page.blocks, place)}
    if not moved:
        return page
    others = [block for place, block in enumerate(page.blocks) if place not in moved]
    end = len(others)
    while end and others[end - 1].kind in _FURNITURE:
        end -= 1
    footnotes = [page.blocks[place] for place in sorted(moved)]
    return page.model_copy(update={"blocks": [*others[:end], *footnotes, *others[end:]]})


def _is_misplaced(blocks: list[Block], place: int) -> bool:
    """Return whether a block is a footnote that must move: it belongs to no table or figure, and content follows it."""
    if blocks[place].kind != "footnote" or (place and blocks[place - 1].kind in _OWNERS):
        return False
    return any(block.kind not in _FURNITURE and block.kind != "footnote" for block in blocks[place + 1 :])
