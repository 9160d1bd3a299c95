"""The data of an electronic invoice is read by the names of its terms, and wins over what a page seems to say."""

from __future__ import annotations

import pytest

from document_parser.extraction.einvoice import TERMS, InvoiceData, is_same
from document_parser.extraction.engine import extract
from document_parser.extraction.registry import load_schemas
from document_parser.extraction.schema import compile_schema
from document_parser.extraction.view import view_page
from document_parser.models import Block, Location, Page, PageWords
from document_parser.sources.markup.invoices.terms import HEAD, SECTIONS

ROOT = compile_schema(load_schemas()["invoice"].json_schema)


def data_of(*texts: str) -> InvoiceData:
    """The data as its reader shows it: the title, then headings of sections and their terms."""
    blocks = [Block(kind="list_item" if ": " in text else "heading", text=text) for text in texts]
    page = Page(number=1, location=Location(kind="body"), blocks=blocks)
    return InvoiceData([view_page(page, origin="xml")], "factur-x.xml")


def page_of(*lines: tuple[float, float, str]) -> Page:
    words = [(text, x / 600, y / 800, (x + 5 * len(text)) / 600, (y + 10) / 800, None) for x, y, text in lines]
    return Page(number=1, width=600, height=800, engine="text_layer", words=PageWords.pack(words))


def test_every_term_is_one_that_the_reader_of_invoices_shows():
    shown = {("", term.label) for term in HEAD.terms}
    shown |= {(section.heading, term.label) for section in SECTIONS for term in section.terms}
    assert set(TERMS) <= shown


def test_values_of_the_data_win_and_have_their_place_on_the_page_if_it_says_the_same():
    page = page_of((50, 100, "Invoice number: 471102"), (50, 120, "Invoice date: 5 March 2026"), (50, 140, "Total: 100.00"))
    data = data_of("Invoice 471102", "Issue date: 2026-03-05", "Totals", "Total with tax: 119.00 EUR")
    answer = extract(ROOT, [view_page(page)], data)
    assert (answer.data["invoice_number"], answer.data["issue_date"]) == ("471102", "2026-03-05")
    assert answer.data["grand_total"] == 119.0
    number, total = answer.evidence["invoice_number"], answer.evidence["grand_total"]
    assert (number.source, number.attachment, number.page) == ("xml", "factur-x.xml", 1)
    assert number.boxes
    assert (total.source, total.page, total.boxes) == ("xml", None, [])
    agreement = {check.fields[0]: check.outcome for check in answer.checks if check.name == "xml_agrees"}
    assert agreement == {"/invoice_number": "passed", "/issue_date": "passed", "/grand_total": "failed"}


def test_the_first_of_two_amounts_of_tax_is_that_of_the_invoices_currency():
    data = data_of("Invoice 1", "Totals", "Tax: 163.16 GBP, 183.14 EUR")
    assert extract(ROOT, [], data).data["tax_total"] == 163.16


@pytest.mark.parametrize(("one", "other", "same"), [(1.0, 1.004, True), (1.0, 1.02, False), ("Été  GmbH", "ete gmbh", True)])
def test_what_says_the_same(one, other, same):
    assert is_same(one, other) is same
