"""Blocks side by side, addresses or signatures, are read one after the other; tables that look like them stay tables."""

from __future__ import annotations

import pytest

from document_parser.layout.page import blocks_of
from tests.support.layout_pages import (
    HEIGHT,
    WIDTH,
    blocks,
    kinds,
    level,
    line,
    prose,
    rows_at,
    shown,
    table_of,
    texts,
    upright,
    whole,
)

SENDER = ("Baumgartner & Sons Ltd", "14 Harbour Road", "Bristol BS1 4RN", "United Kingdom")
BUYER = ("Keller Books", "Ms Anna Keller", "221 Long Street", "8001 Zurich")
DEPOT = ("Keller Books Depot", "Dock 7", "Industriestrasse 12", "8005 Zurich")
SOLID = 12.0


def beside(*columns, lefts=(72, 330), pitch=SOLID, top=80):
    """Columns of lines on common baselines; a shorter one ends earlier."""
    most = max(map(len, columns))
    rows = zip(*([*column, *[""] * (most - len(column))] for column in columns), strict=True)
    return rows_at(list(rows), lefts, top, pitch)


def tables(found):
    return [block for block in found if block.table]


def test_two_addresses_side_by_side_are_two_blocks_and_no_table():
    found = blocks(beside(SENDER, BUYER) + prose(4, 72, 180, 520))
    assert texts(found)[:-1] == [*SENDER, *BUYER]
    assert set(kinds(found)) == {"paragraph"}


@pytest.mark.parametrize("longer", [0, 1])
def test_the_lines_by_which_one_of_them_is_longer_stay_with_it(longer):
    columns = [SENDER, BUYER]
    columns[longer] = (*columns[longer], "office@harbour.example", "Telephone 0117 496 0000")
    found = blocks(beside(*columns) + prose(4, 72, 200, 520))
    assert whole(found).startswith(" ".join((*columns[0], *columns[1])))


def test_three_addresses_under_headings_are_three_blocks():
    columns = (("From", *SENDER), ("Bill to", *BUYER), ("Ship to", *DEPOT))
    found = blocks(beside(*columns, lefts=(72, 230, 400)) + prose(4, 72, 180, 520))
    assert not tables(found)
    assert whole(found).startswith(" ".join(" ".join(column) for column in columns))


def test_addresses_of_a_page_read_from_the_right_are_read_from_there():
    shops = (("مكتبة البحر", "شارع 14", "مبنى 7", "تونس"), ("مخزن الكتب", "شارع 221", "مبنى 3", "القاهرة"))
    found = blocks(beside(*shops))
    assert not tables(found)
    assert "الكتب" in texts(found)[0]
    assert "تونس" in texts(found)[-1]


def test_signatures_with_the_same_labels_are_two_blocks():
    left = ("ACME CORPORATION", "By: J. Smith", "Name: John Smith", "Title: Director")
    right = ("KELLER BOOKS AG", "By: A. Keller", "Name: Anna Keller", "Title: Chief Executive")
    found = blocks(beside(left, right))
    assert not tables(found)
    assert whole(found) == " ".join((*left, *right))


def test_a_table_right_below_the_addresses_stays_a_table():
    items = [("Item", "Number", "Sum"), ("Atlas", "2", "80.00"), ("Chart", "3", "27.00"), ("Tides", "1", "12.50")]
    found = blocks(beside(SENDER, BUYER) + rows_at(items, (72, 330, 430), 160))
    assert texts(found)[:-1] == [*SENDER, *BUYER]
    assert [block.table.rows for block in tables(found)] == [len(items)]


@pytest.mark.parametrize(
    ("rows", "pitch"),
    [
        ([("Owner", "Keller Books"), ("Harbour", "Dock 7"), ("Built", "1962"), ("Engine", "Two diesels")], SOLID),
        ([("Monday", "Fish with rice"), ("Tuesday", "Lentil soup"), ("Thursday", "Roast lamb")], SOLID),
        ([("Name:", "Keller Books"), ("Street:", "221 Long Street"), ("Town:", "Zurich")], SOLID),
        ([("Tea 250 g", "RM 4.20"), ("Bread", "RM 3.10"), ("Milk 1 l", "RM 2.00"), ("Total", "RM 9.30")], SOLID),
        ([("Dell XPS 13", "Intel i7"), ("Apple Air", "M2"), ("Lenovo T14", "AMD"), ("Asus", "Snapdragon X")], 18.0),
    ],
    ids=["names and values", "words", "labels", "sums", "rows set apart"],
)
def test_rows_that_say_something_of_each_other_are_a_table(rows, pitch):
    (table,) = blocks(rows_at(rows, (72, 250), 100, pitch))
    assert table.kind == "table"
    assert [[cell.text for cell in table.table.cells if cell.row == row] for row in range(len(rows))] == [*map(list, rows)]


def test_a_line_between_blocks_whose_lines_stand_on_other_rows_makes_no_table_of_them():
    """The receipt and the payment part of a Swiss payment slip."""
    receipt = [(text, "") for text in ("Receipt", "Payable to", *SENDER, "Payable by", *BUYER)]
    part = [(text, "") for text in ("Payment part", "Payable to", *SENDER, "Reference", "21 00000 00003", *BUYER)]
    words = rows_at(receipt, (30, 30), 560, 9.0, size=7.0) + rows_at(part, (320, 320), 563, 12.5)
    found = blocks_of(words, WIDTH, HEIGHT, [level(550, 0, 595), upright(175, 550, 842)])
    assert not tables(found)
    assert whole(found).split() == " ".join(text for text, _ in (*receipt, *part)).split()


