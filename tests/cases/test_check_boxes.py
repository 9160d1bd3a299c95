"""Check boxes that a page draws, in many ways; and squares that are none."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from reportlab.lib.colors import black, blue, white
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from document_parser.imaging.check_boxes import with_check_boxes
from document_parser.models import Word
from document_parser.sources.pdf.symbol_fonts import symbol_glyphs_of

Y, SIDE = 700, 9


def square(canvas, x, y, side):
    canvas.rect(x, y, side, side)


def paper_square(canvas, x, y, side):
    canvas.setFillColor(white)
    canvas.rect(x, y, side, side, fill=1)
    canvas.setFillColor(black)


def round_square(canvas, x, y, side):
    canvas.roundRect(x, y, side, side, side / 8)


def wide_box(canvas, x, y, side):
    canvas.rect(x - 0.25 * side, y, 1.5 * side, side)


def four_lines(canvas, x, y, side):
    canvas.line(x, y, x + side, y)
    canvas.line(x, y + side, x + side, y + side)
    canvas.line(x, y, x, y + side)
    canvas.line(x + side, y, x + side, y + side)


def four_bars(canvas, x, y, side):
    for left, bottom, wide, high in ((0, 0, side, 0.6), (0, side, side, 0.6), (0, 0, 0.6, side), (side, 0, 0.6, side)):
        canvas.rect(x + left, y + bottom, wide, high, stroke=0, fill=1)


def nothing(canvas, x, y, side):
    pass


def cross(canvas, x, y, side):
    canvas.line(x, y, x + side, y + side)
    canvas.line(x, y + side, x + side, y)


def small_cross(canvas, x, y, side):
    cross(canvas, x + 0.2 * side, y + 0.2 * side, 0.6 * side)


def tick(canvas, x, y, side):
    path = canvas.beginPath()
    path.moveTo(x + 0.2 * side, y + 0.5 * side)
    path.lineTo(x + 0.4 * side, y + 0.2 * side)
    path.lineTo(x + 0.8 * side, y + 0.8 * side)
    canvas.drawPath(path)


def long_tick(canvas, x, y, side):
    path = canvas.beginPath()
    path.moveTo(x + 0.2 * side, y + 0.5 * side)
    path.lineTo(x + 0.45 * side, y + 0.1 * side)
    path.lineTo(x + 1.2 * side, y + 1.4 * side)
    canvas.drawPath(path)


def filled(canvas, x, y, side):
    canvas.rect(x + 0.15 * side, y + 0.15 * side, 0.7 * side, 0.7 * side, stroke=0, fill=1)


def letter(canvas, x, y, side):
    canvas.setFont("Helvetica-Bold", side)
    canvas.drawString(x + 0.17 * side, y + 0.14 * side, "X")


def dingbat(canvas, x, y, side):
    canvas.setFont("ZapfDingbats", side)
    canvas.drawString(x + 0.1 * side, y + 0.15 * side, "✔")


FRAMES = [square, paper_square, round_square, wide_box, four_lines, four_bars]
MARKS = [
    (nothing, "☐"),
    (cross, "☒"),
    (small_cross, "☒"),
    (tick, "☑"),
    (long_tick, "☑"),
    (filled, "☒"),
    (letter, "☒"),
    (dingbat, "☑"),
]


def form(path, frame, marks, side=SIDE, size=10.0):
    """Lines of options, one of which is marked on each."""
    canvas = Canvas(str(path), pagesize=A4, invariant=True)
    canvas.setFont("Helvetica", size)
    for line, (mark, _) in enumerate(marks):
        for place, (label, drawn) in enumerate((("yes", mark), ("no", nothing))):
            x, y = 150 + 70 * place, Y - 26 * line
            canvas.setLineWidth(0.7)
            frame(canvas, x, y, side)
            drawn(canvas, x, y, side)
            canvas.setFont("Helvetica", size)
            canvas.drawString(x + side + 4, y + 1, label)
        canvas.drawString(60, Y - 26 * line + 1, f"Question {line}")
    canvas.drawString(60, 300, "Please sign the form and send it to the harbour office before the end of May.")
    canvas.save()
    return path


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.__name__)
def test_a_drawn_box_says_whether_it_is_marked(read, tmp_path, frame):
    lines = read(form(tmp_path / "form.pdf", frame, MARKS)).text.splitlines()
    for number, (mark, sign) in enumerate(MARKS):
        assert f"Question {number} {sign} yes ☐ no" in lines, mark.__name__


def white_square(canvas, x, y, side):
    canvas.setStrokeColor(white)
    square(canvas, x, y, side)


def clipped_square(canvas, x, y, side):
    canvas.saveState()
    path = canvas.beginPath()
    path.rect(300, 300, 5, 5)
    canvas.clipPath(path, stroke=0)
    square(canvas, x, y, side)
    canvas.restoreState()


def covered_square(canvas, x, y, side):
    square(canvas, x, y, side)
    canvas.setFillColor(white)
    canvas.rect(x - 2, y - 2, side + 4, side + 4, stroke=0, fill=1)
    canvas.setFillColor(black)


@pytest.mark.parametrize("frame", [white_square, clipped_square, covered_square], ids=lambda frame: frame.__name__)
def test_a_square_that_nobody_sees_is_no_check_box(read, tmp_path, frame):
    lines = read(form(tmp_path / "form.pdf", frame, [(nothing, "")])).text.splitlines()
    assert "Question 0 yes no" in [" ".join(line.split()) for line in lines]


def test_a_square_beside_the_page_is_no_check_box(read, tmp_path):
    canvas = Canvas(str(tmp_path / "form.pdf"), pagesize=A4, invariant=True)
    square(canvas, -SIDE - 2, Y, SIDE)
    canvas.drawString(2, Y, "Label")
    canvas.save()
    assert read(tmp_path / "form.pdf").text.strip() == "Label"


@pytest.mark.parametrize(("side", "size"), [(6, 8), (14, 11)])
def test_boxes_of_other_sizes_are_read_alike(read, tmp_path, side, size):
    lines = read(form(tmp_path / "form.pdf", square, MARKS[:4], side, size)).text.splitlines()
    for number, (_, sign) in enumerate(MARKS[:4]):
        assert f"Question {number} {sign} yes ☐ no" in lines


def test_boxes_behind_their_labels_are_read(read, tmp_path):
    canvas = Canvas(str(tmp_path / "form.pdf"), pagesize=A4, invariant=True)
    for line, (label, mark) in enumerate((("Roof", cross), ("Gutter", nothing), ("Pump and motor", tick))):
        canvas.drawRightString(200, Y - 20 * line + 1, label)
        square(canvas, 206, Y - 20 * line, SIDE)
        mark(canvas, 206, Y - 20 * line, SIDE)
    canvas.save()
    text = read(tmp_path / "form.pdf").text
    for line in ("Roof ☒", "Gutter ☐", "Pump and motor ☑"):
        assert line in text.replace("\t", " ")


def test_circles_before_words_are_options_of_which_one_is_filled(read, tmp_path):
    canvas = Canvas(str(tmp_path / "form.pdf"), pagesize=A4, invariant=True)
    canvas.setFont("Helvetica", 10)
    for line, label in enumerate(("by post", "by telephone", "in the office")):
        canvas.circle(76, Y - 20 * line + 4, 4)
        if line == 1:
            canvas.circle(76, Y - 20 * line + 4, 2, stroke=0, fill=1)
        canvas.drawString(86, Y - 20 * line, label)
    for line, label in enumerate(("a bullet", "another one")):  # circles as small as these are bullets
        canvas.circle(75, 500 - 20 * line + 3.5, 2)
        canvas.drawString(86, 500 - 20 * line, label)
    canvas.save()
    lines = [line for line in read(tmp_path / "form.pdf").text.splitlines() if line]
    assert lines[:3] == ["☐ by post", "☑ by telephone", "☐ in the office"]
    assert not set("☐☑☒") & set("".join(lines[3:]))


def test_brackets_before_words_are_check_boxes(read, tmp_path):
    canvas = Canvas(str(tmp_path / "form.pdf"), pagesize=A4, invariant=True)
    for line, text in enumerate(("[ ] Roof", "[x] Gutter", "[X] Pump", "[1] A source")):
        canvas.drawString(72, Y - 20 * line, text)
    canvas.save()
    lines = [line for line in read(tmp_path / "form.pdf").text.splitlines() if line]
    assert lines[:3] == ["☐ Roof", "☒ Gutter", "☒ Pump"]
    assert "[1] A source" in lines[3]


def test_squares_with_text_in_a_row_or_filled_are_no_check_boxes(read, tmp_path):
    canvas = Canvas(str(tmp_path / "squares.pdf"), pagesize=A4, invariant=True)
    canvas.setFont("Helvetica", 10)
    canvas.drawString(60, 741, "Code")
    for place, digit in enumerate("4711"):  # places for digits
        square(canvas, 100 + 12 * place, 738, 12)
        canvas.drawString(103 + 12 * place, 741, digit)
    canvas.drawString(160, 741, "of the member")
    square(canvas, 60, 700, 10)  # a number in a square
    canvas.drawString(62, 702, "7")
    canvas.drawString(76, 702, "Emergency exit")
    canvas.setFillColor(blue)
    canvas.rect(60, 660, 8, 8, stroke=0, fill=1)  # the sign of a diagram
    canvas.setFillColor(black)
    canvas.drawString(72, 660, "Members in 2021")
    canvas.circle(64, 624, 4)
    canvas.drawString(72, 620, "a circle")
    canvas.save()
    text = read(tmp_path / "squares.pdf").text
    assert not set("☐☑☒") & set(text)
    assert "Emergency exit" in text


def test_boxes_of_a_symbol_font_are_check_boxes(read, tmp_path):
    canvas = Canvas(str(tmp_path / "form.pdf"), pagesize=A4, invariant=True)
    for line, (sign, label) in enumerate((("❏", "Roof"), ("❑", "Gutter"), ("❒", "Pump"))):
        canvas.setFont("ZapfDingbats", 10)
        canvas.drawString(72, Y - 20 * line, sign)
        canvas.setFont("Helvetica", 10)
        canvas.drawString(88, Y - 20 * line, label)
    canvas.save()
    assert [line for line in read(tmp_path / "form.pdf").text.splitlines() if line] == ["☐ Roof", "☐ Gutter", "☐ Pump"]


def test_the_fonts_of_word_processors_have_check_boxes_in_other_places():
    boxes = "".join(chr(code) for code in (0xA8, 0xFE, 0xFD, 0xF0A8, 0xF0FE))
    assert boxes.translate(symbol_glyphs_of("Wingdings-Regular")) == "☐☑☒☐☑"
    assert "\xa3RT".translate(symbol_glyphs_of("Wingdings2")) == "☐☑☒"
    assert symbol_glyphs_of("Wingdings3") is None
    assert symbol_glyphs_of("Helvetica") is None


def test_the_box_under_a_form_field_is_read_once(read, tmp_path):
    canvas = Canvas(str(tmp_path / "fields.pdf"), pagesize=A4, invariant=True)
    for line, checked in enumerate((True, False)):
        square(canvas, 72, Y - 20 * line, SIDE)
        canvas.acroForm.checkbox(checked=checked, name=f"box{line}", x=72, y=Y - 20 * line, size=SIDE, borderWidth=0)
        canvas.drawString(86, Y - 20 * line + 1, f"I agree with point {line}")
    canvas.save()
    text = read(tmp_path / "fields.pdf").text
    assert "☑ I agree with point 0" in text
    assert "☐ I agree with point 1" in text
    assert sum(text.count(sign) for sign in "☐☑☒") == 2


def scanned_form(path, side, font_size, blur=False):
    """The form of ``form`` as a scan."""
    image = Image.new("L", (1240, 900), 255)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=font_size)
    draw.text((100, 60), "Report of the inspection of the harbour", 0, font)
    shapes = {
        "☐": [],
        "☒": [((0.1, 0.1), (0.9, 0.9)), ((0.1, 0.9), (0.9, 0.1))],
        "☑": [((0.2, 0.5), (0.4, 0.8)), ((0.4, 0.8), (0.85, 0.15))],
    }
    for row, signs in enumerate(("☒☐", "☐☒", "☑☐")):
        y = 160 + 4 * side * row
        draw.text((100, y), f"Question {row}", 0, font)
        for place, (sign, label) in enumerate(zip(signs, ("whole", "broken"), strict=True)):
            x = 400 + 300 * place
            draw.rectangle((x, y, x + side, y + side), outline=0, width=2)
            for (u, v), (w, z) in shapes[sign]:
                draw.line((x + u * side, y + v * side, x + w * side, y + z * side), fill=0, width=2)
            draw.text((x + side + 12, y), label, 0, font)
    if blur:
        image = image.filter(ImageFilter.GaussianBlur(0.8))
    image.save(path, dpi=(150, 150))
    return path


@pytest.mark.parametrize(("side", "size", "blur"), [(24, 26, False), (30, 28, True)])
def test_boxes_on_a_scan_are_read_with_their_marks(read, tmp_path, side, size, blur):
    lines = read(scanned_form(tmp_path / "form.png", side, size, blur)).text.splitlines()
    for line in ("Question 0 ☒ whole ☐ broken", "Question 1 ☐ whole ☒ broken", "Question 2 ☑ whole ☐ broken"):
        assert line in lines


def test_small_blurred_boxes_show_their_marks():
    image = Image.new("L", (1240, 900), 255)
    draw = ImageDraw.Draw(image)
    for row, mark in enumerate(("", "cross", "fill", "")):
        x, y = 120, 100 + 60 * row
        draw.rectangle((x, y, x + 24, y + 24), outline=0, width=2)
        if mark == "cross":
            draw.line((x + 3, y + 3, x + 21, y + 21), fill=0, width=3)
            draw.line((x + 3, y + 21, x + 21, y + 3), fill=0, width=3)
        if mark == "fill":
            draw.rectangle((x + 5, y + 5, x + 19, y + 19), fill=0)
    small = image.rotate(0.8, Image.Resampling.BICUBIC, fillcolor=250).resize((744, 540), Image.Resampling.BICUBIC)
    small = small.filter(ImageFilter.GaussianBlur(0.7)).convert("RGB")
    lines = [Word("Roof", 0.14, y / 900, 0.2, (y + 30) / 900) for y in (97, 157, 217, 277)]
    found, _ = with_check_boxes(lines, [], np.asarray(small).copy())
    assert [word.text for word in sorted(found[4:], key=lambda word: word.top)] == ["☐", "☒", "☒", "☐"]


def drawn_scan():
    """Return a white scan of 1200 by 400 pixels and what draws on it."""
    image = Image.new("RGB", (1200, 400), "white")
    return image, ImageDraw.Draw(image)


def labels_at(left, *labels):
    """Return the lines of a scan of 1200 by 400 pixels: texts that begin at a place, with their upper edges."""
    return [Word(text, left / 1200, y / 400, 0.2, (y + 26) / 400) for text, y in labels]


def signs_on(image, lines):
    """Return the check boxes found beside lines, from top to bottom; the lines come first."""
    found, _ = with_check_boxes(lines, [], np.asarray(image).copy())
    return [word.text for word in sorted(found[len(lines) :], key=lambda word: word.top)]


def test_boxes_of_a_scan_that_are_wider_than_high_are_read():
    image, draw = drawn_scan()
    for row in range(3):
        draw.rectangle((100, 100 + 60 * row, 130, 121 + 60 * row), outline="black", width=3)
    draw.line((106, 165, 124, 176), fill="black", width=3)
    draw.line((106, 176, 124, 165), fill="black", width=3)
    draw.rectangle((100, 300, 160, 321), outline="black", width=3)  # a place to write in
    lines = labels_at(98, ("Roof", 98), ("× Gutter", 158), ("Pump", 218), ("Name", 298))
    assert signs_on(image, lines) == ["☐", "☒", "☐"]
    found, _ = with_check_boxes(lines, [], np.asarray(image).copy())
    assert [word.text for word in found[:4]] == ["Roof", "Gutter", "Pump", "Name"]


def test_a_small_box_with_a_thick_frame_is_empty_and_a_cross_in_one_is_seen():
    empty = """
        ###########
        ###########
        ##.########
        ##......###
        ##......###
        ##......###
        ##......##.
        ##......###
        ######..##.
        ###########
        ##########.
    """
    crossed = """
        ##############.
        ###############
        ###..........##
        ###.##...###.##
        ###.###.####.##
        .##.#######..##
        ###...####...##
        ###...####...##
        ###..######..##
        ###.###.####.##
        ###.##....##.##
        ###############
        ##############.
    """
    pixels = np.full((200, 400, 3), 255, dtype=np.uint8)
    for row, picture in enumerate((empty, crossed)):
        inked = np.array([[sign == "#" for sign in line] for line in picture.split()])
        pixels[40 + 60 * row : 40 + 60 * row + len(inked), 40 : 40 + inked.shape[1]][inked] = 0
    lines = [Word(label, 60 / 400, y / 200, 0.4, (y + 14) / 200) for label, y in (("Roof", 39), ("Gutter", 99))]
    found, _ = with_check_boxes(lines, [], pixels)
    assert [word.text for word in found] == ["Roof", "Gutter", "☐", "☒"]


def test_a_mark_that_goes_beyond_its_box_marks_it_if_another_box_shows_where_the_frame_is():
    image, draw = drawn_scan()
    for row in range(3):
        draw.rectangle((100, 100 + 60 * row, 124, 124 + 60 * row), outline="black", width=3)
    draw.line((94, 152, 130, 192), fill="black", width=3)
    draw.line((94, 192, 130, 152), fill="black", width=3)
    lines = labels_at(132, ("Roof", 98), ("Gutter", 158), ("Pump", 218))
    assert signs_on(image, lines) == ["☐", "☒", "☐"]
    lone, _ = drawn_scan()
    lone.paste(image.crop((90, 145, 135, 195)), (90, 145))
    assert signs_on(lone, lines) == []


def test_bold_letters_in_line_with_a_box_are_no_marked_boxes():
    image, draw = drawn_scan()
    draw.rectangle((100, 100, 124, 124), outline="black", width=3)
    for place, stroke in enumerate((6, 8, 10)):  # letters like an H with its bar below and an E without the middle one
        left = 140 + 60 * place
        for bar in ((0, 0, stroke, 34), (34 - stroke, 0, 34, 34), (0, 34 - stroke, 34, 34), (0, 6, 34, 6 + stroke)):
            draw.rectangle(tuple(side + shift for side, shift in zip(bar, (left, 96) * 2, strict=True)), fill="black")
    lines = labels_at(132, ("HEE", 98))
    assert signs_on(image, lines) == ["☐"]


def test_a_box_so_small_that_its_blurred_frame_fills_it_is_empty_and_one_that_is_all_ink_is_crossed():
    image, draw = drawn_scan()
    for row in range(4):
        draw.rectangle((100, 100 + 60 * row, 108, 108 + 60 * row), outline="black", width=2)
    draw.rectangle((100, 160, 108, 168), fill="black")
    draw.rectangle((104, 164, 105, 165), fill="white")  # sides of three pixels, and of four
    draw.rectangle((100, 220, 108, 228), fill="black")
    labels = [("Roof", 99), ("Gutter", 159), ("Pump", 219), ("Tank", 279)]
    lines = [Word(text, 114 / 1200, y / 400, 0.2, (y + 12) / 400) for text, y in labels]
    assert signs_on(image, lines) == ["☐", "☐", "☒", "☐"]


def test_a_box_that_the_engine_reads_as_one_is_one_though_the_picture_does_not_show_its_frame():
    white = np.full((400, 1200, 3), 255, dtype=np.uint8)
    lines = labels_at(100, ("□Initial statement", 98), ("□ 国 □", 158), ("□ 2", 218))
    found, _ = with_check_boxes(lines, [], white)
    assert [word.text for word in found] == ["Initial statement", "□ 国 □", "□ 2", "☐"]
    label, box = found[0], found[-1]
    assert lines[0].left == box.left < box.right < label.left < label.right == lines[0].right


SMALL_LETTERS = {
    "D": """
        #######..
        .##...##.
        .##....##
        .##....##
        .##....##
        .##....##
        .##....##
        .##....##
        .##...##.
        ######...
    """,
    "O": """
        ..######..
        .##....##.
        .##....###
        ##......##
        ##......##
        ##......##
        ##......##
        .##.....##
        .##....##.
        ..######..
    """,
    "☐": """
        ##########
        #........#
        #........#
        #........#
        #........#
        #........#
        #........#
        #........#
        #........#
        ##########
    """,
}


@pytest.mark.parametrize(("letter", "sign"), [("D", ""), ("O", ""), ("☐", "☐")])
def test_a_small_round_letter_at_the_beginning_of_a_line_is_no_box(letter, sign):
    pixels = np.full((60, 400, 3), 255, dtype=np.uint8)
    for row, cells in enumerate(SMALL_LETTERS[letter].split()):
        pixels[20 + row, 40 : 40 + len(cells)] = [[0 if cell == "#" else 255] * 3 for cell in cells]
    found, _ = with_check_boxes([Word("One way to record", 0.1, 0.3, 0.6, 0.54)], [], pixels)
    assert "".join(word.text for word in found[1:]) == sign


@pytest.mark.parametrize("misread", ["(2 ", "O ", "CD ", "0) ", "□", "[ ", ""])
def test_a_line_loses_what_the_box_at_its_beginning_was_read_as_and_keeps_its_place(misread):
    image = Image.new("RGB", (900, 200), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=30)
    draw.rectangle((40, 90, 66, 116), outline="black", width=2)
    draw.text((80, 86), "Out with it", "black", font)
    lines = [Word(f"{misread}Out with it", 0.04, 0.42, 0.3, 0.6, confidence=0.5), Word("Below", 0.04, 0.8, 0.3, 0.95)]
    found, _ = with_check_boxes(lines, [], np.asarray(image).copy())
    assert [word.text for word in found] == ["Out with it", "Below", "☐"]


def test_letters_are_no_boxes():
    image = Image.new("RGB", (900, 200), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=40)
    draw.text((40, 60), "D O 0 B 8 H Q R a e g # @ E", "black", font)
    line = Word("D O 0 B 8 H Q R a e g # @ E", 0.03, 0.3, 0.9, 0.6, confidence=0.9)
    assert with_check_boxes([line], [], np.asarray(image).copy()) == ([line], [])


def test_a_line_whose_first_letter_looks_like_a_mark_keeps_it_if_the_box_was_not_read():
    image = Image.new("RGB", (900, 200), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=30)
    draw.rectangle((40, 90, 66, 116), outline="black", width=2)
    draw.text((80, 86), "Voyage out", "black", font)
    for text in ("Voyage out", "xVoyage out", "☐Voyage out"):
        found, _ = with_check_boxes([Word(text, 0.04, 0.42, 0.3, 0.6, confidence=0.5)], [], np.asarray(image).copy())
        assert [word.text for word in found] == ["Voyage out", "☐"], text
