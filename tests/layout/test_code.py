"""Lines in a face of equal widths are code, kept as they stand; a typewritten page is not."""

from __future__ import annotations

import re

from document_parser.layout.blocks.typewritten import mark_listings
from document_parser.layout.page import blocks_of
from document_parser.layout.tables.grid import Grid, GridCell
from document_parser.layout.tables.listings import is_numbered_listing, without_code_colours
from document_parser.models import RulingLine, Word
from tests.support.layout_pages import HEIGHT, WIDTH, blocks, kinds, line, prose

SIZE = 10.0


def typed(text, left, top, mono=True):
    """A line in a face of equal widths, six points a character; white in ``text`` counts."""
    words, column = [], 0
    for part in text.split(" "):
        if part:
            start = left + 6 * column
            box = (start / WIDTH, top / HEIGHT, (start + 6 * len(part) - 1) / WIDTH, (top + SIZE) / HEIGHT)
            words.append(Word(part, *box, SIZE, mono=mono))
        column += len(part) + 1
    return words


def program(lines, top=200.0, left=72.0):
    return [word for number, text in enumerate(lines) for word in typed(text, left, top + 12 * number)]


def test_code_keeps_its_lines_indents_and_blank_lines():
    lines = ["def area(r):", "    if r < 0:", "        return None", "", "    return 3 * r"]
    found = blocks([*prose(8, 72, 80, 520), *program(lines), *prose(8, 72, 290, 520, seed=2)])
    assert kinds(found) == ["paragraph", "code", "paragraph"]
    assert found[1].text == "\n".join(lines)


def test_numbers_of_lines_do_not_hide_code():
    lines = [*typed("int units;", 90, 200), *typed("char first;", 90, 212)]
    numbers = [*typed("1", 72, 200, mono=False), *typed("2", 72, 212, mono=False)]
    found = blocks([*prose(8, 72, 80, 520), *numbers, *lines])
    assert kinds(found) == ["paragraph", "code"]
    assert found[1].text.split("\n")[0].split() == ["1", "int", "units;"]


def test_a_name_in_such_a_face_within_a_sentence_makes_no_code():
    found = blocks([*prose(8, 72, 80, 520, last="call it with"), *typed("area", 140, 80 + 7 * 12)])
    assert "code" not in kinds(found)


def test_a_command_alone_is_code_and_an_address_is_not():
    around = [*prose(8, 72, 80, 520), *prose(8, 72, 290, 520, seed=2)]
    assert kinds(blocks([*around, *program(["grep wnj /etc/passwd"], top=230)])) == ["paragraph", "code", "paragraph"]
    assert "code" not in kinds(blocks([*around, *program(["write to ada@example.org"], top=230)]))


def test_a_typewritten_page_is_text():
    assert "code" not in kinds(blocks(program(["It was a dark and stormy night in the old town", "and nobody went out."] * 6)))


CALLS = [
    "axis(side = 1, at = m[!jan], tcl = 0.3)",
    "axis(side = 1, at = m[jan], tcl = 0.7)",
    "axis(side = 1, at = unique(m), lty = 2)",
]


def test_a_page_of_which_most_is_a_listing_is_no_typewritten_page():
    listing = [text for number in range(8) for text in (*CALLS, f"for (i in 1:{number}) {{", "}")]
    found = blocks([*prose(3, 72, 80, 520), *program(listing, top=130)])
    assert kinds(found) == ["paragraph", "code"]
    assert found[1].text.split("\n") == listing


def test_single_spaces_of_code_that_lie_one_above_the_other_part_no_columns():
    found = blocks([*prose(8, 72, 80, 520), *program(CALLS), *prose(8, 72, 260, 520, seed=2)])
    assert kinds(found) == ["paragraph", "code", "paragraph"]
    assert found[1].text.split("\n") == CALLS


def test_a_comment_with_letters_of_other_latin_alphabets_is_code_and_greek_is_not():
    assert kinds(blocks([*prose(8, 72, 80, 520), *program(["# À défaut, l'hôte", "hostname: démo"])])) == ["paragraph", "code"]
    assert "code" not in kinds(blocks([*prose(8, 72, 80, 520), *program(["Μήνιν άειδε θεά", "Πηληϊάδεω Αχιλήος"])]))


