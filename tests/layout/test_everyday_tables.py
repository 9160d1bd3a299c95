"""Tables as invoices, statements, forms and price lists have them: remarks below cells, headings between rows, blank sheets."""

from __future__ import annotations

import pytest

from document_parser.layout.page import blocks_of
from document_parser.layout.tables.grid import Grid, GridCell
from document_parser.layout.tables.header_above import add_rows_around
from document_parser.models import RulingLine
from tests.support.layout_pages import (
    HEIGHT,
    WIDTH,
    blocks,
    grid,
    kinds,
    level,
    line,
    only_table,
    prose,
    rows_at,
    shown,
    table_of,
    texts,
    upright,
    width_of,
)

LEFTS = (72, 130, 330, 430)
HEADER = ["Date", "Description", "Amount", "Balance"]


def statement(remark_gap, remark_left=130.0, remark_size=10.0):
    """The words of a bank statement whose payments have a remark below the description, and its rules."""
    words = rows_at([HEADER], LEFTS, 104, bold=True)
    top = 124.0
    for number, name in enumerate(("Card payment", "Salary", "Rent", "Direct debit")):
        words += rows_at([[f"0{number + 1}.03.", name, f"{number}8.40", f"1,{number}95.70"]], LEFTS, top)
        words += line("BAKERY LUND", remark_left, top + 10 + remark_gap, size=remark_size)
        top += 20 + 2 * remark_gap + 4
    return words, [level(100), level(119), level(top)]


@pytest.mark.parametrize("gap", [2.0, 4.0, 6.0])
def test_the_second_line_of_a_payment_is_in_its_row(gap):
    rows = grid(table_of(*statement(gap)))
    assert [row[1] for row in rows[1:]] == [
        f"{name} BAKERY LUND" for name in ("Card payment", "Salary", "Rent", "Direct debit")
    ]


def test_a_remark_in_small_letters_below_the_first_column_is_in_its_row():
    rows = grid(table_of(*statement(3.0, remark_left=72.0, remark_size=8.0)))
    assert [row[0] for row in rows[1:-1]] == [f"0{number}.03. BAKERY LUND" for number in (1, 2, 3)]


def test_a_closing_balance_below_the_last_line_is_a_row():
    words, rules = statement(3.0)
    bottom = rules[-1].top * HEIGHT
    words += line("Closing balance", 130, bottom - 5, bold=True) + line("1,395.70", 430, bottom - 5, bold=True)
    assert grid(table_of(words, rules))[-1] == ["", "Closing balance", "", "1,395.70"]


def test_a_table_to_fill_in_is_a_table():
    words = rows_at([["Name", "Mon", "Tue", "Wed", "Thu"], ["Kari", "", "", "", ""]], (80, 180, 260, 340, 420), 106)
    rules = [level(at) for at in (100, 120, 140, 160, 180)] + [upright(at, 100, 180) for at in (72, 172, 252, 332, 412, 520)]
    table = table_of(words, rules)
    assert (table.rows, table.columns) == (4, 5)
    assert grid(table)[:2] == [["Name", "Mon", "Tue", "Wed", "Thu"], ["Kari", "", "", "", ""]]


def test_a_row_of_boxes_keeps_each_value_with_its_label():
    words = [
        word
        for left, label, value in ((76, "Make", "Nordkapp 605"), (240, "Length", "6.05 m"), (390, "Year", "2008"))
        for word in line(label, left, 103, size=7) + line(value, left, 112)
    ]
    rules = [level(100), level(126)] + [upright(at, 100, 126) for at in (72, 236, 386, 520)]
    assert shown(table_of(words, rules)) == [["Make Nordkapp 605", "Length 6.05 m", "Year 2008"]]


FIELDS = [["Name:", "Ole Brandt"], ["Street:", "Skippergata"], ["Town:", "Ytrevik"]]


def test_headings_of_the_page_part_fields():
    words = rows_at(FIELDS, (72, 200), 100) + line("Boat", 72, 160, size=12, bold=True)
    words += rows_at([["Make:", "Nordkapp"], ["Builder:", "Hansen"], ["Colour:", "blue"]], (72, 200), 180)
    words += line("Insurance", 72, 240, size=12, bold=True) + rows_at(
        [["Company:", "Trygd"], ["Policy:", "full"]], (72, 200), 260
    )
    found = blocks(words)
    assert kinds(found) == ["table", "heading", "table", "heading", "table"]
    assert texts(found)[1] == "Boat"


