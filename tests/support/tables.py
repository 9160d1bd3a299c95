"""Tables made of rows of texts."""

from __future__ import annotations

from collections.abc import Sequence

from document_parser.models import Cell, Table


def table_of_rows(rows: Sequence[Sequence[str]], heads: int = 1) -> Table:
    """A table without spans, whose first rows are its ``heads``."""
    cells = [
        Cell(row=row, column=column, text=text, header=row < heads)
        for row, texts in enumerate(rows)
        for column, text in enumerate(texts)
    ]
    return Table(rows=len(rows), columns=max(map(len, rows)), cells=cells)
