"""Find the figures of a page among its embedded images, put them into the reading order, and store their images."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from document_parser.errors import PageUnreadable
from document_parser.models import Block, BlockKind, BoundingBox, Page, PageFacts, PageImageSpec
from document_parser.pipeline.assembly.captions_and_links import with_captions
from document_parser.sources.base import PageSource
from document_parser.text.normalize import texts_of

FIGURE_SPEC = PageImageSpec(dpi=150, max_long_side=1600, quality=85)
"""How the image of a figure is rendered: resolution in dots per inch, longest side in pixels, JPEG quality."""
MARGIN_POINTS = 3.0
"""White kept around a figure, in points."""
MAX_FIGURES = 40
"""Figures of one page at most; a page with more of them is an album of icons."""
MAX_FIGURE_CHARACTERS = 200
"""Characters on an embedded image above which it is the background of a text, no figure."""
MAX_CAPTION_GAP_SHARE = 0.04
"""A caption at most this far from a figure belongs to it, as a share of the page height."""

KeepFigure = Callable[[str, bytes], Awaitable[None]]
"""Store a figure, given its file name and its JPEG. Its errors pass through; that of a worker raises StorageUnavailable."""

_FURNITURE: frozenset[BlockKind] = frozenset(["page_footer", "page_number"])
"""Kinds of blocks that a figure is put before if nothing else shows its place."""


async def with_figures(source: PageSource, page: Page, keep: KeepFigure | None, facts: PageFacts | None = None) -> Page:
    """Return the page with figures among its blocks and captions linked, as it is stored.

    The JPEG of each figure goes to ``keep``; None stores no images. ``facts`` are read from the source if they are needed and
    not given. A figure that cannot be rendered has no image. Raises PageUnreadable if the facts cannot be read, and the
    errors of ``keep``.
    """
    if page.status != "done":
        return page
    if page.location is not None:
        return with_captions(await _with_part_figures(source, page, keep))
    if page.engine == "text_layer" or _figures_without_box(page.blocks):
        facts = facts or await source.facts(page.number)
        pictures = [box.turn(page.rotation) for box in facts.pictures]
        blocks = insert_figures(page.blocks, pictures) if page.engine == "text_layer" else assign_boxes(page.blocks, pictures)
        page = page.model_copy(update={"blocks": blocks})
    return with_captions(await _store_pictures(source, page, keep) if keep is not None else page)


def _figures_without_box(blocks: Sequence[Block]) -> list[Block]:
    """Return the figures that have no box."""
    return [block for block in blocks if block.kind == "figure" and block.box is None]


def assign_boxes(blocks: Sequence[Block], pictures: Sequence[BoundingBox]) -> list[Block]:
    """Give figures without a box the boxes of the page's embedded images, in order, if there are as many of both.

    Boxes are fractions of the page as it was read, origin top left.
    """
    boxes = iter(pictures if len(_figures_without_box(blocks)) == len(pictures) else ())
    return [
        block.model_copy(update={"box": next(boxes, None)}) if block.kind == "figure" and block.box is None else block
        for block in blocks
    ]


def insert_figures(blocks: Sequence[Block], pictures: Sequence[BoundingBox]) -> list[Block]:
    """Return the blocks with a figure for each embedded image, inserted at its place in the reading order.

    An image with much text on it is left out: it is a background. So is one that is a figure already. Boxes are fractions of
    the page, origin top left.
    """
    found = list(blocks)
    # The last one first, so that figures inserted at the same index keep their order.
    known = {block.box for block in blocks if block.kind == "figure"}
    for box in reversed(pictures[:MAX_FIGURES]):
        if box not in known and not is_background(found, box):
            found.insert(_position_of(found, box), Block(kind="figure", box=box))
    return found


def is_background(blocks: Sequence[Block], box: BoundingBox) -> bool:
    """Return whether so much text lies on an image that it is a background and no figure."""
    on_it = (
        block for block in blocks if block.box is not None and _is_inside(block.box, box) and _is_mostly_on(block.box, box)
    )
    return sum(map(len, texts_of(on_it))) > MAX_FIGURE_CHARACTERS


def _is_mostly_on(block: BoundingBox, box: BoundingBox) -> bool:
    """Return whether at least half of a block's area lies on an image; that of a table around an image does not."""
    across = min(block.right, box.right) - max(block.left, box.left)
    down = min(block.bottom, box.bottom) - max(block.top, box.top)
    return across * down >= 0.5 * (block.right - block.left) * (block.bottom - block.top)


