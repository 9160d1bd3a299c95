"""Cut the unread rest of a page out of its image, and put what is read there back into the page.

Boxes and distances are fractions of the page, origin top left, if nothing else is said.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image

from document_parser.models import INK_COLUMNS, INK_ROWS, Block, BoundingBox, InkFacts, PageImage
from document_parser.pipeline.checks.evidence import ink_below, uncovered_ink

MIN_READ_SHARE, MAX_READ_SHARE = 0.08, 0.95
"""Shares of the page height between which the sound part must end for its rest to be worth a crop."""
MAX_UNREAD_INK_SHARE = 0.15
"""Share of the inked cells above the crop that may lie outside all boxes; a second column would be far more."""
MARGIN_SHARE = 0.004
"""White left between the last block that was read and the crop, as a share of the page height."""
MAX_INKED_CELLS = 3
"""Inked cells of the grid of InkFacts up to which nothing counts as left to read."""
JPEG_QUALITY = 90
"""JPEG quality of a crop, 1 to 95."""


@dataclass(frozen=True)
class Prefix:
    """The blocks that were read soundly, and where the rest of the page begins.

    ``bottom`` is the lower end of the blocks as a share of the page height, 0 to 1 from the top. ``image`` is the page image
    that they were read from.
    """

    blocks: list[Block]
    bottom: float
    image: PageImage

    @property
    def is_whole(self) -> bool:
        """Return whether nothing is left to read below the blocks."""
        return ink_below(self.image.ink_facts, self.bottom + MARGIN_SHARE) <= MAX_INKED_CELLS

    @property
    def is_worth_a_crop(self) -> bool:
        """Return whether something is left to read and the prefix is neither too short nor too long for a crop."""
        return MIN_READ_SHARE <= self.bottom <= MAX_READ_SHARE and not self.is_whole


def sound_prefix(blocks: Sequence[Block], image: PageImage) -> Prefix | None:
    """Return the blocks of an answer that went wrong at its end, without the last one, in which it broke off.

    None if their boxes do not show where to go on: if a block has no box, or if too much ink beside them is unread.
    """
    kept = list(blocks[:-1])
    boxes = [block.box for block in kept if block.box is not None]
    if not boxes or len(boxes) < len(kept):
        return None
    bottom = max(box.bottom for box in boxes)
    if uncovered_ink(image.ink_facts, boxes, bottom) > MAX_UNREAD_INK_SHARE:
        return None
    return Prefix(kept, bottom, image)


def rest_of(prefix: Prefix) -> PageImage:
    """Return the image of the page below the prefix as a JPEG, with its share of the ink facts.

    Raises OSError if the page image cannot be decoded.
    """
    image = prefix.image
    top = round((prefix.bottom + MARGIN_SHARE) * image.height_pixels)
    with Image.open(io.BytesIO(image.data), formats=["JPEG"]) as picture:
        part = picture.crop((0, top, image.width_pixels, image.height_pixels))
    buffer = io.BytesIO()
    part.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=2)
    share = part.height / image.height_pixels
    ink = InkFacts(letters=round(image.ink_facts.letters * share), cells=_lower_cells(image.ink_facts, 1 - share))
    return replace(image, height_pixels=part.height, data=buffer.getvalue(), ink_facts=ink)


def join_rest(prefix: Prefix, rest: Sequence[Block]) -> list[Block]:
    """Return the blocks of the whole page: those kept, and those of the crop with their boxes moved to the page."""
    top = min(1.0, prefix.bottom + MARGIN_SHARE)
    return [*prefix.blocks, *(block.model_copy(update={"box": _to_page(block.box, top)}) for block in rest)]


def _to_page(box: BoundingBox | None, top: float) -> BoundingBox | None:
    """Return a box in fractions of the crop as a box in fractions of the page."""
    if box is None:
        return None
    share = 1 - top
    return BoundingBox.of(box.left, top + box.top * share, box.right, top + box.bottom * share)


def _lower_cells(ink: InkFacts, top: float) -> str:
    """Return the ink grid of the part of the page below ``top`` (0 to 1), in the format of ``InkFacts.cells``.

    Each row of the new grid is the row of the page's grid that its middle lies in. Empty if the page has no grid.
    """
    width = INK_COLUMNS // 4
    rows = [ink.cells[place : place + width] for place in range(0, len(ink.cells), width)]
    if len(rows) < INK_ROWS:
        return ""
    return "".join(
        rows[min(INK_ROWS - 1, int(INK_ROWS * (top + (1 - top) * (row + 0.5) / INK_ROWS)))] for row in range(INK_ROWS)
    )
