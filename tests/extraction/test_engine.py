"""Values are found beside, below and behind their labels; what is not on the page is never a value."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from document_parser.extraction.scopes import extract_pages
from document_parser.extraction.view import view_page
from document_parser.models import Block, Cell, Location, Page, Table
from document_parser.models.extraction import ExtractionOrder
from tests.support.extraction_pages import DATE, NUMBER, TEXT, answer, page_of


@pytest.mark.parametrize(
    "lines",
    [
        [(50, 100, "Meter number: ZX-5521")],
        [(50, 100, "Meter number"), (250, 100, "ZX-5521")],
        [(50, 100, "Meter number"), (50, 114, "ZX-5521")],
        [(50, 100, "Date 5.3.2026 Meter number: ZX-5521")],
    ],
    ids=["behind", "right", "below", "after another label"],
)
def test_a_value_stands_behind_right_of_or_below_its_label(lines):
    found = answer(page_of(*lines), meter_number=TEXT)
    assert found.data == {"meter_number": "ZX-5521"}
    assert found.evidence["meter_number"].boxes


def test_what_follows_another_label_is_no_value_of_the_blank_one_before():
    found = answer(page_of((50, 100, "Reference:"), (50, 114, "Order number: 55")), reference=TEXT, order_number=TEXT)
    assert found.data == {"reference": None, "order_number": "55"}
    assert found.evidence["reference"].state == "blank"


def test_a_text_that_is_no_number_is_unreadable_and_not_guessed():
    found = answer(page_of((50, 100, "Deposit:"), (200, 100, "see overleaf")), deposit=NUMBER)
    assert found.data == {"deposit": None}
    assert (found.evidence["deposit"].state, found.evidence["deposit"].quote) == ("unreadable", "see overleaf")


@pytest.mark.parametrize("written", ["9" * 400, "9" * 5000, "9" * 400 + ".50", "1234567890123456.78"])
def test_digits_without_end_are_no_number(written):
    found = answer(
        page_of((50, 100, f"Quantity: {written}")), quantity={"type": "integer"}, also=NUMBER | {"title": "Quantity"}
    )
    assert found.data == {"quantity": None, "also": None}
    assert found.evidence["also"].state == "unreadable"


@pytest.mark.parametrize(("written", "value"), [("259.42", None), ("259", 259), ("259.00", 259), ("1.259", None)])
def test_a_choice_of_a_number_is_a_whole_number_and_no_part_of_another(written, value):
    found = answer(page_of((50, 100, f"Total: {written}"), (50, 120, "Deposit: 1.50")), total={"enum": [42, 259]})
    assert found.data == {"total": value}


def test_a_label_of_several_things_without_a_value_is_not_the_label_of_a_missing_number():
    lines = [(50, 100, "VAT 19 %"), (300, 100, "41.42")]
    found = answer(page_of(*lines), seller_vat_id=TEXT)
    assert (found.data["seller_vat_id"], found.evidence["seller_vat_id"].state) == (None, "absent")
    found = answer(page_of((50, 100, "VAT registration number:"), *lines[1:]), seller_vat_id=TEXT)
    assert found.evidence["seller_vat_id"].state != "absent"
    assert answer(page_of((50, 100, "VAT: GB 123 4567 89")), seller_vat_id=TEXT).data == {"seller_vat_id": "GB 123 4567 89"}


@pytest.mark.parametrize(
    ("line", "value"), [("Nr. 14 UStG und folgende", None), ("Nr. 2026-77", "2026-77"), ("Nr.: 77.", "77")]
)
def test_a_short_word_before_a_number_in_running_text_is_no_label(line, value):
    found = answer(page_of((50, 100, line)), invoice_number=TEXT)
    assert found.data == {"invoice_number": value}
    assert found.evidence["invoice_number"].state == ("found" if value else "absent")


def test_a_line_without_end_is_searched_in_proportion_to_its_length():
    line = "Total 5.00 Date 5.3.2026 IBAN DE "

    def steps(count: int) -> int:
        calls = 0

        def note(_frame: object, event: str, _arg: object) -> None:
            nonlocal calls
            calls += event == "call"

        sys.setprofile(note)
        try:
            answer(page_of((50, 100, line * count)), total=NUMBER, date=DATE, seller_name=TEXT, seller_address=TEXT)
        finally:
            sys.setprofile(None)
        return calls

    steps(1)  # what is loaded once
    assert steps(400) < 6 * steps(100)


def test_totals_that_add_up_are_preferred_to_nearer_ones():
    lines = [
        (50, 100, "Total"),
        (300, 100, "4"),
        (50, 120, "Net total"),
        (300, 120, "100.00"),
        (50, 140, "VAT"),
        (300, 140, "19.00"),
    ]
    lines += [(50, 160, "Total"), (300, 160, "119.00")]
    found = answer(page_of(*lines), net_total=NUMBER, tax=NUMBER, total=NUMBER)
    assert found.data == {"net_total": 100.0, "tax": 19.0, "total": 119.0}
    assert [(check.name, check.outcome) for check in found.checks] == [("net_plus_tax", "passed")]


def test_totals_that_do_not_add_up_are_returned_as_they_are_and_said():
    lines = [
        (50, 120, "Net total"),
        (300, 120, "100.00"),
        (50, 140, "VAT"),
        (300, 140, "19.00"),
        (50, 160, "Total"),
        (300, 160, "120.00"),
    ]
    found = answer(page_of(*lines), net_total=NUMBER, tax=NUMBER, total=NUMBER)
    assert found.data["total"] == 120.0
    assert [(check.name, check.outcome) for check in found.checks] == [("net_plus_tax", "failed")]


def test_a_date_that_could_be_two_days_is_said_to_be_unsure():
    found = answer(page_of((50, 100, "Due date: 03/04/2026")), due_date=DATE)
    assert found.evidence["due_date"].note
    assert [(check.name, check.outcome) for check in found.checks] == [("unambiguous", "unsure")]


def test_rows_are_found_below_column_heads_without_any_table_and_over_pages():
    head = [(50, 100, "Description"), (250, 100, "Quantity"), (350, 100, "Amount")]
    first = [*head, (50, 120, "Apples"), (250, 120, "3"), (350, 120, "4.50")]
    second = [(50, 60, "Pears"), (250, 60, "2"), (350, 60, "5.00"), (50, 90, "Total"), (350, 90, "9.50")]
    item = {"type": "object", "properties": {"description": TEXT, "quantity": NUMBER, "amount": NUMBER}}
    found = answer([page_of(*first), page_of(*second, number=2)], lines={"type": "array", "items": item})
    assert [row["description"] for row in found.data["lines"]] == ["Apples", "Pears"]
    assert [row["amount"].page for row in found.evidence["lines"]] == [1, 2]
    assert found.rows_seen == found.rows_returned == {"/lines": 2}


def test_objects_within_a_row_take_their_values_from_it_and_the_sum_of_the_rows_is_checked():
    lines = [(50, 100, "Description"), (250, 100, "Quantity"), (350, 100, "Amount")]
    lines += [(50, 120, "Apples"), (250, 120, "3"), (350, 120, "4.50"), (50, 140, "Pears"), (250, 140, "2"), (350, 140, "5.00")]
    lines += [(50, 180, "Total"), (350, 180, "9.50")]
    price = {"type": "object", "properties": {"quantity": NUMBER, "amount": NUMBER}}
    item = {"type": "object", "properties": {"description": TEXT, "price": price}}
    found = answer(page_of(*lines), total=NUMBER, lines={"type": "array", "items": item})
    assert [row["price"] for row in found.data["lines"]] == [{"quantity": 3, "amount": 4.5}, {"quantity": 2, "amount": 5.0}]
    assert [(check.name, check.outcome) for check in found.checks] == [("sum_of_lines", "passed")]


def test_a_part_without_a_page_image_has_a_place_and_no_boxes():
    cells = [Cell(row=0, column=0, text="Meter number"), Cell(row=0, column=1, text="ZX-5521")]
    block = Block(kind="table", table=Table(rows=1, columns=2, cells=cells))
    page = Page(number=3, location=Location(kind="sheet", name="A"), blocks=[block])
    found = answer(page, meter_number=TEXT)
    evidence = found.evidence["meter_number"]
    assert (found.data["meter_number"], evidence.page, evidence.boxes, evidence.source) == ("ZX-5521", 3, [], "file")


def test_leaving_the_evidence_out_never_changes_the_data_and_failed_pages_are_named():
    page = page_of((50, 100, "Meter number: ZX-5521"))
    order = ExtractionOrder(json_schema={"type": "object", "properties": {"meter_number": TEXT}})
    whole = extract_pages([page, Page(number=2, status="failed")], order)
    assert whole.data == {"meter_number": "ZX-5521"}
    assert (whole.complete, [one.page for one in whole.warnings]) == (False, [2])


TYPES = {"string": str, "number": (int, float), "integer": int, "boolean": bool}
COMMON = (
    "total",
    "tax",
    "net_total",
    "due_payable",
    "date",
    "due_date",
    "company",
    "buyer",
    "currency",
    "invoice_number",
    "iban",
)


@pytest.mark.parametrize("kind", TYPES)
def test_a_value_has_the_type_of_its_field_whatever_its_name_usually_holds(kind):
    lines = [(50, 20, "Quay Supplies Ltd"), (50, 34, "12 Harbour Road"), (50, 48, "80333 Munich")]
    lines += [
        (50, 100 + 20 * place, f"{name.replace('_', ' ')}: {text}")
        for place, (name, text) in enumerate(zip(COMMON, VALUES, strict=True))
    ]
    found = answer(page_of(*lines), **{name: {"type": kind} for name in COMMON})
    values = {name: value for name, value in found.data.items() if value is not None}
    assert {name: value for name, value in values.items() if not isinstance(value, TYPES[kind])} == {}
    assert all(check.outcome in ("passed", "failed", "unsure") for check in found.checks)


VALUES = (
    "119.00",
    "yes",
    "100.00",
    "119",
    "5.3.2026",
    "6.4.2026",
    "Quay Ltd",
    "Buyer AG",
    "EUR",
    "4711",
    "DE89 3704 0044 0532 0130 00",
)

letters = st.text(alphabet="abcdefghij 0123456789.,:/-€", min_size=1, max_size=24)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 780), letters), max_size=25))
def test_no_value_is_returned_that_is_not_on_the_page(lines):
    page = page_of(*((float(x), float(y), text) for x, y, text in lines))
    found = answer(page, total=NUMBER, date=DATE, reference=TEXT, invoice_number=TEXT)
    on_page = "".join(segment.text for segment in view_page(page).segments).replace(" ", "")
    for key, value in found.data.items():
        evidence = found.evidence[key]
        assert (value is None) == (evidence.state != "found")
        if value is not None:
            assert evidence.quote.replace("\n", "").replace(" ", "") in on_page
            assert evidence.boxes


@pytest.mark.parametrize(("mark", "value"), [("☒", True), ("☐", False), ("[x]", True), ("[ ]", False)])
def test_the_check_box_before_a_statement_says_whether_it_is_true(mark, value):
    lines = [(50, 100, f"{mark} Smoker"), (50, 120, "☐ Married"), (50, 140, "☑ Terms accepted")]
    truth = {"type": "boolean"}
    found = answer(page_of(*lines), smoker=truth, married=truth, terms_accepted=truth)
    assert found.data == {"smoker": value, "married": False, "terms_accepted": True}
    assert found.evidence["smoker"].boxes


def test_a_check_box_with_its_statement_is_no_value_of_the_blank_field_above_it():
    found = answer(page_of((50, 100, "School:"), (50, 114, "☐ Smoker")), school=TEXT)
    assert (found.data["school"], found.evidence["school"].state) == (None, "blank")


def test_a_key_with_accents_is_looked_for_as_its_words():
    found = answer(page_of((50, 100, "Numéro de police: AX-77")), **{"numéro_de_police": TEXT})
    assert found.data == {"numéro_de_police": "AX-77"}


def test_a_value_that_is_a_label_elsewhere_is_still_the_value_behind_a_colon():
    found = answer(page_of((50, 100, "Town: Porto")), town=TEXT)
    assert found.data == {"town": "Porto"}


@pytest.mark.parametrize("label", ["Neter reading", "Mcter reading", "Meter readinq", "Meterr reading", "Meter eading"])
def test_a_label_with_a_letter_misread_by_ocr_anywhere_is_the_label(label):
    page = page_of((50, 100, f"{label}: 5521"), engine="rapidocr")
    assert answer(page, meter_reading={"type": "integer"}).data == {"meter_reading": 5521}


def test_a_short_head_of_columns_is_a_word_elsewhere():
    found = answer(page_of((50, 100, "Trading name"), (50, 114, "Me gusta olive")), trading_name=TEXT)
    assert found.data == {"trading_name": "Me gusta olive"}