def test_a_ruled_form_with_a_large_section_heading_below_an_empty_row_is_one_table():
    words = rows_at(FIELDS, (76, 204), 103) + line("Boat", 76, 184, size=12, bold=True)
    rules = [level(at) for at in (100, 120, 140, 160, 180, 200, 220)]
    rules += [upright(at, top, bottom) for at in (72, 520) for top, bottom in ((100, 220),)]
    words += rows_at([["Make:", "Nordkapp"]], (76, 204), 203)
    rules += [upright(200, 100, 180), upright(200, 200, 220)]
    rows = grid(table_of(words, rules))
    assert [row for row in rows if any(row)][:3] == FIELDS
    assert [row[0] for row in rows if row[0]][3:] == ["Boat", "Make:"]


def test_sections_in_the_size_of_the_cells_stay_in_their_table():
    words = rows_at([["Test", "Result", "Unit"]], (72, 250, 350), 100, bold=True) + line("Chemistry", 72, 116, bold=True)
    words += rows_at([["Sodium", "141", "mmol"], ["Chloride", "101", "mmol"]], (72, 250, 350), 132) + line(
        "Blood", 72, 164, bold=True
    )
    words += rows_at([["Platelets", "251", "g"], ["Iron", "12", "mg"]], (72, 250, 350), 180)
    assert [row[0] for row in grid(only_table(blocks(words)))] == [
        "Test", "Chemistry", "Sodium", "Chloride", "Blood", "Platelets", "Iron",
    ]  # fmt: skip


@pytest.mark.parametrize("lefts", [(72, 140, 200), (72, 200, 330)])
def test_a_paragraph_between_two_tables_parts_them(lefts):
    words = rows_at([["Ticket", "Adult", "Child"]], lefts, 100, bold=True)
    words += rows_at([["Day", "12.00", "6.00"], ["Week", "48.00", "24.00"]], lefts, 116)
    words += line("Boats are let to members of the club who can swim.", 72, 156)
    words += rows_at([["Hire", "Hour", "Day"]], lefts, 180, bold=True)
    words += rows_at([["Bicycle", "4.00", "15.00"], ["Canoe", "9.00", "30.00"]], lefts, 196)
    assert kinds(blocks(words)) == ["table", "paragraph", "table"]


def centred(rows, lefts, top=100.0, padding=6.0):
    """The words of rows whose cells, lists of lines, are centred beside each other."""
    words = []
    for row in rows:
        height = 12 * max(map(len, row))
        for left, lines in zip(lefts, row, strict=True):
            start = top + (height - 12 * len(lines)) / 2
            words += [word for number, text in enumerate(lines) for word in line(text, left, start + 12 * number)]
        top += height + 2 * padding
    return words


def test_cells_that_are_centred_beside_each_other_are_one_row():
    rows = [
        [["Drug"], ["Dose"], ["Remarks"]],
        [["Abaloran"], ["20 mg"], ["Take with food and not with milk,", "cheese or other dairy products."]],
        [["Belotine"], ["5 mg"], ["In the morning only."]],
        [
            ["Cortaxil"],
            ["100 mg"],
            ["Half a tablet for patients whose", "kidneys do not work well, and no", "other tablets on that day."],
        ],
    ]
    found = grid(only_table(blocks(centred(rows, (72, 180, 260)))))
    assert found == [[" ".join(cell) for cell in row] for row in rows]


def test_a_row_of_centred_cells_above_the_first_rule_is_one_row():
    lefts = (72, 140, 200, 430)
    first = centred(
        [[["Abaloran"], ["20 mg"], ["Take with food and not with milk,", "cheese or other products."], ["12.40"]]], lefts
    )
    rows = [["Belotine", "5 mg", "In the morning only.", "3.10"], ["Dorafen", "10 mg", "Three times a day.", "5.25"]]
    cells = [
        tuple(GridCell(n, n, tuple(points(line(text, lefts[n], top)))) for n, text in enumerate(row))
        for top, row in zip((136, 160), rows, strict=True)
    ]
    found = add_rows_around(Grid(tuple(cells), 4), points(first))
    assert [[cell.text for cell in row] for row in found.rows] == [
        ["Abaloran", "20 mg", "Take with food and not with milk, cheese or other products.", "12.40"],
        *rows,
    ]


