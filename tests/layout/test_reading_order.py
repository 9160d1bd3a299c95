"""Words with places become blocks in the order a person reads them."""

from __future__ import annotations

import gc
import random
import weakref

import pytest

from document_parser.layout.page import blocks_of
from document_parser.models import RulingLine, Word
from tests.support.layout_pages import (
    HEIGHT,
    TALE,
    WIDTH,
    as_runs,
    blocks,
    grid,
    kinds,
    level,
    line,
    only_table,
    prose,
    rows_at,
    texts,
    upright,
    whole,
)

# --- lines and paragraphs ---------------------------------------------------------------------------------------------


def test_no_words_give_no_blocks():
    assert blocks([]) == []


def test_words_in_any_order_become_lines_from_top_to_bottom_and_left_to_right():
    words = line("alpha beta gamma", 72, 100) + line("delta epsilon", 72, 112)
    random.Random(4).shuffle(words)
    assert texts(blocks(words)) == ["alpha beta gamma delta epsilon"]


def test_a_gap_between_lines_parts_paragraphs():
    words = prose(3, 72, 100, 500, first="Alpha") + prose(3, 72, 160, 500, first="Omega", seed=2)
    found = blocks(words)
    assert kinds(found) == ["paragraph", "paragraph"]
    assert found[0].text.startswith("Alpha")
    assert found[1].text.startswith("Omega")


def test_a_first_line_indent_parts_paragraphs():
    words = prose(3, 72, 100, 500) + prose(1, 90, 136, 500, first="Indented") + prose(2, 72, 148, 500, seed=3)
    last_of_first = line("and so the story ends here.", 72, 124)
    words = [word for word in words if not 123 < word.top * HEIGHT < 125] + last_of_first
    assert [text.split()[0] for text in texts(blocks(words))][1:] == ["Indented"]


def test_a_short_last_line_ends_a_paragraph():
    words = prose(2, 72, 100, 500) + line("the end.", 72, 124) + prose(3, 72, 136, 500, first="Another", seed=2)
    assert [text.split()[0] for text in texts(blocks(words))][-1] == "Another"


def test_a_slightly_slanted_line_stays_one_line():
    words = [
        word._replace(top=word.top + number * 0.0004, bottom=word.bottom + number * 0.0004)
        for number, word in enumerate(line("one two three four five six seven eight nine ten eleven", 72, 100))
    ]
    below = line("this stands below", 72, 118)
    assert whole(blocks(words + below)) == "one two three four five six seven eight nine ten eleven this stands below"


def test_a_comma_in_a_tight_box_stays_on_its_line():
    words = [*line("Karpukhin", 72, 100), Word(",", 113 / WIDTH, 107.5 / HEIGHT, 115 / WIDTH, 111.5 / HEIGHT, 10.0)]
    words += line("Oguz and others", 118, 100) + prose(2, 72, 115, 400)
    assert whole(blocks(words)).startswith("Karpukhin, Oguz and others")


def test_an_initial_over_two_lines_is_the_first_letter_of_its_word():
    initial = [Word("O", 72 / WIDTH, 100 / HEIGHT, 90 / WIDTH, 123 / HEIGHT, 30.0)]
    words = initial + prose(2, 95, 100, 500, first="nce upon a time") + prose(3, 72, 124, 500, seed=5)
    assert whole(blocks(words)).startswith("Once upon a time")


def test_boxes_hold_their_words_as_fractions_of_the_page():
    box = blocks(line("alpha beta", 59.5, 84.2))[0].box
    assert box is not None
    assert (box.left, box.top) == pytest.approx((0.1, 0.1))
    assert box.bottom == pytest.approx(94.2 / HEIGHT, abs=1e-4)


def test_confidence_is_the_mean_over_characters():
    words = [Word("abc", 0.1, 0.1, 0.2, 0.12, confidence=1.0), Word("d", 0.21, 0.1, 0.23, 0.12, confidence=0.0)]
    assert blocks(words)[0].confidence == 0.75