def test_text_beside_much_code_in_smaller_letters_is_no_heading():
    words = [word._replace(size_points=8.0) for word in program(CALLS * 6, top=200)]
    found = blocks([*line("Axes are drawn by these calls", 72, 100), *line("with labels of months", 72, 150), *words])
    assert "heading" not in kinds(found)


def coloured(lines, top=200.0, left=72.0):
    """The boxes behind the names and signs of a program, each in a colour of its own, and one around all of it."""
    boxes = [(left - 6, top - 6, 500.0, top + 12 * len(lines) + 6)]
    for number, text in enumerate(lines):
        y = top + 12 * number
        for part in re.finditer(r"\w+|[^\w\s]+", text):
            boxes.append((left + 6 * part.start(), y - 1, left + 6 * part.end(), y + 11))
    return [RulingLine(a / WIDTH, b / HEIGHT, c / WIDTH, d / HEIGHT) for a, b, c, d in boxes]


PROGRAM = [
    "drawer.hide();",
    "drawer.editor.resumeEditing();",
    "drawer = null;",
    "var parent = drawer.document;",
    "var place = parent.getElementById('place');",
    "place.style.display = 'none';",
]


def test_colours_behind_the_words_of_a_program_are_no_cells():
    words, boxes = program(PROGRAM), coloured(PROGRAM)
    in_points = [
        word._replace(left=word.left * WIDTH, top=word.top * HEIGHT, right=word.right * WIDTH, bottom=word.bottom * HEIGHT)
        for word in words
    ]
    drawn = [RulingLine(box.left * WIDTH, box.top * HEIGHT, box.right * WIDTH, box.bottom * HEIGHT) for box in boxes]
    assert without_code_colours(drawn, in_points, SIZE) == drawn[:1]
    found = blocks_of([*prose(8, 72, 80, 520), *words], WIDTH, HEIGHT, boxes)
    assert kinds(found) == ["paragraph", "code"]
    assert found[1].text == "\n".join(PROGRAM)


def test_the_numbers_of_lines_are_no_column_of_a_table():
    rows = [[("7", 72), ("else:", 84)], [("8", 72), ("show('Negative')", 108)], [("9", 72), ("done()", 84)]]
    cells = [[typed(text, left, 200 + 12 * number) for text, left in row] for number, row in enumerate(rows)]
    grid = Grid(tuple(tuple(GridCell(at, at, tuple(cell)) for at, cell in enumerate(row)) for row in cells), 2)
    assert is_numbered_listing(grid)
    plain = [[[word._replace(mono=False) for word in cell] for cell in row] for row in cells]
    assert not is_numbered_listing(
        Grid(tuple(tuple(GridCell(at, at, tuple(cell)) for at, cell in enumerate(row)) for row in plain), 2)
    )


SCANNED = [
    ("# sums.py", 90.6, 143.9, 94.0),
    ("def outer(items):", 89.3, 189.9, 106.0),
    ('"""Add and take away."""', 115.3, 256.5, 118.7),
    ("total = 0", 113.9, 167.2, 130.7),
    ("for item in items:", 114.6, 219.9, 143.3),
    ("if item > 0:", 138.6, 207.9, 156.0),
    ("total += item", 162.6, 239.9, 168.0),
    ("else:", 137.9, 165.9, 180.6),
    ("total -= item", 162.6, 239.9, 192.6),
    ("return total", 113.9, 185.2, 218.6),
    ('if __name__ == "__main__":', 90.6, 243.9, 243.3),
    ("print(outer([1, -2, 3]))", 113.9, 256.5, 256.0),
]
"""Lines of a listing on a scan, their left and right edges and their tops in points. Those of the first are a little off."""


def test_the_first_line_of_a_listing_on_a_scan_belongs_to_it_though_its_indent_is_a_little_off():
    sizes = [8.11, *[9.22] * 8, 10.56, 9.22, 10.56]
    words = [
        Word(text, left, top, right, top + 8, confidence=0.97, estimated_points=size)
        for (text, left, right, top), size in zip(SCANNED, sizes, strict=True)
    ]
    before = Word("Its tests are left out here, as the reader may guess.", 70.0, 68.7, 301.0, 76.7, estimated_points=8.11)
    marked = mark_listings([before, *words])
    assert [word.mono for word in marked] == [False, *[True] * len(words)]
