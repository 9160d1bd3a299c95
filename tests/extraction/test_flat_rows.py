"""The values of a schema as lines of a table: nothing of the data is lost, and columns have the schema's order."""

from __future__ import annotations

from document_parser.extraction.flat_rows import columns_of, rows_of

SCHEMA = {
    "type": "object",
    "properties": {
        "lines": {
            "type": "array",
            "items": {"type": "object", "properties": {"text": {"type": "string"}, "amount": {"type": "number"}}},
        },
        "number": {"type": "string"},
        "seller": {"type": "object", "properties": {"name": {"type": "string"}, "vat": {"type": "boolean"}}},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}
DATA = {
    "lines": [{"text": "a", "amount": 1.5}, {"text": "b", "amount": None}],
    "number": "N-1",
    "seller": {"name": "Ada", "vat": True},
    "tags": ["x"],
}


def test_single_values_come_first_and_stand_on_each_row_of_each_list():
    columns = columns_of(SCHEMA)
    assert [one.name for one in columns] == ["number", "seller.name", "seller.vat", "lines.text", "lines.amount", "tags"]
    assert list(rows_of(DATA, columns, "document")) == [
        ["", "lines", "1", "N-1", "Ada", "true", "a", "1.5", ""],
        ["", "lines", "2", "N-1", "Ada", "true", "b", "", ""],
        ["", "tags", "1", "N-1", "Ada", "true", "", "", "x"],
    ]


def test_a_document_without_rows_is_one_line():
    empty = {"lines": [], "number": None, "seller": {"name": None, "vat": None}, "tags": []}
    assert list(rows_of(empty, columns_of(SCHEMA), "document")) == [["", "", "", "", "", "", "", "", ""]]


def test_each_page_or_row_that_the_schema_describes_is_numbered():
    columns = columns_of(SCHEMA["properties"]["lines"]["items"])
    assert list(rows_of(DATA["lines"], columns, "row")) == [["1", "", "", "a", "1.5"], ["2", "", "", "b", ""]]
