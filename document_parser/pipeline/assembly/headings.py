"""Heading levels that mean the same on every page: by section numbers, by font size, by their first word."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from document_parser.models import Block, Page

SAME_SIZE = 0.04
"""Font sizes that differ by at most this share are one."""
SECTIONED = 0.3
"""Where at least this share of the headings of a size has section numbers, these tell the level of the others."""
DEEPEST = 6

_SECTION = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,5})\.?\s+[^\W\d_]")
_LABEL = re.compile(r"(?!tab|fig|abb)([^\W\d_]{3,12})\s+(?:\d{1,3}|(?-i:[IVXLC]{1,6}|[A-Z]))(?:$|[\s.:—–-])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading, and what tells its rank: how many numbers its section has, or the word before its one number."""

    page: int
    block: int
    title: bool
    level: int
    depth: int
    size: float | None
    label: str


@dataclass(frozen=True)
class Levels:
    """The levels of headings by page and place."""

    levels: dict[int, dict[int, int]]

    def applied(self, page: Page) -> Page:
        """The page with these levels; a title among them becomes a heading."""
        found = self.levels.get(page.number)
        if not found:
            return page
        blocks = [
            block.model_copy(update={"kind": "heading", "level": found[place]}) if place in found else block
            for place, block in enumerate(page.blocks)
        ]
        return page.model_copy(update={"blocks": blocks})


class Headings:
    """The first walk: the headings of each page."""

    def __init__(self) -> None:
        self._found: list[Heading] = []

    def gather(self, page: Page) -> None:
        for place, block in enumerate(page.blocks):
            if block.kind in ("title", "heading"):
                self._found.append(_heading(page.number, place, block))

    def decide(self, furniture: Iterable[tuple[int, int]]) -> Levels:
        """The levels of all but the document's title; what is ``furniture``, by page and place, has no say."""
        left_out = set(furniture)
        found = [one for one in self._found if (one.page, one.block) not in left_out]
        title = next((one for one in found if one.title), None)
        ranked = _by_size(_by_label(_by_section([one for one in found if one is not title])))
        levels: dict[int, dict[int, int]] = defaultdict(dict)
        for one in ranked:
            levels[one.page][one.block] = one.level
        return Levels(dict(levels))


def _heading(page: int, place: int, block: Block) -> Heading:
    section, label = _SECTION.match(block.text), _LABEL.match(block.text)
    return Heading(
        page=page,
        block=place,
        title=block.kind == "title",
        level=min(DEEPEST, max(1, block.level or (1 if block.kind == "title" else 2))),
        depth=section[1].count(".") + 1 if section else 0,
        size=block.size_points,
        label=label[1].casefold() if label else "",
    )


def _by_section(found: list[Heading]) -> list[Heading]:
    """Section 2 is one level above 2.1, everywhere; which one most of the headings say."""
    tops = [one.level - one.depth + 1 for one in found if one.depth]
    if not tops:
        return found
    top = max(1, _usual(tops))
    return [replace(one, level=min(DEEPEST, top + one.depth - 1)) if one.depth else one for one in found]


def _by_label(found: list[Heading]) -> list[Heading]:
    """Chapter 1 and Chapter 2 are of one level; where sizes are known, these tell it."""
    groups: dict[str, list[int]] = defaultdict(list)
    for one in found:
        if one.label and one.size is None:
            groups[one.label].append(one.level)
    usual = {label: _usual(levels) for label, levels in groups.items()}
    return [replace(one, level=usual[one.label]) if one.label and one.size is None else one for one in found]


def _by_size(found: list[Heading]) -> list[Heading]:
    """Headings of one size are of one level, and none is above a larger one; section numbers go before sizes."""
    levels: dict[float, int] = {}
    highest = 1
    for sizes, group in _sizes(found):
        numbered = [one.level for one in group if one.depth]
        telling = numbered if len(numbered) >= SECTIONED * len(group) else [one.level for one in group]
        highest = max(highest, _usual(telling))
        levels |= dict.fromkeys(sizes, highest)
    return [one if one.depth or one.size is None else replace(one, level=levels[one.size]) for one in found]


def _sizes(found: Sequence[Heading]) -> Iterator[tuple[set[float], list[Heading]]]:
    """(sizes that are one, the headings of them), the largest first."""
    group: list[Heading] = []
    for one in sorted((one for one in found if one.size), key=lambda one: -(one.size or 0)):
        if group and (one.size or 0) < (group[0].size or 0) * (1 - SAME_SIZE):
            yield {each.size or 0 for each in group}, group
            group = []
        group.append(one)
    if group:
        yield {each.size or 0 for each in group}, group


def _usual(levels: list[int]) -> int:
    """The level that most have, the higher one where two are as frequent."""
    counted = Counter(levels)
    return min(counted, key=lambda level: (-counted[level], level))