# --- hyphens ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("above", "below", "joined"),
    [
        ("a large exam-", "ple of it", "a large example of it"),
        ("a state-of-the-", "art method", "a state-of-the-art method"),
        ("it is self-", "evident to us", "it is self-evident to us"),
        ("pages 10-", "12 of it", "pages 10- 12 of it"),
        ("from Paris-", "Nord to here", "from Paris-Nord to here"),
        ("soft hy\u00ad", "phen here", "soft hyphen here"),
    ],
)
def test_words_broken_at_line_ends_are_made_whole_and_real_hyphens_stay(above, below, joined):
    assert whole(blocks(line(above, 72, 100, right=300) + line(below, 72, 112))) == joined


def test_the_page_itself_tells_how_a_broken_word_is_spelt():
    words = prose(2, 72, 100, 300, first="A low-grade metal", seed=7)
    words += line("this was a rather low-", 72, 124, right=300) + line("grade one", 72, 136)
    assert "low-grade one" in whole(blocks(words))


# --- headings and lists -----------------------------------------------------------------------------------------------


def test_a_large_line_on_top_is_the_title_and_larger_lines_are_headings():
    words = line("A Study of Bees", 72, 60, size=22) + prose(4, 72, 110, 500)
    words += line("2.1 Methods", 72, 180, size=13) + prose(4, 72, 205, 500, seed=2)
    found = blocks(words)
    assert [(block.kind, block.level) for block in found] == [
        ("title", 1), ("paragraph", None), ("heading", 3), ("paragraph", None),
    ]  # fmt: skip


def test_a_bold_line_of_the_bodys_size_is_a_heading():
    words = line("Materials used", 72, 100, bold=True) + prose(4, 72, 116, 500)
    assert blocks(words)[0].kind == "heading"


def test_bold_words_inside_a_paragraph_are_none():
    words = prose(3, 72, 100, 500)
    words[4] = words[4]._replace(bold=True)
    assert kinds(blocks(words)) == ["paragraph"]


def test_headings_of_scans_are_told_from_their_boxes():
    words = [
        Word("Elevator Inspection Report", 0.1, 0.08, 0.59, 0.112),
        Word("The passenger elevator at 18 Harbour Lane was inspected on Tuesday by Marguerite", 0.1, 0.126, 0.88, 0.149),
        Word("Fenwick. The cabin, the shaft and the machine room were found clean. The governor", 0.1, 0.148, 0.885, 0.171),
        Word("tripped at the rated speed and the brake held the loaded cabin.", 0.1, 0.169, 0.685, 0.193),
    ]
    found = blocks(words)
    assert kinds(found) == ["title", "paragraph"]
    assert found[1].text.endswith("by Marguerite Fenwick. The cabin, the shaft and the machine room were found clean. "
                                  "The governor tripped at the rated speed and the brake held the loaded cabin.")  # fmt: skip


def test_bullets_and_numbers_make_list_items_and_hanging_lines_belong_to_them():
    words = prose(2, 72, 80, 500)
    words += line("•", 72, 110) + line("first thing to bring along", 90, 110, right=500)
    words += line("when it rains", 90, 122)
    words += line("•", 72, 134) + line("second thing", 90, 134)
    words += line("1. a numbered one", 72, 146)
    found = blocks(words)[1:]
    assert kinds(found) == ["list_item"] * 3
    assert texts(found) == ["first thing to bring along when it rains", "second thing", "1. a numbered one"]


def test_deeper_bullets_have_a_deeper_level():
    words = line("• outer", 72, 100) + line("• inner", 100, 112) + line("• outer again", 72, 124)
    assert [block.level for block in blocks(words)] == [1, 2, 1]


def test_a_number_that_begins_a_line_of_a_sentence_is_no_list():
    words = line("The meeting was moved to room number", 72, 100, right=300) + line("12. It begins at noon as planned", 72, 112)
    assert kinds(blocks(words)) == ["paragraph"]


def test_a_label_with_a_stop_opens_a_caption_and_a_sentence_about_it_does_not():
    words = line("Table 3: Yields per hectare", 72, 100) + line("Table 3 shows the yields", 72, 140)
    assert kinds(blocks(words)) == ["caption", "paragraph"]


# --- columns ----------------------------------------------------------------------------------------------------------


