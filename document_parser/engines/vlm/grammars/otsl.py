"""Tables in OTSL: a token for each place of the grid, and the text of a cell after its token.

``<fcel>`` is a cell with text, ``<ecel>`` an empty one; ``<lcel>`` belongs to the cell on its left, ``<ucel>`` to the one
above, ``<xcel>`` to both; ``<nl>`` ends a row. ``<ched>``, ``<rhed>`` and ``<srow>`` are cells of headers.
Source: Lysak et al., Optimized Table Tokenization for Table Structure Recognition (2023).
"""

from __future__ import annotations

import re

from document_parser.engines.vlm.html_table import MAX_COLUMNS
from document_parser.engines.vlm.markdown import to_running_text
from document_parser.models import Cell, Table

TOKEN = re.compile(r"<(fcel|ecel|lcel|ucel|xcel|ched|rhed|srow|nl)>")
"""One token of the grid."""
HEADERS = {"ched", "rhed", "srow"}
"""Tokens of cells that are headers."""


def read_otsl(source: str) -> tuple[Table | None, str]:
    """Return the table of these tokens, and the text before them; no table if there is no cell.

    Rows that are too short end early. A token of a span that has no cell to belong to is an empty cell.
    """
    outside, rows = _rows_of(source)
    grid: dict[tuple[int, int], Cell] = {}
    cells: list[Cell] = []
    for row, places in enumerate(rows):
        for column, (token, text) in enumerate(places):
            owner = _owner(grid, token, row, column)
            if owner is None:
                owner = Cell(row=row, column=column, text=to_running_text(text), header=token in HEADERS)
                cells.append(owner)
            else:
                owner.row_span = max(owner.row_span, row - owner.row + 1)
                owner.column_span = max(owner.column_span, column - owner.column + 1)
                if text.strip():
                    owner.text = f"{owner.text}\n{to_running_text(text)}".strip()
            grid[row, column] = owner
    if not cells:
        return None, outside
    return Table(rows=len(rows), columns=max(map(len, rows)), cells=cells), outside


def _rows_of(source: str) -> tuple[str, list[list[tuple[str, str]]]]:
    """Return the text before the first token, and the rows as tokens with the text after each."""
    first, *pieces = TOKEN.split(source)
    rows: list[list[tuple[str, str]]] = [[]]
    for token, text in zip(pieces[0::2], pieces[1::2], strict=True):
        if token == "nl":
            rows.append([])
        elif len(rows[-1]) < MAX_COLUMNS:
            rows[-1].append((token, text))
        else:
            rows[-1][-1] = (rows[-1][-1][0], f"{rows[-1][-1][1]} {text}")
    while rows and not rows[-1]:
        rows.pop()
    return first.strip(), rows


def _owner(grid: dict[tuple[int, int], Cell], token: str, row: int, column: int) -> Cell | None:
    """Return the cell that a place belongs to; None if a cell begins there."""
    left, above = grid.get((row, column - 1)), grid.get((row - 1, column))
    match token:
        case "lcel":
            # Only to the cell whose row this is: the span of a cell from above would no longer be a rectangle.
            return left if left is not None and left.row == row else None
        case "ucel":
            return above if above is not None and above.column == column else None
        case "xcel":
            return above if above is not None and above is left else None
    return None
