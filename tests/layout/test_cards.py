"""Cards side by side are read one after the other, row by row; addresses, fields and notes keep their lines."""

from __future__ import annotations

from document_parser.models import Word
from tests.support.layout_pages import HEIGHT, WIDTH, blocks, kinds, line, prose, rows_at, texts, whole

STAFF = (
    ("Anna Berg", "Head of the workshop since", "the old one burned down."),
    ("Tom Lindqvist", "Keeps the archive and the", "library on the first floor."),
    ("Ruth Okafor", "Leads the choir and plans", "the concerts of summer."),
    ("Paul Meier", "Looks after the garden, the", "paths and the small pond."),
)


def card(lines, left, top):
    name, *text = lines
    return [*line(name, left, top, bold=True), *(word for n, t in enumerate(text, 1) for word in line(t, left, top + 12 * n))]


def cards(lefts=(72, 330)):
    rows = [STAFF[place : place + len(lefts)] for place in range(0, len(STAFF), len(lefts))]
    return [
        w for n, row in enumerate(rows) for left, one in zip(lefts, row, strict=False) for w in card(one, left, 120 + 50 * n)
    ]


def test_cards_of_two_columns_are_read_row_by_row_below_their_title():
    found = blocks(line("Our people", 72, 80, size=20, bold=True) + cards() + prose(3, 72, 240, 520))
    assert "table" not in kinds(found)
    assert texts(found)[1:9] == [text for name, *rest in STAFF for text in (name, " ".join(rest))]


def test_a_row_of_four_cards_is_no_table():
    found = blocks(cards(lefts=(40, 180, 320, 450)))
    assert texts(found) == [text for name, *rest in STAFF for text in (name, " ".join(rest))]


def test_bold_headers_over_single_words_stay_those_of_a_table():
    rows = [("Anna", "Tom"), ("Monday", "Friday"), ("Wednesday", "Sunday")]
    words = [*rows_at(rows[:1], (72, 250), 100, bold=True), *rows_at(rows[1:], (72, 250), 116)]
    assert kinds(blocks(words)) == ["table"]


def test_stories_under_headings_side_by_side_are_read_column_by_column():
    words = []
    for left in (72, 330):
        words += line(f"First {left}", left, 100, bold=True) + prose(12, left, 114, left + 220, last="is over.", seed=left)
        words += line(f"Second {left}", left, 270, bold=True) + prose(12, left, 284, left + 220, last="is over.", seed=left + 1)
    heads = [block.text for block in blocks(words) if block.kind == "heading"]
    assert heads == ["First 72", "Second 72", "First 330", "Second 330"]


ADDRESS = ("Harbour Tools Ltd", "Dock Road 8", "Greyford GR2 1AB")


def test_the_lines_of_an_address_stay_apart():
    words = [word for n, text in enumerate(ADDRESS) for word in line(text, 72, 100 + 12 * n)]
    assert texts(blocks(words + prose(4, 72, 180, 520)))[:3] == [*ADDRESS]


def test_the_lines_of_a_narrow_column_of_text_that_begin_with_capitals_are_one_paragraph():
    lines = ("the council of Ashby", "Harbour has met with", "Mayor Berg and with", "Dr Lind on Monday.")
    words = [word for n, text in enumerate(lines) for word in line(text, 72, 100 + 12 * n)]
    assert texts(blocks(words)) == [" ".join(lines)]


def test_fields_far_below_each_other_are_lines_of_their_own():
    fields = (
        "Surname and first name LINDQVIST ANNA MARIA ELISABETH",
        "Born on 04051971 in Lund with postcode 20457 there",
        "Sum 1",
    )
    words = [word for n, text in enumerate(fields) for word in line(text, 72, 100 + 28 * n)]
    assert texts(blocks(words)) == [*fields]


def test_a_text_with_double_space_between_its_lines_is_one_paragraph():
    words = [
        w._replace(top=w.top * 1.9 - 0.1, bottom=w.top * 1.9 - 0.1 + 10 / HEIGHT) for w in prose(8, 72, 100, 400, first="It")
    ]
    assert len(blocks(words)) == 1


def test_two_lines_rather_far_apart_are_one_text_only_where_a_long_one_goes_on_within_its_sentence():
    first = "The next inspection is planned for November. Keep this report with"
    for second, count in (("the elevator logbook.", 1), ("The elevator logbook.", 2)):
        assert len(blocks(line(first, 72, 100) + line(second, 72, 118))) == count
    assert len(blocks(line("payment within 30 days", 72, 100) + line("without discount", 72, 118))) == 2


def test_paragraphs_of_one_line_end_where_the_next_one_begins():
    """Most lines are as far apart as paragraphs are."""
    words = prose(2, 72, 100, 400, first="It", last="the end of it all.")
    for top in (133, 154, 175, 196):
        words += line("A paragraph of one line that is nearly as long as the column is.", 72, top)
    assert len(blocks(words)) == 5


def test_the_raised_mark_of_a_note_stays_with_its_text():
    words = [*prose(4, 72, 100, 400)]
    for place, text in enumerate(("From January to December.", "Under sixteen years.")):
        top, mark = 300 + 15 * place, str(place + 1)
        base = (top + 7) / HEIGHT
        words.append(
            Word(mark, 72 / WIDTH, (top - 3) / HEIGHT, 75 / WIDTH, (top + 2.5) / HEIGHT, 8.0, baseline=base - 4 / HEIGHT)
        )
        words += [w._replace(size_points=9.0, bottom=base, baseline=base) for w in line(text, 78, top, size=9)]
    assert texts(blocks(words))[1:] == ["1 From January to December.", "2 Under sixteen years."]


def test_ticks_and_crosses_before_items_are_kept():
    items = ("✓ Breakfast from seven", "✗ Parking in the yard", "✓ Use of the garden")
    found = blocks([word for n, text in enumerate(items) for word in line(text, 90, 100 + 14 * n)])
    assert kinds(found) == ["list_item"] * 3
    assert texts(found) == [*items]


def test_words_below_a_single_large_figure_are_no_index_of_it():
    words = line("3", 80, 100, size=24, bold=True) + line("cranes", 80, 118, size=12)
    words = [word._replace(baseline=word.bottom) for word in words]
    assert whole(blocks(words)) == "3 cranes"


def test_figures_in_large_letters_stand_with_the_words_below_them():
    words = []
    for left, figure, lines in ((80, "42", ["boats"]), (230, "7 %", ["growth over the", "year"]), (420, "1,204", ["members"])):
        words += line(figure, left, 100, size=24, bold=True)
        words += [word for number, text in enumerate(lines) for word in line(text, left, 132 + 14 * number, size=12)]
    assert whole(blocks(words)) == "42 boats 7 % growth over the year 1,204 members"


def test_texts_side_by_side_under_headings_are_each_read_whole_however_long_one_is():
    words = line("Opening hours", 72, 100, bold=True) + line("We open on Monday.", 72, 114)
    words += line("How to find us", 330, 100, bold=True) + prose(9, 330, 114, 520, last="and you are there.")
    found = blocks(words)
    assert texts(found)[:3] == ["Opening hours", "We open on Monday.", "How to find us"]
    assert found[3].text.endswith("and you are there.")
