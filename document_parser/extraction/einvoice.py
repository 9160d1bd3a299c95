"""Take values out of the data of an electronic invoice, which was read as a document of its own.

Its reader shows every value with the name of its term in sections (``sources/markup/invoices``), so nothing is searched here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from document_parser.extraction.candidates import Candidate, Place
from document_parser.extraction.conventions import Conventions
from document_parser.extraction.field_values import find_values
from document_parser.extraction.grounding import occurrences
from document_parser.extraction.labels import Concept, fold
from document_parser.extraction.rows import Row
from document_parser.extraction.schema import Leaf
from document_parser.extraction.totals import CENT
from document_parser.extraction.view import PageView, Segment
from document_parser.models import Table
from document_parser.models.extraction import ExtractionCheck

TERMS: Mapping[tuple[str, str], str] = {
    ("", "Issue date"): "issue_date",
    ("", "Due date"): "due_date",
    ("", "Delivered on"): "delivery_date",
    ("", "Currency"): "currency",
    ("", "Order"): "order_number",
    ("Seller", "Name"): "seller_name",
    ("Seller", "Address"): "seller_address",
    ("Seller", "Tax number"): "seller_vat_id",
    ("Buyer", "Name"): "buyer_name",
    ("Buyer", "Address"): "buyer_address",
    ("Buyer", "Tax number"): "buyer_vat_id",
    ("Buyer", "Number"): "customer_number",
    ("Totals", "Lines"): "line_total",
    ("Totals", "Total without tax"): "tax_basis_total",
    ("Totals", "Tax"): "tax_total",
    ("Sum of the tax", "Tax"): "tax_total",
    ("Totals", "Total with tax"): "grand_total",
    ("Totals", "Paid before"): "prepaid",
    ("Totals", "Amount due"): "due_payable",
}
"""The concept of each term, by its section and name."""
SURE = 1.0
"""How sure a value of the data is: the sender's program wrote it."""

_TERM = re.compile(r"^[•\s]*([^:]{1,60}): (.+)$", re.DOTALL)
_TITLE = re.compile(r"(\S+)$")
_VAT = re.compile(r"([^,()\s][^,()]*?) \(VAT\)")
_ENGLISH = Conventions(decimal=".")
"""How the data writes numbers."""


class InvoiceData(NamedTuple):
    """The data of an electronic invoice: its pages as views, and the name of the attachment that it is."""

    views: Sequence[PageView]
    attachment: str


@dataclass(frozen=True)
class _Term:
    """A term of the data with its place."""

    section: str
    name: str
    segment: Segment
    start: int


def values_of(data: InvoiceData, leaves: Mapping[str, tuple[Leaf, Concept | None]]) -> dict[str, Candidate]:
    """Return the values of the data by the pointers of their fields."""
    terms: dict[str, _Term] = {}
    for term in _terms(data.views):
        name = "invoice_number" if term.name == "title" else TERMS.get((term.section, term.name))
        if name is not None:
            terms.setdefault(name, term)
    found = {}
    for pointer, (leaf, concept) in leaves.items():
        known = terms.get(concept.name) if concept is not None else None
        if known is not None and concept is not None and (value := _value(leaf, concept, known, data.attachment)) is not None:
            found[pointer] = value
    return found


def item_views(data: InvoiceData) -> list[PageView]:
    """Return the pages with the names of items as their only description: the data has both, and lists ask for one."""
    return [replace(view, tables=tuple(map(_without_descriptions, view.tables))) for view in data.views]


def _without_descriptions(table: Table) -> Table:
    """Return a table of items without the head of their further descriptions."""
    if not any(cell.header and cell.text == "Item" for cell in table.cells):
        return table
    heads = [
        cell.model_copy(update={"text": ""}) if cell.header and cell.text == "Description" else cell for cell in table.cells
    ]
    return table.model_copy(update={"cells": heads})


def _terms(views: Sequence[PageView]) -> Iterator[_Term]:
    """Yield the terms of the data in order; the title, which ends with the invoice's number, is one."""
    sections = {section for section, _ in TERMS} | {"Lines", "Tax", "Terms of payment", "Further data", "Payee", "Delivery"}
    section = ""
    for view in views:
        for place, segment in enumerate(view.segments):
            if place == 0 and (title := _TITLE.search(segment.text)):
                yield _Term("", "title", segment, title.start())
            elif segment.text in sections and segment.left == 0:
                section = segment.text
            elif match := _TERM.match(segment.text):
                yield _Term(section, match[1], segment, match.start(2))


def _value(leaf: Leaf, concept: Concept, term: _Term, attachment: str) -> Candidate | None:
    """Return the value of a term in the type of a field; None if it has none."""
    text = term.segment.text[term.start :]
    if concept.role == "vat_id":
        match = _VAT.search(text)
        return _candidate(match[1], term, match.start(1), match.end(1), attachment) if match else None
    if leaf.kind != "string" or concept.role in ("amount", "date", "currency"):
        # The first of several amounts is the one in the currency of the invoice.
        values = sorted(find_values(leaf, concept.role, text, _ENGLISH), key=lambda value: value.start)
        return _candidate(values[0].value, term, values[0].start, values[0].end, attachment) if values else None
    return _candidate(text.strip(), term, 0, len(text), attachment)


def _candidate(value: Any, term: _Term, start: int, end: int, attachment: str) -> Candidate:
    place = Place(term.segment, term.start + start, term.start + end)
    return Candidate(value, (place,), SURE, term.name, origin="xml", attachment=attachment)


def prefer_data(
    found: Mapping[str, Candidate | None], data: Mapping[str, Candidate], views: Sequence[PageView]
) -> tuple[dict[str, Candidate | None], list[ExtractionCheck]]:
    """Return the values with those of the data in their place, and a check for each that the page says too, or says otherwise.

    A value of the data that stands on a page gets its place there.
    """
    chosen, checks = dict(found), []
    for pointer, value in data.items():
        shown = found.get(pointer)
        if shown is not None and is_same(shown.value, value.value):
            chosen[pointer] = replace(value, places=shown.places, shown_quote=value.quote)
            checks.append(ExtractionCheck(name="xml_agrees", outcome="passed", fields=[pointer]))
            continue
        places = next((places for view in views for places in occurrences(value.quote, view)), ())
        chosen[pointer] = replace(value, places=places, shown_quote=value.quote)
        if shown is not None:
            message = f"The electronic invoice says {value.quote!r}, the page {shown.quote!r}."
            checks.append(ExtractionCheck(name="xml_agrees", outcome="failed", message=message, fields=[pointer]))
    return chosen, checks


def with_places(rows: Sequence[Row], shown: Sequence[Row], attachment: str) -> list[Row]:
    """Return the rows of the data, with the places of the page's rows if there are as many and they say the same."""
    placed: list[Row] = []
    for number, row in enumerate(rows):
        beside = shown[number] if len(shown) == len(rows) else {}
        placed.append({key: _placed(value, beside.get(key), attachment) for key, value in row.items()})
    return placed


def _placed(value: Candidate, shown: Candidate | None, attachment: str) -> Candidate:
    places = shown.places if shown is not None and is_same(shown.value, value.value) else ()
    return replace(value, places=places, shown_quote=value.quote, origin="xml", attachment=attachment, score=SURE)


def is_same(one: Any, other: Any) -> bool:
    """Return whether two values say the same: amounts but for rounding, texts but for case, accents and white space."""
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) < CENT
    return "".join(fold(str(one)).split()) == "".join(fold(str(other)).split())
