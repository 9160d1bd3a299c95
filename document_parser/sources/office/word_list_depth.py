"""The depth of list items where a deeper level is a list of its own: its items begin farther in.

Word nests by the levels of one list; templates and many programs use another list for each depth ("List Bullet 2").
"""

from __future__ import annotations

from typing import NamedTuple

from document_parser.sources.office.word_numbering import Label

MIN_INDENT_TWIPS = 140
"""By how much the text of a deeper item begins farther in, in twentieths of a point: half of the least step that Word uses."""


class _Item(NamedTuple):
    """A list item above: its abstract list and its level in it, where its text begins, and its depth."""

    key: str
    level: int
    indent: int
    depth: int


class ListDepths:
    """The depths of the list items that follow each other without other text."""

    def __init__(self) -> None:
        self._above: list[_Item] = []

    def forget(self) -> None:
        """Note that other text has ended the list."""
        self._above = []

    def depth_of(self, label: Label, indent: int | None) -> int:
        """Return the depth of the next item, from 1. ``indent`` is where its paragraph begins; None if it does not say it."""
        indent = label.indent if indent is None else indent
        if indent is None:
            return label.depth
        self._above = [item for item in self._above if item.indent < indent + MIN_INDENT_TWIPS]
        depth = max(1, self._depth_below(label, indent))
        self._above.append(_Item(label.key, label.depth, indent, depth))
        return depth

    def _depth_below(self, label: Label, indent: int) -> int:
        """Return the depth of an item below those above that do not begin farther in."""
        nearest = self._above[-1] if self._above else None
        if nearest is None:
            return label.depth
        if nearest.key == label.key:
            return nearest.depth + label.depth - nearest.level
        if nearest.indent > indent - MIN_INDENT_TWIPS:
            return nearest.depth
        return max(label.depth, nearest.depth + 1)