def _is_inside(inner: BoundingBox, outer: BoundingBox) -> bool:
    """Return whether the middle of ``inner`` lies in ``outer``."""
    across, down = (inner.left + inner.right) / 2, (inner.top + inner.bottom) / 2
    return outer.left <= across <= outer.right and outer.top <= down <= outer.bottom


def _position_of(blocks: Sequence[Block], box: BoundingBox) -> int:
    """Return the index at which a figure is inserted among the blocks.

    Before its caption below it; else after its caption, or after what else is above it; else before what is below. The words on
    the figure itself do not count.
    """
    column = [
        (place, block, block.box)
        for place, block in enumerate(blocks)
        if block.box and _is_in_same_column(block.box, box) and not _is_inside(block.box, box)
    ]
    middle = (box.top + box.bottom) / 2
    below = min((one for one in column if one[2].top >= middle), key=lambda one: one[2].top, default=None)
    above = max((one for one in column if one[2].bottom <= middle), key=lambda one: one[2].bottom, default=None)
    if below and below[1].kind == "caption" and below[2].top - box.bottom <= MAX_CAPTION_GAP_SHARE:
        return below[0]
    if above:
        return above[0] + 1
    if below and below[1].kind not in _FURNITURE:
        return below[0]
    return next((place for place, block in enumerate(blocks) if block.kind in _FURNITURE), len(blocks))


def _is_in_same_column(one: BoundingBox, other: BoundingBox) -> bool:
    """Return whether two boxes overlap horizontally."""
    return min(one.right, other.right) > max(one.left, other.left)


async def _store_pictures(source: PageSource, page: Page, keep: KeepFigure) -> Page:
    """Return the page with a stored image for each of its figures that has a box."""
    blocks = list(page.blocks)
    count = 0
    for place, block in enumerate(blocks):
        if block.kind != "figure" or block.box is None or count >= MAX_FIGURES:
            continue
        region = _with_margin(block.box, page)
        try:
            image = await source.render(page.number, FIGURE_SPEC.model_copy(update={"region": region}), page.rotation)
        except PageUnreadable:
            continue  # the page itself has been read
        count += 1
        name = f"page-{page.number:04d}-figure-{count}.jpg"
        await keep(name, image.data)
        blocks[place] = block.model_copy(update={"picture": name})
    return page.model_copy(update={"blocks": blocks})


def _with_margin(box: BoundingBox, page: Page) -> BoundingBox:
    """Return a box with ``MARGIN_POINTS`` around it; a page of unknown size counts as A4."""
    across, down = MARGIN_POINTS / (page.width or 595.0), MARGIN_POINTS / (page.height or 842.0)
    return BoundingBox.of(box.left - across, box.top - down, box.right + across, box.bottom + down)


async def _with_part_figures(source: PageSource, page: Page, keep: KeepFigure | None) -> Page:
    """Return the part with the images of its figures stored under their final names; those that cannot be decoded have none.

    With ``keep`` None no figure has an image. The errors of ``keep`` pass through.
    """
    blocks = list(page.blocks)
    for index, place in enumerate(picture_places(page.blocks)):
        name = None
        if keep is not None:
            name = await _store_embedded(source, page.number, index, keep)
        blocks[place] = blocks[place].model_copy(update={"picture": name})
    return page.model_copy(update={"blocks": blocks})


async def _store_embedded(source: PageSource, number: int, index: int, keep: KeepFigure) -> str | None:
    """Store an embedded image and return its name; None if it cannot be decoded."""
    try:
        image = await source.picture(number, index, FIGURE_SPEC)
    except PageUnreadable:
        return None  # the part itself has been read
    name = f"part-{number:04d}-figure-{index + 1}.jpg"
    await keep(name, image.data)
    return name


def picture_places(blocks: Sequence[Block]) -> list[int]:
    """Return the indexes of the figures that have an embedded image."""
    return [place for place, block in enumerate(blocks) if block.kind == "figure" and block.picture is not None]
