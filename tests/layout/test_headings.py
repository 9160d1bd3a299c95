"""What is a heading on a page: by size, by weight, by the white around it."""

from __future__ import annotations

import pytest

from document_parser.layout.page import blocks_of
from document_parser.models import Word
from tests.support.layout_pages import HEIGHT, WIDTH, blocks, kinds, level, line, prose, rows_at, scanned

ROWS = [
    ("Article", "Pack", "Price"),
    ("Bolt", "10", "4.20"),
    ("Lamp", "1", "31.00"),
    ("Tape", "5", "2.75"),
    ("Pipe", "2", "8.10"),
]


def test_a_line_hardly_larger_than_the_text_is_a_heading_by_the_white_above_it():
    words = [*prose(4, 72, 100, 520), *line("Another matter", 72, 166, size=10.5), *prose(4, 72, 182, 520, seed=2)]
    assert kinds(blocks(words)) == ["paragraph", "heading", "paragraph"]


def test_a_line_hardly_larger_than_the_text_is_no_heading_if_it_ends_a_sentence_or_stands_close():
    ends = [*prose(4, 72, 100, 520), *line("That was the matter.", 72, 166, size=10.5), *prose(4, 72, 182, 520, seed=2)]
    assert "heading" not in kinds(blocks(ends))
    close = [*prose(4, 72, 100, 520), *line("Another matter", 72, 148, size=10.5), *prose(4, 72, 160, 520, seed=2)]
    assert "heading" not in kinds(blocks(close))


def test_text_of_another_size_is_no_heading_of_the_text_below_it():
    words = [
        *prose(4, 72, 100, 520), *prose(3, 72, 166, 520, size=10.5, seed=4), *line("Short line", 72, 220, size=10.5),
        *prose(4, 72, 240, 520, seed=2),
    ]  # fmt: skip
    assert "heading" not in kinds(blocks(words))


def test_the_lines_of_a_numbered_heading_are_one_though_lines_of_items_hang():
    full = "the quick brown fox jumps over the lazy dog while seven wizards mix a very large jar of honey and pepper"
    words = [
        *line("1.", 72, 100, size=14, bold=True),
        *line("How seven wizards mixed their honey with pepper and with", 96, 100, size=14, bold=True, right=520),
        *line("salt", 72, 117, size=14, bold=True), *prose(4, 72, 144, 520),
        *line("•", 72, 204), *line(full, 96, 204, right=520), *line("and more.", 96, 216),
    ]  # fmt: skip
    assert kinds(blocks(words)) == ["heading", "paragraph", "list_item"]


def test_a_line_with_a_bullet_is_an_item_however_large_it_is_and_an_ornament_is_no_bullet():
    words = [*line("• Large databases", 72, 100, size=14), *prose(4, 72, 124, 520)]
    assert kinds(blocks(words)) == ["list_item", "paragraph"]
    ornament = [*line("□ Large databases", 72, 100, size=14), *prose(4, 72, 124, 520)]
    assert kinds(blocks(ornament)) == ["heading", "paragraph"]


def test_a_page_whose_text_is_set_in_a_font_for_formulas_has_text_and_headings():
    words = [*line("Alternative versions", 72, 80, size=16), *prose(5, 72, 110, 520)]
    assert kinds(blocks([word._replace(math=True) for word in words])) == ["title", "paragraph"]


def test_a_small_bold_line_is_a_heading_only_in_the_middle_of_its_column():
    centred = [*line("The parties", 275, 100, size=9, bold=True), *prose(4, 72, 120, 520)]
    assert kinds(blocks(centred)) == ["heading", "paragraph"]
    aside = [*line("The parties", 72, 100, size=9, bold=True), *prose(4, 72, 120, 520)]
    assert kinds(blocks(aside)) == ["paragraph", "paragraph"]


