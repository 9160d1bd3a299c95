"""The numbers of lists in RTF whose paragraphs come without the text of their labels (RTF 1.9.1, "List Tables")."""

from __future__ import annotations

import re
from dataclasses import dataclass

from document_parser.text.word_numerals import numeral

MAX_LEVELS = 9
_STYLES = {
    0: "decimal", 1: "upperRoman", 2: "lowerRoman", 3: "upperLetter", 4: "lowerLetter", 5: "ordinal", 6: "cardinalText",
    7: "ordinalText", 22: "decimalZero", 255: "none",
}  # fmt: skip
"""The numerals of ``\\levelnfc`` by the names of Word; all others are written in decimal."""
_BULLET = 23
_PLACES = re.compile("[\x00-\x08]")
"""What stands for the number of a level in the text of a label."""


@dataclass
class _Level:
    """A level of a list: how its numbers are written, what they begin with, and the text around them."""

    numerals: int = 0
    start: int = 1
    text: str = ""


class Lists:
    """The lists that a file defines, and how far each one has been counted.

    The definitions come one after the other: ``begin`` is called with each word that begins one, the others set its parts.
    """

    def __init__(self) -> None:
        """Begin without lists."""
        self._levels: dict[int, list[_Level]] = {}
        self._lists: dict[int, int] = {}
        self._starts: dict[tuple[int, int], int] = {}
        self._counts: dict[int, list[int | None]] = {}
        self._begun: set[tuple[int, int]] = set()
        self._reading: list[_Level] = []
        self._is_override = False
        self._list_of_override = 0
        self._new_starts: list[int | None] = []

    def begin(self, word: str) -> None:
        """Begin a list, a level of it, an override of a list, or one of a level."""
        match word:
            case "list":
                self._reading, self._is_override = [], False
            case "listlevel" if not self._is_override:
                self._reading.append(_Level())
            case "listoverride":
                self._is_override, self._new_starts = True, []
            case "lfolevel":
                self._new_starts.append(None)

    def set_list(self, identifier: int) -> None:
        """Set the id of a list behind its levels, or the list of an override."""
        if self._is_override:
            self._list_of_override = identifier
        else:
            self._levels[identifier] = self._reading[:MAX_LEVELS]

    def set_numerals(self, kind: int) -> None:
        """Set how the numbers of a level are written."""
        if self._reading and not self._is_override:
            self._reading[-1].numerals = kind

    def set_start(self, number: int) -> None:
        """Set what the numbers of a level begin with."""
        if self._is_override and self._new_starts:
            self._new_starts[-1] = number
        elif self._reading and not self._is_override:
            self._reading[-1].start = number

    def set_text(self, captured: str) -> None:
        """Set the text of the labels of a level from what the file has: its length, the text, and a semicolon."""
        if self._reading and not self._is_override and captured:
            self._reading[-1].text = captured[1 : 1 + ord(captured[0])]

    def end_override(self, number: int) -> None:
        """Set the number by which paragraphs name a list, with the starts of its own."""
        self._lists[number] = self._list_of_override
        self._starts |= {(number, level): start for level, start in enumerate(self._new_starts) if start is not None}

    def label(self, number: int, level: int) -> str:
        """Count a paragraph at a level (from 0) of the list with a number, and return its label; empty if it has none."""
        levels = self._levels.get(self._lists.get(number, 0), [])
        if level >= len(levels):
            return ""
        self._count(number, level, levels[level].start)
        if levels[level].numerals == _BULLET:
            return "•"
        return _PLACES.sub(lambda place: self._written(number, levels, ord(place[0])), levels[level].text).strip()

    def _count(self, number: int, level: int, start: int) -> None:
        """Count one paragraph; the levels below begin anew."""
        counts = self._counts.setdefault(self._lists[number], [None] * MAX_LEVELS)
        before = counts[level]
        if (number, level) in self._starts and (number, level) not in self._begun:
            counts[level] = self._starts[number, level]
        else:
            counts[level] = start if before is None else before + 1
        self._begun.add((number, level))
        counts[level + 1 :] = [None] * (MAX_LEVELS - level - 1)

    def _written(self, number: int, levels: list[_Level], level: int) -> str:
        """Return the number of a level as it is written in a label; a level that has not begun stands at its start."""
        if level >= len(levels):
            return ""
        count = self._counts[self._lists[number]][level]
        return numeral(levels[level].start if count is None else count, _STYLES.get(levels[level].numerals, "decimal"))
