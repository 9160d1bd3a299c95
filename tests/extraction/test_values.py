"""Numbers, dates and identifiers are read in the document's own notation, and doubts are said."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from document_parser.extraction.checks import is_iban
from document_parser.extraction.conventions import Conventions, conventions_of
from document_parser.extraction.values import (
    find_by_pattern,
    find_currencies,
    find_dates,
    find_identifiers,
    find_numbers,
    find_truth,
)

UNKNOWN = Conventions()


def numbers(text, conventions=UNKNOWN):
    return [value.value for value in find_numbers(text, conventions)]


def dates(text, conventions=UNKNOWN):
    return [value.value for value in find_dates(text, conventions)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.234,56 EUR", [1234.56]),
        ("1,234.56", [1234.56]),
        ("1 234,50 €", [1234.5]),
        ("1'234.50", [1234.5]),
        ("1.234.567", [1234567]),
        ("-5,00", [-5.0]),
        ("(7.20)", [-7.2]),
        ("12,50-", [-12.5]),
        ("RM51.30", [51.3]),
        ("12 Stk", [12]),
        ("a4 B2", []),
        ("1.2.3", []),
    ],
)
def test_numbers_in_the_notations_of_many_countries(text, expected):
    assert numbers(text) == expected


def test_a_thousand_or_a_fraction_is_decided_by_the_rest_of_the_document_and_doubted_without_one():
    assert numbers("1.234", conventions_of(["9.999,95"])) == [1234]
    assert numbers("1.234", conventions_of(["9,999.95"])) == [1.234]
    assert find_numbers("1.234", UNKNOWN)[0].ambiguous


@given(st.decimals(min_value=0, max_value=999_999_999, places=2))
def test_every_amount_is_read_as_it_was_written_in_both_notations(amount):
    english = f"{amount:,.2f}"
    german = english.replace(",", " ").replace(".", ",").replace(" ", ".")
    assert numbers(f"Total {english} EUR") == numbers(f"Summe {german} EUR") == [float(amount)]


@pytest.mark.parametrize(
    "text",
    [
        "2018-03-05",
        "05.03.2018",
        "5 March 2018",
        "March 5, 2018",
        "5. März 2018",
        "5 mars 2018",
        "05-MAR-18",
        "2018年03月05日",
        "20180305",
        "5 de marzo de 2018",
        "05/03/2018 18:24",
    ],
)
def test_dates_of_many_notations_are_the_same_day(text):
    assert dates(text, Conventions(day_first=True)) == ["2018-03-05"]


def test_the_order_of_day_and_month_is_that_of_the_documents_other_dates():
    assert dates("03/04/2018", conventions_of(["25/12/2018"])) == ["2018-04-03"]
    assert dates("03/04/2018", conventions_of(["12/25/2018"])) == ["2018-03-04"]
    assert find_dates("03/04/2018", UNKNOWN)[0].ambiguous


@given(st.dates(date(1950, 1, 1), date(2049, 12, 31)))
def test_every_date_is_read_as_it_was_written(day):
    assert dates(f"on {day:%d.%m.%Y}.") == dates(f"{day:%Y-%m-%d}") == [day.isoformat()]


@given(st.text(max_size=60))
def test_places_of_values_are_within_the_text(text):
    for find in (find_numbers, find_dates):
        for value in find(text, UNKNOWN):
            assert 0 <= value.start < value.end <= len(text)
            assert any(map(str.isdigit, text[value.start : value.end]))


def test_there_is_no_30th_of_february():
    assert dates("30.02.2018") == []


def test_identifiers_have_a_digit_and_keep_a_short_prefix():
    assert [value.value for value in find_identifiers("INV 2018/55 paid")] == ["INV 2018/55"]
    assert find_identifiers("as agreed") == []


def test_what_is_known_by_its_letters():
    assert find_by_pattern("iban", "IBAN DE89 3704 0044 0532 0130 00")[0].value == "DE89 3704 0044 0532 0130 00"
    assert find_by_pattern("email", "write to a.b@example.org.")[0].value == "a.b@example.org"
    assert find_by_pattern("vat_id", "USt-ID: DE123456789")[0].value == "DE123456789"
    assert [value.value for value in find_currencies("RM 5 and 7 €")] == ["MYR", "EUR"]
    assert find_currencies("$ 5")[0].ambiguous


def test_marks_and_words_for_yes_and_no():
    assert [find_truth(text)[0].value for text in ("☒", "Yes", "☐", "nein", "☑ paid")] == [True, True, False, False, True]
    assert find_truth("perhaps") == []


def test_the_check_digits_of_an_iban():
    assert is_iban("DE89 3704 0044 0532 0130 00")
    assert not is_iban("DE88 3704 0044 0532 0130 00")
    assert not is_iban("US1234567890")
