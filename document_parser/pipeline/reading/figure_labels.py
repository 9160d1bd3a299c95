"""Extend the box of a chart by the numbers and titles along its axes: without them the chart cannot be read.

Boxes and distances are fractions of the page, origin top left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from document_parser.models import Block, BlockKind, BoundingBox

MAX_LABEL_GAP_SHARE, MAX_LABEL_OVERHANG_SHARE = 0.03, 0.02
"""How far from a figure's edge a label may be, and how far it may reach beyond the ends of that edge: shares of the page's
sides."""
MIN_NUMBERS = 3
"""Numbers that must be along the edges of a figure; with fewer it is no chart, and the texts beside it are no labels."""
MIN_LABEL_DIGIT_SHARE = 0.5
"""Share of digits among the characters of a text, white space left out, from which it counts as numbers."""
MAX_TITLE_CHARACTERS = 60
"""Characters of an axis title at most."""
LABEL_KINDS: frozenset[BlockKind] = frozenset(["paragraph", "heading", "list_item", "title"])
"""The kinds of blocks that may be labels."""


def with_labels(box: BoundingBox, blocks: Sequence[Block]) -> BoundingBox:
    """Return the box of a figure extended by the boxes of its labels; the same box if it has no labels."""
    places = [(block.text, block.box) for block in blocks if block.kind in LABEL_KINDS and block.box is not None]
    numbers = [(text, place) for text, place in places if _is_number(text) and _is_beside(place, box)]
    if sum(len(text.split()) for text, _ in numbers) < MIN_NUMBERS:
        return box
    scaled = _box_around([box, *(place for _, place in numbers)])
    return _box_around(
        [scaled, *(place for text, place in places if len(text) <= MAX_TITLE_CHARACTERS and _is_beside(place, scaled))]
    )


def _is_number(text: str) -> bool:
    """Return whether a text says little but numbers."""
    seen = [character for character in text if not character.isspace()]
    return sum(map(str.isdigit, seen)) >= MIN_LABEL_DIGIT_SHARE * len(seen) and sum(map(str.isalpha, seen)) <= 1


def _is_beside(place: BoundingBox, box: BoundingBox) -> bool:
    """Return whether ``place`` lies along one of the edges of ``box``, no further than ``MAX_LABEL_GAP_SHARE`` from it."""
    level = place.top >= box.top - MAX_LABEL_OVERHANG_SHARE and place.bottom <= box.bottom + MAX_LABEL_OVERHANG_SHARE
    upright = place.left >= box.left - MAX_LABEL_OVERHANG_SHARE and place.right <= box.right + MAX_LABEL_OVERHANG_SHARE
    across = max(box.left - place.right, place.left - box.right)
    down = max(box.top - place.bottom, place.top - box.bottom)
    return (level and across <= MAX_LABEL_GAP_SHARE) or (upright and down <= MAX_LABEL_GAP_SHARE)


def _box_around(boxes: Iterable[BoundingBox]) -> BoundingBox:
    """Return the smallest box that holds all the given boxes."""
    kept = list(boxes)
    return BoundingBox.of(
        min(box.left for box in kept),
        min(box.top for box in kept),
        max(box.right for box in kept),
        max(box.bottom for box in kept),
    )
