"""A font is bold by its name, its flag or its weight; a weight that says otherwise than the name is wrong."""

from __future__ import annotations

import pytest

from document_parser.sources.pdf.fonts import is_heavy, name_style_of


@pytest.mark.parametrize(
    "name", ["LMRoman10-Regular", "Times-Roman", "CMR10", "SFRM1000", "Palatino-Italic", "Helvetica", "ArialMT"]
)
def test_a_regular_font_with_the_stems_of_a_bold_one_is_regular(name):
    assert not name_style_of(name).bold
    assert not is_heavy(name, 0, 744, italic=False)


@pytest.mark.parametrize(
    "name", ["LMRomanDemi10-Regular", "NimbusRomNo9L-Medi", "NimbusRomNo9L-MediItal", "CMSSBX10", "Arial-BoldMT"]
)
def test_a_bold_font_is_bold_by_its_name(name):
    assert name_style_of(name).bold


def test_a_font_whose_name_says_nothing_is_bold_by_its_weight_or_its_flag():
    assert is_heavy("TTBC1529D8t00", 0, 724, italic=False)
    assert is_heavy("XBKayhan", 1 << 18, 400, italic=False)
    assert not is_heavy("FrutigerLTStd-Medium", 0, 500, italic=False)
