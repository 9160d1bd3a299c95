"""Scans whose look or size is not that of a sheet of paper."""

from __future__ import annotations

import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from tests.support.documents import page_picture

TEXT = "The annual meeting takes place on the fourth of May at seven in the evening. The treasurer reports on 1,250 euros."


def test_a_dark_slide_is_text_and_its_light_lines_rule_a_table(read, tmp_path):
    slide = Image.new("RGB", (1240, 900), "#14203c")
    draw, font = ImageDraw.Draw(slide), ImageFont.load_default(size=30)
    draw.text((80, 60), "Members and what they paid for", "white", font)
    for row, cells in enumerate((("Year", "Members"), ("2021", "146"), ("2022", "151"))):
        for column, text in enumerate(cells):
            left, top = 80 + 400 * column, 200 + 80 * row
            draw.rectangle((left, top, left + 400, top + 80), outline="white", width=3)
            draw.text((left + 30, top + 22), text, "white", font)
    slide.save(tmp_path / "slide.png")
    case = read(tmp_path / "slide.png")
    assert case.tables == [[["Year", "Members"], ["2021", "146"], ["2022", "151"]]]
    assert "Members and what they paid for" in case.flat


def test_a_page_in_negative_is_running_text(read, tmp_path):
    ImageOps.invert(page_picture(TEXT, size=(1240, 700))).save(tmp_path / "negative.png")
    case = read(tmp_path / "negative.png")
    assert not case.tables
    assert TEXT in case.flat


@pytest.mark.parametrize("width", [150, 300])
def test_a_sheet_on_a_small_page_is_read_at_its_own_resolution(read, tmp_path, width):
    canvas = Canvas(str(tmp_path / "small.pdf"), pagesize=(width, width * 1754 / 1240), invariant=True)
    canvas.drawImage(ImageReader(page_picture(TEXT)), 0, 0, width, width * 1754 / 1240)
    canvas.save()
    assert TEXT in read(tmp_path / "small.pdf").flat
