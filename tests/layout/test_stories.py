"""Stories of a newspaper, one below the other and side by side, each in columns of its own."""

from __future__ import annotations

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from tests.support.case_reading import CaseReader
from tests.support.layout_pages import blocks, kinds, line, prose, texts

PITCH = 12


@pytest.fixture(scope="module")
def read():
    with CaseReader() as reader:
        yield reader


def sentences(name, count):
    """Lines of about the same width, each of which names its story and its number."""
    return [f"{name} line {number} goes on with words until" for number in range(1, count + 1)]


def column(canvas, left, top, lines):
    canvas.setFont("Helvetica", 9)
    for number, text in enumerate(lines):
        canvas.drawString(left, top - number * PITCH, text)


def story(canvas, top, headline, name, lefts, heights, size=13):
    """Draw a headline and its columns below it, and return the lines in the order in which they are read."""
    canvas.setFont("Helvetica-Bold", size)
    canvas.drawString(lefts[0], top, headline)
    lines = sentences(name, sum(heights))
    start = 0
    for left, height in zip(lefts, heights, strict=True):
        column(canvas, left, top - 20, lines[start : start + height])
        start += height
    return [headline, *lines]


def in_order(flat, parts):
    places = [flat.find(part) for part in parts]
    return -1 not in places and places == sorted(places)


def page(path, draw):
    canvas = Canvas(str(path), pagesize=A4, invariant=True)
    parts = draw(canvas)
    canvas.save()
    return parts


LEFTS = 50, 222, 394


def test_a_headline_over_two_columns_parts_two_stories(read, tmp_path):
    def draw(canvas):
        first = story(canvas, 760, "The old bridge will be rebuilt in stone", "First", LEFTS, (9, 9, 8))
        return first + story(canvas, 590, "Tulips of the garden club win a prize", "Second", LEFTS, (8, 8, 7))

    parts = page(tmp_path / "a.pdf", draw)
    assert in_order(read(tmp_path / "a.pdf").flat, parts)


def test_a_line_over_all_columns_parts_two_stories_with_short_headlines(read, tmp_path):
    def draw(canvas):
        first = story(canvas, 760, "Bridge", "First", LEFTS, (9, 9, 6))
        canvas.line(50, 610, 540, 610)
        return first + story(canvas, 590, "Tulips", "Second", LEFTS, (8, 8, 8))

    parts = page(tmp_path / "a.pdf", draw)
    assert in_order(read(tmp_path / "a.pdf").flat, parts)


def test_a_line_between_two_stories_side_by_side_parts_them(read, tmp_path):
    def draw(canvas):
        first = story(canvas, 760, "Bridge", "North", (50,), (9,))
        second = story(canvas, 760, "Tulips", "South", (310,), (9,))
        canvas.line(300, 640, 300, 770)
        return first + second

    parts = page(tmp_path / "a.pdf", draw)
    assert in_order(read(tmp_path / "a.pdf").flat, parts)


def test_the_heading_of_a_section_beside_a_picture_parts_no_columns(read, tmp_path):
    def draw(canvas):
        left = sentences("Left", 28)
        column(canvas, 50, 760, left[:9])
        canvas.setFont("Helvetica-Bold", 11)
        canvas.drawString(50, 628, "Next section")
        column(canvas, 50, 610, left[9:])
        right = sentences("Right", 24)
        column(canvas, 310, 760, right[:6])
        canvas.rect(310, 622, 200, 60, fill=1)
        column(canvas, 310, 610, right[6:])
        return [*left[:9], "Next section", *left[9:], *right]

    parts = page(tmp_path / "a.pdf", draw)
    assert in_order(read(tmp_path / "a.pdf").flat, parts)


def test_the_spaces_of_a_headline_are_no_gutter(read, tmp_path):
    def draw(canvas):
        parts = story(canvas, 760, "", "First", (50, 306), (14, 14))
        canvas.setFont("Helvetica-Bold", 24)
        canvas.drawRightString(299.5, 770, "Old bridge")
        canvas.drawString(306.5, 770, "rebuilt")
        return ["Old bridge rebuilt", *parts[1:]]

    parts = page(tmp_path / "a.pdf", draw)
    assert in_order(read(tmp_path / "a.pdf").flat, parts)