def test_columns_between_two_rules_whose_lines_share_their_rows_stay_a_table():
    rows = [("Berth", "Length", "Fee"), ("North", "120", "45.50"), ("South", "85", "31.20")]
    rules = [level(95, 72, 400), level(150, 72, 400), *(upright(at, 95, 150) for at in (72, 180, 290, 400))]
    assert shown(table_of(rows_at(rows, (80, 190, 300), 100), rules)) == [*map(list, rows)]


DETAILS = (("Invoice no.", "Date", "Due", "Customer"), ("2022-0417", "9 May 2022", "23 May 2022", "L-1188"))


def test_addresses_beside_numbers_and_dates_are_blocks_and_the_pairs_a_table():
    found = blocks(beside(SENDER, BUYER, *DETAILS, lefts=(72, 220, 380, 460)) + prose(4, 72, 180, 520))
    assert texts(found)[:8] == [*SENDER, *BUYER]
    assert [shown(block.table) for block in found if block.table] == [[list(pair) for pair in zip(*DETAILS, strict=True)]]


def test_columns_with_labels_that_come_again_stay_a_table():
    labels = ("pcs", "pcs", "kg", "pcs")
    found = blocks(beside(SENDER, BUYER, labels, DETAILS[1], lefts=(72, 220, 380, 460)) + prose(4, 72, 180, 520))
    assert [block.table.columns for block in found if block.table] == [4]


def test_an_address_beside_labels_with_values_are_two_blocks():
    entries = ("Invoice 4711", "Date: 3 May 2024", "Due: 17 May 2024")
    found = blocks(beside(SENDER[:3], entries) + prose(4, 72, 180, 520))
    assert texts(found)[:6] == [*SENDER[:3], *entries]


def test_names_beside_numbered_places_stay_a_table():
    places = ("Room 12", "Room 14", "Room 9")
    found = blocks(beside(SENDER[:3], places) + prose(4, 72, 180, 520))
    assert [block.table.columns for block in found if block.table] == [2]


def test_lists_side_by_side_are_read_one_after_the_other():
    well = ("What went well", "• New pier opened", "• Two ferries more", "• No accidents")
    badly = ("What did not", "• Lift broken twice", "• Cost of fuel up")
    found = blocks(beside(well, badly, pitch=20))
    assert [text for text in texts(found) if "went" not in text and "not" not in text] == [
        *(line.removeprefix("• ") for line in well[1:]),
        *(line.removeprefix("• ") for line in badly[1:]),
    ]


def test_addresses_side_by_side_above_fields_at_the_same_places_are_read_one_after_the_other():
    facts = [("Invoice No.:", "RX 4711"), ("Date:", "17 May 2021"), ("Due:", "16 June 2021")]
    found = blocks(beside(SENDER[:3], BUYER) + rows_at(facts, (72, 330), 80 + 6 * SOLID))
    assert texts(found)[:7] == [*SENDER[:3], *BUYER]
    assert shown(found[7].table) == [list(row) for row in facts]


def test_lines_to_sign_on_side_by_side_are_each_read_with_their_name():
    words = prose(4, 72, 80, 520) + beside(("_" * 22, "Anna Keller", "Director"), ("_" * 22, "Paul Baumgartner"), top=160)
    assert whole(blocks(words)).endswith(f"{'_' * 22} Anna Keller Director {'_' * 22} Paul Baumgartner")


FUNDS = [[f"Class {letter} notes", f"{number}4,000,000", f"{number}.25%"] for number, letter in enumerate("ABCDE", 1)]
TESTS = [
    [name, f"{number}31.4%", "pass"] for number, name in enumerate(("Cover", "Interest", "Spread", "Default", "Quality"), 1)
]


def sheet(*, bold=True, right_heading=310.0):
    """Two tables on level rows, each below a heading on a line of its own."""
    heads = line("Notes", 72, 100, size=12, bold=bold) + line("Coverage tests", right_heading, 100, size=12, bold=bold)
    words = heads + rows_at(FUNDS, (72, 160, 245), 124) + rows_at(TESTS, (310, 400, 470), 124)
    return words, [level(116, 72, 296), level(116, 310, 520)]


def test_headings_on_lines_of_their_own_head_two_tables_side_by_side():
    words, lines = sheet()
    found = blocks_of(words, WIDTH, HEIGHT, lines)
    assert kinds(found) == ["heading", "table", "heading", "table"]
    assert [shown(block.table) for block in tables(found)] == [FUNDS, TESTS]


def test_the_next_headings_side_by_side_end_the_tables_above_them():
    words, lines = sheet()
    below = [word._replace(top=word.top + 120 / HEIGHT, bottom=word.bottom + 120 / HEIGHT) for word in words]
    further = [rule._replace(top=rule.top + 120 / HEIGHT, bottom=rule.bottom + 120 / HEIGHT) for rule in lines]
    found = blocks_of(words + below, WIDTH, HEIGHT, lines + further)
    assert [shown(block.table) for block in tables(found)] == [FUNDS, TESTS] * 2


@pytest.mark.parametrize("label", ["", "Year"])
def test_lines_under_the_heads_of_two_groups_of_columns_part_no_table(label):
    words = line("Notes", 200, 100, bold=True) + line("Tests", 400, 100, bold=True) + line(label, 72, 100, bold=True)
    words += rows_at(
        [[f"202{row}", *f"{row}1 {row}2 {row}3 {row}4".split()] for row in range(6)], (72, 180, 260, 360, 440), 124
    )
    found = blocks_of(words, WIDTH, HEIGHT, [level(116, 160, 300), level(116, 340, 480)])
    assert len(tables(found)) == 1
