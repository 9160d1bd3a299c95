"""A reading of aligned words costs something for each border that the rows do not show, and for each that they show in vain."""

from __future__ import annotations

from document_parser.layout.tables.column_costs import COLUMN_COST, column_cost
from document_parser.layout.tables.grid import Grid, GridCell
from tests.support.layout_pages import HEIGHT, WIDTH, line


def cell(column, text, left, top):
    """A cell of one column with its words in points."""
    words = [
        word._replace(left=word.left * WIDTH, right=word.right * WIDTH, top=word.top * HEIGHT, bottom=word.bottom * HEIGHT)
        for word in line(text, left, top)
    ]
    return GridCell(column, column, tuple(words))


def payments(head):
    """A table whose second column has the cells of two: paid out at 200, paid in at 280."""
    rows = [(cell(0, "Date", 72, 100), head)]
    for number in range(6):
        rows.append(
            (cell(0, f"0{number}.03.", 72, 120 + 16 * number), cell(1, "31.95", 200 + 80 * (number % 2), 120 + 16 * number))
        )
    return Grid(tuple(rows), 2)


def test_two_headings_over_cells_that_white_parts_are_two_columns():
    out, back = cell(1, "out", 200, 100), cell(1, "in", 280, 100)
    assert column_cost(payments(GridCell(1, 1, (*out.words, *back.words)))) == COLUMN_COST


def test_one_heading_over_cells_of_two_edges_is_one_column():
    assert column_cost(payments(cell(1, "Amount", 230, 100))) == 0
    assert column_cost(payments(cell(1, "Paid", 200, 100))) == 0


def dates(headings):
    """A table whose days and months are cells of their own, a space apart."""
    rows = [tuple(cell(number, text, 72 + 60 * number, 100) for number, text in enumerate(headings))]
    for number in range(6):
        top = 120 + 16 * number
        rows.append((cell(0, f"1{number}", 72, top), cell(1, "Dec 2022", 85, top), cell(2, "148.33", 220, top)))
    return Grid(tuple(rows), 3)


def test_a_space_in_all_rows_below_one_heading_is_no_border():
    assert column_cost(dates(["Date"])) == COLUMN_COST


def test_close_columns_with_a_heading_each_are_two():
    assert column_cost(dates(["No.", "Month", "Amount"])) == 0
