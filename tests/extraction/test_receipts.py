"""Receipts: which of several totals is the one to pay, dates of faded print, and names of shops in two lines."""

from __future__ import annotations

import pytest

from document_parser.extraction.conventions import conventions_of
from document_parser.extraction.registry import load_schemas
from document_parser.extraction.scopes import extract_pages
from document_parser.models.extraction import Extraction, ExtractionOrder
from tests.support.extraction_pages import DATE, TEXT, answer, page_of


def receipt(*rows: tuple[str, ...]) -> Extraction:
    """Return what is found on a receipt whose rows are one or two texts."""
    lines = [(50 + 150 * place, 100 + 16 * row, text) for row, texts in enumerate(rows) for place, text in enumerate(texts)]
    return extract_pages(
        [page_of(*lines, engine="rapidocr")], ExtractionOrder(json_schema=load_schemas()["receipt"].json_schema)
    )


def test_the_total_to_pay_is_the_rounded_one():
    found = receipt(("Total (Inclusive of GST):", "23.26"), ("Rounding Adj:", "-0.01"), ("TOTAL:", "23.25"))
    assert found.data["total"] == 23.25


def test_the_total_to_pay_is_what_was_given_less_the_change():
    found = receipt(("Total Amount", "31.47"), ("Total", "31.45"), ("CASH", "50.00"), ("CHANGE", "18.55"))
    assert found.data["total"] == 31.45


def test_a_subtotal_for_which_change_was_given_is_the_total_and_a_check_says_so():
    rows = [("SUBTOTAL", "RM53.60"), ("CASH", "RM100.00"), ("CHANGE", "RM46.40")]
    found = receipt(*rows)
    assert found.data["total"] == 53.6
    assert any(one.outcome == "unsure" and one.fields == ["/total"] for one in found.checks)
    assert receipt(*rows[:2], ("CHANGE", "RM40.00")).data["total"] is None


def test_cash_is_a_value_as_well_as_a_label():
    found = answer(page_of((50, 100, "Payment method:"), (200, 100, "Cash")), payment_method=TEXT)
    assert found.data == {"payment_method": "Cash"}
    found = answer(page_of((50, 100, "Payment method: Cash")), payment_method=TEXT)
    assert found.data == {"payment_method": "Cash"}


def test_a_date_without_one_of_its_marks_is_taken_from_ocr_and_said_to_be_unsure():
    found = receipt(("01:34PM", "0502-18"))
    assert found.data["date"] == "2018-02-05"
    assert any(one.name == "unambiguous" and one.outcome == "unsure" for one in found.checks)
    assert answer(page_of((50, 100, "0502-18")), date=DATE).data == {"date": None}


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        (("MPH BOOKSTORES", "SDN BHD", "Lot S319, 2nd Floor"), "MPH BOOKSTORES SDN BHD"),
        (("SUPER SEVEN CASH & CARRY SDN BHD", "FASARAYA BORONG SUPER SEVEN"), "SUPER SEVEN CASH & CARRY SDN BHD"),
        (("99 SPEED MART S/B (519537-X)", "LOT P.T. 2811, JALAN ANGSA,"), "99 SPEED MART S/B"),
        (("TAX INVOICE", "Bäckerei Huber", "Bahnhofstr. 5, 80331 München"), "Bäckerei Huber"),
    ],
    ids=["form below", "a word of receipts in a name", "number behind", "no form"],
)
def test_the_name_of_a_shop_has_its_legal_form_and_not_its_number(lines, name):
    assert receipt(*((line,) for line in lines)).data["company"] == name


@pytest.mark.parametrize(
    ("text", "day_first"),
    [("Invoice No. CS 24399", None), ("Richmond, VA 23220", False), ("SAN JOSE CA 95131-1234", False), ("Total USD 5", False)],
)
def test_only_what_is_american_makes_the_month_come_first(text, day_first):
    assert conventions_of([text]).day_first is day_first


def test_running_text_and_the_title_of_a_report_are_no_party():
    found = answer(
        page_of(
            (50, 100, "Elevator Inspection Report"),
            (50, 140, "The elevator at 18 Harbour Lane was inspected by the office of the city"),
            (50, 156, "Fenwick. The cabin was found clean and the governor of the shaft was sound"),
            (50, 190, "Item"),
            (200, 190, "Unit price"),
        ),
        **{name: load_schemas()["invoice"].json_schema["properties"][name] for name in ("seller_name", "seller_address")},
    )
    assert found.data == {"seller_name": None, "seller_address": None}
