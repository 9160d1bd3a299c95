"""Going on where an answer went wrong: what was read so far is kept, and the rest of the page is read from a crop."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image

from document_parser.models import INK_COLUMNS, INK_ROWS, Block, BoundingBox, InkFacts, PageImage
from document_parser.pipeline.checks.evidence import ink_below, uncovered_ink

LEAST_READ, MOST_READ = 0.08, 0.95
"""Shares of the page between which a rest is worth a crop of its own."""
MOST_LEFT_ABOVE = 0.15
"""Of the ink above the crop, what may lie outside of all boxes: a second column would be far more."""
MARGIN = 0.004
LITTLE_INK = 3
QUALITY = 90


@dataclass(frozen=True)
class Prefix:
    """The blocks that were read soundly, and the place from the top (0 to 1) where the rest of the page begins."""

    blocks: list[Block]
    bottom: float
    image: PageImage

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left to read."""
        return ink_below(self.image.ink_facts, self.bottom + MARGIN) <= LITTLE_INK

    @property
    def is_worth_a_crop(self) -> bool:
        return LEAST_READ <= self.bottom <= MOST_READ and not self.is_whole


def sound_prefix(blocks: Sequence[Block], image: PageImage) -> Prefix | None:
    """The blocks of an answer that went wrong at its end, without the last one, which it broke off in.

    None where their places do not say where to go on: a block without a place, or ink beside them that nobody has read.
    """
    kept = list(blocks[:-1])
    boxes = [block.box for block in kept if block.box is not None]
    if not boxes or len(boxes) < len(kept):
        return None
    bottom = max(box.bottom for box in boxes)
    if uncovered_ink(image.ink_facts, boxes, bottom) > MOST_LEFT_ABOVE:
        return None
    return Prefix(kept, bottom, image)


def rest_of(prefix: Prefix) -> PageImage:
    """The picture of the page below the prefix. Raises OSError where the picture cannot be decoded."""
    image = prefix.image
    top = round((prefix.bottom + MARGIN) * image.height_pixels)
    with Image.open(io.BytesIO(image.data), formats=["JPEG"]) as picture:
        part = picture.crop((0, top, image.width_pixels, image.height_pixels))
    buffer = io.BytesIO()
    part.save(buffer, "JPEG", quality=QUALITY, subsampling=2)
    share = part.height / image.height_pixels
    marks = InkFacts(letters=round(image.ink_facts.letters * share), cells=_lower_cells(image.ink_facts, 1 - share))
    return replace(image, height_pixels=part.height, data=buffer.getvalue(), ink_facts=marks)


def joined(prefix: Prefix, rest: Sequence[Block]) -> list[Block]:
    """The blocks of the page: those kept, and those of the crop moved to their places on it."""
    top = min(1.0, prefix.bottom + MARGIN)
    return [*prefix.blocks, *(block.model_copy(update={"box": _moved(block.box, top)}) for block in rest)]


def _moved(box: BoundingBox | None, top: float) -> BoundingBox | None:
    if box is None:
        return None
    share = 1 - top
    return BoundingBox.of(box.left, top + box.top * share, box.right, top + box.bottom * share)


def _lower_cells(marks: InkFacts, top: float) -> str:
    """The grid of the lower part of a page, each of its rows taken from the row of the page it lies in."""
    width = INK_COLUMNS // 4
    rows = [marks.cells[place : place + width] for place in range(0, len(marks.cells), width)]
    if len(rows) < INK_ROWS:
        return ""
    return "".join(
        rows[min(INK_ROWS - 1, int(INK_ROWS * (top + (1 - top) * (row + 0.5) / INK_ROWS)))] for row in range(INK_ROWS)
    )
