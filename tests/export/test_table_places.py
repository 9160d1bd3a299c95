"""Tables in HTML: a browser puts every cell under its own heading, whatever the table leaves out."""

from __future__ import annotations

import random

from document_parser.export.html import table_lines
from document_parser.models import Cell, Table
from tests.support.case_reading import grids_of_html


def laid_out(rows, columns, *cells):
    """The table as a browser lays it out."""
    (found,) = grids_of_html("\n".join(table_lines([Table(rows=rows, columns=columns, cells=list(cells))])))
    return found


def test_places_without_a_cell_are_written_as_empty_cells():
    found = laid_out(
        3,
        3,
        Cell(row=0, column=0, text="a", header=True),
        Cell(row=0, column=1, column_span=2, text="b", header=True),
        Cell(row=1, column=2, text="c"),
    )
    assert found == [["a", "b", ""], ["", "", "c"], ["", "", ""]]


def test_a_heading_that_reaches_into_the_rows_below_ends_with_the_header():
    found = laid_out(
        3,
        2,
        Cell(row=0, column=0, row_span=2, text="a", header=True),
        Cell(row=0, column=1, text="b", header=True),
        Cell(row=1, column=1, text="c"),
        Cell(row=2, column=0, row_span=9, text="d"),
    )
    assert found == [["a", "b"], ["", "c"], ["d", ""]]


def test_rows_add_up_and_no_text_is_lost_however_the_cells_overlap():
    for seed in range(300):
        dice = random.Random(seed)
        rows, columns = dice.randint(1, 6), dice.randint(1, 6)
        cells = [
            Cell(
                row=dice.randrange(rows),
                column=dice.randrange(columns),
                row_span=dice.choice((1, 1, 2, 3)),
                column_span=dice.choice((1, 1, 2, 4)),
                text=f"cell {number}",
            )
            for number in range(dice.randint(1, 14))
        ]
        heads = dice.randint(0, 2)
        found = laid_out(rows, columns, *(cell.model_copy(update={"header": cell.row < heads}) for cell in cells))
        shown = sorted(text for row in found for text in row if text)
        assert shown == sorted(cell.text for cell in cells), f"seed {seed}"
