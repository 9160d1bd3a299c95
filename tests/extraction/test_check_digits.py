"""Check digits of accounts, tax numbers and cards are right or wrong; what is not known is neither."""

from __future__ import annotations

import pytest

from document_parser.extraction.check_digits import is_iban, is_luhn, is_vat_id
from tests.support.extraction_pages import NUMBER, TEXT, answer, page_of

VAT_IDS = [
    "ATU13585627",
    "BE0428759497",
    "CHE-107.787.577 MWST",
    "CZ25123891",
    "DE136695976",
    "DK13585628",
    "ESB58378431",
    "ESX5910266W",
    "ES54362315K",
    "FI20774740",
    "FR83404833048",
    "GB980780684",
    "IT00743110157",
    "LU15027442",
    "NL004495445B01",
    "PL8567346215",
    "PT501964843",
    "SE556188840401",
]


def with_another_digit(text):
    """The same with one digit of the middle raised by one."""
    place = next(at for at in range(len(text) // 2, len(text)) if text[at].isdigit())
    return f"{text[:place]}{(int(text[place]) + 1) % 10}{text[place + 1 :]}"


@pytest.mark.parametrize("number", VAT_IDS)
def test_a_vat_id_is_right_and_with_another_digit_it_is_wrong(number):
    assert is_vat_id(number) is True
    assert is_vat_id(with_another_digit(number)) is False


@pytest.mark.parametrize("number", ["136695976", "US123456789", "DE12", "", "EU372000041", "FRK7399859412"])
def test_a_number_without_a_known_country_or_of_another_form_is_neither(number):
    assert is_vat_id(number) is None


def test_accounts_and_cards_with_a_wrong_digit_are_wrong():
    assert is_iban("DE89 3704 0044 0532 0130 00")
    assert not is_iban("DE89 3704 0044 0532 0131 00")
    assert is_luhn("4111 1111 1111 1111")
    assert not is_luhn("4111 1111 1111 1121")
    assert not is_luhn("")


def outcomes(*lines, **properties):
    return [(one.name, one.outcome) for one in answer(page_of(*lines), **properties).checks]


def test_a_card_number_is_checked_where_a_field_asks_for_one():
    asked = {"card_number": TEXT}
    assert outcomes((50, 100, "Card number: 4111 1111 1111 1111"), **asked) == [("luhn", "passed")]
    assert outcomes((50, 100, "Card number: 4111 1111 1111 1121"), **asked) == [("luhn", "failed")]
    assert outcomes((50, 100, "Card number: **** **** **** 1111"), **asked) == []


def test_a_vat_id_is_checked_and_one_of_another_country_is_unsure():
    assert outcomes((50, 100, "VAT ID: DE136695976"), seller_vat_id=TEXT) == [("vat_id", "passed")]
    assert outcomes((50, 100, "VAT ID: DE136695977"), seller_vat_id=TEXT) == [("vat_id", "failed")]
    assert outcomes((50, 100, "VAT ID: EU372000041"), seller_vat_id=TEXT) == [("vat_id", "unsure")]


def test_a_currency_that_is_not_that_of_the_total_fails():
    lines = [(50, 100, "Currency: USD"), (50, 120, "Grand total: EUR 12.50")]
    assert outcomes(*lines, currency=TEXT, grand_total=NUMBER) == [("currency_of_total", "failed")]
    lines = [(50, 100, "Currency: EUR"), (50, 120, "Grand total: EUR 12.50")]
    assert outcomes(*lines, currency=TEXT, grand_total=NUMBER) == [("currency_of_total", "passed")]


@pytest.mark.parametrize(("written", "expected"), [("2026-03-05", []), ("2098-03-05", [("plausible_date", "unsure")])])
def test_a_document_that_is_dated_in_the_future_is_odd(written, expected):
    assert outcomes((50, 100, f"Invoice date: {written}"), issue_date=TEXT) == expected
