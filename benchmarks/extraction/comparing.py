"""Say whether a value that was extracted is the expected one."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from string import ascii_lowercase
from typing import Any

from document_parser.extraction.conventions import Conventions
from document_parser.extraction.values import find_dates, find_numbers

CENT = 0.006
"""Difference of amounts that are the same."""
LIKE = 0.9
"""Share of letters in order that names and addresses read by OCR have in common, at least."""
_NOTATION = Conventions(decimal=".", day_first=True)


@dataclass
class Tally:
    """How many values were expected, and how many of them were right."""

    right: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, *, right: bool) -> None:
        self.asked[name] += 1
        self.right[name] += right

    def share(self, names: Iterable[str] | None = None) -> float:
        """The share of right values, of all or of these fields."""
        kept = list(self.asked if names is None else names)
        return sum(self.right[name] for name in kept) / max(1, sum(self.asked[name] for name in kept))


@dataclass
class Cells:
    """Cells of lists: how many are the same on both sides, expected, and returned."""

    common: int = 0
    expected: int = 0
    returned: int = 0

    def add(self, expected: Iterable[Mapping[str, Any]], returned: Iterable[Mapping[str, Any]], keys: Iterable[str]) -> None:
        wanted, found = (Counter(_cells(rows, list(keys))) for rows in (expected, returned))
        self.common += sum((wanted & found).values())
        self.expected += sum(wanted.values())
        self.returned += sum(found.values())

    @property
    def f1(self) -> float:
        return 2 * self.common / max(1, self.expected + self.returned)


def _cells(rows: Iterable[Mapping[str, Any]], keys: list[str]) -> Iterable[tuple[str, Any]]:
    for row in rows:
        for key in keys:
            value = row.get(key)
            if value not in (None, ""):
                yield key, _plain(value) if key == "name" else round(float(value), 2)


def _plain(value: Any) -> str:
    return " ".join(str(value).split()).casefold()


def is_equal(value: Any, expected: Any) -> bool:
    """Whether a value is the expected one: amounts to the cent, texts but for case and white space."""
    if isinstance(value, int | float) and isinstance(expected, int | float):
        return abs(value - expected) < CENT
    return _plain(value) == _plain(expected)


def is_hashed(value: Any, expected: str) -> bool:
    """Whether a name is the one whose hash is expected, but for one letter: SHA-256 of its letters and digits in small ones."""
    letters = "".join(filter(str.isalnum, str(value).casefold()))
    return any(hashlib.sha256(one.encode()).hexdigest() == expected for one in {letters, *_one_letter_away(letters)})


def _one_letter_away(text: str) -> Iterator[str]:
    """Yield the texts that have one letter more, less, or another one."""
    for at in range(len(text) + 1):
        before, after = text[:at], text[at:]
        yield before + after[1:]
        for letter in ascii_lowercase:
            yield before + letter + after
            yield before + letter + after[1:]


def is_day(value: Any, written: str) -> bool:
    """Whether a value is the day that a truth has written in the receipt's own notation."""
    return value in [date.value for date in find_dates(written, _NOTATION)]


def is_amount(value: Any, written: str) -> bool:
    """Whether a value is the amount that a truth has written with a sign of currency."""
    return value is not None and any(abs(number.value - value) < CENT for number in find_numbers(written, _NOTATION))


def is_like(value: Any, written: str) -> bool:
    """Whether a text read by OCR is the expected one but for a few letters."""
    one, other = (re.sub(r"[\W_]", "", str(text).casefold()) for text in (value or "", written))
    return SequenceMatcher(None, one, other).ratio() >= LIKE
