"""Rows of sheets as their files give them: cells with text, value and format, before they become tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from document_parser.models import Span
from document_parser.models.packed_cells import PackedTexts, escape

T = TypeVar("T")

MAX_PART_CELLS = 20_000
"""Cells with content of one part of a sheet; a sheet with more is read in several parts."""


@dataclass(slots=True)
class SheetRow:
    """The cells of a row that are in the file, from left to right; sequences have an entry for each. Counts from 1.

    ``values`` are stored values as JSON: numbers as the file writes them, dates as ISO 8601; None where the text is the value.
    ``formats`` are number format codes, None for General. ``formulas`` and ``spans`` (emphasis and links in the texts) are by
    column.
    """

    number: int
    columns: list[int]
    texts: Sequence[str]
    values: Sequence[str | None]
    formats: list[str | None]
    hidden: bool = False
    formulas: dict[int, str] = field(default_factory=dict)
    spans: dict[int, list[Span]] = field(default_factory=dict)


@dataclass(slots=True)
class FormulaCount:
    """What a part shows of its formulas: how many it has, which have no stored result, and how many have 0."""

    formulas: int = 0
    zeros: int = 0
    uncached: list[str] = field(default_factory=list)


def pack_rows(rows: Sequence[SheetRow], left: int, right: int) -> PackedTexts:
    """Return the packed form of rows that follow one another, none of which has emphasis, links, or merged cells."""
    full = list(range(left, right + 1))
    texts: list[str] = []
    values: list[str] = []
    formats: list[str] = []
    formulas: list[str] = []
    places: dict[str | None, str] = {None: ""}
    last_formats: list[str | None] | None = None
    for row in rows:
        whole = row.columns == full
        texts.append(_packed_line(row.texts if whole else _spread(row, row.texts, full, "")))
        values.append("\t".join([value or "" for value in (row.values if whole else _spread(row, row.values, full, None))]))
        codes = row.formats if whole else _spread(row, row.formats, full, None)
        if codes == last_formats:
            formats.append(formats[-1])
        else:
            formats.append("\t".join(places.setdefault(code, str(len(places))) for code in codes))
            last_formats = codes
        formulas.append("\t".join(escape(row.formulas.get(column, "")) for column in full) if row.formulas else "")
    return PackedTexts(
        rows=len(rows),
        columns=len(full),
        texts="\n".join(texts),
        values="\n".join(values),
        formats="\n".join(formats),
        formulas="\n".join(formulas) if any(formulas) else "",
        codes=[code for code in places if code is not None],
    )


def _packed_line(texts: Sequence[str]) -> str:
    """Return texts between tabs."""
    line = "\t".join(texts)
    if "\\" in line or "\n" in line or "\r" in line or line.count("\t") != len(texts) - 1:
        return "\t".join(map(escape, texts))
    return line


def _spread(row: SheetRow, entries: Sequence[T], columns: Sequence[int], empty: T) -> list[T]:
    """Return the entries of a row with an empty one for each column that it lacks."""
    found = dict(zip(row.columns, entries, strict=True))
    return [found.get(column, empty) for column in columns]
