"""Words that run up or down the page: margin notes, stamps of archives, vertical writing."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from document_parser.models import Block, Word
from document_parser.pipeline.layout.scale import Scale
from document_parser.pipeline.layout.text import is_cjk

Extent = tuple[float, float, float, float]
"""Left, right, top, bottom in points."""


def split_sideways(words: Sequence[Word]) -> tuple[list[Word], list[Word]]:
    """(upright words, words set sideways). A word is sideways when it is far higher than its letters would be wide.

    Short words tell nothing by their shape; they go with the sideways words that they stand in line with.
    """
    turned = [word for word in words if _sideways(word)]
    if not turned:
        return list(words), []
    strips = sorted(_extent(strip) for strip in _strips(turned, reverse=False))
    inside = {id(word) for word in words if _sideways(word) or (len(word.text) <= 3 and _within(strips, word))}
    return [word for word in words if id(word) not in inside], [word for word in words if id(word) in inside]


def _extent(strip: Sequence[Word]) -> Extent:
    """Where a short word of a strip may stand: as wide at most, between its ends or just beyond them."""
    left, right = min(word.left for word in strip), max(word.right for word in strip)
    reach = 2.5 * (right - left)
    return left - 1, right + 1, min(word.top for word in strip) - reach, max(word.bottom for word in strip) + reach


def _within(strips: Sequence[Extent], word: Word) -> bool:
    """Whether a word stands in one of the strips that begin just left of it; ``strips`` are sorted."""
    after = bisect_right(strips, word.left, key=lambda strip: strip[0])
    return any(
        word.right < right and top < word.top and word.bottom < bottom
        for _, right, top, bottom in strips[max(0, after - 3) : after]
    )


def _sideways(word: Word) -> bool:
    return len(word.text) >= 3 and word.bottom - word.top > 1.5 * (word.right - word.left)


def sideways_blocks(words: Sequence[Word], scale: Scale) -> list[Block]:
    """One paragraph per strip of words, in the order a reader would turn to them."""
    vertical = sum(is_cjk(word.text) for word in words) * 2 > len(words)
    rank = {id(word): number for number, word in enumerate(words)}
    strips = _strips(words, reverse=vertical)
    return [_strip_block(sorted(strip, key=lambda word: rank[id(word)]), vertical, scale) for strip in strips]


def _strips(words: Sequence[Word], reverse: bool) -> list[list[Word]]:
    strips: list[list[Word]] = []
    for word in sorted(words, key=lambda word: word.left + word.right, reverse=reverse):
        if strips and _beside(strips[-1][0], word):
            strips[-1].append(word)
        else:
            strips.append([word])
    return strips


def _beside(first: Word, word: Word) -> bool:
    return first.left < (word.left + word.right) / 2 < first.right


def _strip_block(strip: list[Word], vertical: bool, scale: Scale) -> Block:
    """Vertical writing runs down; of letters turned sideways, the order in which they were found tells whether they run up."""
    upwards = not vertical and strip[0].top >= strip[-1].top
    ordered = sorted(strip, key=lambda word: word.top, reverse=upwards)
    text = ("" if vertical else " ").join(word.text for word in ordered)
    return Block(kind="paragraph", text=text, box=scale.box(strip))
