"""The labels of lists and numbered headings as Word shows them.

Counters belong to the abstract list: numbers go on after an interruption, and in every list that stands for the same abstract
one. A list that overrides a start begins anew with its first paragraph.

Source: ECMA-376, part 1, section 17.9 (numbering), and Word's behaviour.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from document_parser.sources.office.symbols import symbol_of, without_private_codes
from document_parser.sources.office.word_styles import VALUE, WORD, ParagraphStyle, indent_of, is_on
from document_parser.sources.xml_trees import Element, integer_of
from document_parser.text.word_numerals import numeral

BULLET = "•"
"""The sign before items of lists without numbers, whatever sign the file has."""
_LEVELS = range(9)
"""The levels that a list may have."""
_PLACE = re.compile(r"%([1-9])")
"""Where the text of a level has the number of a level."""


class Label(NamedTuple):
    """What stands before a paragraph, with the white space behind it; the depth of its level from 1."""

    text: str
    depth: int
    bullet: bool
    key: str
    """The abstract list."""
    indent: int | None
    """Where its text begins, in twentieths of a point; None if the list does not say it."""


@dataclass(slots=True)
class _Level:
    """One level of an abstract list."""

    start: int = 1
    style: str = "decimal"
    custom: str = ""
    text: str = ""
    suffix: str = " "
    restart: int | None = None
    """Levels from 0 up to this one begin the level anew; None for all above it."""
    legal: bool = False
    """Whether all numbers of its text are decimal."""
    font: str | None = None
    indent: int | None = None
    """Where the text of its paragraphs begins, in twentieths of a point."""


@dataclass(slots=True)
class _List:
    """What the paragraphs of one ``w:num`` share: its levels, and the counters of its abstract list."""

    key: str
    levels: dict[int, _Level]
    starts: dict[int, int]
    """Starts that this list overrides, by level."""
    begun: set[int] = field(default_factory=set)


class Numbering:
    """The lists of a document, and the counters of the paragraphs read so far."""

    def __init__(self, root: Element | None, number_of_style: Callable[[str], str | None]) -> None:
        """Take the root of the numbering part; None if the document has none."""
        self._number_of_style = number_of_style
        self._abstracts: dict[str, Element] = {}
        self._numbers: dict[str, Element] = {}
        for element in root if root is not None else ():
            if element.tag == f"{WORD}abstractNum":
                self._abstracts[element.get(f"{WORD}abstractNumId", "")] = element
            elif element.tag == f"{WORD}num":
                self._numbers[element.get(f"{WORD}numId", "")] = element
        self._lists: dict[str, _List | None] = {}
        self._counters: dict[str, dict[int, int]] = {}

    def next_label(self, number: str, depth: int | None, style: ParagraphStyle) -> Label | None:
        """Return the label of the next paragraph of a list, and count it. None if the paragraph has no label.

        ``depth`` is its level from 0; None if the level is the one that belongs to the style.
        """
        found = self._list(number)
        if found is None:
            return None
        at = self._depth_of_style(number, style) if depth is None else depth
        level = found.levels.get(at)
        if level is None or at not in _LEVELS:
            return None
        counters = self._counters.setdefault(found.key, {})
        self._count(found, counters, at)
        if level.style == "bullet":
            shown = f"{_bullet(level)} " if level.text.strip() else ""
        else:
            text = _PLACE.sub(lambda match: _shown(found, counters, int(match[1]) - 1, legal=level.legal), level.text)
            text = without_private_codes(text)
            shown = text + ("" if text.endswith(" ") else level.suffix) if text.strip() else ""
        return Label(shown, at + 1, level.style == "bullet", found.key, level.indent) if shown else None

    def forget_counts(self) -> None:
        """Begin all lists anew."""
        self._counters.clear()
        self._lists.clear()

    def _count(self, found: _List, counters: dict[int, int], at: int) -> None:
        """Count a paragraph at a level: deeper levels begin anew, those above that have no number yet begin."""
        for above in range(at):
            if above not in counters:
                counters[above] = _start(found, above)
                found.begun.add(above)
        if at in found.starts and at not in found.begun:
            counters[at] = found.starts[at]
        else:
            counters[at] = counters[at] + 1 if at in counters else _start(found, at)
        found.begun.add(at)
        for deeper in [level for level in counters if level > at]:
            restart = found.levels[deeper].restart if deeper in found.levels else None
            if restart is None or at < restart:
                del counters[deeper]

    def _depth_of_style(self, number: str, style: ParagraphStyle) -> int:
        """Return the level of a list that belongs to a style; the first one if none does."""
        abstract = self._abstract(number)
        for level in abstract.iterchildren(f"{WORD}lvl") if abstract is not None else ():
            linked = level.find(f"{WORD}pStyle")
            if linked is not None and linked.get(VALUE) == style.identifier:
                return integer_of(level.get(f"{WORD}ilvl"), 0)
        return 0

    def _list(self, number: str) -> _List | None:
        """Return a list; None if the document does not have it."""
        if number not in self._lists:
            self._lists[number] = self._make_list(number)
        return self._lists[number]

    def _make_list(self, number: str) -> _List | None:
        abstract, element = self._abstract(number), self._numbers.get(number)
        if abstract is None or element is None:
            return None
        levels = {integer_of(level.get(f"{WORD}ilvl"), 0): _level_of(level) for level in abstract.iterchildren(f"{WORD}lvl")}
        starts = {}
        for override in element.iterchildren(f"{WORD}lvlOverride"):
            at = integer_of(override.get(f"{WORD}ilvl"), 0)
            if (level := override.find(f"{WORD}lvl")) is not None:
                levels[at] = _level_of(level)
            if (start := override.find(f"{WORD}startOverride")) is not None:
                starts[at] = integer_of(start.get(VALUE), 1)
        return _List(abstract.get(f"{WORD}abstractNumId", ""), levels, starts)

    def _abstract(self, number: str) -> Element | None:
        """Return the abstract list of a list, by way of the numbering style that it may name."""
        for _ in range(len(self._numbers) + 1):
            element = self._numbers.get(number)
            named = None if element is None else element.find(f"{WORD}abstractNumId")
            abstract = None if named is None else self._abstracts.get(named.get(VALUE, ""))
            link = None if abstract is None else abstract.find(f"{WORD}numStyleLink")
            if link is None:
                return abstract
            linked = self._number_of_style(link.get(VALUE, ""))
            if linked is None or linked == number:
                return abstract
            number = linked
        return None


def _level_of(element: Element) -> _Level:
    """Return a level from its element."""
    level = _Level()
    for child in element.iter():
        value = child.get(VALUE, "")
        match child.tag.removeprefix(WORD):
            case "start":
                level.start = integer_of(value, 1)
            case "numFmt":
                level.style, level.custom = value, child.get(f"{WORD}format", "")
            case "lvlText":
                level.text = value
            case "suff":
                level.suffix = "" if value == "nothing" else " "
            case "lvlRestart":
                level.restart = integer_of(value, 0)
            case "isLgl":
                level.legal = is_on(child)
            case "ind":
                level.indent = indent_of(child)
            case "rFonts":
                level.font = child.get(f"{WORD}ascii") or child.get(f"{WORD}hAnsi")
    return level


def _start(found: _List, at: int) -> int:
    """Return the number with which a level begins."""
    level = found.levels.get(at)
    return found.starts.get(at, level.start if level else 1)


def _shown(found: _List, counters: dict[int, int], at: int, *, legal: bool) -> str:
    """Return the number of a level as its style shows it; empty for a level without numbers."""
    level = found.levels.get(at)
    if level is None or level.style in {"bullet", "none"}:
        return ""
    count = counters.get(at, _start(found, at))
    return str(count) if legal else numeral(count, level.style, level.custom)


def _bullet(level: _Level) -> str:
    """Return the sign before an item: a check box or a tick as it is, any other as a bullet."""
    shown = symbol_of(ord(level.text[0]), level.font)
    return shown if shown in "☐☑☒✓✗" else BULLET
