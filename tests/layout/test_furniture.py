"""Running heads, page numbers and stamps are told from content by one page; a page drawn sideways is read as it is meant."""

from __future__ import annotations

import pytest

from document_parser.layout.page import blocks_of
from document_parser.models import RulingLine, Word
from tests.support.layout_pages import HEIGHT, WIDTH, blocks, kinds, line, prose, texts, whole

BODY = prose(20, 72, 120, 520)


def furniture(found):
    return [(block.kind, block.text) for block in found if block.kind.startswith("page_")]


def test_a_head_with_the_page_number_at_its_end_is_furniture_with_what_stands_above_it():
    stamp = line("Downloaded from http://example.org/ on 12 July", 100, 10)
    head = [*line("Advocacy in Action", 72, 24), *line("447", 505, 24)]
    found = blocks([*BODY, *stamp, *head])
    assert furniture(found) == [
        ("page_header", "Downloaded from http://example.org/ on 12 July"),
        ("page_header", "Advocacy in Action"),
        ("page_number", "447"),
    ]


def test_a_title_above_the_page_number_stays_content():
    title = line("Booking Order", 72, 20, size=14)
    assert furniture(blocks([*BODY, *title, *line("Page 1 of 1", 460, 44)])) == []


CLOSE_BODY = prose(20, 72, 76, 520)
RULE_BELOW_HEAD = RulingLine(72 / WIDTH, 66 / HEIGHT, 525 / WIDTH, 66 / HEIGHT)


def test_chapter_and_section_at_the_ends_of_a_ruling_are_the_running_head_of_a_single_page():
    head = [*line("CHAPTER 3. BEFORE THE START", 72, 50), *line("3.6. HARDWARE SETUP", 400, 50)]
    assert furniture(blocks_of([*CLOSE_BODY, *head], WIDTH, HEIGHT, [RULE_BELOW_HEAD])) == [
        ("page_header", "CHAPTER 3. BEFORE THE START 3.6. HARDWARE SETUP")
    ]
    assert furniture(blocks([*CLOSE_BODY, *head])) == []


@pytest.mark.parametrize("parts", [("Description", "Amount"), ("Item 3", "10.00"), ("Chapter 3. Start", "Anna Smith")])
def test_other_words_at_the_ends_of_a_ruling_stay_content(parts):
    head = [*line(parts[0], 72, 50), *line(parts[1], 430, 50)]
    assert furniture(blocks_of([*CLOSE_BODY, *head], WIDTH, HEIGHT, [RULE_BELOW_HEAD])) == []


def test_a_foot_of_revision_part_number_and_date_is_furniture():
    foot = [*line("Revision: 2.4", 72, 770), *line("P/N 119-036", 260, 770), *line("10 June 2019", 460, 770)]
    assert furniture(blocks([*BODY, *foot])) == [("page_footer", "Revision: 2.4 P/N 119-036 10 June 2019")]


@pytest.mark.parametrize(
    "parts",
    [("IBAN DE02 1203 0000", "BIC BYLADEM1", "VAT DE123456"), ("Berlin", "10 June 2019"), ("Total", "EUR", "1.234,00")],
)
def test_a_foot_of_bank_accounts_amounts_or_a_signature_stays_content(parts):
    places = (72, 260, 450)
    foot = [word for text, left in zip(parts, places, strict=False) for word in line(text, left, 770)]
    assert furniture(blocks([*BODY, *foot])) == []


@pytest.mark.parametrize(
    "text",
    ["IBAN DE89 3704 0044 0532 0130 00", "USt-IdNr. DE123456789", "Tel. +43 1 234 56 78", "office@example.org", "HRB 12345"],
)
def test_small_print_at_the_foot_stays_content_with_an_account_or_number_in_it(text):
    assert furniture(blocks([*BODY, *line(text, 72, 815, size=6)])) == []
    assert furniture(blocks([*BODY, *line("Harbour Office, a public body", 72, 815, size=6)])) != []


def test_small_feet_around_a_page_number_do_not_hide_it():
    tiny = line("An archive of a university", 30, 825, size=5)
    assert furniture(blocks([*BODY, *line("199", 470, 790), *tiny])) == [
        ("page_number", "199"),
        ("page_footer", "An archive of a university"),
    ]


def test_a_number_alone_in_the_middle_below_all_text_is_the_page_number_however_high_it_stands():
    number = line("62", (WIDTH - 9) / 2, 480)
    assert furniture(blocks([*BODY, *number])) == [("page_number", "62")]
    assert furniture(blocks([*BODY, *line("62", 150, 480)])) == []


def test_a_stamp_up_the_margin_is_furniture_and_a_label_inside_the_page_is_not():
    def upward(left):
        places = ((0.6, "Downloaded"), (0.55, "from"), (0.45, "archive.example.org"))
        return [Word(text, left, top, left + 0.015, top + 0.008 * len(text), 10) for top, text in places]

    assert furniture(blocks([*BODY, *upward(0.02)])) == [("page_header", "Downloaded from archive.example.org")]
    right = prose(20, 340, 120, 560, seed=3)
    assert furniture(blocks([*prose(20, 72, 120, 280), *right, *upward(0.51)])) == []


@pytest.mark.parametrize("turn", [90, 270])
def test_a_page_drawn_sideways_is_read_as_it_is_meant_and_its_boxes_stay_where_they_are(turn):
    upright = [*line("A Great Title", 72, 60, size=20), *prose(12, 72, 120, 280), *prose(12, 310, 120, 520, seed=2)]
    expected = blocks(upright)

    def aside(word):
        if turn == 90:
            return word._replace(left=word.top, top=1 - word.right, right=word.bottom, bottom=1 - word.left)
        return word._replace(left=1 - word.bottom, top=word.left, right=1 - word.top, bottom=word.right)

    found = blocks_of([aside(word) for word in upright], HEIGHT, WIDTH, [RulingLine(0.1, 0.1, 0.1, 0.11)])
    assert texts(found) == texts(expected)
    assert kinds(found) == kinds(expected)
    assert found[0].box
    assert found[0].box.turn(turn) == expected[0].box


def test_a_table_beside_sideways_words_does_not_turn_the_page():
    sideways = [Word("Sideways", 0.02, 0.1 + 0.1 * i, 0.04, 0.18 + 0.1 * i, 10) for i in range(8)]
    assert whole(blocks([*BODY, *sideways])).startswith(texts(blocks(BODY))[0][:40])


def test_a_head_with_the_page_number_farther_from_the_edge_is_furniture_where_white_is_below_it():
    head = [*line("Reading Data", 72, 84), *line("597", 505, 84)]
    assert furniture(blocks([*BODY, *head])) == [("page_header", "Reading Data"), ("page_number", "597")]
    assert furniture(blocks([*prose(20, 72, 98, 520), *head])) == []


def test_the_foot_of_a_form_that_names_the_page_is_furniture_with_what_stands_below_it():
    foot = [
        *line("DD FORM 293, FEB 2025", 72, 790),
        *line("Page 2 of 4", 460, 790),
        *line("PREVIOUS EDITION IS OBSOLETE", 72, 801),
    ]
    found = blocks([*prose(56, 72, 112, 520), *foot])
    assert furniture(found) == [
        ("page_footer", "DD FORM 293, FEB 2025"),
        ("page_number", "Page 2 of 4"),
        ("page_footer", "PREVIOUS EDITION IS OBSOLETE"),
    ]
