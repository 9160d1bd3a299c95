"""What a field of a schema stands for is known by its key, its title and its labels, in the languages that are known."""

from __future__ import annotations

import pytest

from document_parser.extraction.labels import concept_of
from document_parser.extraction.schema import compile_schema, leaves_of


def concept(**properties):
    (leaf,) = leaves_of(compile_schema({"type": "object", "properties": properties})).values()
    found = concept_of(leaf)
    return found and found.name


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("invoiceNumber", "invoice_number"),
        ("po_number", "order_number"),
        ("rechnungsnummer", "invoice_number"),
        ("numero de facture", "invoice_number"),
        ("Rechnungsdatum", "issue_date"),
        ("fechaDeFactura", "issue_date"),
    ],
)
def test_keys_in_any_known_language_say_what_a_field_stands_for(key, expected):
    assert concept(**{key: {"type": "string"}}) == expected


def test_a_title_says_it_where_the_key_does_not():
    assert concept(nr={"type": "string", "title": "Rechnungsnummer"}) == "invoice_number"


@pytest.mark.parametrize("key", ["nr", "vom", "te betalen", "colour"])
def test_what_is_too_short_or_names_two_things_or_nothing_known_is_looked_for_by_its_own_name_alone(key):
    assert concept(**{key: {"type": "string"}}) is None
