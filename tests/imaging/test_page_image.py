"""Page images without colour are kept in greyscale; colours stay, however few."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from document_parser.imaging.page_image import RenderedPage, drop_absent_colour
from document_parser.models import PageImageSpec
from tests.support.documents import page_picture


def printed():
    """A page of black print with a scanner's noise, as RGB."""
    levels = np.asarray(page_picture("\n".join(["The harbour was closed in winter."] * 12)).convert("L"), dtype=np.int16)
    noisy = levels + np.random.default_rng(7).integers(-4, 5, levels.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).convert("RGB")


def saved_as_jpeg(image):
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    with Image.open(stream) as opened:
        return opened.convert("RGB")


def test_a_page_of_black_print_is_kept_in_greyscale():
    assert drop_absent_colour(saved_as_jpeg(printed())).mode == "L"


@pytest.mark.parametrize("drawn", ["red rule", "blue word", "yellow marker"])
def test_a_page_with_a_single_coloured_thing_keeps_its_colours(drawn):
    page = printed()
    pen = ImageDraw.Draw(page)
    if drawn == "red rule":
        pen.line((100, 301, 400, 301), fill=(190, 30, 30))
    elif drawn == "blue word":
        pen.text((100, 301), "paid", fill=(40, 40, 200))
    else:
        pen.rectangle((100, 301, 130, 313), fill=(250, 245, 200))
    assert drop_absent_colour(saved_as_jpeg(page)).mode == "RGB"


def test_a_greyscale_page_is_sent_as_it_is_and_to_the_cpu_engine_in_three_colours():
    grey = printed().convert("L")
    sent = RenderedPage.from_image(grey, PageImageSpec(encoding="jpeg"))
    with Image.open(io.BytesIO(sent.data)) as opened:
        assert opened.mode == "L"
    assert len(RenderedPage.from_image(grey, PageImageSpec(encoding="rgb")).data) == 3 * grey.width * grey.height