def points(words):
    """The words with lengths in points."""
    return [
        word._replace(left=word.left * WIDTH, right=word.right * WIDTH, top=word.top * HEIGHT, bottom=word.bottom * HEIGHT)
        for word in words
    ]


def test_narrow_columns_of_justified_text_are_no_lines_across_them():
    words = [word for number in range(4) for word in prose(16, 50 + 132 * number, 100, 168 + 132 * number, seed=number)]
    found = blocks(words)
    assert len(found) == 4
    assert found[0].text.startswith(" ".join(word.text for word in words[:3]))


def test_lines_beside_a_box_go_on_below_it():
    beside = [
        "the boats may use the inner basin meanwhile as long as they",
        "leave room for the ferry which calls twice on each day and",
    ]
    words = [word for number, text in enumerate(beside) for word in line(text, 72, 100 + 13 * number)]
    below = "stays for an hour at the pier head before it goes back to the island where it stays at night with its crew again"
    words += line(below, 72, 126, right=520) + line(below, 72, 139, right=520)
    assert kinds(blocks(words)) == ["paragraph"]


def box(left, top, right, bottom):
    """The four lines around a box."""
    return [level(top, left, right), level(bottom, left, right), upright(left, top, bottom), upright(right, top, bottom)]


def nested_tables(inner_walls):
    """Parts with a small table in the second cell of each row; ``inner_walls`` are where its two columns are parted."""
    words = rows_at([["Part", "Measures", "Note"]], (76, 176, 386), 104, bold=True)
    rules = [
        *box(72, 98, 520, 120),
        upright(172, 98, 120 + 58 * len(inner_walls)),
        upright(382, 98, 120 + 58 * len(inner_walls)),
    ]
    for number, wall in enumerate(inner_walls):
        top = 120 + 58 * number
        rules += [*box(72, top, 520, top + 58), *box(180, top + 7, 374, top + 51)]
        rules += [upright(wall, top + 7, top + 51), level(top + 29, 180, 374)]
        words += line(f"Valve {number}", 76, top + 12) + line("of steel", 386, top + 12)
        words += rows_at([["length", f"4{number}"], ["weight", f"7{number}"]], (184, wall + 4), top + 12, pitch=22)
    return words, rules


def test_tables_in_cells_are_rows_and_columns_of_the_table_around_them():
    words, rules = nested_tables((280, 300))
    assert shown(table_of(words, rules)) == [
        ["Part", "Measures (1x2)", "Note"],
        ["Valve 0 (2x1)", "length", "40", "of steel (2x1)"],
        ["weight", "70"],
        ["Valve 1 (2x1)", "length", "41", "of steel (2x1)"],
        ["weight", "71"],
    ]


LAB_LEFTS = (76, 220, 268, 380)
LAB_ROWS = [
    ["Glucose", "6.0", "mmol/L", "3.9 - 5.6"],
    ["ALT", "21.2", "U/L", "7.0 - 45.0"],
    ["Urea", "5.1", "mmol/L", "2.8 - 7.2"],
]


def lab_report(ruled):
    """Results below two bold headings of sections; with rules between all rows if ``ruled``, else around header and table."""
    words, rules, top = [], [level(100)], 104.0
    rows = [["Test", "Result", "Unit", "Range"], ["Blood"], *LAB_ROWS, ["Serum"], *LAB_ROWS]
    for number, row in enumerate(rows):
        words += rows_at([row], LAB_LEFTS[: len(row)], top, bold=len(row) == 1 or number == 0)
        top += 20
        if ruled or number in (0, len(rows) - 1):
            rules.append(level(top - 4))
    return words, rules


@pytest.mark.parametrize("ruled", [True, False])
def test_bold_headings_of_sections_stand_over_all_columns_below_a_bold_header(ruled):
    rows = shown(table_of(*lab_report(ruled)))
    assert rows == [
        ["Test", "Result", "Unit", "Range"], ["Blood (1x4)"], *LAB_ROWS, ["Serum (1x4)"], *LAB_ROWS,
    ]  # fmt: skip


