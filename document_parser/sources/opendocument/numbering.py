"""The numbers of lists and headings as OpenDocument programs show them."""

from __future__ import annotations

from dataclasses import dataclass, field

from document_parser.sources.opendocument.styles import LevelStyle
from document_parser.text.numerals import format_number


@dataclass
class Counter:
    """The numbers that the levels of one list have reached."""

    numbers: dict[int, int] = field(default_factory=dict)

    def step(self, level: int, styles: dict[int, LevelStyle], start: int | None = None) -> str:
        """Count one item of a level and return its label; empty for a bullet. Deeper levels begin anew."""
        for deeper in [one for one in self.numbers if one > level]:
            del self.numbers[deeper]
        style = styles.get(level, LevelStyle(is_bullet=True))
        if start is not None:
            self.numbers[level] = start
        else:
            self.numbers[level] = self.numbers[level] + 1 if level in self.numbers else style.start
        return self.label(level, styles)

    def label(self, level: int, styles: dict[int, LevelStyle]) -> str:
        """Return the label of the item that a level has reached; empty for a bullet."""
        style = styles.get(level, LevelStyle(is_bullet=True))
        if style.is_bullet or not style.number_format:
            return ""
        first = max(1, level - style.shown_levels + 1)
        parts = [self._part(one, styles) for one in range(first, level + 1)]
        return f"{style.prefix}{'.'.join(part for part in parts if part)}{style.suffix}".strip()

    def _part(self, level: int, styles: dict[int, LevelStyle]) -> str:
        """Return the number of one level; empty if it has none."""
        style = styles.get(level, LevelStyle(is_bullet=True))
        return format_number(self.numbers.get(level, style.start), style.number_format) if style.number_format else ""
