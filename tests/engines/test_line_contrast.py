"""Which lines are given to recognition with more contrast than the scan has."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from document_parser.engines.rapidocr.ocr import RAISED_INK, RAISED_PAPER, raise_contrast


def line(ink: int, paper: int) -> NDArray[np.uint8]:
    """A line of 30 x 300 pixels of which a tenth is ink."""
    pixels = np.full((30, 300, 3), paper, dtype=np.uint8)
    pixels[10:20, 20:110] = ink
    return pixels


def test_typewriting_on_grey_paper_gets_the_contrast_of_print():
    raised = raise_contrast(line(85, 165))
    assert np.unique(raised).tolist() == [RAISED_INK, RAISED_PAPER]


@pytest.mark.parametrize(
    ("ink", "paper"),
    [
        pytest.param(0, 255, id="print"),
        pytest.param(60, 190, id="a photo with clear letters"),
        pytest.param(200, 215, id="a stain or writing that shines through"),
        pytest.param(210, 120, id="light letters on a dark ground"),
    ],
)
def test_any_other_line_is_left_as_it_is(ink, paper):
    pixels = line(ink, paper)
    assert raise_contrast(pixels) is pixels


def test_specks_of_white_and_black_in_a_faint_line_stay_within_the_range_of_brightness():
    pixels = line(85, 165)
    pixels[0, 0], pixels[0, 1] = 255, 0
    raised = raise_contrast(pixels)
    assert (int(raised.min()), int(raised.max())) == (0, 255)
