"""Where documents begin in a file that holds several."""

from __future__ import annotations

from document_parser.classification.classify import classify_pages
from document_parser.models.classification import ClassificationOrder
from tests.support.typed_pages import INVOICE, page_of, text_page


def parts(*pages):
    """Return the pages of each document."""
    return [segment.pages for segment in classify_pages(pages, ClassificationOrder()).segments]


def invoice(number, name, *more):
    lines = [(x, y, text.replace("QS-2026-0471", name)) for x, y, text in INVOICE]
    return page_of(*lines, *more, number=number)


def test_another_number_begins_another_document_and_says_so():
    pages = invoice(1, "A-1001"), invoice(2, "A-1002")
    assert parts(*pages) == [[1], [2]]
    second = classify_pages(pages, ClassificationOrder()).segments[1]
    assert "another number on page 2: a-1002" in second.reasons


def test_the_same_number_goes_on():
    assert parts(invoice(1, "A-1001"), invoice(2, "A-1001")) == [[1, 2]]


def test_pages_that_number_themselves_are_followed():
    first = invoice(1, "A-1001", (60, 780, "Page 1 of 2"))
    second = page_of((60, 60, "INVOICE"), (60, 120, "More goods 20.00"), (60, 780, "Page 2 of 2"), number=2)
    third = page_of((60, 60, "Some other text of a letter"), (60, 780, "Page 1 of 1"), number=3)
    assert parts(first, second, third) == [[1, 2], [3]]


def test_another_kind_with_its_title_begins_a_document():
    contract = text_page(
        "SERVICE AGREEMENT",
        "This agreement is made between the parties",
        "1. Scope of services",
        "2. Termination",
        "Either party may terminate this agreement with three months notice",
        "3. Governing law",
        number=2,
    )
    assert parts(invoice(1, "A-1001"), contract) == [[1], [2]]


def test_running_text_over_pages_is_one_document():
    lines = ("the project made good progress over the last quarter", "our team visited the new site and spoke with residents")
    assert parts(*(text_page(*lines, number=number) for number in (1, 2, 3))) == [[1, 2, 3]]


def test_empty_pages_belong_to_the_document_before_them():
    assert parts(invoice(1, "A-1001"), text_page(number=2), invoice(3, "A-1002")) == [[1, 2], [3]]
