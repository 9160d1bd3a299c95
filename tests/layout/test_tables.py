"""Words and the rules around them become tables with the cells, spans and header that a reader sees."""

from __future__ import annotations

from itertools import pairwise

import pytest

from document_parser.layout.page import blocks_of
from document_parser.layout.tables.fills import join_paddings
from document_parser.layout.tables.grid import GridCell
from document_parser.layout.tables.row_starts import find_heading_spans
from document_parser.models import RulingLine, Table, Word
from tests.support.layout_pages import HEIGHT, WIDTH, kinds, level, line, only_table, prose, rows_at, shown, table_of, upright


def fill(left, top, right, bottom):
    return RulingLine(left / WIDTH, top / HEIGHT, right / WIDTH, bottom / HEIGHT)


def set_at(*texts, size=10.0, bold=False):
    """Words of texts given as (text, left, top)."""
    return [word for text, left, top in texts for word in line(text, left, top, size=size, bold=bold)]


def header(table: Table):
    return sorted({cell.row for cell in table.cells if cell.header})


LEFTS = (80, 250, 350, 450)
NUMBERS = [["alpha", "12", "13", "14"], ["beta", "22", "23", "24"], ["gamma", "32", "33", "34"]]


def test_a_heading_between_two_rules_parts_one_table_and_spans_it():
    words = rows_at([["Model", "One", "Two", "Three"]], LEFTS, 104) + line("First part", 262, 124)
    words += rows_at(NUMBERS[:2], LEFTS, 144) + line("Second part", 252, 184) + rows_at(NUMBERS[1:], LEFTS, 204)
    table = table_of(words, [level(at) for at in (100, 119, 139, 179, 199, 238)])
    assert shown(table) == [
        ["Model", "One", "Two", "Three"],
        ["First part (1x4)"],
        *NUMBERS[:2],
        ["Second part (1x4)"],
        *NUMBERS[1:],
    ]


def test_a_heading_between_the_rules_of_tables_with_other_columns_joins_them_not():
    words = rows_at(NUMBERS, LEFTS, 104) + line("Another table", 260, 160)
    words += rows_at([["left", "right"], ["up", "down"], ["in", "out"]], (100, 300), 184)
    found = blocks_of(words, WIDTH, HEIGHT, [level(at) for at in (100, 117, 152, 176, 197, 236)])
    assert kinds(found) == ["table", "paragraph", "table"]


def test_a_table_may_have_no_line_below_it():
    words = rows_at([["Name", "One", "Two", "Three"], *NUMBERS], LEFTS, 104) + prose(6, 72, 200, 520)
    found = blocks_of(words, WIDTH, HEIGHT, [level(100), level(117)])
    assert kinds(found) == ["table", "paragraph"]
    assert shown(only_table(found)) == [["Name", "One", "Two", "Three"], *NUMBERS]
    assert header(only_table(found)) == [0]


def test_the_open_end_of_a_table_takes_the_last_lines_of_its_last_cell():
    words = rows_at([["Statement", "Yes", "No"], ["one is short", "1", "2"], ["two is short", "3", "4"]], (80, 300, 400), 104)
    words += set_at(("three is long and", 80, 152), ("5", 300, 152), ("6", 400, 152), ("ends below", 80, 163))
    rows = shown(table_of(words, [level(100), level(117)]))
    assert rows[-1] == ["three is long and ends below", "5", "6"]


def test_two_columns_of_text_below_a_rule_are_no_table():
    words = prose(12, 72, 110, 285) + prose(12, 307, 110, 520, seed=2)
    assert "table" not in kinds(blocks_of(words, WIDTH, HEIGHT, [level(90), level(100)]))


def test_a_small_table_of_numbers_needs_two_rows_between_its_rules():
    words = set_at(("Scores of a subset", 300, 104)) + rows_at([["", "low", "mid", "high"]], LEFTS, 124)
    words += line("Model", 80, 114) + rows_at(NUMBERS[:2], LEFTS, 144)
    table = table_of(words, [level(100), level(120, 240, 520), level(140), level(178)])
    assert shown(table) == [["Model (2x1)", "Scores of a subset (1x3)"], ["low", "mid", "high"], *NUMBERS[:2]]
    assert header(table) == [0, 1]


def test_a_boxed_sentence_with_wide_spaces_is_no_table():
    words = line("Every set of points that is closed and bounded", 80, 104) + line("is compact when it lies", 80, 118)
    words += line("in a space", 300, 118) + line("with finitely many", 80, 132) + line("dimensions only.", 300, 132)
    assert "table" not in kinds(blocks_of(words, WIDTH, HEIGHT, [level(100), level(150)]))


