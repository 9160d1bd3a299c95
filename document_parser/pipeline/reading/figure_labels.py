"""The numbers along the axes of a chart, and the titles of these, belong to its figure: without them nobody can read it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from document_parser.models import Block, BlockKind, BoundingBox

NEAR, ASIDE = 0.03, 0.02
"""Of the page's sides: how far from a figure its labels are, and how far along its edges they go beyond it."""
LEAST_NUMBERS = 3
"""Along the edges of a figure; without them it is no chart, and what is beside it no label."""
MOSTLY = 0.5
LONGEST = 60
"""Letters of the title of an axis."""
TEXT: frozenset[BlockKind] = frozenset(["paragraph", "heading", "list_item", "title"])


def with_labels(box: BoundingBox, blocks: Sequence[Block]) -> BoundingBox:
    """The place of a figure together with that of its labels; the place itself, where it has none."""
    places = [(block.text, block.box) for block in blocks if block.kind in TEXT and block.box is not None]
    numbers = [(text, place) for text, place in places if _is_number(text) and _is_beside(place, box)]
    if sum(len(text.split()) for text, _ in numbers) < LEAST_NUMBERS:
        return box
    scaled = _around([box, *(place for _, place in numbers)])
    return _around([scaled, *(place for text, place in places if len(text) <= LONGEST and _is_beside(place, scaled))])


def _is_number(text: str) -> bool:
    """Whether a text says little but numbers."""
    seen = [character for character in text if not character.isspace()]
    return sum(map(str.isdigit, seen)) >= MOSTLY * len(seen) and sum(map(str.isalpha, seen)) <= 1


def _is_beside(place: BoundingBox, box: BoundingBox) -> bool:
    """Whether a place lies along one of the edges, no further than NEAR from it."""
    level = place.top >= box.top - ASIDE and place.bottom <= box.bottom + ASIDE
    upright = place.left >= box.left - ASIDE and place.right <= box.right + ASIDE
    across = max(box.left - place.right, place.left - box.right)
    down = max(box.top - place.bottom, place.top - box.bottom)
    return (level and across <= NEAR) or (upright and down <= NEAR)


def _around(boxes: Iterable[BoundingBox]) -> BoundingBox:
    kept = list(boxes)
    return BoundingBox.of(
        min(box.left for box in kept),
        min(box.top for box in kept),
        max(box.right for box in kept),
        max(box.bottom for box in kept),
    )
