"""Numbers are shown by their format codes as spreadsheet programs show them."""

from __future__ import annotations

import pytest

from document_parser.sources.number_formats.formats import BUILT_IN, compile_format


@pytest.mark.parametrize(
    ("code", "value", "text"),
    [
        ("General", 0.1 + 0.2, "0.3"),
        ("General", 1234567890123, "1.23457E+12"),
        ("General", 1.2345678912, "1.234567891"),
        ("General", 0.000000000112, "1.12E-10"),
        ("General", -10000000000, "-10000000000"),
        ("General", 1 / 3, "0.333333333"),
        ("0.00", 1.005, "1.01"),
        ("0.00", -0.001, "0.00"),
        ("#,##0.00", 1234567.891, "1,234,567.89"),
        ("#,##0", -1234.5, "-1,235"),
        ("0%", 0.25, "25%"),
        ("0.0%", -0.256, "-25.6%"),
        ("0.00E+00", 12345, "1.23E+04"),
        ("##0.0E+0", 12345, "12.3E+3"),
        ("# ?/?", 1.5, "1 1/2"),
        ("# ??/??", 0.3333, "1/3"),
        ("# ?/8", 2.25, "2 2/8"),
        ("$#,##0.00_);($#,##0.00)", -5.5, "($5.50)"),
        ('_(* #,##0.00_);_(* (#,##0.00);_(* "-"??_);_(@_)', 0, "-"),
        ('_-* #,##0.00\\ "€"_-;\\-* #,##0.00\\ "€"_-', -1234.5, "-1,234.50 €"),
        ("[$€-407]#,##0", 12, "€12"),
        ("#,##0.00 [$zł-415]", 3.5, "3.50 zł"),
        ("yyyy-mm-dd", 45356, "2024-03-05"),
        ("[$-407]d. mmmm yyyy", 45356, "5. März 2024"),
        ("dddd", 45356, "Tuesday"),
        ("yyyy-mm-dd", 60, "1900-02-29"),
        ("yyyy-mm-dd", 59, "1900-02-28"),
        ("h:mm", 1.5, "12:00"),
        ("[h]:mm", 1.5, "36:00"),
        ("mm:ss.0", 0.0001, "00:08.6"),
        ("h:mm AM/PM", 0.75, "6:00 PM"),
        ("hh:mm:ss", 0.999999, "00:00:00"),
        ("000-00-0000", 123456789, "123-45-6789"),
        ("(###) ###-####", 5551234567, "(555) 123-4567"),
        ("00000", 123, "00123"),
        ('[<1000]0;[>=1000]0.0,"k"', 1500, "1.5k"),
        ("[Red][<0]0;0", -5, "5"),
        ('0;-0;"zero"', 0, "zero"),
        ('0.0,,"M"', 12300000, "12.3M"),
        ("0.##", 1, "1."),
        ("#", 0, ""),
        (";;;", 5, ""),
        ("@", 12, "12"),
        ('#,##0 "Stück"', 1500, "1,500 Stück"),
    ],
)
def test_a_number_is_shown_as_the_program_shows_it(code: str, value: float, text: str):
    assert compile_format(code).show_number(value) == text


@pytest.mark.parametrize(
    ("number", "text"), [(14, "3/5/2024"), (27, "2024/3/5"), (31, "2024年3月5日"), (46, "1088544:00:00"), (57, "2024/3/5")]
)
def test_built_in_formats_of_all_languages_are_known(number: int, text: str):
    assert compile_format(BUILT_IN[number]).show_number(45356) == text


def test_a_format_may_change_texts_too():
    assert compile_format('"Mr. "@').show_text("Jones") == "Mr. Jones"
    assert compile_format("0;-0;;@").show_text("note") == "note"
    assert compile_format(";;;").show_text("secret") == ""