@pytest.mark.parametrize("top", [160, 168])
def test_a_label_at_the_middle_of_rows_spans_them(top):
    rows = 4 if top == 168 else 3
    words = rows_at([["Group", "Case", "One", "Two"]], LEFTS, 104)
    words += rows_at([["", f"case{n}", f"{n}1", f"{n}2"] for n in range(rows)], LEFTS, 144)
    words += rows_at([["Rest", "case9", "91", "92"]], LEFTS, 214) + line("All", 80, top)
    table = table_of(words, [level(at) for at in (100, 120, 210, 232)])
    assert [row[0] for row in shown(table)] == ["Group", f"All ({rows}x1)", *(f"case{n}" for n in range(1, rows)), "Rest"]


def test_numbers_centred_beside_one_cell_of_two_lines_stay_in_its_row():
    words = rows_at([["Question", "Yes", "No"]], (80, 300, 400), 104)
    for number, top in enumerate((124, 150, 176)):
        words += set_at((f"question {number} is long and", 80, top), ("ends below", 80, top + 11))
        words += set_at((f"{number}1", 300, top + 5), (f"{number}2", 400, top + 5))
    rows = shown(table_of(words, [level(at) for at in (100, 120, 146, 172, 200)]))
    assert rows[1] == ["question 0 is long and ends below", "01", "02"]
    assert len(rows) == 4


def test_a_short_line_under_the_heading_of_one_column_parts_header_rows():
    words = set_at(("Pair", 290, 104), ("Solo", 450, 104)) + rows_at([["Name", "One", "Two", "Three"]], LEFTS, 124)
    words += rows_at(NUMBERS, LEFTS, 144)
    rules = [level(100), level(119, 245, 400), level(119, 440, 480), level(140), level(194)]
    assert shown(table_of(words, rules))[:2] == [["Name (2x1)", "Pair (1x2)", "Solo"], ["One", "Two", "Three"]]


def test_lines_under_neighbouring_headings_are_two_lines_however_close_they_come():
    words = set_at(("First", 200, 104), ("Second", 390, 104))
    words += rows_at([["Name", "One", "Two", "Three", "Four"], ["a", "11", "12", "13", "14"], ["b", "21", "22", "23", "24"],
                      ["c", "31", "32", "33", "34"]], (80, 170, 250, 350, 450), 124)  # fmt: skip
    rules = [level(100), level(119, 160, 320), level(119, 322.5, 520), level(140), level(190)]
    assert shown(table_of(words, rules))[0] == ["Name (2x1)", "First (1x2)", "Second (1x2)"]


def test_words_underlined_in_a_cell_do_not_part_its_row():
    words = rows_at([["Name", "One", "Two", "Three"], *NUMBERS], LEFTS, 104)
    rules = [level(100), level(117), level(131, 250, 275), level(147, 350, 375), level(168)]
    assert shown(table_of(words, rules))[1:] == NUMBERS


def test_a_heading_as_wide_as_two_columns_does_not_bridge_them():
    lefts = (80, 250, 282, 400)
    words = rows_at([["Name", "Total items", "Share", "Three"]], (80, 226, 287, 400), 104) + rows_at(NUMBERS, lefts, 124)
    assert shown(table_of(words, [level(100), level(120), level(172)])) == [["Name", "Total items", "Share", "Three"], *NUMBERS]


def test_a_heading_over_the_place_where_lines_end_spans_from_line_to_line():
    words = set_at(("Dogs", 200, 104), ("Cats", 420, 104))
    words += rows_at([["k", "a", "b", "c", "d"], ["x", "11", "12", "13", "14"], ["y", "21", "22", "23", "24"]],
                     (80, 150, 250, 350, 450), 124)  # fmt: skip
    rules = [level(100), level(172), level(119, 120, 520)]
    rules += [upright(at, 100, 172) for at in (120, 320)] + [upright(at, 120, 172) for at in (220, 420)]
    assert shown(table_of(words, rules))[0][-2:] == ["Dogs (1x2)", "Cats (1x2)"]


def test_boxes_of_a_form_side_by_side_are_a_row_of_labels_and_one_of_answers():
    words = [*line("1. Name of Registrant", 76, 104), *line("2. Registration No.", 306, 104)]
    words += [*line("British Virgin Island", 90, 116), *line("Tourist Board", 90, 128), *line("3354", 320, 127)]
    rules = [RulingLine(x / WIDTH, 100 / HEIGHT, x / WIDTH, 146 / HEIGHT) for x in (72, 300, 520)]
    rules += [RulingLine(72 / WIDTH, y / HEIGHT, 520 / WIDTH, y / HEIGHT) for y in (100, 146)]
    (block,) = blocks_of(words, WIDTH, HEIGHT, rules)
    assert [cell.text for cell in block.table.cells] == [
        "1. Name of Registrant", "2. Registration No.", "British Virgin Island Tourist Board", "3354",
    ]  # fmt: skip