def two_columns(top=100, lines=20):
    left = prose(lines, 60, top, 288, first="Leftstart", last="Leftend closes the whole first column")
    right = prose(lines, 308, top + 4, 536, first="Rightstart", last="Rightend closes the second column now", seed=9)
    return left, right


def test_two_columns_are_read_one_after_the_other():
    left, right = two_columns()
    text = whole(blocks(right + left))
    assert text.index("Leftstart") < text.index("Leftend") < text.index("Rightstart") < text.index("Rightend")


def test_a_title_over_two_columns_and_a_line_under_them_stay_outside():
    left, right = two_columns()
    over = line("One Title Over Both Of The Columns Here", 120, 60, size=18)
    under = line("this closing remark runs below both columns and is as wide as both of them together are", 60, 360, right=536)
    found = blocks(under + left + right + over)
    assert found[0].kind == "title"
    assert found[-1].text.startswith("this closing remark")
    text = whole(found)
    assert text.index("Leftend") < text.index("Rightstart")


def test_columns_of_unequal_length_are_still_columns():
    left = prose(30, 60, 100, 288, first="Leftstart", last="Leftend closes the whole first column")
    right = prose(9, 308, 104, 536, first="Rightstart", seed=9)
    text = whole(blocks(left + right))
    assert text.index("Leftend") < text.index("Rightstart")


def test_three_columns_are_read_one_after_the_other():
    words = [
        word
        for number, name in enumerate(("Aaa", "Bbb", "Ccc"))
        for word in prose(15, 50 + number * 172, 100, 202 + number * 172, first=name, size=9, seed=number)
    ]
    text = whole(blocks(words))
    assert text.index("Aaa") < text.index("Bbb") < text.index("Ccc")
    assert text.index("Bbb") > len(text) * 0.25


def test_prose_in_one_column_is_never_cut_in_two():
    for seed in range(20):
        words = prose(12, 60, 100, 300, seed=seed)
        expected = " ".join(word.text for word in sorted(words, key=lambda word: (word.top, word.left)))
        assert whole(blocks(words)) == expected


# --- tables -----------------------------------------------------------------------------------------------------------

BILL = [
    ["Item", "Quantity", "Price"],
    ["Brake lining", "2", "148.50"],
    ["Door roller", "6", "19.75"],
    ["Traction rope", "1", "842.00"],
]


def test_words_aligned_in_three_rows_are_a_table_with_its_header():
    words = prose(3, 72, 60, 520) + rows_at(BILL, (72, 250, 400), 120) + prose(3, 72, 210, 520, seed=2)
    found = blocks(words)
    assert kinds(found) == ["paragraph", "table", "paragraph"]
    table = only_table(found)
    assert grid(table) == BILL
    assert {cell.text for cell in table.cells if cell.header} == set(BILL[0])


def test_a_table_without_numbers_or_bold_has_no_header():
    rows = [["north", "oak", "green"], ["south", "elm", "brown"], ["west", "ash", "white"]]
    assert not any(cell.header for cell in only_table(blocks(rows_at(rows, (72, 250, 400), 120))).cells)


def test_empty_cells_leave_the_others_in_their_columns():
    rows = [*BILL, ["Total", "", "2014.90"]]
    assert grid(only_table(blocks(rows_at(rows, (72, 250, 400), 120)))) == rows


def test_a_heading_over_two_columns_of_a_table_spans_them():
    rows = rows_at([["Year", "North", "South"], ["2020", "14", "17"], ["2021", "15", "19"], ["2022", "16", "18"]],
                       (72, 250, 330), 120)  # fmt: skip
    words = line("Region", 72, 104) + line("Both parts of the country", 240, 104) + rows
    spanning = [cell for cell in only_table(blocks(words)).cells if cell.column_span > 1]
    assert [cell.text for cell in spanning] == ["Both parts of the country"]


def test_two_columns_of_prose_are_no_table():
    left, right = two_columns()
    aligned = [word._replace(top=word.top - 4 / HEIGHT, bottom=word.bottom - 4 / HEIGHT) for word in right]
    found = blocks(left + aligned)
    assert "table" not in kinds(found)
    text = whole(found)
    assert text.index("Leftend") < text.index("Rightstart")


