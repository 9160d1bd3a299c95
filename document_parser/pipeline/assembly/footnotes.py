"""Footnotes stand at the end of their page, where they break no column and no paragraph in two."""

from __future__ import annotations

from document_parser.models import Block, Page

_FURNITURE = frozenset({"page_footer", "page_number", "page_header", "watermark"})
_OWNERS = frozenset({"table", "figure", "caption"})


def footnotes_last(page: Page) -> Page:
    """The page with its footnotes after its content, before what stands in its lower margin.

    A footnote right after a table or figure belongs to that, and stays.
    """
    moved = {place for place in range(len(page.blocks)) if _moves(page.blocks, place)}
    if not moved:
        return page
    others = [block for place, block in enumerate(page.blocks) if place not in moved]
    end = len(others)
    while end and others[end - 1].kind in _FURNITURE:
        end -= 1
    footnotes = [page.blocks[place] for place in sorted(moved)]
    return page.model_copy(update={"blocks": [*others[:end], *footnotes, *others[end:]]})


def _moves(blocks: list[Block], place: int) -> bool:
    if blocks[place].kind != "footnote" or (place and blocks[place - 1].kind in _OWNERS):
        return False
    return any(block.kind not in _FURNITURE and block.kind != "footnote" for block in blocks[place + 1 :])