def test_a_row_begins_where_numbers_stand_beside_a_first_line():
    words = rows_at([["Statement", "One", "Two"]], (80, 300, 400), 104)
    for number, top in enumerate((124, 146, 168, 190)):
        words += set_at(("this statement fills all of its column", 80, top), ("and goes on", 80, top + 11))
        words += set_at((f"{number}1", 300, top), (f"{number}2", 400, top))
    rows = shown(table_of(words, [level(100), level(120), level(212)]))
    assert [row[1:] for row in rows[1:]] == [[f"{n}1", f"{n}2"] for n in range(4)]


def test_bold_headings_of_a_part_are_rows_of_their_own():
    words = rows_at([["Name", "One", "Two", "Three"]], LEFTS, 104) + line("Sex by kind and place of birth", 80, 124, bold=True)
    words += line("Male", 80, 140) + rows_at(NUMBERS, LEFTS, 156)
    first = [row[0] for row in shown(table_of(words, [level(100), level(120), level(204)]))]
    assert first == ["Name", "Sex by kind and place of birth", "Male", "alpha", "beta", "gamma"]


def with_baselines(words):
    """The words as a text layer has them: letters that reach below the line make their boxes deeper."""
    return [w._replace(baseline=w.bottom, bottom=w.bottom + ("p" in w.text) * 2.5 / HEIGHT) for w in words]


def test_bold_headings_between_rows_without_lines_are_rows_of_their_own():
    rows = [["Shares in issue", "1,880"], ["Profit and loss", ""], ["Dividends", "3,010"], ["Expenses", "(377)"], ["Tax", "17"]]
    words = [w for n, row in enumerate(rows) for w in rows_at([row], (80, 300), 100 + 13.5 * n, bold=not row[1])]
    assert shown(table_of(with_baselines(words), [])) == [row[: 1 + bool(row[1])] for row in rows]


def test_rows_as_far_apart_as_all_others_are_not_joined():
    rows = [
        ["Date", "Code", "Item", "Sum"],
        ["4 May", "B200", "Brass hinge, large", "14.50"],
        ["", "B201", "Brass hinge, small", ""],
    ]
    rows += [["", "B201", "Brass hinge, small", ""], ["9 May", "C100", "Screws", "4.10"], ["2 June", "D7", "Lamp oil", "8.00"]]
    words = [w for n, row in enumerate(rows) for w in rows_at([row], (80, 150, 220, 400), 100 + 15 * n + 3 * (n > 0), size=9)]
    assert len(shown(table_of(with_baselines(words), []))) == len(rows)


def test_a_bold_header_whose_words_reach_over_the_middle_between_columns_belongs_to_its_table():
    rows = [["2 April", "Herring", "120", "340.00"], ["3 April", "Flour", "400", "280.00"], ["9 April", "Cod", "15", "95.50"]]
    lefts, header = (80, 150, 260, 310), ["Day", "Goods", "Weight kg", "Cost"]
    words = rows_at([header], lefts, 100, bold=True) + rows_at(rows, lefts, 118)
    stripes = [fill(76, 115, 360, 131), fill(76, 147, 360, 163)]
    assert shown(table_of(words, stripes))[0] == header


def test_runs_of_words_that_end_at_a_column_are_cells_of_their_own():
    def run(text, left, right, top):
        return Word(text, left / WIDTH, top / HEIGHT, right / WIDTH, (top + 12) / HEIGHT)

    words = [run("agree", 283, 318, 104), run("disagree", 321, 369, 104), run("a statement", 80, 140, 104)]
    for number in range(4):
        top = 124 + 16 * number
        words += [run("some words", 80, 140, top), run("12.5", 290, 310, top), run("13.5", 335, 355, top)]
    assert shown(table_of(words, [level(100), level(120), level(190)]))[0] == ["a statement", "agree", "disagree"]


def test_a_header_of_two_rows_is_marked_in_a_ruled_grid():
    words = set_at(("Name", 80, 104), ("Both parts", 250, 104), ("North", 210, 124), ("South", 330, 124), bold=True)
    words += rows_at([["a", "11", "12"], ["b", "21", "22"]], (80, 210, 330), 144)
    rules = [level(at) for at in (100, 140, 160, 180)] + [level(120, 200, 520)]
    rules += [upright(72, 100, 180), upright(200, 100, 180), upright(520, 100, 180), upright(320, 120, 180)]
    table = table_of(words, rules)
    assert shown(table)[0] == ["Name (2x1)", "Both parts (1x2)"]
    assert header(table) == [0, 1]


def test_no_word_is_lost_or_read_twice_where_frames_lie_in_one_another():
    words = rows_at([["Name", "One", "Two", "Three"], *NUMBERS], LEFTS, 104) + line("a note below", 80, 176)
    rules = [level(at) for at in (100, 120, 170, 195)] + [upright(at, 100, 195) for at in (72, 520)] + [fill(72, 100, 520, 120)]
    found = blocks_of(words, WIDTH, HEIGHT, rules)
    texts = [block.text for block in found] + [cell.text for block in found if block.table for cell in block.table.cells]
    assert sorted(" ".join(texts).split()) == sorted(word.text for word in words)