@pytest.mark.parametrize("is_filled", [True, False])
def test_text_that_runs_around_a_filled_box_is_not_interrupted_by_it(read, tmp_path, is_filled):
    def draw(canvas):
        above = [
            f"Above {number}: the text goes over the whole width of the page here, as texts of books do it."
            for number in range(3)
        ]
        column(canvas, 50, 760, above)
        if is_filled:
            canvas.setFillGray(0.9)
            canvas.rect(330, 592, 210, 134, stroke=0, fill=1)
            canvas.setFillGray(0)
        box = sentences("Box", 9)
        column(canvas, 345, 710, box)
        beside = [f"Beside {number}: the text goes on beside the box" for number in range(11)]
        column(canvas, 50, 722, beside)
        below = [
            f"Below {number}: the text goes over the whole width of the page again, as texts of books do it."
            for number in range(5)
        ]
        column(canvas, 50, 722 - 11 * PITCH, below)
        return [*above, *box, *beside, *below] if is_filled else [*above, *beside, *box, *below]

    parts = page(tmp_path / "a.pdf", draw)
    assert in_order(read(tmp_path / "a.pdf").flat, parts)


def test_a_head_a_foot_and_a_page_number_of_a_single_page_are_furniture(read, tmp_path):
    def draw(canvas):
        canvas.setFont("Helvetica", 9)
        canvas.drawRightString(540, 800, "Quarterly bulletin no. 27")
        canvas.drawString(50, 30, "Printed by the harbour office")
        canvas.drawRightString(540, 30, "3")
        return story(canvas, 740, "The old bridge will be rebuilt", "First", (50,), (30,))

    page(tmp_path / "a.pdf", draw)
    case = read(tmp_path / "a.pdf")
    kinds = {block.text: block.kind for block in case.blocks}
    assert kinds["Quarterly bulletin no. 27"] == "page_header"
    assert kinds["Printed by the harbour office"] == "page_footer"
    assert kinds["3"] == "page_number"
    assert "bulletin" not in case.markdown


@pytest.mark.parametrize("line", ["14 June 2026", "and this is the end of a sentence.", "Account DE02 1203 0000 0000 2020 51"])
def test_a_first_line_far_from_the_text_that_may_be_content_stays(read, tmp_path, line):
    def draw(canvas):
        canvas.setFont("Helvetica", 9)
        canvas.drawString(50, 800, line)
        story(canvas, 740, "The old bridge will be rebuilt", "First", (50,), (30,))

    page(tmp_path / "a.pdf", draw)
    assert line in read(tmp_path / "a.pdf").flat


@pytest.mark.parametrize(("step", "left"), [(1, True), (1, False), (5, True)])
def test_numbers_of_lines_are_no_part_of_the_text(read, tmp_path, step, left):
    lines = [f"Line of the pleading that goes on to the end of the column as number {number}" for number in range(28)]

    def draw(canvas):
        column(canvas, 90, 760, lines)
        for number in range(step, 29, step):
            canvas.drawRightString(80 if left else 500, 760 - (number - 1) * PITCH, str(number))

    page(tmp_path / "a.pdf", draw)
    assert " ".join(lines) in read(tmp_path / "a.pdf").flat


def test_numbers_that_follow_the_lines_around_headings_are_no_part_of_the_text(read, tmp_path):
    heights = [760, 736, 712, 660, 636, 612, 560, 536]
    lines = ["The line that begins a paragraph goes on", "to the end of it as most lines of texts do", "and ends here."]

    def draw(canvas):
        for number, y in enumerate(heights, 1):
            canvas.drawRightString(80, y, str(number))
            canvas.drawString(90, y, lines[(number - 1) % 3])

    page(tmp_path / "a.pdf", draw)
    assert " ".join(lines) in read(tmp_path / "a.pdf").flat


def test_a_list_of_numbered_lines_keeps_its_numbers(read, tmp_path):
    def draw(canvas):
        for number, y in enumerate((760, 736, 712, 660, 636, 612, 560, 536), 1):
            canvas.drawRightString(80, y, str(number))
            canvas.drawString(90, y, f"Article of the list, number {number}, in a box of wood")

    page(tmp_path / "a.pdf", draw)
    assert "8" in read(tmp_path / "a.pdf").flat.replace("number 8", "")


def test_a_table_with_numbered_rows_keeps_its_numbers(read, tmp_path):
    def draw(canvas):
        for number in range(1, 21):
            y = 760 - 14 * number
            canvas.drawString(60, y, str(number))
            canvas.drawString(100, y, f"Article of the list, number {number}, in a box of wood")
            canvas.drawRightString(450, y, f"{number * 3}.50")

    page(tmp_path / "a.pdf", draw)
    assert "20" in read(tmp_path / "a.pdf").flat.replace("number 20", "")


def test_the_addresses_of_a_letter_on_its_left_and_right_are_read_from_top_to_bottom(read, tmp_path):
    def draw(canvas):
        sender = ["Castor Limited", "210 Mill Lane", "42490 Bremen", "Telephone 670356551"]
        receiver = ["Anna Lindqvist", "154 Station Street", "36506 Kilkenny"]
        column(canvas, 380, 780, sender)
        column(canvas, 60, 700, receiver)
        column(canvas, 480, 640, ["22 December 2014"])
        canvas.setFont("Helvetica-Bold", 10)
        canvas.drawString(60, 600, "The old budget")
        text = [
            f"{number}: this is a line of the letter that goes over the width of the page as letters do" for number in range(9)
        ]
        column(canvas, 60, 580, text)
        return [*sender, *receiver, "22 December 2014", "The old budget", *text]

    parts = page(tmp_path / "a.pdf", draw)
    assert in_order(read(tmp_path / "a.pdf").flat, parts)


