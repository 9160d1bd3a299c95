"""Give list items at the top of a page the depth that they have in the list that began on the page before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from document_parser.models import Block, Page

SAME_START_SHARE = 0.008
"""Share of the page width by which the beginnings of items of one depth may differ: 4 to 5 points."""

_BETWEEN = frozenset({"page_header", "page_footer", "page_number", "footnote", "watermark"})
"""Kinds of blocks that may be between the parts of a list."""

Depths = dict[int, float]
"""Where the items of each depth begin, as a fraction of the page width."""


def continue_lists(pages: Iterable[Page]) -> Iterator[Page]:
    """Yield the pages, in ascending order, with the depths of the items that go on with the list of the page before."""
    number, depths = 0, Depths()
    for page in pages:
        settled = _with_depths(page, depths) if depths and page.number == number + 1 else page
        number, depths = page.number, _open_depths(settled.blocks)
        yield settled


def _with_depths(page: Page, depths: Depths) -> Page:
    """Return the page with its first items as deep as those of the page before that begin at the same place.

    Items that begin farther in than all of these are one deeper than the last one.
    """
    first = next((place for place, block in enumerate(page.blocks) if block.kind not in _BETWEEN), None)
    if first is None or not _is_item(page.blocks[first]):
        return page
    level, start = page.blocks[first].level or 1, _start_of(page.blocks[first])
    same = [depth for depth, other in depths.items() if abs(other - start) <= SAME_START_SHARE]
    if not same and start > max(depths.values()) + SAME_START_SHARE:
        same = [max(depths) + 1]
    if not same or max(same) <= level:
        return page
    blocks = list(page.blocks)
    for place in range(first, len(blocks)):
        if not _is_item(blocks[place]):
            break
        blocks[place] = blocks[place].model_copy(update={"level": _depth_in(depths, blocks[place], max(same) - level)})
    return page.model_copy(update={"blocks": blocks})


def _depth_in(depths: Depths, block: Block, more: int) -> int:
    """Return the depth of an item: that of items that begin at the same place, else ``more`` than its page says."""
    same = [depth for depth, start in depths.items() if abs(start - _start_of(block)) <= SAME_START_SHARE]
    return max(same) if same else (block.level or 1) + more


def _open_depths(blocks: Sequence[Block]) -> Depths:
    """Return the depths of the list that ends the content of a page; empty if none does."""
    found: Depths = {}
    for block in reversed(blocks):
        if block.kind in _BETWEEN:
            continue
        if not _is_item(block):
            break
        found.setdefault(block.level or 1, _start_of(block))
        if block.level == 1:
            break
    return found


def _is_item(block: Block) -> bool:
    return block.kind == "list_item" and block.box is not None


def _start_of(block: Block) -> float:
    """Return where a block begins, as a fraction of the page width from the left."""
    return block.box.left if block.box else 0.0