def test_colours_behind_the_cells_of_one_column_part_the_rows_of_all():
    rows = [["Material", "Type", "Verdict"], ["cover", "foil", "bad"], ["page one", "rag", "good"], ["page two", "rag", "good"]]
    words = rows_at(rows[:1], (80, 200, 320), 104) + rows_at(rows[1:], (80, 200, 320), 126, pitch=20)
    rules = [level(100, 72, 420), level(117, 72, 420), level(184, 72, 420)]
    rules += [fill(312, top, 420, top + 20) for top in (121, 141, 161)]
    assert shown(table_of(words, rules)) == rows


def test_one_label_beside_coloured_cells_still_spans_them():
    words = rows_at([["Material", "Type", "Verdict"]], (80, 200, 320), 104) + line("paper", 80, 146)
    words += rows_at([["foil", "bad"], ["rag", "good"], ["rag", "good"]], (200, 320), 126, pitch=20)
    rules = [level(100, 72, 420), level(117, 72, 420), level(184, 72, 420)]
    rules += [fill(left, top, left + 108, top + 20) for top in (121, 141, 161) for left in (198, 312)]
    assert shown(table_of(words, rules))[1:] == [["paper (3x1)", "foil", "bad"], ["rag", "good"], ["rag", "good"]]


def striped(tops, lefts=(80, 200, 320), height=20):
    """Filled boxes behind the cells of the rows at these heights, with white between them."""
    ends = [*lefts[1:], 440]
    return [fill(left - 6, top, end - 8, top + height) for top in tops for left, end in zip(lefts, ends, strict=True)]


def test_rows_between_coloured_rows_belong_to_the_table_and_keep_their_columns():
    rows = [["Value", "Day", "Holiday"], ["one", "3/9", "2/22"], ["", "", "2/23"], ["two", "3/8", "3/8"], ["", "", "5/9"]]
    words = prose(2, 72, 60, 520) + prose(2, 72, 240, 520)
    words += [word for word in rows_at(rows, (80, 200, 320), 105, pitch=22) if word.text]
    found = blocks_of(words, WIDTH, HEIGHT, striped((100, 122, 166)))
    assert kinds(found) == ["paragraph", "table", "paragraph"]
    table = only_table(found)
    assert shown(table) == [*rows[:4], ["5/9"]]
    assert table.cells[-1].column == 2


def test_tables_of_coloured_rows_with_a_caption_between_them_stay_apart():
    words = rows_at([["Value", "Day", "Holiday"], ["one", "3/9", "2/22"]], (80, 200, 320), 105, pitch=22)
    words += line("Table 2", 80, 175)
    words += rows_at([["Value", "Day", "Holiday"], ["six", "4/9", "5/22"]], (80, 200, 320), 215, pitch=22)
    found = blocks_of(words, WIDTH, HEIGHT, striped((100, 122, 210, 232)))
    assert kinds(found).count("table") == 2


FACTS = [
    "How many there are.",
    "Their order.",
    "Which bus is used.",
    "Free space on each of them.",
    "Model and maker.",
    "Kind.",
]


def test_labels_that_share_out_the_lines_beside_them_span_these_rows():
    words = rows_at([["Part", "Fact"]], (80, 250), 104) + rows_at([[fact] for fact in FACTS], (250,), 120)
    words += line("Disks", 80, 144) + rows_at([["Printer"], ["Screen"]], (80,), 184)
    table = table_of(words, [level(100), level(220)])
    rows = [["Disks (4x1)", FACTS[0]], *([fact] for fact in FACTS[1:4]), ["Printer", FACTS[4]], ["Screen", FACTS[5]]]
    assert shown(table) == [["Part", "Fact"], *rows]


def test_labels_that_are_centred_beside_closer_lines_share_their_row():
    words = rows_at([["Part", "Fact", "Count"]], (80, 250, 470), 104)
    for top, label, count in ((124, "First", "12"), (160, "Second", "14"), (196, "Third", "9")):
        words += set_at(
            (label, 80, top + 6), (count, 470, top + 6), ("what is said of it first", 250, top), ("and then", 250, top + 12)
        )
    table = table_of(words, [level(at) for at in (100, 119, 224)])
    fact = "what is said of it first and then"
    assert shown(table)[1:] == [[label, fact, count] for label, count in (("First", "12"), ("Second", "14"), ("Third", "9"))]


def test_a_label_below_a_line_without_one_begins_a_row_where_lines_are_as_far_apart_as_rows():
    rows = [["Id", "enter the long text here"], ["Age", "no"], ["", "enter the long date here"], ["Place", "enter a date"]]
    words = rows_at([["Name", "enter some text here"]], (80, 200), 104)
    words += [word for word in rows_at(rows, (80, 200), 124) if word.text]
    table = table_of(words, [level(at, 72, 330) for at in (100, 119, 188)])
    assert shown(table)[-1] == rows[-1]


