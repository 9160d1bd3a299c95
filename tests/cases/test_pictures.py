"""Pictures on digital pages: what is written in them is read in its place; photographs cost nothing."""

from __future__ import annotations

import pytest
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from tests.support.documents import photograph

BEFORE, AFTER = "The times of the ferry have changed since the spring.", "Tickets are sold on board of the ferry by the crew."
LINES = ("Summer timetable", "From the pier at 8, 12 and 17", "From the island at 9 and 18")


def sign(lines=LINES, paper="white", ink="black", size=(700, 260), font_size=34):
    picture = Image.new("RGB", size, paper)
    draw = ImageDraw.Draw(picture)
    for place, line in enumerate(lines):
        draw.text((30, 20 + 1.9 * font_size * place), line, ink, ImageFont.load_default(size=font_size))
    return picture


def page(path, *pictures):
    canvas = Canvas(str(path), pagesize=A4, invariant=True)
    canvas.setFont("Helvetica", 11)
    y = 760
    canvas.drawString(72, y, BEFORE)
    for picture in pictures:
        high = 400 * picture.height / picture.width
        y -= high + 20
        canvas.drawImage(ImageReader(picture), 72, y, 400, high)
    canvas.drawString(72, y - 30, AFTER)
    canvas.save()
    return path


def compressed(picture, tmp_path):
    picture.save(tmp_path / "sign.jpg", quality=60)
    return Image.open(tmp_path / "sign.jpg")


@pytest.mark.parametrize("look", ["black on white", "white on blue", "jpeg", "small"])
def test_the_writing_in_a_picture_is_read_between_the_paragraphs_around_it(read, tmp_path, look):
    picture = {
        "black on white": sign,
        "white on blue": lambda: sign(paper="navy", ink="white"),
        "jpeg": lambda: compressed(sign(paper="#f4f0e0"), tmp_path),
        "small": lambda: sign(size=(420, 160), font_size=19),
    }[look]()
    case = read(page(tmp_path / "a.pdf", picture))
    places = [case.flat.index(text) for text in (BEFORE, *LINES, AFTER)]
    assert places == sorted(places)
    (figure,) = [block for block in case.blocks if block.kind == "figure"]
    assert all(line in " ".join(figure.text.split()) for line in LINES)
    assert case.page.engine == "text_layer"
    assert case.page.attempts[-1].engine == "rapidocr"


def test_two_pictures_are_read_each_in_its_place(read, tmp_path):
    case = read(page(tmp_path / "a.pdf", sign(), sign(("No smoking", "No dogs on the upper deck"))))
    places = [case.flat.index(text) for text in (BEFORE, LINES[0], "No smoking", AFTER)]
    assert places == sorted(places)


def test_a_photograph_is_shown_to_no_engine(read, tmp_path):
    case = read(page(tmp_path / "a.pdf", photograph(640, 420)))
    assert [attempt.engine for attempt in case.page.attempts] == ["text_layer"]
    assert not case.warnings
    assert [block.kind for block in case.blocks] == ["paragraph", "figure", "paragraph"]


def test_a_picture_that_the_mode_leaves_out_is_named_in_a_warning(read, tmp_path):
    case = read(page(tmp_path / "a.pdf", sign()), accuracy_mode="fast")
    assert case.warnings == ["low_coverage"]
    assert LINES[0] not in case.flat


def test_a_picture_of_amounts_alone_is_read(read, tmp_path):
    amounts = ("1,250.00   4,718.25   310.75", "2,480.10   1,113.50   982.40", "7,905.00   6,031.20   115.95")
    case = read(page(tmp_path / "a.pdf", sign(amounts)))
    assert all(amount in case.flat for amount in " ".join(amounts).split())


def test_pictures_that_nobody_looks_at_are_named_in_a_warning_where_others_hold_writing(read, tmp_path):
    small = [sign((f"Notice number {number}", "No dogs on deck"), size=(900, 120), font_size=30) for number in range(7)]
    case = read(page(tmp_path / "a.pdf", *small))
    assert "Notice number 0" in case.flat
    assert case.warnings == ["low_coverage"]
