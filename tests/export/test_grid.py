"""Rows of a table as the formats show them."""

from __future__ import annotations

from document_parser.export.grid import count_header_rows
from document_parser.models import Cell, Table


def table(*cells: tuple[int, int, int, bool]) -> Table:
    """A table of (row, column, rows, whether it is a header)."""
    made = [Cell(row=row, column=column, row_span=rows, text="x", header=header) for row, column, rows, header in cells]
    return Table(rows=3, columns=2, cells=made)


def test_a_row_header_over_several_rows_below_the_header_is_no_header_row() -> None:
    head = ((0, 0, 1, True), (0, 1, 1, True))
    assert count_header_rows(table(*head, (1, 0, 2, True), (2, 1, 1, False))) == 1
    assert count_header_rows(table(*head, (1, 0, 1, True), (1, 1, 1, True), (2, 0, 1, False))) == 2
    assert count_header_rows(table((0, 0, 2, True), (0, 1, 1, True), (1, 1, 1, True), (2, 0, 1, False))) == 2


def test_a_header_that_reaches_beyond_its_table_is_a_header() -> None:
    assert count_header_rows(table((0, 0, 1, True), (1, 0, 1, True), (2, 0, 9, True))) == 3