def test_bullets_beside_their_items_are_no_table():
    words = [word for number in range(6) for word in line("•", 72, 100 + 14 * number) + line("an item", 90, 100 + 14 * number)]
    assert kinds(blocks(words)) == ["list_item"] * 6


def test_a_table_from_whole_ocr_lines_is_found_too():
    words = [
        Word(text, left, 0.2 + 0.03 * row, left + 0.01 * len(text), 0.222 + 0.03 * row)
        for row, cells in enumerate(BILL)
        for left, text in zip((0.1, 0.45, 0.7), cells, strict=True)
    ]
    assert grid(only_table(blocks(words))) == BILL


# --- margins, directions, limits --------------------------------------------------------------------------------------


def test_a_lonely_number_at_the_foot_is_the_page_number():
    words = prose(10, 72, 100, 500) + line("41", 292, 805)
    found = blocks(words)
    assert (found[-1].kind, found[-1].text) == ("page_number", "41")


def test_small_print_at_the_very_top_is_a_running_head_and_a_first_line_is_not():
    head = line("Journal of Bees", 72, 20, size=8)
    assert blocks(head + prose(10, 72, 100, 500))[0].kind == "page_header"
    assert blocks(prose(10, 72, 30, 500))[0].kind == "paragraph"


def test_hebrew_words_are_read_from_right_to_left_and_numbers_keep_their_order():
    # On the page from the right: shalom, olam, then "3.5 km", which is read from left to right.
    words = line("3.5 km", 200, 100) + line("עולם", 260, 100) + line("שלום", 300, 100)
    assert texts(blocks(words)) == ["שלום עולם 3.5 km"]


def test_columns_of_arabic_are_read_from_the_right():
    def column(left, first):
        return [w for n in range(8) for w in line(first if n == 0 else "هذا نص عربي طويل في هذا العمود", left, 100 + 13 * n)]

    text = whole(blocks(column(60, "ثانيا هذا نص عربي طويل في هنا") + column(330, "اولا هذا نص عربي طويل في هنا")))
    assert text.index("اولا") < text.index("ثانيا")


def test_a_note_that_runs_up_the_margin_does_not_mix_with_the_text():
    note = [
        Word("arXiv:2103.15348v2", 0.03, 0.5, 0.05, 0.7, 20),
        Word("[cs.CV]", 0.03, 0.42, 0.05, 0.49, 20),
        Word("21", 0.03, 0.39, 0.05, 0.41, 20),
    ]
    found = blocks(note + prose(40, 72, 100, 500))
    assert found[-1].text == "arXiv:2103.15348v2 [cs.CV] 21"
    assert "arXiv" not in found[0].text


def test_korean_lines_join_without_a_space():
    words = line("적립한도없이할인점주유온라인쇼핑몰빅포인트적립", 72, 100, right=300) + line("제공합니다", 72, 112)
    assert whole(blocks(words)) in {
        "적립한도없이할인점주유온라인쇼핑몰빅포인트적립 제공합니다",
        "적립한도없이할인점주유온라인쇼핑몰빅포인트적립제공합니다",
    }


@pytest.mark.parametrize("seed", range(8))
def test_every_character_of_a_wild_page_comes_out_once(seed):
    source = random.Random(seed)
    words = []
    for number in range(400):
        left, top = source.random(), source.random()
        words.append(Word(f"w{number}", left, top, min(1.0, left + 0.03), min(1.0, top + source.choice((0.01, 0.02, 0.05)))))
    found = blocks(words)
    tokens = [token for block in found for token in block.text.split()]
    tokens += [token for block in found if block.table for cell in block.table.cells for token in cell.text.split()]
    assert sorted(tokens) == sorted(word.text for word in words)


@pytest.mark.parametrize(
    "word",
    [
        Word("flat", 0.1, 0.5, 0.2, 0.5),
        Word("thin", 0.1, 0.5, 0.1, 0.6),
        Word("turned", 0.9, 0.9, 0.1, 0.1),
        Word("outside", -3.0, 0.5, 7.0, 0.6),
    ],
)
def test_odd_boxes_do_no_harm(word):
    found = blocks([word, *prose(5, 72, 100, 500)])
    assert word.text in whole(found)


