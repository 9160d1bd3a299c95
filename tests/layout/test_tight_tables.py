"""Columns of a printed sheet touch: numbers at the right edge of their cells beside texts at the left edge of theirs."""

from __future__ import annotations

from tests.support.layout_pages import blocks, kinds, line, only_table, prose, scanned, shown, width_of

SEAM = 200.0
"""The x position of the border between two columns, in points: no word is closer to it than one point."""


def sheet(rows, *, top=100.0, pitch=15.0):
    """The words of rows of a number that ends, and a text that begins, at the seam."""
    words = []
    for number, (value, text) in enumerate(rows):
        at = top + number * pitch
        words += line(value, SEAM - 1 - width_of(value, 10), at) + line(text, SEAM + 1, at)
    return words


ROWS = [("2", "A"), ("12", "AA"), ("5", "AAA"), ("-6", "B"), ("104", "ABC"), ("0", "LONG")]


def test_numbers_and_texts_that_meet_at_a_seam_are_two_columns():
    assert shown(only_table(blocks(sheet(ROWS)))) == [list(row) for row in ROWS]


def test_rows_right_below_with_one_cell_belong_to_the_table():
    words = sheet(ROWS) + line("Status", 120, 190) + line("A8 high", SEAM + 1, 190)
    assert shown(only_table(blocks(words)))[-1] == ["Status", "A8 high"]


def test_dates_of_one_width_side_by_side_are_columns():
    dates = ["1904-01-02", "1904-01-12", "1904-04-21", "1907-01-16", "1934-06-03"]
    words = [word for n, date in enumerate(dates) for left in (100, 147, 220) for word in line(date, left, 100 + 15 * n)]
    assert shown(only_table(blocks(words))) == [[date] * 3 for date in dates]


def test_numbers_that_count_up_before_texts_are_a_list():
    rows = [(str(number), text) for number, text in enumerate(("Apples", "Pears and plums", "Figs", "Lemons", "Dates"), 8)]
    assert "table" not in kinds(blocks(sheet(rows)))


def test_groups_of_the_digits_of_one_number_are_no_columns():
    rows = [("1", "234"), ("12", "345"), ("123", "456"), ("7", "890"), ("45", "678")]
    assert "table" not in kinds(blocks(sheet(rows)))


def test_numbers_in_running_text_are_no_column():
    assert kinds(blocks(prose(12, 72, 100, 520))) == ["paragraph"]


def test_days_of_two_digits_below_a_house_number_are_no_column():
    days = [(f"{day}", month) for month in ("May", "April", "June") for day in (11, 14, 18, 23, 25)]
    words = sheet([("194", "Harbour Road"), *days])
    assert "table" not in kinds(blocks(words))


RESULTS = [
    ("Glucose", "4.6", "mmol/L", "3.9 - 5.6"),
    ("Creatinine", "96.5", "umol/L", "59.0 - 104.0"),
    ("Platelets", "150.7", "G/L", "150.0 - 400.0"),
    ("Ferritin", "122.2", "ug/L", "30.0 - 300.0"),
    ("Potassium", "3.3", "mmol/L", "3.5 - 5.1"),
    ("CRP", "1.3", "mg/L", "0.0 - 5.0"),
]
FIELDS = [("Patient:", "Olga Moretti", "Sample:", "RX394377"), ("Born:", "17 October 2023", "Taken:", "23.02.2016")]


def test_on_a_scan_units_beside_results_are_columns_and_the_fields_above_are_no_rows():
    words = []
    for number, fields in enumerate(FIELDS):
        for text, left in zip(fields, (50, 150, 310, 405), strict=True):
            words += line(text, left, 90 + 18 * number)
    for number, (test, result, unit, normal) in enumerate([("Test", "Result", "Unit", "Range"), *RESULTS]):
        at = 140 + 16 * number
        words += line(test, 52, at) + line(result, 292 - width_of(result, 10), at) + line(unit, 297, at) + line(normal, 400, at)
    rows = shown(only_table(blocks(scanned(words))))
    assert rows == [["Test", "Result", "Unit", "Range"], *map(list, RESULTS)]
