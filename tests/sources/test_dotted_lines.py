"""Dots that are objects of their own are the line that they draw, as browsers print dotted borders."""

from __future__ import annotations

import pytest

from document_parser.sources.pdf.dotted_lines import join_dots
from document_parser.sources.pdf.file import PdfFile
from tests.support import documents


def squares(places, size=0.8):
    return b"".join(b"%.2f %.2f %.2f %.2f re f\n" % (x, y, size, size) for x, y in places)


def drawn_lines(tmp_path, operators):
    """The lines of a page of 612 x 792 points: (left, right, top) of each, rounded to points."""
    found = PdfFile(documents.pdf_of_operators(tmp_path / "dots.pdf", operators)).rulings(1)
    return sorted((round(line.left * 612), round(line.right * 612), round(line.top * 792)) for line in found)


@pytest.mark.parametrize("pitch", [1.2, 1.6, 3.0])
def test_dots_in_a_row_are_one_line(tmp_path, pitch):
    places = [(100 + pitch * number, 692) for number in range(60)]
    assert drawn_lines(tmp_path, squares(places)) == [(100, round(100 + 59 * pitch + 0.8), 99)]


def test_borders_of_two_cells_that_are_dotted_over_each_other_are_one_line(tmp_path):
    places = [(100 + 1.5 * number, 692) for number in range(40)] + [(100.7 + 1.5 * number, 692) for number in range(40)]
    assert drawn_lines(tmp_path, squares(places)) == [(100, 160, 99)]


def test_dots_far_apart_few_dots_and_the_pattern_of_an_area_are_no_lines(tmp_path):
    assert drawn_lines(tmp_path, squares([(100 + 6.0 * number, 692) for number in range(60)])) == []
    assert drawn_lines(tmp_path, squares([(100 + 1.6 * number, 692) for number in range(5)])) == []
    assert drawn_lines(tmp_path, squares([(100 + 1.6 * x, 600 + 1.6 * y) for x in range(30) for y in range(30)])) == []


def test_white_dots_are_no_line(tmp_path):
    assert drawn_lines(tmp_path, b"1 g\n" + squares([(100 + 1.6 * number, 692) for number in range(60)])) == []


def test_a_line_has_the_number_of_its_first_dot():
    dots = [(0.5, 0.1, 0.501, 0.101), *((0.1 + 0.002 * n, 0.3, 0.101 + 0.002 * n, 0.301) for n in range(10))]
    (((left, top, right, bottom), first),) = join_dots(dots)
    assert first == 1
    assert (left, top, right, bottom) == pytest.approx((0.1, 0.3, 0.119, 0.301))
