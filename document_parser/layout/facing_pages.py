"""Tell two pages of a book that stand side by side on one sheet. Lengths are in points, origin top left."""

from __future__ import annotations

import re
from collections.abc import Sequence

from document_parser.layout.lines.units import Scale
from document_parser.models import Block, BoundingBox, RulingLine, Word

MIN_WIDTH_TO_HEIGHT_RATIO = 1.15
"""Width of such a sheet divided by its height, at least: two pages of US letter have 1.3, two square ones 2."""
MAX_NUMBER_MARGIN_SHARE = 0.1
"""Share of the height at the top and the bottom in which page numbers are."""
MAX_MIRROR_SHARE = 0.04
"""Share of the width by which the two numbers may differ in their distance from the outer edges of their pages."""
MAX_PAGE_NUMBER = 1899
"""The highest page number: those above may be years."""
MIN_WORDS = 20
"""Words of each page, at least."""

_NUMBER = re.compile(r"\d{1,4}")


def are_facing_pages(words: Sequence[Word], scale: Scale) -> bool:
    """Return whether a sheet holds two pages: nothing crosses its middle, and the halves have an even number and the next one.

    The numbers stand at one height in the margin, as far from the outer edges as each other.
    """
    if scale.width < MIN_WIDTH_TO_HEIGHT_RATIO * scale.height:
        return False
    margin = MAX_NUMBER_MARGIN_SHARE * scale.height
    numbers = [
        word
        for word in words
        if _NUMBER.fullmatch(word.text) and not margin < (word.top + word.bottom) / 2 < scale.height - margin
    ]
    if not any(_are_paired(left, right, scale) for left in numbers for right in numbers):
        return False
    middle = scale.width / 2
    return not any(word.left < middle < word.right for word in words) and all(
        len(page) >= MIN_WORDS for page in words_of_pages(words, middle)
    )


def _are_paired(left: Word, right: Word, scale: Scale) -> bool:
    """Return whether two numbers are those of the left and the right page."""
    first, second = int(left.text), int(right.text)
    if first % 2 or second != first + 1 or second > MAX_PAGE_NUMBER or abs(left.top - right.top) > left.bottom - left.top:
        return False
    return abs(left.left - (scale.width - right.right)) < MAX_MIRROR_SHARE * scale.width and left.right < scale.width / 2


def words_of_pages(words: Sequence[Word], middle: float) -> tuple[list[Word], list[Word]]:
    """Return the words of the left page and those of the right page, which count from its own left edge."""
    left = [word for word in words if word.left + word.right < 2 * middle]
    right = [word for word in words if word.left + word.right >= 2 * middle]
    return left, [word._replace(left=word.left - middle, right=word.right - middle) for word in right]


def rules_of_pages(rules: Sequence[RulingLine], middle: float) -> tuple[list[RulingLine], list[RulingLine]]:
    """Return the lines of the left page and those of the right page. A line across the middle is on both."""
    left = [rule._replace(right=min(rule.right, middle)) for rule in rules if rule.left < middle]
    right = [rule for rule in rules if rule.right > middle]
    return left, [rule._replace(left=max(rule.left - middle, 0.0), right=rule.right - middle) for rule in right]


def place_on_sheet(blocks: Sequence[Block], *, right: bool) -> list[Block]:
    """Return the blocks of one page with their boxes as fractions of the sheet."""
    start = 0.5 if right else 0.0
    return [
        block.model_copy(update={"box": block.box and _box_on_sheet(block.box, start)})  # a table's cells have no boxes
        for block in blocks
    ]


def _box_on_sheet(box: BoundingBox, start: float) -> BoundingBox:
    """Return the box of a page in fractions of the sheet, on which the page begins at ``start`` and is half as wide."""
    return BoundingBox.of(start + box.left / 2, box.top, start + box.right / 2, box.bottom)