def test_text_between_two_closed_frames_is_in_neither():
    rows = [["alpha", "12", "40"], ["beta", "15", "41"]]
    words = rows_at([["Name", "Size", "Weight"], *rows], (80, 280, 420), 104, bold=False)
    words += line("The second table has what was measured again after the repair of the third of the four", 72, 170)
    words += line("pumps, and what was left out.", 72, 183)
    words += rows_at([["Pump", "Size", "Weight"], *rows], (80, 280, 420), 210)
    rules = [*box(72, 100, 520, 152), *box(72, 206, 520, 258), upright(270, 206, 258), level(222), level(238)]
    found = blocks_of(words, WIDTH, HEIGHT, rules)
    assert kinds(found) == ["table", "paragraph", "table"]


def test_an_address_and_the_numbers_of_an_account_above_a_header_are_no_rows():
    words = line("Frank Okafor", 72, 100) + line("194 Linden Avenue", 72, 116)
    words += rows_at([["Account", "6112890920"], ["Sort code", "628360"]], (72, 240), 132)
    lefts = (72, 150, 330, 410, 480)
    words += rows_at([["Date", "Details", "Paid out", "Paid in", "Balance"]], lefts, 172, bold=True)
    payments = [
        ["22 Mar 2000", "Marta Ekström", "", "578.08", "7,035.63"],
        ["24 Mar 2000", "Boris Quinn", "31.95", "", "6,303.68"],
    ]
    words += [word for word in rows_at(payments * 6, lefts, 190) if word.text]
    rows = grid(only_table(blocks(words)))
    assert rows[0] == ["Date", "Details", "Paid out", "Paid in", "Balance"]
    assert rows[1:3] == payments


PRICES = [["Paint", "228.59"], ["Floor tile", "0.46"], ["Washer", "39.26"], ["Bracket", "34.24"], ["Chair", "243.75"]]


def test_tables_side_by_side_with_the_same_header_are_two():
    words = rows_at([["Article", "Price", "Article", "Price"]], (72, 220, 320, 460), 100, bold=True)
    words += rows_at(PRICES[:4], (72, 220), 118) + rows_at(PRICES, (320, 460), 118)
    tables = [grid(block.table) for block in blocks(words) if block.table]
    assert tables == [[["Article", "Price"], *PRICES[:4]], [["Article", "Price"], *PRICES]]


def test_of_tables_side_by_side_the_left_one_is_read_first_though_the_right_one_begins_higher():
    def ruled(left, top):
        rules = [RulingLine(left / WIDTH, at / HEIGHT, (left + 180) / WIDTH, at / HEIGHT) for at in range(top, top + 100, 18)]
        return rows_at([["Article", "Price"], *PRICES[:4]], (left + 4, left + 140), top + 4), rules

    (one, its), (other, others) = ruled(72, 103), ruled(320, 100)
    tables = [block for block in blocks_of(one + other, WIDTH, HEIGHT, [*its, *others]) if block.table]
    assert [block.box.left < 0.5 for block in tables] == [True, False]


def test_headings_that_differ_are_of_one_table():
    words = rows_at([["Article", "Price", "Pack", "Weight"]], (72, 220, 320, 460), 100, bold=True)
    words += [
        word
        for row, at in zip(PRICES, range(118, 200, 16), strict=False)
        for word in rows_at([row * 2], (72, 220, 320, 460), at)
    ]
    assert only_table(blocks(words)).columns == 4


def test_stripes_on_both_sides_of_the_frame_of_another_table_are_two_tables():
    def stripes(top):
        rows = [["A11", "Ball valve", "239.67"], ["A12", "Spring washer", "75.71"], ["A13", "Gasket", "204.01"]]
        fills = [
            RulingLine(left / WIDTH, at / HEIGHT, right / WIDTH, (at + 16) / HEIGHT)
            for at in (top, top + 32)
            for left, right in ((72, 150), (150, 400), (400, 520))
        ]
        return rows_at(rows, (76, 154, 440), top + 4), fills

    (above, first), (below, second) = stripes(100), stripes(230)
    words = above + rows_at([["B1", "Ladder", "131.97"], ["B2", "Shelf", "80.32"]], (76, 140, 300), 172) + below
    tables = [
        grid(block.table)
        for block in blocks_of(words, WIDTH, HEIGHT, [*first, *box(72, 166, 360, 206), *second])
        if block.table
    ]
    assert [table[0][0] for table in tables] == ["A11", "B1", "A11"]