def test_leaders_are_no_text_of_a_cell():
    rows = [["Name", "One", "Two", "Three"], *([f"{row[0]} .........", *row[1:]] for row in NUMBERS)]
    words = rows_at(rows, LEFTS, 104)
    assert [row[0] for row in shown(table_of(words, [level(100), level(117), level(168)]))] == [
        "Name",
        "alpha",
        "beta",
        "gamma",
    ]


def test_a_stack_of_rules_ends_where_wide_white_stands_between_its_lines():
    words = rows_at([["To", "From"], ["Ann", "Bob"], ["Oslo", "Rome"]], (80, 350), 104) + line("Invoice", 72, 230)
    words += rows_at([["Name", "One", "Two", "Three"], *NUMBERS], LEFTS, 252) + line("Paid with a card.", 72, 420)
    found = blocks_of(words, WIDTH, HEIGHT, [level(at) for at in (100, 248, 266, 440)])
    tables = [block.table for block in found if block.table]
    assert shown(tables[-1]) == [["Name", "One", "Two", "Three"], *NUMBERS]
    assert [block.text for block in found if not block.table][-2:] == ["Invoice", "Paid with a card."]


def test_rules_above_tables_with_other_columns_make_two_tables():
    words = rows_at([["Client", "Order", "Date"], ["12", "13", "14"], ["15", "16", "17"]], (80, 200, 420), 104)
    words += rows_at([["Name", "One", "Two", "Three"], *NUMBERS], (80, 300, 360, 490), 190)
    tables = [block.table for block in blocks_of(words, WIDTH, HEIGHT, [level(100), level(204)]) if block.table]
    assert shown(tables[-1]) == [["Name", "One", "Two", "Three"], *NUMBERS]
    assert shown(tables[0]) == [["Client", "Order", "Date"], ["12", "13", "14"], ["15", "16", "17"]]


def test_a_page_wide_box_around_tables_and_text_is_no_table():
    words = line("Receipt", 80, 60) + rows_at([["Guest", "Date"]], (80, 400), 100)
    words += rows_at([["Name", "One", "Two", "Three"], *NUMBERS], LEFTS, 200) + prose(4, 80, 330, 500)
    rules = [*(level(at, 40, 560) for at in (50, 90, 120, 420, 700)), upright(40, 50, 700), upright(560, 50, 700)]
    found = blocks_of(words, WIDTH, HEIGHT, rules)
    assert shown(only_table(found)) == [["Name", "One", "Two", "Three"], *NUMBERS]


def test_boxes_of_one_width_with_other_walls_and_text_between_are_not_one_table():
    words = rows_at(NUMBERS[:2], LEFTS, 104) + rows_at([["sum", "36"], ["tax", "4"]], (380, 460), 144, pitch=14)
    words += rows_at([["Notes", "free shipping"]], (80, 180), 184)
    rules = [level(at) for at in (100, 117, 134)] + [upright(at, 100, 134) for at in (72, 240, 340, 440, 520)]
    rules += [level(at) for at in (180, 196)] + [upright(at, 180, 196) for at in (72, 170, 520)]
    tables = [block.table for block in blocks_of(words, WIDTH, HEIGHT, rules) if block.table]
    assert shown(tables[0]) == NUMBERS[:2]


def test_the_rows_below_a_header_of_coloured_cells_are_its_table():
    words = rows_at([["Name", "One", "Two", "Three"], *NUMBERS], LEFTS, 104, pitch=34) + prose(4, 72, 290, 520)
    edges = (72, 240, 340, 440, 520)
    found = blocks_of(words, WIDTH, HEIGHT, [fill(left, 98, right - 1, 120) for left, right in pairwise(edges)])
    assert shown(only_table(found)) == [["Name", "One", "Two", "Three"], *NUMBERS]


def test_a_header_right_above_the_first_rule_belongs_to_the_table():
    words = rows_at([["Name", "One", "Two", "Three"], *NUMBERS], LEFTS, 104, pitch=24)
    found = blocks_of(words, WIDTH, HEIGHT, [level(at) for at in (122, 146, 170)])
    assert shown(only_table(found)) == [["Name", "One", "Two", "Three"], *NUMBERS]


def test_cells_of_both_columns_that_end_at_different_heights_stay_whole():
    left = [("Example Company", 80, 126), ("12 Street", 80, 139), ("Oslo", 80, 152), ("Phone 12 34", 80, 174)]
    right = [("Carrier: none", 310, 107), ("Pro: none", 310, 126), ("Terms", 310, 152), ("Paid by us", 310, 174)]
    words = set_at(("Ship From", 80, 107), *left, ("Ship To", 80, 194), *right, ("Bob Ltd", 80, 216), ("Note", 310, 216))
    rules = [level(at) for at in (100, 122, 212, 232)]
    rules += [level(148, 300), level(190, 72, 300), *(upright(at, 100, 232) for at in (72, 300, 520))]
    assert [cell.text for cell in table_of(words, rules).cells] == [
        *("Ship From", "Carrier: none", "Example Company 12 Street Oslo Phone 12 34", "Pro: none"),
        *("Terms Paid by us", "Ship To", "Bob Ltd", "Note"),
    ]


