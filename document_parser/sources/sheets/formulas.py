"""Formulas that a file stores once for many cells, as each cell has them."""

from __future__ import annotations

import re

from document_parser.sources.sheets.references import MAX_COLUMNS, MAX_ROWS, column_name, column_number

_PART = re.compile(
    r"\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*'!?|(?<![\w.$])(\$?)([A-Z]{1,3})(\$?)(\d{1,7})(?![\w(.])|[^\"'A-Z$]+|.", re.DOTALL
)
"""Texts and names of sheets in quotes, references to cells, and what is between them."""
_LINK = re.compile(r'HYPERLINK\(\s*"([^"]+)"', re.IGNORECASE)


def shift_formula(formula: str, rows: int, columns: int) -> str:
    """Return a formula with its relative references moved down by ``rows`` and right by ``columns``."""

    def shift(match: re.Match[str]) -> str:
        """Return a piece of the formula, moved if it is a reference."""
        if match[2] is None:
            return match[0]
        column = column_number(match[2]) + (0 if match[1] else columns)
        row = int(match[4]) + (0 if match[3] else rows)
        if not (1 <= column <= MAX_COLUMNS and 1 <= row <= MAX_ROWS):
            return "#REF!"
        return f"{match[1]}{column_name(column)}{match[3]}{row}"

    return _PART.sub(shift, formula)


def link_of(formula: str) -> str | None:
    """Return the address to which a formula links, if it is written out in it."""
    found = _LINK.match(formula)
    return found[1] if found else None
