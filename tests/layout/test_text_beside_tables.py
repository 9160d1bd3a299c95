"""Running text above and below tables: its spaces may be as wide as the white between columns, and part no line into cells."""

from __future__ import annotations

from document_parser.layout.page import blocks_of
from tests.support.layout_pages import (
    HEIGHT,
    WIDTH,
    blocks,
    grid,
    level,
    line,
    only_table,
    prose,
    rows_at,
    table_of,
    texts,
    upright,
    whole,
)

ROWS = [["", "2021", "2022", "2023"], ["Sales", "275.5", "295.6", "319.4"], ["Costs", "180.2", "190.1", "201.7"]]
LEFTS = (72, 160, 240, 320)


def wide_text(top):
    """Three lines of justified text with spaces of about 0.7 font sizes, and a short last one."""
    texts = (
        "we now expect that growth will be stronger this year",
        "and that more units are going to be sold over winter",
        "than in all of the years that were reported on here",
    )
    words = [word for number, text in enumerate(texts) for word in line(text, 72, top + 12 * number, right=345)]
    return words + line("before.", 72, top + 36)


def test_text_with_wide_spaces_right_above_a_table_is_no_row_of_it():
    found = blocks(wide_text(60) + rows_at(ROWS, LEFTS, 110, pitch=14))
    assert grid(only_table(found)) == ROWS
    assert "more units are going to be sold over winter" in whole(found)


def test_text_with_wide_spaces_right_below_a_table_is_no_row_of_it():
    found = blocks(rows_at(ROWS, LEFTS, 100, pitch=14) + wide_text(146))
    assert grid(only_table(found)) == ROWS
    assert "more units are going to be sold over winter" in whole(found)


def test_a_long_text_in_one_cell_at_the_end_of_a_table_stays_in_it():
    rows = [["A1", "Valve", "Fits all of the pipes that were sold"], ["A2", "Pump", "Has to be oiled once in a year"]]
    found = blocks(rows_at([["No.", "Item", "Use"]], (72, 120, 200), 100, bold=True) + rows_at(rows, (72, 120, 200), 116))
    assert grid(only_table(found)) == [["No.", "Item", "Use"], *rows]


def test_rows_below_a_rule_end_where_running_text_begins():
    words = rows_at(ROWS, LEFTS, 104, pitch=14) + prose(3, 72, 150, 400)
    found = blocks_of(words, WIDTH, HEIGHT, [level(118, right=400)])
    assert grid(only_table(found)) == ROWS
    assert len([text for text in texts(found) if text]) >= 1


def narrow_grid(last):
    """A ruled table of three columns, the first so narrow that words in it break; ``last`` are the lines of its last cell."""
    words = rows_at([["Tool", "Version", "Notes"]], (76, 124, 230), 104, bold=True)
    words += line("oot", 76, 124) + line("15.04", 124, 124) + line("Full support of all units", 230, 124)
    words += line("strap", 76, 136)
    words += line("1.0", 124, 156) + line("Makes file systems", 230, 156)
    for number, text in enumerate(last):
        words += line(text, 76, 156 + 12 * number)
    rules = [level(at, 72, 500) for at in (100, 118, 150, 196)]
    return words, rules + [upright(at, 100, 196) for at in (72, 120, 226, 500)]


def test_a_word_broken_over_three_lines_of_a_narrow_cell_begins_no_row():
    rows = grid(table_of(*narrow_grid(["de", "boot", "strap"])))
    assert [row[1:] for row in rows] == [
        ["Version", "Notes"],
        ["15.04", "Full support of all units"],
        ["1.0", "Makes file systems"],
    ]


def test_numbers_below_each_other_in_narrow_cells_are_one_row():
    words = rows_at([["Number", "First", "Second", "Size"]], (76, 140, 200, 260), 104, bold=True)
    for top, size in ((124, "0.8"), (164, "0.5"), (204, "1.0")):
        words += line("1", 76, top) + line(size, 260, top)
        for number, text in enumerate(("[1,", "0,", "0]")):
            words += line(text, 140, top + 12 * number) + line(text, 200, top + 12 * number)
    rules = [level(at, 72, 320) for at in (100, 120, 160, 200, 240)]
    table = table_of(words, rules + [upright(at, 100, 240) for at in (72, 136, 196, 256, 320)])
    assert [row[1:] for row in grid(table)[1:]] == [["[1, 0, 0]", "[1, 0, 0]", size] for size in ("0.8", "0.5", "1.0")]
