"""What the layout gets of a scan's lines: words where others stand beside them, one font size a line."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from document_parser.models import Page, Reading, Word
from document_parser.pipeline.reading.page_result import build_blocks

WIDTH, HEIGHT = 600.0, 800.0
MARGIN = 3.0
"""Of the boxes that a network finds, beyond the ink, in points."""


def line(text, left, top, size=10.0, space=4.0):
    """A line as it was found, and its words with boxes of their ink: letters half a size wide, ascenders and descenders."""
    words, x = [], left
    bottom = top + 0.92 * size
    for part in text.split():
        right = x + 0.5 * size * len(part)
        words.append(Word(part, x / WIDTH, top / HEIGHT, right / WIDTH, bottom / HEIGHT, confidence=0.99))
        x = right + space
    edges = (left - MARGIN, top - MARGIN, x - space + MARGIN, bottom + MARGIN)
    box = (edge / whole for edge, whole in zip(edges, (WIDTH, HEIGHT, WIDTH, HEIGHT), strict=True))
    return Word(text, *box, confidence=0.99), words


def reading(*lines):
    return Reading("rapidocr", words=[whole for whole, _ in lines], parts_of_lines=dict(lines))


def blocks_of_scan(*lines):
    return build_blocks(Page(number=1, status="done", width=WIDTH, height=HEIGHT), reading(*lines))


def test_cells_that_were_found_as_one_line_are_cells():
    """The columns of numbers and of words behind them were found as one line in each row."""
    rows = [("Anchor", "8,154 required"), ("Bridge", "7,574 desk"), ("Copper", "9,423 Saturday"), ("Dockyard", "1,021 glass")]
    lines = []
    for number, (name, both) in enumerate([("Yard gap", "Price Needed"), *rows]):
        amount = both.split()[0]
        lines += [line(name, 50, 100 + 20 * number), line(both, 300 - 5 * len(amount), 100 + 20 * number, space=9)]
    [table] = [block.table for block in blocks_of_scan(*lines) if block.table]
    assert [cell.text for cell in table.cells if cell.row == 1] == ["Anchor", "8,154", "required"]
    assert [cell.text for cell in table.cells if cell.row == 4] == ["Dockyard", "1,021", "glass"]


def test_a_line_alone_in_its_row_is_one_text_however_wide_its_spaces_are():
    texts = [
        "wash them lentils in water",
        "then turn potatos to small",
        "this dish carrots is ready",
        "lady from Utrecht so tells",
    ]
    # Spaces stand below each other, as on a page of a typewriter.
    lines = [line(text, 50, 100 + 14 * number, space=8) for number, text in enumerate(texts)]
    [block] = blocks_of_scan(*lines)
    assert block.text == " ".join(texts)


def test_lines_whose_boxes_differ_as_those_of_one_size_do_are_one_paragraph():
    texts = ["The harbour lists each vessel that", "entered port during the winter and", "spring of the year before, by day"]
    lines = [
        line(text, 50, 100 + 14 * number, size=size)
        for number, (text, size) in enumerate(zip(texts, (10, 10.6, 9.6), strict=True))
    ]
    [block] = blocks_of_scan(*lines)
    assert block.kind == "paragraph"


PROSE = [
    "The harbour lists each vessel that entered",
    "port during the winter and the spring of the",
    "year before, by day and by the wind of it.",
]


def paragraph(top):
    return [line(text, 50, top + 14 * number) for number, text in enumerate(PROSE)]


def test_a_short_line_that_is_a_little_larger_than_the_text_is_a_heading_by_the_white_above_it():
    kinds = [block.kind for block in blocks_of_scan(*paragraph(100), line("2. Ships", 50, 170, size=12), *paragraph(192))]
    assert kinds == ["paragraph", "heading", "paragraph"]


def test_a_line_that_the_ink_of_another_makes_high_is_no_heading():
    """A seal or the line above reaches into its box: its letters are no wider than those of the text."""
    whole, words = line("Second matter", 50, 170)
    high = (whole, [word._replace(top=word.top - 8 / HEIGHT) for word in words])
    kinds = [block.kind for block in blocks_of_scan(*paragraph(100), high, *paragraph(192))]
    assert "heading" not in kinds


def test_words_of_another_engine_have_the_size_of_their_line():
    """Letters without ascenders would be smaller by their own boxes."""
    lines = [*paragraph(100), line("2. Reisen", 50, 170, size=12), *paragraph(192)]
    found = [
        word._replace(bottom=word.bottom - 2 / HEIGHT) if word.text in ("year", "wind", "winter") else word
        for _, words in lines
        for word in words
    ]
    whole = reading(*lines)
    read = whole.replace_lines({each: [word for word in found if word.top == parts[0].top] for each, parts in lines})
    blocks = build_blocks(Page(number=1, status="done", width=WIDTH, height=HEIGHT), read)
    assert [block.kind for block in blocks] == ["paragraph", "heading", "paragraph"]


def test_a_line_that_is_spelt_otherwise_keeps_the_places_of_its_words():
    whole, words = line("fich fehr freuen", 50, 100)
    spelt = reading((whole, words)).spell_lines({whole: "ſich ſehr freuen"})
    [(other, parts)] = spelt.parts_of_lines.items()
    assert other in spelt.words
    assert [(part.text, part.left) for part in parts] == [
        ("ſich", words[0].left), ("ſehr", words[1].left), ("freuen", words[2].left)
    ]  # fmt: skip


@pytest.mark.parametrize("parted", [False, True])
def test_a_reading_that_was_kept_has_the_words_of_its_lines(parted):
    kept = reading(line("Kept for long", 50, 100)) if parted else Reading("rapidocr", words=[line("Kept", 50, 100)[0]])
    adapter = TypeAdapter(Reading)
    assert adapter.validate_json(adapter.dump_json(kept)) == kept