def test_a_page_without_a_size_is_read_all_the_same():
    assert texts(blocks_of(line("alpha beta", 72, 100), 0.0, 0.0)) == ["alpha beta"]


def test_twenty_thousand_words_are_all_kept():
    words = [word for row in range(400) for word in line(TALE, 5, row * 2, size=1.6)]
    assert len(words) > 13_000
    assert sum(len(block.text.split()) for block in blocks(words)) == len(words)


def test_of_a_page_that_was_laid_out_no_words_are_kept():
    """A worker reads pages of many people: what it remembers of one is gone with it."""

    class Text(str):
        __slots__ = ("__weakref__",)

    words = [word._replace(text=Text(word.text)) for word in prose(8, 60, 60, 500)]
    kept = [weakref.ref(word.text) for word in words]
    assert blocks_of(words, WIDTH, HEIGHT)
    del words
    gc.collect()
    assert [text() for text in kept if text() is not None] == []


# --- directions -------------------------------------------------------------------------------------------------------


def test_a_page_written_upside_down_is_read_as_it_was_written():
    words = line("First line of the notice to all of the tenants here", 72, 100) + line(
        "and its second line of words.", 72, 112
    )
    turned = [
        word._replace(left=1 - word.right, right=1 - word.left, top=1 - word.bottom, bottom=1 - word.top, direction=180)
        for word in words
    ]
    (found,) = blocks(turned)
    assert found.text == "First line of the notice to all of the tenants here and its second line of words."
    assert found.box.top > 0.8


def test_a_slanted_stamp_over_lines_is_a_watermark_and_the_lines_stay_whole():
    words = line("PAID IN FULL", 200, 104)
    rise = [0.36 * (word.left - words[0].left) * WIDTH / HEIGHT for word in words]
    stamp = [
        word._replace(direction=340, top=word.top - up - 0.005, bottom=word.bottom - up)
        for word, up in zip(words, rise, strict=True)
    ]
    found = blocks(prose(4, 72, 100, 500, first="Alpha") + stamp)
    assert kinds(found) == ["paragraph", "watermark"]
    assert found[1].text == "PAID IN FULL"
    assert "PAID" not in found[0].text


def test_letters_below_each_other_are_vertical_writing_read_from_right_to_left():
    columns = ["春の朝川の水は静かに流れて", "橋の上に立つ子供は遠くの山"]
    words = [
        Word(
            letter, (300 - 24 * at) / WIDTH, (100 + 14 * row) / HEIGHT, (312 - 24 * at) / WIDTH, (112 + 14 * row) / HEIGHT, 12.0
        )
        for at, column in enumerate(columns)
        for row, letter in enumerate(column)
    ]
    assert whole(blocks(words)) == "".join(columns)


# --- what an OCR reads --------------------------------------------------------------------------------------------------


PAIR = (((70, 100, 290), "Left", 1), ((297, 100, 517), "Right", 2))
"""Edges, first word and seed of two columns."""


def runs_with_formulas(lines, left, right, first, seed):
    """Lines of a column as an OCR reads them: a formula in every third one parts it in three runs with wide gaps."""
    found = []
    for number, run in enumerate(as_runs(prose(lines, left, 100, right, first=first, seed=seed))):
        if number % 3 == 1:
            middle, reach = (run.left + run.right) / 2, 20 / WIDTH
            found += [
                run._replace(text="a few words", right=middle - reach - 14 / WIDTH),
                run._replace(text="x+y", left=middle - reach, right=middle + reach),
                run._replace(text="and some more", left=middle + reach + 14 / WIDTH),
            ]
        else:
            found.append(run)
    return found


def test_the_gaps_around_formulas_of_a_scan_are_not_its_usual_spaces():
    words = runs_with_formulas(14, 70, 290, "Left", 1) + runs_with_formulas(14, 302, 522, "Right", 2)
    found = blocks(words)
    assert "table" not in kinds(found)
    assert "Right" not in texts(found)[0]
    assert whole(found).index("Left") < whole(found).index("Right")


