"""The numbers of lists and headings as OpenDocument programs show them."""

from __future__ import annotations

from dataclasses import dataclass, field

from document_parser.sources.opendocument.styles import LevelStyle

_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"),
    (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
MAX_ROMAN = 3999


def format_number(number: int, style: str) -> str:
    """Return a number as ``1``, ``a``, ``A``, ``i`` or ``I``; in any other style as ``1``."""
    if style in ("a", "A") and number > 0:
        letters = ""
        while number:
            number, rest = divmod(number - 1, 26)
            letters = chr(ord(style) + rest) + letters
        return letters
    if style in ("i", "I") and 0 < number <= MAX_ROMAN:
        text = ""
        for value, letters in _ROMAN:
            text += letters * (number // value)
            number %= value
        return text.upper() if style == "I" else text
    return str(number)


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
