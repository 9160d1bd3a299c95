"""Items, clauses and their depths: by what they begin with, where they begin, and where their lines hang."""

from __future__ import annotations

import pytest

from document_parser.layout.blocks.list_markers import list_marker_of
from document_parser.layout.lines.options import close_option_gaps
from tests.support.layout_pages import HEIGHT, WIDTH, blocks, kinds, line, rows_at, texts

FULL = "the quick brown fox jumps over the lazy dog while seven wizards mix a very large jar of honey and pepper"
RIGHT = 520.0


def marked(marker, text, left, top, hang=24.0, right=None):
    """A line that begins with a marker, and its text behind white."""
    return [*line(marker, left, top), *line(text, left + hang, top, right=right)]


def items(found):
    return [(block.level, block.text.split()[0]) for block in found if block.kind == "list_item"]


def test_a_clause_whose_lines_hang_is_one_paragraph_with_its_number():
    words = [
        *marked("1.1", FULL, 72, 100, right=RIGHT), *line(FULL, 96, 112, right=RIGHT), *line("and so it ends.", 96, 124),
        *marked("1.2", FULL, 72, 136, right=RIGHT), *line(FULL, 96, 148, right=RIGHT), *line("as agreed.", 96, 160),
    ]  # fmt: skip
    found = blocks(words)
    assert [block.text.split()[0] for block in found] == ["1.1", "1.2"]
    assert all(block.text.endswith(("ends.", "agreed.")) for block in found)


def test_a_clause_that_begins_further_out_ends_the_item_before_it_though_its_last_line_is_full():
    words = [
        *marked("1.1", "Words that are meant here:", 72, 100),
        *marked("(a)", FULL, 96, 112, right=RIGHT), *line(FULL, 120, 124, right=RIGHT),
        *marked("1.2", FULL, 72, 136, right=RIGHT), *line("which is all.", 96, 148),
    ]  # fmt: skip
    assert [text.split()[0] for text in texts(blocks(words))] == ["1.1", "(a)", "1.2"]


def test_a_number_with_a_stop_inside_a_sentence_begins_no_clause():
    words = [*line(f"{FULL} as in section", 72, 100, right=RIGHT), *line(f"4.2 of the law, {FULL}", 72, 112, right=RIGHT)]
    assert len(blocks([*words, *line("and no more.", 72, 124)])) == 1


def test_a_number_that_begins_the_second_line_of_an_indented_paragraph_begins_no_item():
    words = [*line(f"{FULL} in the year", 90, 100, right=RIGHT), *line(f"728. Go along, {FULL}", 72, 112, right=RIGHT)]
    assert kinds(blocks([*words, *line("and no more.", 72, 124)])) == ["paragraph"]


def test_a_large_number_after_the_end_of_a_sentence_begins_no_item_unless_it_follows_one():
    words = [*line(f"{FULL}.", 72, 100, right=RIGHT), *line(f"728. Go along, {FULL}", 72, 112, right=RIGHT)]
    assert len(blocks([*words, *line("and no more.", 72, 124)])) == 1
    sources = [*line("100. A book of honey.", 72, 100), *line("101. A book of pepper.", 72, 112)]
    assert kinds(blocks(sources)) == ["list_item", "list_item"]


def test_a_paragraph_after_an_item_with_hanging_lines_is_a_block_of_its_own():
    words = [
        *marked("•", FULL, 72, 100, right=RIGHT), *line(FULL, 96, 112, right=RIGHT),
        *line("So " + FULL, 72, 124, right=RIGHT), *line("and that is that.", 72, 136),
    ]  # fmt: skip
    assert kinds(blocks(words)) == ["list_item", "paragraph"]


def test_an_item_after_a_check_box_is_an_item():
    words = [*line(f"☐ {FULL}", 72, 100, right=RIGHT), *line("3. Which of these?", 72, 116), *line("☐ None", 72, 132)]
    assert kinds(blocks(words)) == ["checkbox", "list_item", "checkbox"]


def test_options_side_by_side_of_which_one_has_two_lines_are_columns():
    words = [
        *line("☐ To mend a leak in", 90, 100), *line("☐ To tell of a change in the", 240, 100),
        *line("a drawing that was sent.", 247, 112), *line("☐ A first report", 108, 124), *line("☒ A later report", 108, 148),
        *line("☐ Something else", 240, 148), *line("☐ To tell of a new", 90, 172), *line("keeper.", 97, 184),
    ]  # fmt: skip
    found = [text[2:] for text in texts(blocks(words))]
    assert found[-2:] == ["To tell of a change in the a drawing that was sent.", "Something else"]
    assert found[:4] == ["To mend a leak in", "A first report", "A later report", "To tell of a new keeper."]


def test_a_sentence_below_options_is_no_second_line_of_a_label_that_one_of_its_words_stands_below():
    options = [*line("☐ Roof", 72, 100), *line("☐ Gutter", 140, 100), *line("☐ Tank", 72, 124), *line("☐ Pump", 140, 124)]
    assert ends_moved([*options, *line("Tick all parts", 72, 111, right=144), *line("that leak.", 147, 111)]) == [
        "Roof",
        "Tank",
    ]
    assert ends_moved([*options, *line("that leaks.", 147, 111)]) == []