def test_columns_of_a_scan_go_on_where_the_boxes_of_their_lines_nearly_touch():
    left, right = (as_runs(prose(24, *edges, first=first, seed=seed)) for edges, first, seed in PAIR)
    # The lower lines lean over to the left, and their boxes are loose.
    left[18:] = [run._replace(right=run.right + 1.5 / WIDTH) for run in left[18:]]
    right[18:] = [run._replace(left=run.left - 3 / WIDTH) for run in right[18:]]
    left[-1] = left[-1]._replace(text="and this is Leftend")
    words = left + right + as_runs(line("The whole tale of the wizards and of their honey", 70, 420, size=20))
    found = blocks(words)
    assert "table" not in kinds(found)
    assert whole(found).index("Leftend") < whole(found).index("Right")


@pytest.mark.parametrize("height", [17, 30])
def test_lines_of_a_curled_page_that_overlap_in_height_stay_two_lines(height):
    words = as_runs(prose(12, 70, 150, 520, seed=3))
    first = Word("The English play at ball with cabbages and we", 150 / WIDTH, 100 / HEIGHT, 520 / WIDTH, 116 / HEIGHT)
    second = Word("are not late to crush the onions", 70 / WIDTH, 107 / HEIGHT, 480 / WIDTH, (107 + height) / HEIGHT)
    assert "cabbages and we are not late" in " ".join(whole(blocks([first, second, *words])).split())


def test_a_number_that_ends_a_line_does_not_close_the_gutter_behind_it():
    left = prose(20, 72, 100, 284)
    left[-1] = left[-1]._replace(text="433.")
    last = line("the sum of it was 433.", 72, 100 + 12 * 20, right=284)
    words = left + last + prose(8, 308, 104, 520, seed=2) + prose(12, 308, 212, 520, first="Omega", seed=3)
    assert whole(blocks(words)).index("433.") < whole(blocks(words)).index("Omega")


def test_boxes_of_a_form_with_a_line_between_them_are_read_one_after_the_other():
    words = [*line("Request for a certificate", 80, 104), *line("of persons who are not children", 80, 118)]
    words += [*line("Sheet 1", 400, 109), *line("for the office", 400, 123)]
    rules = [RulingLine(at / WIDTH, 100 / HEIGHT, at / WIDTH, 136 / HEIGHT) for at in (72, 380, 520)]
    rules += [RulingLine(72 / WIDTH, at / HEIGHT, 520 / WIDTH, at / HEIGHT) for at in (100, 136)]
    text = whole(blocks_of([*words, *prose(8, 72, 160, 520)], WIDTH, HEIGHT, rules))
    assert text.startswith("Request for a certificate of persons who are not children Sheet 1")


def test_what_is_filled_in_below_the_labels_of_a_form_stays_on_its_side_of_the_line():
    words = [*line("1. Name of the person", 80, 104), *line("2. Number", 390, 104)]
    words += [*line("Union of Lighthouse Keepers", 80, 122), *line("2278", 430, 129), *line("of the Northern Coast", 90, 136)]
    rules = [upright(380, 100, 150), level(100), level(150)]
    text = whole(blocks_of([*words, *prose(8, 72, 170, 520)], WIDTH, HEIGHT, rules))
    assert text.startswith("1. Name of the person Union of Lighthouse Keepers of the Northern Coast 2. Number 2278")


def test_the_numbers_of_chapters_in_a_table_of_contents_stand_before_their_titles():
    entries = [
        "1 Introduction",
        " 1.1 Question",
        " 1.2 Limits",
        "2 Background",
        " 2.1 Ciphers",
        " 2.2 Modes",
        "3 Results",
        " 3.1 Times",
    ]
    words = []
    for number, entry in enumerate(entries):
        first, title = entry.split()
        left = 72 if entry[0] != " " else 90
        words += line(first, left, 100 + 14 * number) + line(title, 90 if left == 72 else 112, 100 + 14 * number)
        words += [dot for at in range(200, 480, 8) for dot in line(".", at, 100 + 14 * number)]
        words += line(str(11 + number), 490, 100 + 14 * number)
    assert [text.split(" .")[0] for text in texts(blocks(words))] == [entry.strip() for entry in entries]