def test_framed_tables_side_by_side_below_a_filled_row_stay_tables(read, tmp_path):
    def draw(canvas):
        canvas.setFont("Helvetica", 9)
        canvas.drawString(50, 790, "These are the prices of the shop for the season that begins in the month of March.")
        for left in (50, 310):
            canvas.setFillGray(0.9)
            canvas.rect(left, 746, 200, 14, stroke=0, fill=1)
            canvas.setFillGray(0)
            canvas.grid([left, left + 140, left + 200], [760 - 14 * number for number in range(6)])
            for row, (name, price) in enumerate(
                [("Article", "Price"), ("Valve", "72.99"), ("Pipe", "34.41"), ("Handle", "46.24")]
            ):
                canvas.drawString(left + 4, 750 - 14 * row, name)
                canvas.drawRightString(left + 196, 750 - 14 * row, price)

    page(tmp_path / "a.pdf", draw)
    tables = read(tmp_path / "a.pdf").tables
    assert [rows[1] for rows in tables] == [["Valve", "72.99"]] * 2


def test_a_headline_below_two_tables_side_by_side_comes_after_both(read, tmp_path):
    def draw(canvas):
        canvas.setFont("Helvetica", 9)
        canvas.drawString(50, 790, "These are the prices of the shop for the season that begins in the month of March.")
        for left, name in ((50, "Valve"), (310, "Pump")):
            canvas.grid([left, left + 140, left + 200], [760 - 14 * number for number in range(6)])
            for row in range(5):
                canvas.drawString(left + 4, 750 - 14 * row, f"{name} {row}")
                canvas.drawRightString(left + 196, 750 - 14 * row, f"{row}.50")
        canvas.setFont("Helvetica-Bold", 12)
        canvas.drawString(50, 660, "Delivery")
        text = [f"{number}: this is a line of the terms that goes over the whole width of the page" for number in range(6)]
        column(canvas, 50, 640, text)
        return ["Valve 4", "Pump 0", "Pump 4", "Delivery", *text]

    parts = page(tmp_path / "a.pdf", draw)
    assert in_order(read(tmp_path / "a.pdf").flat, parts)


def columns_of(count, top, lines=12, seed=0):
    """Columns of text side by side over the page's width."""
    width = 455 / count
    return [
        word
        for n in range(count)
        for word in prose(lines, 72 + n * width, top, 72 + (n + 1) * width - 15, last="is over.", seed=seed + n)
    ]


def test_the_line_of_issue_and_date_below_a_title_is_not_part_of_the_columns():
    words = line("The Quay Letter", 180, 60, size=30, bold=True)
    words += line("No. 12", 72, 110) + line("News of the harbour of Lund", 232, 110) + line("Spring 2025", 463, 110)
    found = texts(blocks(words + columns_of(3, 140)))
    assert found[:2] == ["The Quay Letter", "No. 12 News of the harbour of Lund Spring 2025"]
    assert len(found) == 5


def test_headlines_of_two_stories_side_by_side_below_three_columns_head_their_stories():
    words = columns_of(3, 100) + line("Choir seeks tenors", 72, 262, size=14, bold=True)
    words += line("Market moves", 300, 262, size=14, bold=True) + columns_of(2, 284, seed=7)
    found = blocks(words)
    assert kinds(found) == ["paragraph"] * 3 + ["heading", "paragraph"] * 2
    assert [block.text for block in found if block.kind == "heading"] == ["Choir seeks tenors", "Market moves"]


def test_a_heading_beside_a_box_that_floats_comes_after_the_columns_above_it():
    words = columns_of(2, 100, lines=6) + line("How to get there", 72, 185, size=16, bold=True)
    for place, text in enumerate(("At a glance", "Open from April on", "Fare is 3 euros", "Bicycles are free")):
        words += line(text, 420, 207 + 12 * place)
    found = texts(blocks(words + prose(4, 72, 210, 400, seed=9) + prose(4, 72, 258, 520, seed=10)))
    assert found[2] == "How to get there"


def test_a_headline_below_the_longer_one_of_two_columns_heads_what_comes_below():
    left, right = prose(8, 72, 100, 290, last="is over."), prose(5, 310, 100, 520, seed=3, last="is done.")
    found = blocks(left + right + line("Weather", 72, 205, size=14, bold=True) + prose(3, 72, 226, 520, seed=4))
    assert kinds(found) == ["paragraph", "paragraph", "heading", "paragraph"]