def test_on_a_page_in_bold_type_short_lines_are_no_headings():
    lines = [*line("b) seven wizards", 72, 180, bold=True), *line("quietly", 72, 200, bold=True)]
    words = [word._replace(bold=True) for word in prose(5, 72, 100, 520)]
    assert "heading" not in kinds(blocks([*words, *lines]))


def test_lines_of_text_above_a_table_in_smaller_type_are_no_headings():
    address = [*line("Karin Weber", 72, 100), *line("102 Station Street", 72, 114), *line("44331 Cordoba", 72, 128)]
    words = [*line("Statement", 72, 70, size=18), *address, *rows_at(ROWS * 3, (72, 250, 460), 200, size=8)]
    assert [block.text for block in blocks(words) if block.kind in ("title", "heading")] == ["Statement"]


def test_a_heading_above_a_table_is_one_though_the_page_has_no_other_text():
    rules = [level(at) for at in (96.0, 112.0, 182.0)]
    found = blocks_of([*line("Price list", 72, 60, size=16), *rows_at(ROWS, (72, 250, 460), 100, size=8)], WIDTH, HEIGHT, rules)
    assert [block.text for block in found if block.kind in ("title", "heading")] == ["Price list"]


def column(text, right, size):
    """A column of vertical writing: one letter a word, each below the other."""
    letters = []
    for number, letter in enumerate(text):
        top = 80 + number * size
        box = ((right - size) / WIDTH, top / HEIGHT, right / WIDTH, (top + size) / HEIGHT)
        letters.append(Word(letter, *box, size))
    return letters


def test_vertical_writing_has_headings_and_paragraphs():
    text = "森光水言葉道路決定川先生結果光図書館駅今月進めた冬仕事"
    words = column("場所川報告", 540, 16)
    for right in (505, 487, 469, 443, 425, 407):  # two paragraphs with more white between them
        words += column(text, right, 10.5)
    found = blocks(words)
    assert kinds(found) == ["heading", "paragraph", "paragraph"]


def on_scan(text, top, confidence=0.97, size=16.0):
    return [word._replace(confidence=confidence) for word in scanned(line(text, 72, top, size=size))]


@pytest.mark.parametrize(
    ("text", "confidence", "is_heading"),
    [
        ("Subscription to the library", 0.97, True),
        ("2.3 of the statutes", 0.6, True),  # a number of a section says it
        ("IV.", 0.97, True),
        ("Hereby sworn before me", 0.6, False),  # handwriting
        ("this 24 day of January", 0.97, False),
        ("Dr", 0.97, False),
        ("Bill No :CS0032277", 0.97, False),
        ("Date: 20-06-2018", 0.97, False),
        ("目次", 0.97, True),
    ],
)
def test_a_large_line_of_a_scan_is_a_heading_if_it_reads_like_one(text, confidence, is_heading):
    found = blocks(
        [*scanned(prose(6, 72, 100, 520)), *on_scan(text, 190, confidence), *scanned(prose(6, 72, 230, 520, seed=2))]
    )
    assert kinds(found) == ["paragraph", "heading" if is_heading else "paragraph", "paragraph"]
    digital = blocks([*prose(6, 72, 100, 520), *line(text, 72, 190, size=16.0), *prose(6, 72, 230, 520, seed=2)])
    assert kinds(digital)[1] == "heading"


def test_what_is_filled_into_a_scanned_form_is_text_though_most_letters_are_small_print():
    words = [*on_scan("Registration of Lighthouses", 60, size=16.0), *scanned(prose(5, 72, 100, 520, size=7.0))]
    for row in range(7):
        words += on_scan("Supplemental statement of the harbour and its lights", 180 + 30 * row, size=10)
    assert "heading" in kinds(blocks(words))
    boxes = [word for row in (0, 1) for word in on_scan(f"☐ Option {row}", 400 + 30 * row, size=7.0)]
    assert kinds(blocks([*words, *boxes])) == ["title", *["paragraph"] * 8, "checkbox", "checkbox"]
