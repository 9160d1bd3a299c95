"""Tables without drawn lines are proposed, scored, and given the rows and the header that stand beside them."""

from __future__ import annotations

from document_parser.layout.page import blocks_of
from document_parser.models import RulingLine
from tests.support.layout_pages import HEIGHT, WIDTH, blocks, grid, kinds, line, prose, whole


def rows(texts, lefts, top, pitch=18, bold=False):
    """Words of rows of cells at these left edges; empty cells are left out."""
    words = [
        word
        for number, row in enumerate(texts)
        for text, left in zip(row, lefts, strict=True)
        if text
        for word in line(text, left, top + number * pitch)
    ]
    return [word._replace(bold=True) for word in words] if bold else words


def bar(left, top, right, bottom):
    return RulingLine(left / WIDTH, top / HEIGHT, right / WIDTH, bottom / HEIGHT)


def tables(words, rules=()):
    return [grid(block.table) for block in blocks_of(words, WIDTH, HEIGHT, rules) if block.table]


ENTRIES = [
    ["01.10.2026", "Card payment", "7.50", "1,992.50"],
    ["02.10.2026", "Standing order", "15.00", "1,985.00"],
    ["03.10.2026", "Transfer", "22.50", "1,977.50"],
    ["04.10.2026", "Salary", "366.00", "1,970.00"],
    ["05.10.2026", "Direct debit", "37.50", "1,962.50"],
]
LEFTS = [72, 150, 300, 400]


def test_bars_behind_every_other_row_leave_out_neither_the_header_nor_the_first_row():
    words = rows([["Date", "Description", "Debit", "Balance"]], LEFTS, 82) + rows(ENTRIES, LEFTS, 100)
    bars = [bar(66, 114, 470, 131), bar(66, 150, 470, 167)]
    (found,) = tables(words, bars)
    assert found[0] == ["Date", "Description", "Debit", "Balance"]
    assert found[1:] == ENTRIES


def test_a_small_table_is_found_by_its_bold_header():
    words = rows([["Title", "Country", "Position"]], [72, 200, 330], 100, bold=True)
    words += rows([["Title1", "Spain", "Quality"], ["Title2", "Europe", "Development"]], [72, 200, 330], 114, 14)
    (found,) = tables(words)
    assert found == [["Title", "Country", "Position"], ["Title1", "Spain", "Quality"], ["Title2", "Europe", "Development"]]


def test_clauses_with_hanging_numbers_are_no_table():
    words = []
    for number in range(4):
        words += line(f"1.{number + 1}", 72, 100 + 40 * number) + prose(3, 110, 100 + 40 * number, 500, seed=number)
    assert "table" not in kinds(blocks(words))


def test_narrow_columns_of_running_text_are_no_table():
    words = [word for left in (72, 210, 350) for word in prose(6, left, 100, left + 120, seed=left)]
    found = blocks(words)
    assert "table" not in kinds(found)
    assert len(whole(found).split()) == len(words)


def test_two_closed_frames_with_white_between_are_two_tables():
    words, rules = [], []
    for top in (100, 142):
        words += rows([["AA", "BB"], ["CC", "DD"]], [80, 280], top + 4)
        rules += [bar(72, top + 18 * number, 472, top + 18 * number) for number in range(3)]
        rules += [bar(left, top, left, top + 36) for left in (72, 272, 472)]
    assert len(tables(words, rules)) == 2


def test_short_lines_above_sums_do_not_join_the_labels_beside_them():
    labels = [
        "Rents",
        "Dividends",
        "Interest",
        "Direct result",
        "Revaluation",
        "Costs",
        "Total result",
        "Shares",
        "Units",
        "Per unit",
    ]
    amounts = ["7", "5", "112", "124", "2,076,667", "(106,870)", "1,969,797", "399", "21", "3.78"]
    words = rows([list(pair) for pair in zip(labels, amounts, strict=True)], [72, 420], 120, 16)
    rules = [bar(70, 112, 480, 113), bar(414, 213, 480, 214), bar(414, 229, 480, 230), bar(414, 261, 480, 262)]
    (found,) = tables(words, rules)
    assert found == [list(pair) for pair in zip(labels, amounts, strict=True)]


def test_bars_behind_rows_leave_out_no_header_whose_last_heading_is_longer_than_its_column():
    entries = [["Coffee", "6", "6.75", "yes"], ["Bread", "56", "9.08", "yes"], ["Oil", "62", "20.79", "yes"]]
    entries += [["Tea", "65", "50.13", "no"], ["Salt", "17", "42.36", "no"]]
    words = rows([["Article", "Pieces", "Price", "In stock today"]], LEFTS, 100, bold=True) + rows(entries, LEFTS, 118)
    found = tables(words, [bar(66, 118 - 4 + 36 * number, 460, 118 + 14 + 36 * number) for number in range(3)])
    assert found == [[["Article", "Pieces", "Price", "In stock today"], *entries]]


def test_stripes_behind_rows_of_words_leave_out_neither_the_header_nor_the_last_row():
    towns = [["Ashby", "Anna Berg", "north", "open"], ["Greyford", "J. Miller", "south", "closed"]]
    towns += [["Holm", "P. Olsen", "east", "open"], ["Lund", "M. Stone", "west", "open"]]
    towns += [["Wick", "Clara Dunn", "north", "closed"], ["Yarm", "Tom Hale", "south", "open"]]
    words = rows([["Town", "Manager", "Region", "State"]], LEFTS, 100, bold=True) + rows(towns, LEFTS, 118)
    found = tables(words, [bar(66, 118 - 4 + 36 * number, 460, 118 + 14 + 36 * number) for number in range(3)])
    assert found == [[["Town", "Manager", "Region", "State"], *towns]]
