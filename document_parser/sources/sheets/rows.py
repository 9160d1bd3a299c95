"""Rows of sheets as their files give them: cells with text, value and format, before they become tables."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from document_parser.models import Span

MAX_PART_CELLS = 20_000
"""Cells with content of one part of a sheet; a sheet with more is read in several parts."""


@dataclass(slots=True)
class SheetRow:
    """The cells of a row that are in the file, from left to right; lists have an entry for each. Counts from 1.

    ``values`` are stored values as JSON: numbers as the file writes them, dates as ISO 8601; None where the text is the value.
    ``formats`` are number format codes, None for General. ``formulas`` and ``spans`` (emphasis and links in the texts) are by
    column.
    """

    number: int
    columns: list[int]
    texts: list[str]
    values: list[str | None]
    formats: list[str | None]
    hidden: bool = False
    formulas: dict[int, str] = field(default_factory=dict)
    spans: dict[int, list[Span]] = field(default_factory=dict)


def value_of(stored: str | None) -> bool | int | float | str | None:
    """Return a stored value; None for a number beyond what can be counted with."""
    if stored is None:
        return None
    try:
        value: bool | int | float | str | None = json.loads(stored)
    except ValueError:
        try:
            value = float(stored)
        except ValueError:
            return stored
    return None if value in (float("inf"), float("-inf")) or value != value else value


@dataclass(slots=True)
class FormulaCount:
    """What a part shows of its formulas: how many it has, which have no stored result, and how many have 0."""

    formulas: int = 0
    zeros: int = 0
    uncached: list[str] = field(default_factory=list)