def test_columns_with_one_text_are_no_columns_of_a_table():
    words = rows_at([["a", "b", ""], ["c", "d", "e"], ["f", "g", ""]], (80, 140, 200), 104)
    assert "table" not in kinds(blocks_of(words, WIDTH, HEIGHT))


def test_a_unit_beside_one_of_many_sums_is_a_column():
    sums = [["Sum", "", "198.00"], ["Net", "", "198.00"], ["Tax in", "EUR", "37.62"], ["Gross", "", "235.62"], ["Due", "", "2"]]
    found = only_table(blocks_of(rows_at(sums, (80, 240, 330), 104), WIDTH, HEIGHT))
    assert [cell.text for cell in found.cells if cell.text] == [text for row in sums for text in row if text]


def test_ranges_are_numbers_where_spaces_were_lost():
    texts = [
        ["Positive predictive value", "37.72", "130.35 to 145.54"],
        ["Negative predictive value", "94.25", "193.04 to195.31"],
    ]
    words = rows_at([["Variable", "Value", "Range"], *texts], (80, 250, 330), 104, pitch=12.5)
    rules = [level(at, right=420) for at in (100, 115, 143)]
    assert shown(table_of(words, rules)) == [["Variable", "Value", "Range"], *texts]


def test_a_small_picture_has_its_header_close_below_the_rule():
    words = rows_at([["Name", "One", "Both"]], (80, 250, 400), 100.6, size=4)
    words += rows_at([["Two", "Three"]], LEFTS[2:], 113, size=4) + rows_at(NUMBERS, LEFTS, 122, pitch=6, size=4)
    found = blocks_of(words, WIDTH, HEIGHT, [level(100), level(108.5, 340, 480)])
    assert shown(only_table(found))[0] == ["Name (2x1)", "One (2x1)", "Both (1x2)"]


def test_a_heading_over_the_columns_right_above_a_header_without_a_label_is_a_row():
    years = [["", "2023", "2024", "2025"], *NUMBERS]
    words = line("About the costs of this year and the last", 80, 70) + line("Year Ended", 372, 104)
    words += rows_at(years, (80, 300, 390, 480), 118)
    found = blocks_of(words, WIDTH, HEIGHT)
    assert shown(only_table(found)) == [["Year Ended (1x3)"], years[0][1:], *NUMBERS]
    assert kinds(found) == ["paragraph", "table"]


def test_a_heading_over_several_columns_spans_those_at_whose_middle_it_stands_best():
    texts = [(0.0, 50.0), (200.0, 210.0), (220.0, 230.0), (240.0, 250.0), (270.0, 280.0), (300.0, 310.0)]
    heading = GridCell(1, 4, (Word("Number of features", 195.0, 100.0, 315.0, 110.0),))
    below = [GridCell(n, n, (Word(str(n), texts[n][0], 114.0, texts[n][1], 124.0),)) for n in range(1, 6)]
    assert find_heading_spans([[heading], below], texts, 0, 10.0) == [(1, 5)]


def boxed(left, right, edges):
    """Lines across at these heights, and one on each side."""
    return [*(level(at, left, right) for at in edges), *(upright(at, edges[0], edges[-1]) for at in (left, right))]


def test_the_colour_of_one_cell_melts_no_rows_beside_it():
    words = rows_at([["Name", "One", "Two", "Three"], *NUMBERS], LEFTS, 104)
    table = table_of(words, [*(level(at) for at in (100, 118, 164)), fill(440, 148, 520, 163)])
    assert shown(table) == [["Name", "One", "Two", "Three"], *NUMBERS]


def test_a_title_of_one_line_in_the_box_of_a_table_is_a_row_of_it_and_notes_below_are_not():
    words = line("All that was counted", 250, 104) + rows_at(NUMBERS, LEFTS, 124, 20) + line("Note: counted in May", 90, 184)
    walls = [upright(at, 120, 180) for at in (240, 340, 440)]
    found = blocks_of(words, WIDTH, HEIGHT, [*boxed(72, 520, (100, 120, 140, 160, 180, 200)), *walls])
    assert shown(only_table(found)) == [["All that was counted (1x4)"], *NUMBERS]
    assert kinds(found) == ["table", "paragraph"]


