"""Give headings levels that mean the same on every page: by section numbers, by font size, by their first word.

The document's title has level 1, and each smaller size is one level deeper than the next larger one.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from document_parser.models import Block, Page

SAME_SIZE_SHARE = 0.04
"""Font sizes that differ by at most this share are one."""
MIN_NUMBERED_SHARE = 0.3
"""If at least this share of the headings of a size has section numbers, these decide the level of the others."""
MAX_LINES_ABOVE = 6
"""Blocks above a heading, at most, that may all be running heads."""
MAX_TOP_LEVEL = 2
"""The level of the largest headings of a document without a title, at most."""
MIN_MARKED_HEADINGS = 2
"""Headings whose marks are of one kind ("Part I", "A.", "§ 3"), at least, before they have a level of their own."""
MAX_HEADING_LEVEL = 6
"""The deepest level of a heading."""

_SECTION = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,5})\.?\s+[^\W\d_]")
"""A section number before the words of a heading."""
_OUTLINE = re.compile(r"(?P<roman>[IVX]{1,5})[.)]\s|(?P<letter>[A-Z])[.)]\s|(?P<paragraph>§)\s?\d")
"""What other headings begin with: a Roman number, a letter, the number of a paragraph of a law."""
_LABEL = re.compile(r"(?!tab|fig|abb)([^\W\d_]{3,12})\s+(?:\d{1,3}|(?-i:[IVXLC]{1,6}|[A-Z]))(?:$|[\s.:—–-])", re.IGNORECASE)
"""A word with one number before the rest of a heading, as "Chapter 3"; not the label of a table or figure."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading with what decides its rank.

    ``page`` is its page number and ``block`` its index among the blocks of the page. ``depth`` is how many numbers its section
    has; 0 for none. ``size`` is the font size in points; None if not known. ``label`` is the word before its one number
    ("chapter"), or the kind of the number or letter that it begins with; empty for none. ``above``
    are the indexes of the blocks above it on its page; None if they are many.
    """

    page: int
    block: int
    title: bool
    level: int
    depth: int
    size: float | None
    label: str
    above: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Levels:
    """The levels of headings, by page number and index of the block."""

    levels: dict[int, dict[int, int]]

    def apply(self, page: Page) -> Page:
        """Return the page with these levels; a title that has one becomes a heading."""
        found = self.levels.get(page.number)
        if not found:
            return page
        blocks = [
            block.model_copy(update={"kind": "heading", "level": found[place]}) if place in found else block
            for place, block in enumerate(page.blocks)
        ]
        return page.model_copy(update={"blocks": blocks})


class Headings:
    """Gather the headings of all pages in the first pass, then decide their levels."""

    def __init__(self) -> None:
        """Start without headings."""
        self._found: list[Heading] = []

    def gather(self, page: Page) -> None:
        """Add the headings of a page."""
        above: list[int] = []
        for place, block in enumerate(page.blocks):
            if block.kind in ("title", "heading"):
                known = len(above) <= MAX_LINES_ABOVE
                self._found.append(replace(_make_heading(page.number, place, block), above=tuple(above) if known else None))
            if block.kind not in _OUTSIDE:
                above.append(place)

    def decide(self, furniture: Iterable[tuple[int, int]]) -> Levels:
        """Return the levels of all headings but the document's title.

        ``furniture`` are (page number, index of the block) of blocks that are left out of account.
        """
        left_out = set(furniture)
        found = [one for one in self._found if (one.page, one.block) not in left_out]
        title = next((one for one in found if one.title), None) or _find_title(found, left_out)
        rest = [one for one in found if one is not title]
        ranked = _level_by_size(_level_by_label(_level_by_section(rest)), title)
        levels: dict[int, dict[int, int]] = defaultdict(dict)
        if title is not None and not title.title:
            levels[title.page][title.block] = 1
        for one in ranked:
            levels[one.page][one.block] = one.level
        return Levels(dict(levels))


_OUTSIDE = frozenset({"page_header", "page_footer", "page_number", "watermark"})
"""Kinds of blocks that may be above a title."""


def _find_title(found: Sequence[Heading], furniture: set[tuple[int, int]]) -> Heading | None:
    """Return the heading that begins the document and is larger than all others; None if there is none.

    Only running heads may be above it: ``furniture`` are (page number, index of the block) of those found over all pages.
    """
    if not found or found[0].above is None or found[0].depth or not found[0].size:
        return None
    first, others = found[0], found[1:]
    opens = all((first.page, place) in furniture for place in first.above or ())
    larger = all(one.size and one.size < (first.size or 0) * (1 - SAME_SIZE_SHARE) for one in others)
    return first if opens and larger else None


def _make_heading(page: int, place: int, block: Block) -> Heading:
    """Return a block as a heading with what decides its rank."""
    section, label, outline = _SECTION.match(block.text), _LABEL.match(block.text), _OUTLINE.match(block.text)
    return Heading(
        page=page,
        block=place,
        title=block.kind == "title",
        level=min(MAX_HEADING_LEVEL, max(1, block.level or (1 if block.kind == "title" else 2))),
        depth=section[1].count(".") + 1 if section else 0,
        size=block.size_points,
        label=label[1].casefold() if label else (outline.lastgroup or "") if outline else "",
    )


def _level_by_section(found: list[Heading]) -> list[Heading]:
    """Return the headings with levels by their section numbers: section 2 is one level above 2.1, everywhere.

    The level of the top sections is the one that most of the headings say.
    """
    tops = [one.level - one.depth + 1 for one in found if one.depth]
    if not tops:
        return found
    top = max(1, _most_frequent(tops))
    return [replace(one, level=min(MAX_HEADING_LEVEL, top + one.depth - 1)) if one.depth else one for one in found]


def _level_by_label(found: list[Heading]) -> list[Heading]:
    """Return the headings with one level for each label, as "Chapter"; if sizes are known, these decide instead."""
    groups: dict[str, list[int]] = defaultdict(list)
    for one in found:
        if one.label and one.size is None:
            groups[one.label].append(one.level)
    usual = {label: _most_frequent(levels) for label, levels in groups.items()}
    return [replace(one, level=usual[one.label]) if one.label and one.size is None else one for one in found]


def _level_by_size(found: list[Heading], title: Heading | None) -> list[Heading]:
    """Return the headings with one level for each size, one below that of the next larger size.

    Section numbers count before sizes. ``title`` is the document's, whose level is 1.
    """
    levels: dict[float, int] = {}
    inner = _levels_above_sections(found)
    highest, largest = 0, title.size if title else None
    for sizes, group in _group_by_size(found):
        numbered = [one.level for one in group if one.depth]
        if len(numbered) >= MIN_NUMBERED_SHARE * len(group):
            highest = max(highest, 1, _most_frequent(numbered))
        elif title is not None and (largest is None or max(sizes) < largest * (1 - SAME_SIZE_SHARE)):
            highest = max(highest + 1, 2)
        elif title is not None:
            highest = 1
        else:
            highest = highest + 1 if highest else min(MAX_TOP_LEVEL, _most_frequent([one.level for one in group]))
        levels |= dict.fromkeys(sizes, highest)
        below = _levels_by_mark(group, highest)
        inner |= below
        highest = max(highest, *below.values()) if below else highest
    return [
        one
        if one.depth or one.size is None
        else replace(one, level=min(MAX_HEADING_LEVEL, inner.get((one.page, one.block), levels[one.size])))
        for one in found
    ]


def _levels_above_sections(found: Sequence[Heading]) -> dict[tuple[int, int], int]:
    """Return the levels of headings such as "Chapter 2", by page and block, if sections as 2.1 of their size follow."""
    return {
        (one.page, one.block): max(1, below.level - 1)
        for one, below in pairwise(sorted(found, key=lambda one: (one.page, one.block)))
        if one.label and not one.depth and below.depth > 1 and one.size == below.size
    }


def _levels_by_mark(group: Sequence[Heading], top: int) -> dict[tuple[int, int], int]:
    """Return the levels of headings of one size whose marks are of several kinds, by page and block: "Part I", then "A.", "B.".

    A kind that appears for the first time is one level below the kind before it. Empty if all marks are of one kind.
    """
    counted = Counter(one.label for one in group if one.label)
    kinds = {label for label, count in counted.items() if count >= MIN_MARKED_HEADINGS}
    if len(kinds) < 2:
        return {}
    open_kinds: list[str] = []
    levels: dict[tuple[int, int], int] = {}
    for one in sorted((one for one in group if one.label in kinds), key=lambda one: (one.page, one.block)):
        if one.label in open_kinds:
            del open_kinds[open_kinds.index(one.label) + 1 :]
        else:
            open_kinds.append(one.label)
        levels[one.page, one.block] = top + len(open_kinds) - 1
    return levels


def _group_by_size(found: Sequence[Heading]) -> Iterator[tuple[set[float], list[Heading]]]:
    """Yield (sizes that count as one, the headings of these sizes), the largest first."""
    group: list[Heading] = []
    for one in sorted((one for one in found if one.size), key=lambda one: -(one.size or 0)):
        if group and (one.size or 0) < (group[0].size or 0) * (1 - SAME_SIZE_SHARE):
            yield {each.size or 0 for each in group}, group
            group = []
        group.append(one)
    if group:
        yield {each.size or 0 for each in group}, group


def _most_frequent(levels: list[int]) -> int:
    """Return the most frequent level, the higher one if two are as frequent."""
    counted = Counter(levels)
    return min(counted, key=lambda level: (-counted[level], level))
