"""Two readings of tables compared: what is a difference of content, and what only a different way of splitting."""

from __future__ import annotations

from document_parser.models import BoundingBox, Cell, FoundTable
from document_parser.pipeline.checks.table_agreement import TableAgreement, compare_tables
from tests.support.tables import table_of_rows

ROWS = [
    ["Item", "Remark", "Pieces", "Amount"],
    ["Brake lining", "new", "12", "148.50"],
    ["Door roller", "used", "6", "19.75"],
    ["Gear oil can", "sealed", "4", "23.10"],
    ["Belt", "worn", "9", "7.40"],
]
WORDS = [text for row in ROWS for text in row]
PAGE = BoundingBox(left=0, top=0, right=1, bottom=1)


def found(rows, strategy="lines"):
    return FoundTable(strategy=strategy, box=PAGE, rows=rows)


def compared(ours, theirs, words=WORDS, strategy="lines"):
    return compare_tables([ours], [found(theirs, strategy)], words)


def changed(row, column, text):
    rows = [list(cells) for cells in ROWS]
    rows[row][column] = text
    return rows


def test_the_same_table_agrees():
    assert compared(table_of_rows(ROWS), ROWS) == TableAgreement(compared=1)


def test_letter_forms_and_line_ends_are_no_difference():
    theirs = changed(1, 0, "BRAKE\nlining")
    assert compared(table_of_rows(ROWS), theirs).differing == 0


def test_a_word_in_another_column_is_a_difference():
    theirs = [list(row) for row in ROWS]
    theirs[3][0], theirs[3][1] = "Gear", "oil can sealed"
    assert compared(table_of_rows(ROWS), theirs) == TableAgreement(compared=1, moved=1)


def test_a_word_in_another_row_is_a_difference():
    theirs = [list(row) for row in ROWS]
    theirs[2][1], theirs[3][1] = "", "used sealed"
    assert compared(table_of_rows(ROWS), theirs) == TableAgreement(compared=1, moved=1)


def test_a_row_that_ours_lost_is_a_difference_by_each_of_its_cells():
    assert compared(table_of_rows([*ROWS[:2], *ROWS[3:]]), ROWS) == TableAgreement(compared=1, missing=4)


def test_a_column_that_ours_lost_is_a_difference():
    ours = table_of_rows([[row[0], row[1], row[3]] for row in ROWS])
    assert compared(ours, ROWS).missing >= 4


def test_a_title_in_the_frame_of_the_table_is_no_lost_row():
    theirs = [["Stock of the", "shop", None, None], *ROWS, ["Counted by", "hand", None, None]]
    assert compared(table_of_rows(ROWS), theirs, [*WORDS, "Stock of the shop", "Counted by hand"]).differing == 0


def test_lines_of_a_cell_as_rows_are_no_difference():
    theirs = [ROWS[0], ["Brake", "new", "12", "148.50"], ["lining", "", "", ""], *ROWS[2:]]
    assert compared(table_of_rows(ROWS), theirs).differing == 0


def test_a_column_read_as_two_is_no_difference():
    theirs = [[*row[0].partition(" ")[::2], *row[1:]] for row in ROWS]
    assert compared(table_of_rows(ROWS), theirs).differing == 0


def test_rows_read_as_one_are_no_difference():
    theirs = [ROWS[0], ["\n".join(column) for column in zip(*ROWS[1:], strict=True)]]
    assert compared(table_of_rows(ROWS), theirs).differing == 0


def test_a_span_read_as_a_cell_is_no_difference():
    ours = table_of_rows(ROWS)
    ours.cells = [cell for cell in ours.cells if (cell.row, cell.column) not in {(4, 0), (4, 1)}]
    ours.cells.append(Cell(row=4, column=0, column_span=2, text="Belt worn"))
    assert compared(ours, ROWS).differing == 0
    theirs = [list(row) for row in ROWS]
    theirs[4][0], theirs[4][1] = "Belt worn", None
    assert compared(table_of_rows(ROWS), theirs).differing == 0


def test_a_header_over_another_column_is_no_difference():
    theirs = [["", "Item Remark", "", "Pieces Amount"], *ROWS[1:]]
    assert compared(table_of_rows(ROWS), theirs).differing == 0


def test_words_that_the_page_does_not_show_count_for_nothing():
    theirs = [*ROWS[:3], ["secret", "orders", "for", "models"], *ROWS[3:]]
    assert compared(table_of_rows(ROWS), theirs).differing == 0
    assert compared(table_of_rows(ROWS), theirs, [*WORDS, "secret orders for models"]).missing == 4


def test_a_table_that_is_written_sideways_is_compared_the_other_way():
    theirs = [list(column) for column in zip(*ROWS, strict=True)]
    assert compared(table_of_rows(ROWS), theirs).differing == 0


def test_a_frame_around_other_words_is_not_compared():
    assert (
        compared(table_of_rows(ROWS), [["Notes", "on the"], ["back", "page"]], [*WORDS, "Notes on the back page"])
        == TableAgreement()
    )


def test_an_aligned_reading_is_compared_by_columns_alone():
    mixed = [ROWS[0], *([row[0], other[1], *row[2:]] for row, other in zip(ROWS[1:], [*ROWS[2:], ROWS[1]], strict=True))]
    assert compared(table_of_rows(ROWS), mixed, strategy="text") == TableAgreement(compared=1)
    theirs = [list(row) for row in ROWS]
    theirs[3][0], theirs[3][1] = "", "Gear oil can sealed"
    assert compared(table_of_rows(ROWS), theirs, strategy="text") == TableAgreement(compared=1, moved=1)


def test_one_word_cut_off_by_an_aligned_border_is_no_difference():
    theirs = [list(row) for row in ROWS]
    theirs[3][0], theirs[3][1] = "Gear oil", "can sealed"
    assert compared(table_of_rows(ROWS), theirs, strategy="text").differing == 0


def test_the_first_row_counts_as_the_header_of_a_table_that_marks_none():
    theirs = [["", "Item Remark", "", "Pieces Amount"], *ROWS[1:]]
    assert compared(table_of_rows(ROWS, heads=0), theirs).differing == 0


def test_a_word_that_is_nearly_everywhere_is_not_followed():
    rows = [["yes", "no", f"row{number}"] for number in range(500)]
    shifted = [rows[0], *([row[1], row[0], row[2]] for row in rows[1:])]
    assert compared(table_of_rows(rows), shifted, [text for row in rows for text in row]) == TableAgreement(compared=1)
