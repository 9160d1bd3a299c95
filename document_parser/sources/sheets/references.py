"""References to cells, such as ``B7`` and ``A1:C9``. Rows and columns count from 1, as in the references."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

MAX_ROWS, MAX_COLUMNS = 1 << 20, 1 << 14
"""Size of a sheet."""
_CELL = re.compile(r"\$?([A-Za-z]{1,3})\$?(\d{1,7})")
_ROWS = re.compile(r"\$?(\d{1,7}):\$?(\d{1,7})")


class Region(NamedTuple):
    """A rectangle of cells; its last row and column belong to it."""

    top: int
    left: int
    bottom: int
    right: int

    def contains(self, row: int, column: int) -> bool:
        """Return whether a cell is in the region."""
        return self.top <= row <= self.bottom and self.left <= column <= self.right

    def clip(self, bounds: Region) -> Region:
        """Return the region without what lies below or right of some bounds; its first cell stays."""
        bottom, right = max(self.top, min(self.bottom, bounds.bottom)), max(self.left, min(self.right, bounds.right))
        return Region(self.top, self.left, bottom, right)

    def __str__(self) -> str:
        """Return the reference, such as ``A1:C9``."""
        return f"{column_name(self.left)}{self.top}:{column_name(self.right)}{self.bottom}"


@lru_cache(maxsize=MAX_COLUMNS)
def column_name(column: int) -> str:
    """Return the letters of a column."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


@lru_cache(maxsize=MAX_COLUMNS)
def column_number(letters: str) -> int:
    """Return the number of a column named by letters."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def parse_region(reference: str) -> Region | None:
    """Return the region of a reference to a cell, cells or whole rows; None for anything else. A sheet's name is ignored."""
    reference = reference.rpartition("!")[2]
    if found := _ROWS.fullmatch(reference):
        return Region(int(found[1]), 1, int(found[2]), MAX_COLUMNS)
    first, _, last = reference.partition(":")
    start, end = _CELL.fullmatch(first), _CELL.fullmatch(last or first)
    if start is None or end is None:
        return None
    rows = sorted((int(start[2]), int(end[2])))
    columns = sorted((column_number(start[1]), column_number(end[1])))
    return Region(rows[0], columns[0], rows[1], columns[1])
