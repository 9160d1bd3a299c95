"""Specks of a copier are removed, and letters and pages without specks stay as they are."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from document_parser.imaging.specks import remove_specks

PAPER = 250


def page(specks):
    """Draw lines of print, with this many dark pixels scattered over them."""
    image = Image.new("L", (900, 600), PAPER)
    draw = ImageDraw.Draw(image)
    for row in range(12):
        draw.text((40, 30 + 45 * row), "The quick brown fox jumps over it; i.e. not at all.", 60, ImageFont.load_default(26))
    pixels = np.array(image)
    chance = np.random.default_rng(1)
    pixels[chance.integers(0, 600, specks), chance.integers(0, 900, specks)] = 20
    return Image.fromarray(pixels)


def test_specks_of_a_copier_are_removed_and_print_stays():
    plain, specked = page(0), page(1500)
    cleaned = remove_specks(specked, specked, PAPER)
    before, after = (np.abs(np.asarray(one, np.int16) - np.asarray(plain)) > 60 for one in (specked, cleaned))
    assert after.sum() < 0.1 * before.sum()


def test_a_page_without_specks_is_left_as_it_is():
    plain = page(0)
    assert remove_specks(plain, plain, PAPER) is plain


def test_a_few_specks_are_left_they_may_be_dots():
    few = page(60)
    assert remove_specks(few, few, PAPER) is few


def test_specks_of_a_coloured_page_are_removed_too():
    specked = page(1500)
    cleaned = remove_specks(specked.convert("RGB"), specked, PAPER)
    assert cleaned.mode == "RGB"
    assert (np.asarray(cleaned) < 30).sum() < 0.15 * (np.asarray(specked.convert("RGB")) < 30).sum()


def test_the_pixels_of_small_print_are_no_specks():
    grey = np.full((120, 480), PAPER, dtype=np.uint8)
    for row in range(10, 110, 12):
        grey[row : row + 6, 10:470:4] = 0
        grey[row + 7, 12:470:4] = 0  # the thin parts of letters: single pixels beside them
    small = Image.fromarray(grey)
    assert remove_specks(small, small, PAPER) is small
