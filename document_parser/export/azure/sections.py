"""Gather the sections of a document: a tree of paragraphs, tables and figures below their headings."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Section:
    """A section: its level (0 for the whole document), its offsets, and references to what is in it."""

    level: int
    start: int
    end: int = 0
    elements: list[str] = field(default_factory=list)


class Sections:
    """The sections of a document, whose elements come in order. Offsets are those of the result."""

    def __init__(self) -> None:
        """Start with the section of the whole document."""
        self.all = [Section(0, 0)]
        self._open = [0]

    def add(self, reference: str, start: int, end: int, level: int = 0) -> None:
        """Add an element; a ``level`` from 1 makes it the heading of a new section."""
        if level:
            while len(self._open) > 1 and self.all[self._open[-1]].level >= level:
                self._open.pop()
            self.all[self._open[-1]].elements.append(f"/sections/{len(self.all)}")
            self._open.append(len(self.all))
            self.all.append(Section(level, start))
        for number in self._open:
            self.all[number].end = max(self.all[number].end, end)
        self.all[self._open[-1]].elements.append(reference)