def test_an_empty_row_with_lines_at_all_columns_ends_a_table():
    words = rows_at(NUMBERS, LEFTS, 104, 20)
    walls = [upright(at, 100, 180) for at in (240, 340, 440)]
    table = table_of(words, [*boxed(72, 520, (100, 120, 140, 160, 180)), *walls])
    assert shown(table) == [*NUMBERS, ["", "", "", ""]]


def test_a_long_word_that_reaches_over_a_frame_is_not_lost():
    rows = [["Qty", "Price", "Amount"], ["1", "20.00", "20.00"], ["2", "14.00", "28.00"], ["4", "1.80", "7.20"]]
    words = rows_at(rows, (240, 330, 420), 118, 20)
    words = [word._replace(left=word.left - 10 / WIDTH) if word.text.isdigit() else word for word in words]
    dated = Word("02/02/2017 at 7:31:08 PM", 160 / WIDTH, 118 / HEIGHT, 308 / WIDTH, 127 / HEIGHT)
    rules = [
        *(level(114 + 20 * number, 238, 480) for number in range(5)),
        *(upright(at, 114, 194) for at in (238, 320, 410, 480)),
    ]
    assert "02/02/2017 at 7:31:08 PM" in str(blocks_of([*words, dated], WIDTH, HEIGHT, rules))


def test_rows_with_empty_cells_agree_to_the_columns_beside_a_line():
    left = [["0", "0.107", "5.21"], ["1", "0.148", "7.38"], ["", "0.260", "2.81"], ["2", "0.180", "2.01"]]
    left += [["", "0.320", "4.12"], ["", "0.428", "1.79"]]
    rows = [[*cells, str(number), f"0.{number}40", f"4.{number}2"] for number, cells in enumerate(left)]
    words = rows_at(rows, (80, 140, 220, 310, 370, 450), 104)
    assert shown(table_of(words, [level(100), level(200), upright(300, 100, 200)])) == rows


def test_a_label_centred_on_the_break_of_a_line_between_columns_heads_its_table():
    words = rows_at([["First", "Second"]], (272, 432), 104) + rows_at([["EN", "CH", "EN", "CH"]], (250, 310, 410, 470), 124)
    words += line("Model", 90, 114) + rows_at(
        [[f"m{n}", "1.4", "1.8", "2.4", "2.8"] for n in range(3)], (90, 250, 310, 410, 470), 144
    )
    rules = [level(100), level(140), level(192), level(119, 240, 340), level(119, 400, 500)]
    rules += [upright(220, 101, 116.5), upright(220, 121.5, 192)]
    table = table_of(words, rules)
    assert shown(table)[:2] == [["Model (2x1)", "First (1x2)", "Second (1x2)"], ["EN", "CH", "EN", "CH"]]


def test_rules_between_rows_of_small_letters_do_not_part_a_table():
    words = prose(20, 72, 300, 520, size=12) + rows_at([["Measure", "p", "A", "B", "C"]], (80, 120, 140, 166, 192), 91, size=6)
    labels = ["Mean (F)", "Mean (A)", "Mean (G-mean)", "Mean (C)"]
    for number, label in enumerate(labels):
        at = 104 + number * 26
        words += line(label, 80, at + 6, size=6)
        words += rows_at([["0.2", "0.0010", "0.0055", "0.0065"]] * 2, (120, 140, 166, 192), at, 12.0, size=6)
    rows = shown(table_of(words, [level(at, 76, 216) for at in (87, 100, 126, 152, 178, 205)]))[1:]
    assert [row[0] for row in rows[::2]] == [f"{label} (2x1)" for label in labels]


def test_numbers_with_remarks_in_brackets_are_rows_of_their_own():
    rows = [
        [f"Model of name {name}", f"1{n}.3", f"1{n}.2 (n=11{n}, m=20)", f"3{n}.8 (n=3{n})"] for n, name in enumerate("ABCDEF")
    ]
    words = rows_at([["Name", "CR", "Same", "Free"], *rows[:-1]], LEFTS, 104, 11.0) + rows_at([rows[-1]], LEFTS, 175)
    assert shown(table_of(words, [level(at) for at in (100, 114.5, 171, 188, 205)]))[1:] == rows


def test_a_heading_alone_between_lines_spans_all_columns_there():
    words = line("Number of rooms", 345, 104) + line("Houses", 90, 112)
    words += rows_at(
        [["2", "3", "4", "5"], *[[f"9{n}.5", "85.0", "75.0", "67.5"] for n in range(4)]], (280, 340, 400, 460), 120
    )
    words += rows_at([[str(n)] for n in range(4)], (90,), 136)
    table = table_of(words, [level(100), level(133), level(200), upright(240, 100, 200)])
    assert shown(table)[0] == ["Houses (2x1)", "Number of rooms (1x4)"]


