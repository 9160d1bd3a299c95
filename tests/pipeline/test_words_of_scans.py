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


@pytest.mark.parametrize("parted", [False, True])
def test_a_reading_that_was_kept_has_the_words_of_its_lines(parted):
    kept = reading(line("Kept for long", 50, 100)) if parted else Reading("rapidocr", words=[line("Kept", 50, 100)[0]])
    adapter = TypeAdapter(Reading)
    assert adapter.validate_json(adapter.dump_json(kept)) == kept
