"""Figures of a page: found among its pictures where no model saw them, put into the reading order, cut out and kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from document_parser.errors import PageUnreadable
from document_parser.models import Block, BlockKind, BoundingBox, Page, PageFacts, PictureSpec
from document_parser.pipeline.assembly.captions_and_links import with_captions
from document_parser.sources.base import PageSource
from document_parser.text.normalize import texts_of

PICTURE = PictureSpec(dpi=150, max_long_side=1600, quality=85)
MARGIN_POINTS = 3.0
"""White left around a figure."""
MOST_FIGURES = 40
"""Of one page; more are an album of icons."""
LETTERS_ON_BACKGROUND = 200
"""A picture with more text on it is the ground that the text stands on."""
NEAR = 0.04
"""A caption at most this share of the page height away belongs to the figure."""

KeepFigure = Callable[[str, bytes], Awaitable[None]]
"""Takes the name and the JPEG of a figure. Its errors pass through."""

_FURNITURE: frozenset[BlockKind] = frozenset(["page_footer", "page_number"])


async def with_figures(source: PageSource, page: Page, keep: KeepFigure | None, facts: PageFacts | None = None) -> Page:
    """The page as it is stored: figures among its blocks, captions linked. Pictures are handed to ``keep``, where there is one.

    ``facts`` are asked for where they are needed and not given. A figure that cannot be drawn has no picture.
    """
    if page.status != "done":
        return page
    if page.engine == "text_layer" or _unplaced(page.blocks):
        facts = facts or await source.facts(page.number)
        pictures = [box.turned(page.rotation) for box in facts.pictures]
        blocks = placed(page.blocks, pictures) if page.engine == "text_layer" else located(page.blocks, pictures)
        page = page.model_copy(update={"blocks": blocks})
    return with_captions(await _cut(source, page, keep) if keep is not None else page)


def _unplaced(blocks: Sequence[Block]) -> list[Block]:
    return [block for block in blocks if block.kind == "figure" and block.box is None]


def located(blocks: Sequence[Block], pictures: Sequence[BoundingBox]) -> list[Block]:
    """Figures without a place get those of the page's pictures, in order, where there are as many of both."""
    boxes = iter(pictures if len(_unplaced(blocks)) == len(pictures) else ())
    return [
        block.model_copy(update={"box": next(boxes, None)}) if block.kind == "figure" and block.box is None else block
        for block in blocks
    ]


def placed(blocks: Sequence[Block], pictures: Sequence[BoundingBox]) -> list[Block]:
    """The blocks with a figure for every picture, where it stands in the order of reading."""
    found = list(blocks)
    # The last one first: those that go to the same place stand there in order.
    for box in reversed(pictures[:MOST_FIGURES]):
        if not is_ground(found, box):
            found.insert(_position(found, box), Block(kind="figure", box=box))
    return found


def is_ground(blocks: Sequence[Block], box: BoundingBox) -> bool:
    """Whether so much text stands on a picture that it is no figure."""
    on_it = (block for block in blocks if block.box is not None and _inside(block.box, box) and _is_mostly_on(block.box, box))
    return sum(map(len, texts_of(on_it))) > LETTERS_ON_BACKGROUND


def _is_mostly_on(block: BoundingBox, box: BoundingBox) -> bool:
    """Whether half of a block lies on a picture: a table around a picture does not."""
    across = min(block.right, box.right) - max(block.left, box.left)
    down = min(block.bottom, box.bottom) - max(block.top, box.top)
    return across * down >= 0.5 * (block.right - block.left) * (block.bottom - block.top)


def _inside(inner: BoundingBox, outer: BoundingBox) -> bool:
    """Whether the middle of a box lies in another."""
    across, down = (inner.left + inner.right) / 2, (inner.top + inner.bottom) / 2
    return outer.left <= across <= outer.right and outer.top <= down <= outer.bottom


def _position(blocks: Sequence[Block], box: BoundingBox) -> int:
    """Before its caption below it, else after its caption or what else stands above it, else before what is below.

    The words that stand on the figure itself do not tell.
    """
    column = [
        (place, block, block.box)
        for place, block in enumerate(blocks)
        if block.box and _one_column(block.box, box) and not _inside(block.box, box)
    ]
    middle = (box.top + box.bottom) / 2
    below = min((one for one in column if one[2].top >= middle), key=lambda one: one[2].top, default=None)
    above = max((one for one in column if one[2].bottom <= middle), key=lambda one: one[2].bottom, default=None)
    if below and below[1].kind == "caption" and below[2].top - box.bottom <= NEAR:
        return below[0]
    if above:
        return above[0] + 1
    if below and below[1].kind not in _FURNITURE:
        return below[0]
    return next((place for place, block in enumerate(blocks) if block.kind in _FURNITURE), len(blocks))


def _one_column(one: BoundingBox, other: BoundingBox) -> bool:
    return min(one.right, other.right) > max(one.left, other.left)


async def _cut(source: PageSource, page: Page, keep: KeepFigure) -> Page:
    """The page with a picture for each of its figures that has a place."""
    blocks = list(page.blocks)
    count = 0
    for place, block in enumerate(blocks):
        if block.kind != "figure" or block.box is None or count >= MOST_FIGURES:
            continue
        region = _with_margin(block.box, page)
        try:
            image = await source.render(page.number, PICTURE.model_copy(update={"region": region}), page.rotation)
        except PageUnreadable:
            continue  # the page itself has been read
        count += 1
        name = f"page-{page.number:04d}-figure-{count}.jpg"
        await keep(name, image.data)
        blocks[place] = block.model_copy(update={"picture": name})
    return page.model_copy(update={"blocks": blocks})


def _with_margin(box: BoundingBox, page: Page) -> BoundingBox:
    across, down = MARGIN_POINTS / (page.width or 595.0), MARGIN_POINTS / (page.height or 842.0)
    return BoundingBox.of(box.left - across, box.top - down, box.right + across, box.bottom + down)
