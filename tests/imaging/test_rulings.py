"""Lines and dark bars are found in pictures drawn here."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from document_parser.imaging.rulings import find_rulings

SIDE = 1000


def picture() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    page = Image.new("RGB", (SIDE, SIDE), "white")
    return page, ImageDraw.Draw(page)


def found(page: Image.Image) -> set[tuple[int, ...]]:
    """Rules to the nearest ten pixels."""
    rules = find_rulings(np.asarray(page)[:, :, ::-1])
    return {tuple(round(side * SIDE, -1) for side in rule) for rule in rules}


def test_lines_that_touch_a_dark_bar_are_found_beside_it():
    page, draw = picture()
    draw.rectangle((100, 100, 900, 500), outline="black", width=2)
    draw.rectangle((100, 200, 500, 240), fill="#333333")
    draw.text((250, 208), "Ship From", fill="white", font=ImageFont.load_default(24))
    draw.line((500, 100, 500, 500), fill="black", width=2)
    draw.line((500, 240, 900, 240), fill="black", width=2)
    rules = found(page)
    assert (100, 200, 500, 240) in rules  # the bar
    assert {(100, 100, 900, 100), (100, 500, 900, 500), (500, 240, 900, 240)} <= rules
    assert any(rule[0] == rule[2] == 900 and rule[1] == 100 and rule[3] == 500 for rule in rules)


def test_letters_on_a_dark_bar_are_no_lines():
    page, draw = picture()
    draw.rectangle((100, 200, 700, 250), fill="black")
    draw.text((120, 205), "HILT FILLED", fill="white", font=ImageFont.load_default(36))
    assert found(page) == {(100, 200, 700, 250)}


def test_bold_text_is_no_dark_bar():
    page, draw = picture()
    draw.text((100, 200), "MWM HEADLINE IN LARGE", fill="black", font=ImageFont.load_default(60), stroke_width=3)
    assert all(min(right - left, bottom - top) == 0 for left, top, right, bottom in found(page))


def test_a_dark_rim_of_a_scan_is_no_bar():
    page, draw = picture()
    draw.rectangle((0, 0, SIDE, 60), fill="black")
    assert all(bottom - top < 20 for _, top, _, bottom in found(page))
