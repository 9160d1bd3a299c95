"""Figures in the picture of a page: photographs and charts are found, and nothing else that ink makes on paper."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from document_parser.imaging.convert import to_bgr
from document_parser.imaging.figures import find_figures
from document_parser.imaging.rulings import find_rulings
from document_parser.models import RulingLine
from tests.support import documents

WIDTH, HEIGHT = 1240, 1754
NONE = np.zeros((0, 4))


def sheet(paper=245):
    return Image.new("RGB", (WIDTH, HEIGHT), (paper, paper, paper))


def found(image, writing=(), rules=()):
    """Figures in pixels of the picture, all writing on it read; ``writing`` and ``rules`` are in pixels too."""
    size = np.array([image.width, image.height] * 2)
    rules = [RulingLine(*(np.array(rule) / size).tolist()) for rule in rules]
    boxes = find_figures(to_bgr(image), np.array(writing, dtype=float).reshape(-1, 4) / size, rules, NONE)
    return [tuple(round(edge * side) for edge, side in zip(box.model_dump().values(), size, strict=True)) for box in boxes]


def covers(box, wanted, slack=16):
    return all(abs(one - other) <= slack for one, other in zip(box, wanted, strict=True))


def lines_of_text(image, top, count=8, left=150, right=1090):
    """Words that were read, and their boxes."""
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(24)
    boxes = []
    for number in range(count):
        draw.text((left, top + 36 * number), "The parties agree on the terms of this contract as set out below", "black", font)
        boxes.append((left, top + 36 * number, right, top + 36 * number + 30))
    return boxes


PHOTOGRAPH = (300, 500, 900, 950)


def test_a_photograph_between_lines_of_text_is_a_figure():
    page = sheet()
    writing = lines_of_text(page, 150) + lines_of_text(page, 1100)
    page.paste(documents.photograph(600, 450), PHOTOGRAPH[:2])
    (box,) = found(page, writing)
    assert covers(box, PHOTOGRAPH)


def test_a_photograph_that_words_stand_on_is_one_figure():
    page = sheet()
    page.paste(documents.photograph(600, 450), PHOTOGRAPH[:2])
    (box,) = found(page, [(350, 700, 850, 760)])
    assert covers(box, PHOTOGRAPH)


def test_a_photograph_on_paper_that_light_falls_on_unevenly_is_found_and_the_shadow_is_not():
    page = sheet()
    page.paste(documents.photograph(600, 450), PHOTOGRAPH[:2])
    shadow = np.linspace(1.0, 0.62, WIDTH)[None, :, None]
    (box,) = found(Image.fromarray((np.asarray(page) * shadow).astype(np.uint8)))
    assert covers(box, PHOTOGRAPH)


def chart(*drawn_in_it):
    """Two axes with what is drawn between them; the picture and its rules."""
    page = sheet()
    draw = ImageDraw.Draw(page)
    axes = [(300, 900, 1000, 900), (300, 400, 300, 900)]
    for axis in axes:
        draw.line(axis, "black", 3)
    for shape in drawn_in_it:
        shape(draw)
    return page, axes


def curve(draw):
    draw.line([(320, 850), (450, 700), (600, 760), (750, 520), (980, 450)], "black", 4)


def bars(draw):
    for left, top in ((360, 700), (500, 550), (640, 780), (780, 450)):
        draw.rectangle((left, top, left + 80, 899), (90, 120, 200))


@pytest.mark.parametrize("drawn", [curve, bars])
def test_axes_with_a_line_or_with_bars_between_them_are_a_figure(drawn):
    page, axes = chart(drawn)
    (box,) = found(page, rules=axes)
    assert covers(box, (300, 400, 1000, 900))


def grid(draw):
    for top in range(450, 900, 50):
        draw.line((300, top, 1000, top), (120, 120, 120), 2)


def test_a_line_that_a_grid_cuts_into_pieces_is_one():
    page, _ = chart(grid, curve)
    boxes = find_figures(to_bgr(page), NONE, find_rulings(to_bgr(page)), NONE)
    assert len(boxes) >= 1
    assert all(
        box.left * WIDTH == pytest.approx(300, abs=16) and box.right * WIDTH == pytest.approx(1000, abs=16) for box in boxes
    )


def test_an_empty_grid_is_none():
    pixels = to_bgr(chart(grid)[0])
    assert find_figures(pixels, NONE, find_rulings(pixels), NONE) == []


def gear(page):
    """A drawing in ink, without a frame, in two parts."""
    draw = ImageDraw.Draw(page)
    draw.ellipse((400, 500, 800, 900), None, "black", 4)
    draw.ellipse((560, 660, 640, 740), None, "black", 4)
    for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False):
        x, y = 600 + 200 * np.cos(angle), 700 + 200 * np.sin(angle)
        draw.line((600, 700, x, y), "black", 4)
        draw.ellipse((x - 30, y - 30, x + 30, y + 30), None, "black", 4)


def test_a_drawing_without_a_frame_is_a_figure_where_the_writing_was_read():
    page = sheet()
    gear(page)
    writing = lines_of_text(page, 150) + lines_of_text(page, 1100)
    (box,) = found(page, writing)
    assert covers(box, (370, 470, 830, 930))


def test_strokes_are_no_drawing_where_much_writing_could_not_be_read():
    page = sheet()
    gear(page)
    read, unread = (np.array([box]) / np.array([WIDTH, HEIGHT] * 2) for box in ((150, 150, 900, 180), (150, 200, 900, 230)))
    assert find_figures(to_bgr(page), read, [], unread) == []
    assert find_figures(to_bgr(page), read, []) == []


def test_axes_with_nothing_between_them_are_none():
    page, axes = chart()
    assert found(page, rules=axes) == []


def ruled_table(page):
    draw = ImageDraw.Draw(page)
    writing = []
    for row in range(12):
        for column in range(4):
            box = (150 + 240 * column, 300 + 50 * row, 390 + 240 * column, 350 + 50 * row)
            draw.rectangle(box, (210, 215, 225) if row % 2 else None, "black", 2)
            draw.text((box[0] + 20, box[1] + 12), "1,234.50 EUR", "black", ImageFont.load_default(22))
            writing.append((box[0] + 20, box[1] + 12, box[0] + 170, box[1] + 38))
    return writing


def table_of_double_lines(page):
    draw = ImageDraw.Draw(page)
    writing = []
    for top in range(300, 720, 60):
        for line in (top, top + 7):
            draw.line((150, line, 1090, line), "black", 2)
        for left in (150, 480, 800, 1090):
            draw.line((left, 300, left, 660), "black", 2)
            draw.line((left + 7, 300, left + 7, 660), "black", 2)
        draw.text((200, top + 20), "Kingfisher", "black", ImageFont.load_default(22))
        writing.append((200, top + 20, 320, top + 46))
    return writing


def dark_borders(page):
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, 60, HEIGHT), "black")
    draw.rectangle((0, HEIGHT - 90, WIDTH, HEIGHT), (30, 25, 20))
    return lines_of_text(page, 300)


def struck_through(page):
    writing = lines_of_text(page, 300, 20)
    draw = ImageDraw.Draw(page)
    draw.line((150, 280, 1090, 1050), (20, 20, 80), 5)
    draw.line((1090, 280, 150, 1050), (20, 20, 80), 5)
    return writing


def edges_of_a_receipt(page):
    """A slip cut out along its edges, with a scribble at its head."""
    draw = ImageDraw.Draw(page)
    draw.line((8, 0, 8, HEIGHT), "black", 3)
    draw.line((0, 500, 700, 500), "black", 3)
    draw.line([(40, 400), (200, 150), (350, 350), (640, 100)], (30, 30, 90), 5)
    return lines_of_text(page, 700)


def desk(page):
    """A sheet photographed on a table of wood."""
    ground = documents.photograph(WIDTH, HEIGHT)
    ground.paste(page.crop((0, 0, WIDTH - 300, HEIGHT - 300)), (150, 150))
    page.paste(ground)
    return []


def speckle(page):
    draw, spots = ImageDraw.Draw(page), np.random.default_rng(7)
    for x, y, size in zip(
        spots.integers(0, WIDTH, 4000), spots.integers(0, HEIGHT, 4000), spots.integers(1, 7, 4000), strict=True
    ):
        draw.ellipse((int(x), int(y), int(x + size), int(y + size)), "black")
    return []


def punch_holes(page):
    draw = ImageDraw.Draw(page)
    for top in (500, 1150):
        draw.ellipse((40, top, 100, top + 60), (20, 20, 20))
    return lines_of_text(page, 300)


def heading_nobody_read(page):
    ImageDraw.Draw(page).text((150, 300), "ANNUAL REPORT", "black", ImageFont.load_default(130), stroke_width=5)
    return []


def shaded_boxes(page):
    draw = ImageDraw.Draw(page)
    draw.rectangle((150, 300, 1090, 600), (200, 210, 230))
    draw.rectangle((150, 700, 1090, 900), "black")
    for column in range(6):
        draw.rectangle((150 + 160 * column, 1000, 230 + 160 * column, 1300), (190, 200, 220))
    draw.rectangle((150, 1000, 1090, 1300), None, "black", 2)
    return []


def a_note_in_a_box(page):
    ImageDraw.Draw(page).rectangle((150, 300, 1090, 800), (200, 215, 230), "black", 2)
    return lines_of_text(page, 480, 2, 400, 840)


def stain(page):
    across, down = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    depth = 55 * np.exp(-(((across - 600) ** 2 + (down - 800) ** 2) / 160**2))
    page.paste(Image.fromarray((np.asarray(page) - depth[:, :, None]).clip(0, 255).astype(np.uint8)))
    return []


def handwriting(page):
    draw, hand = ImageDraw.Draw(page), np.random.default_rng(3)
    for top in range(200, 1500, 70):
        points = [(150 + 12 * step, top + int(hand.integers(-26, 26))) for step in range(78)]
        draw.line((150, top + 30, 1090, top + 30), (120, 120, 160), 2)
        draw.line(points, (30, 30, 90), 4)
    return []


def signature_in_a_form(page):
    draw, hand = ImageDraw.Draw(page), np.random.default_rng(5)
    for top in range(200, 1400, 150):
        draw.rectangle((150, top, 1090, top + 150), None, "black", 2)
        draw.line((620, top, 620, top + 150), "black", 2)
    draw.line([(660 + 9 * step, 870 + int(hand.integers(-50, 50))) for step in range(40)], (20, 20, 80), 5)
    return lines_of_text(page, 1500, 3)


@pytest.mark.parametrize(
    "drawn",
    [struck_through, ruled_table, table_of_double_lines, dark_borders, desk, edges_of_a_receipt, speckle, punch_holes,
     heading_nobody_read, shaded_boxes, a_note_in_a_box, stain, handwriting, signature_in_a_form],
)  # fmt: skip
def test_what_is_no_figure_is_none(drawn):
    page = sheet()
    writing = drawn(page)
    pixels = to_bgr(page.filter(ImageFilter.GaussianBlur(1)))
    size = np.array([WIDTH, HEIGHT] * 2)
    assert find_figures(pixels, np.array(writing, dtype=float).reshape(-1, 4) / size, find_rulings(pixels), NONE) == []


@pytest.mark.parametrize("size", [(1, 1), (2000, 3), (40, 40)])
def test_pictures_too_small_for_figures_have_none(size):
    assert found(Image.new("RGB", size, "white")) == []


def test_a_picture_that_is_a_photograph_all_over_holds_no_figures():
    assert found(documents.photograph(800, 600)) == []