def test_numbers_beside_labels_are_read_row_by_row_below_a_running_head():
    words = line("Haber este", 460, 60) + line("Statement of account", 72, 90, size=16)
    words += line("Hugo Dufour", 72, 118) + line("58 Mill Lane", 72, 131) + line("46238 Florence", 72, 144)
    words += rows_at([["Account", "0380219721"], ["Sort code", "053492"]], (72, 260), 172)
    found = [text for text in texts(blocks(words)) if "Account" in text or "Sort code" in text]
    assert " ".join(found) == "Account 0380219721 Sort code 053492"


def test_a_large_heading_above_fields_is_no_header_in_pieces():
    fields = rows_at([("Profession:", "Paul Moretti"), ("Born:", "11.04.2011"), ("Code:", "41291")], (72, 140), 130)
    found = blocks(line("Lumiere sans du", 72, 106, size=15, bold=True) + fields)
    assert found[0].text == "Lumiere sans du"


def test_headings_over_empty_rows_with_lines_around_each_cell_are_a_table_to_fill_in():
    words = rows_at([["Surname", "First name", "Born"]], (80, 230, 380), 104)
    rules = [*(level(at) for at in range(100, 260, 20)), *(upright(at, 100, 240) for at in (72, 222, 372, 520))]
    assert grid(table_of(words, rules))[0] == ["Surname", "First name", "Born"]


def test_dots_that_lead_over_a_line_to_a_short_number_stay_with_their_label():
    rows = [["Robbery", "102.1", "25.5"], ["Arson", "9.8", "4.3"], ["Fraud", "17.7", "5.1"], ["Suspicion", "1.6", "0.9"]]
    words = rows_at([["Offence", "Total", "Minors"]], (72, 330, 430), 104) + rows_at(rows, (72, 330, 430), 124)
    for number, (label, *_) in enumerate(rows):
        start = 72 + 5 * len(label)
        words += [word for step in range(12) for word in line(".", start + 10 * step, 124 + 16 * number)]
    rules = [level(100), level(120), level(190), upright(250, 100, 190)]
    assert grid(table_of(words, rules))[1:] == rows


def test_labels_and_numbers_beside_a_coloured_column_are_columns():
    rows = [
        ["Net profit", "233,512", "201,683"],
        ["Other comprehensive income", "", ""],
        ["Items that will not be reclassified", "", ""],
        ["Changes in fair value", "31,874", "64,457"],
        ["Items that may be reclassified", "", ""],
        ["Cash flow hedges", "20", "92"],
        ["Attributable to", "", ""],
        ["Stockholders", "117,132", "401,559"],
    ]
    words = [*line("2020", 345, 84), *line("2021", 445, 84)]
    for number, (label, *sums) in enumerate(rows):
        words += line(label, 72, 104 + 20 * number)
        for text, right in zip(sums, (370, 470), strict=True):
            words += line(text, right - width_of(text, 10), 104 + 20 * number) if text else []
    rules = [level(100 + 20 * number, right=480) for number in range(9)]
    colour = RulingLine(400 / WIDTH, 100 / HEIGHT, 480 / WIDTH, 260 / HEIGHT)
    assert grid(table_of(words, [*rules, colour]))[-len(rows) :] == rows


def test_a_justified_line_over_columns_that_other_rows_have_is_one_cell():
    words = rows_at([["Name", "Number", "Date"], ["Ada", "12", "Monday"], ["Bert", "34", "Friday"]], (80, 230, 380), 104, 30)
    words += line("The following representative is authorized to receive mail", 80, 149, right=350)
    rules = [*(level(at) for at in (100, 130, 145, 160, 180)), *(upright(at, 100, 180) for at in (72, 520))]
    rules += [upright(at, *ends) for at in (222, 372) for ends in ((100, 145), (160, 180))]
    assert "The following representative is authorized to receive mail (1x3)" in shown(table_of(words, rules))[2]
