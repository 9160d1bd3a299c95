"""Read lists one page at a time, newest first, with a filter that scans a bounded number of entries."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from document_parser.api.schemas import CURSOR
from document_parser.errors import InvalidOption

MAX_SCANNED_ENTRIES = 2000
"""Maximum number of entries that one request scans."""
Shown = TypeVar("Shown")
"""An entry as it is shown to the caller."""


def page_of(
    newest: Callable[[float | None, int], list[tuple[str, float]]],
    show: Callable[[list[str]], Mapping[str, Shown]],
    cursor: str,
    limit: int,
) -> tuple[list[Shown], str | None]:
    """Return the next entries and the cursor of the page after them; None at the end.

    ``newest`` returns names with descending scores below a score. ``show`` omits what the caller did not ask for. If few
    entries pass the filter, a page may have fewer than ``limit`` entries and still a cursor. Raises InvalidOption if the
    cursor is malformed.
    """
    found: list[Shown] = []
    before, scanned = _parse_cursor(cursor), 0
    while len(found) < limit and scanned < MAX_SCANNED_ENTRIES:
        names = newest(before, limit)
        shown = show([name for name, _ in names])
        for name, score in names:
            before, scanned = score, scanned + 1
            if name in shown:
                found.append(shown[name])
            if len(found) == limit:
                break
        if len(names) < limit:
            return found, None if len(found) < limit else repr(before)
    return found, repr(before)


def _parse_cursor(cursor: str) -> float | None:
    if not re.fullmatch(CURSOR, cursor):
        raise InvalidOption.for_fields({"field": "cursor", "problem": "unknown; send next_cursor of the previous response"})
    return float(cursor) if cursor else None
