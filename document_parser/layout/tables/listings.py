"""Tell code from tables: by the boxes that colour its words, and by the numbers of its lines. In points, origin top left."""

from __future__ import annotations

from collections.abc import Sequence

from document_parser.layout.tables.grid import Grid
from document_parser.layout.tables.rulings import MAX_THICKNESS_POINTS, TOUCH_POINTS
from document_parser.models import RulingLine, Word

MAX_LINE_EM = 1.8
"""Height of a box behind a line of code in font sizes, at most."""
MIN_CUT_POINTS = 1.0
"""Points from both ends of a word, at least, of an edge that cuts it: a name and the bracket behind it have a box each."""


def without_code_colours(rules: Sequence[RulingLine], words: Sequence[Word], size: float) -> list[RulingLine]:
    """Return drawn boxes without those behind the words of a listing; cells of a table are never cut by their colour.

    The boxes of one line go together; and with a line whose words are cut, all lines that begin below or above it.
    """
    mono = [word for word in words if word.mono]
    if not mono or not rules:
        return list(rules)
    lines: dict[tuple[int, int], list[RulingLine]] = {}
    for rule in rules:
        if MAX_THICKNESS_POINTS < rule.bottom - rule.top <= MAX_LINE_EM * size:
            lines.setdefault((round(rule.top), round(rule.bottom)), []).append(rule)
    coloured = [(boxes, held) for boxes in lines.values() if (held := _words_on(boxes, words)) is not None]
    starts = [min(box.left for box in boxes) for boxes, held in coloured if _is_cut(boxes, held)]
    gone = {
        box for boxes, _ in coloured if any(abs(min(box.left for box in boxes) - start) < TOUCH_POINTS for start in starts)
        for box in boxes
    }  # fmt: skip
    return [rule for rule in rules if rule not in gone]


def is_numbered_listing(grid: Grid) -> bool:
    """Return whether a grid is code: words of a typewriter's width behind the numbers of lines, which count on."""
    if grid.columns != 2 or not all(word.mono for word in grid.words):
        return False
    numbers = [row[0].text for row in grid.rows]
    return all(map(str.isdecimal, numbers)) and [*map(int, numbers)] == [
        *range(int(numbers[0]), int(numbers[0]) + len(numbers))
    ]


def _words_on(boxes: Sequence[RulingLine], words: Sequence[Word]) -> list[Word] | None:
    """Return the words on boxes of one line; None if some are not of a typewriter's width."""
    left, right = min(box.left for box in boxes), max(box.right for box in boxes)
    held = [
        word
        for word in words
        if boxes[0].top < (word.top + word.bottom) / 2 < boxes[0].bottom and left < (word.left + word.right) / 2 < right
    ]
    return held if all(word.mono for word in held) else None


def _is_cut(boxes: Sequence[RulingLine], words: Sequence[Word]) -> bool:
    """Return whether an edge of a box runs through a word."""
    edges = [edge for box in boxes for edge in (box.left, box.right)]
    return any(word.left + MIN_CUT_POINTS < edge < word.right - MIN_CUT_POINTS for word in words for edge in edges)