def ends_moved(words):
    """Return the words that reach further once the gaps before check boxes are closed."""
    in_points = [
        word._replace(left=word.left * WIDTH, right=word.right * WIDTH, top=word.top * HEIGHT, bottom=word.bottom * HEIGHT)
        for word in words
    ]
    closed = close_option_gaps(in_points)
    return [after.text for before, after in zip(in_points, closed, strict=True) if after.right > before.right]


def test_items_are_as_deep_as_their_indent_says():
    words = [
        *line("1. one", 72, 100), *line("a) two", 90, 112), *line("(i) three", 108, 124), *line("b) four", 90, 136),
        *line("2. five", 72, 148),
    ]  # fmt: skip
    assert items(blocks(words)) == [(1, "1."), (2, "a)"), (3, "(i)"), (2, "b)"), (1, "2.")]


def test_items_at_one_indent_are_deeper_if_the_list_around_them_goes_on():
    words = [line(text, 72, 100 + 12 * n) for n, text in enumerate(["1. one", "a) two", "b) three", "2. four", "3. five"])]
    assert items(blocks([word for one in words for word in one])) == [(1, "1."), (2, "a)"), (2, "b)"), (1, "2."), (1, "3.")]


def test_a_second_list_at_the_same_indent_is_no_deeper():
    words = [line(text, 72, 100 + 12 * n) for n, text in enumerate(["1. one", "2. two", "• three", "• four"])]
    assert [level for level, _ in items(blocks([word for one in words for word in one]))] == [1, 1, 1, 1]


def test_the_second_paragraph_of_an_item_does_not_end_the_list():
    words = [
        *marked("•", "One thing.", 72, 100), *line("It has more to say, and this is that.", 96, 124),
        *marked("–", "Its part.", 96, 148), *line("Another paragraph of the part.", 120, 172), *marked("–", "More.", 96, 196),
        *marked("•", "The other thing.", 72, 220),
    ]  # fmt: skip
    assert [level for level, _ in items(blocks(words))] == [1, 2, 2, 1]


@pytest.mark.parametrize(
    "text",
    ["◆ one", "► one", "\uf0b7 one", "(IV) one", "iv. one", "б) один", "α) ένα", "א. אחת", "أ) واحد", "१. एक", "๑. หนึ่ง",
     "一、总则", "（二）方法", "①项目", "가. 하나"],
)  # fmt: skip
def test_an_item_may_begin_with_the_signs_and_numbers_of_any_script(text):
    assert list_marker_of(text) is not None


@pytest.mark.parametrize("text", ["A. Smith wrote", "Mr. Smith", "3.5 tons", "2024 was", "в лесу", "I. Newton", "o tempo"])
def test_words_are_no_markers(text):
    assert list_marker_of(text) is None


def test_capitals_in_their_order_are_items_and_an_initial_is_none():
    words = [*line("A. The roof is to be mended.", 72, 100), *line("B. The gutter is to be cleaned.", 72, 116)]
    assert kinds(blocks(words)) == ["list_item", "list_item"]
    words = [*line("A. Smith wrote the report.", 72, 100), *line("K. Weber read it and signed.", 72, 116)]
    assert "list_item" not in kinds(blocks(words))


def test_a_box_of_brackets_keeps_the_weight_of_its_words():
    (found,) = blocks([*line("[x]", 72, 100), *line("Roof", 90, 100, bold=True), *line("and walls of the house", 115, 100)])
    assert (found.kind, found.text) == ("checkbox", "☒ Roof and walls of the house")
    assert [found.text[span.start : span.end] for span in found.spans if span.bold] == ["Roof"]


def test_arrows_begin_items_but_not_the_lines_of_a_path_through_menus():
    found = blocks([*line("→ Arrow one", 72, 100), *line("→ Arrow two", 72, 112)])
    assert [block.kind for block in found] == ["list_item", "list_item"]
    found = blocks([*line(FULL, 72, 100, right=RIGHT), *line("→ Volumes, and so it ends.", 72, 112)])
    assert kinds(found) == ["paragraph"]


def test_ticks_and_crosses_are_items_of_one_list():
    words = [
        word
        for number, mark in enumerate("✓✗✓✓✗")
        for word in marked(mark, "breakfast from seven to ten", 72, 100 + 14 * number, hang=14)
    ]
    assert [level for level, _ in items(blocks(words))] == [1] * 5


def test_signs_that_few_fonts_have_begin_items_and_no_column():
    words = [w for n in range(3) for w in marked("►", f"Item of the list that is number {n} of all.", 72, 100 + 14 * n)]
    assert kinds(blocks(words)) == ["list_item"] * 3


def test_check_boxes_below_the_number_of_a_question_are_no_column():
    rows = [("1.", "Which of these do you like?"), ("☐", "Tea with milk"), ("☒", "Black coffee")]
    assert kinds(blocks(rows_at(rows, (72, 96), 100)))[1:] == ["checkbox", "checkbox"]


@pytest.mark.parametrize(("text", "marker"), [("aa) der Treppen", "aa)"), ("(bb) des Hofes", "(bb)"), ("。B.1 Chair", "。")])
def test_doubled_letters_and_a_small_circle_that_ocr_read_begin_items(text, marker):
    found = list_marker_of(text)
    assert found is not None
    assert found.text == marker


@pytest.mark.parametrize("text", ["ab) oder so", "。春の朝", "am) Ende"])
def test_other_letters_before_a_bracket_and_a_full_stop_begin_no_item(text):
    assert list_marker_of(text) is None