def test_a_label_alone_between_two_rules_heads_the_part_below_it():
    words = (
        rows_at([["Model", "One", "Two", "Three"]], LEFTS, 104) + line("First part", 80, 124) + rows_at(NUMBERS[:2], LEFTS, 144)
    )
    words += line("Second part", 80, 184) + rows_at(NUMBERS[1:], LEFTS, 204)
    table = table_of(words, [level(at) for at in (100, 119, 139, 179, 199, 238)])
    assert shown(table)[1] == ["First part (1x4)"]
    assert shown(table)[4] == ["Second part (1x4)"]


def test_a_heading_in_the_middle_of_two_columns_spans_both():
    words = rows_at([["Part", "Count"]], (80, 450), 104) + line("Global settings", 262, 124)
    words += rows_at([["Embedding size of the model", "768"], ["Heads", "8"], ["Window", "512"]], (80, 450), 140)
    assert shown(table_of(words, [level(100), level(120), level(190)]))[1] == ["Global settings (1x2)"]


def test_a_heading_of_wide_spaces_over_a_short_line_is_one_text():
    words = [
        word for text, left in (("First", 252), ("free", 279.5), ("set", 302.5), ("of", 321)) for word in line(text, left, 104)
    ]
    words += line("Model", 90, 114) + rows_at([["EN", "CH", "IT"]], (250, 310, 370), 124)
    words += rows_at([[f"m{n}", "1.4", "1.8", "2.2"] for n in range(3)], (90, 250, 310, 370), 144)
    table = table_of(words, [*(level(at, 72, 400) for at in (100, 140, 192)), level(119, 220, 395)])
    assert shown(table)[0] == ["Model (2x1)", "First free set of (1x3)"]


def test_labelled_rows_of_numbers_below_no_rule_are_not_melted_into_the_header():
    words = rows_at([["Model", "One", "Two", "Three"], *NUMBERS], LEFTS, 104, 12.0)
    words += rows_at([["all", "66", "69", "72"], ["most", "44", "46", "48"]], LEFTS, 160, 20.0)
    rules = [level(100), level(155), level(176), level(197), *(upright(at, 100, 197) for at in (230, 330, 430))]
    assert shown(table_of(words, rules))[1:4] == NUMBERS


def amounts(top):
    """Rows of amounts with currency signs, a total among them, as financial statements have them, and their short rules."""
    rows = [["Loans", "$", "24", "$", "48"], ["Leases", "", "2", "", "35"], ["Total loans", "", "26", "", "83"],
            ["Cards", "", "11", "", "272"], ["Cars", "", "7", "", "6"], ["Total", "$", "44", "$", "361"]]  # fmt: skip
    words = rows_at(rows, (80, 250, 300, 400, 450), top)
    sums = [level(top + after, left, right) for after in (29, 45, 77) for left, right in ((80, 330), (395, 480))]
    return rows, words, sums


def test_short_lines_over_sums_part_the_rows_of_the_columns_that_they_cross():
    rows, words, sums = amounts(124)
    heads = rows_at([["Kind", "2023", "2022"]], (80, 290, 440), 104, bold=True)
    found = shown(table_of(words + heads, [level(100, 72, 490), level(119, 72, 490), *sums, level(224, 72, 490)]))
    assert [[cell for cell in row if cell] for row in found[-6:]] == [[cell for cell in row if cell] for row in rows]


def test_the_same_in_other_units_in_brackets_below_a_row_is_in_its_cells():
    words, rules = [], [upright(at, 100, 276) for at in (70, 170, 270, 370)]
    for number, top in enumerate((108, 152, 196, 240), 1):
        words += rows_at([[f"+{number}3 ft", f"{number},170 lb", f"{number},920 lb"]], (80, 190, 290), top)
        words += rows_at([[f"({number}.0 m)", f"({number}990 kg)", f"({number}870 kg)"]], (80, 190, 290), top + 17)
    rows = shown(table_of(words, [*rules, *(level(at, 70, 370) for at in range(100, 280, 44))]))
    assert rows[0] == ["+13 ft (1.0 m)", "1,170 lb (1990 kg)", "1,920 lb (1870 kg)"]
    assert len(rows) == 4


def test_the_colour_of_a_cell_and_of_the_white_beside_its_text_is_one_box():
    # Word colours the text of a cell and the padding on both sides of it apart.
    edges = (34.6, 39.8, 295.9, 301.1, 307.2, 334.2, 339.4, 345.4, 372.5, 378.5)
    cells = [RulingLine(left, 100, right, 115.8) for left, right in pairwise(edges)]
    alone = RulingLine(400, 100, 405, 115.8)
    joined = [RulingLine(left, 100, right, 115.8) for left, right in pairwise((34.6, 301.1, 339.4, 378.5))]
    assert join_paddings([*cells, alone]) == [*joined, alone]


def test_narrow_boxes_of_other_rows_are_not_joined():
    fills = [RulingLine(40, 100, 45, 115), RulingLine(45, 130, 90, 145), RulingLine(90, 100, 95, 145)]
    assert sorted(join_paddings(fills)) == sorted(fills)
