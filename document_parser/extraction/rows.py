"""Find the rows of a list: in the tables of the document whose columns are named as the list's fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from document_parser.extraction.columns import Fields, is_typed, rows_by_columns
from document_parser.extraction.grounding import ground_row
from document_parser.extraction.labels import concept_of, labels_for, role_of, words_of
from document_parser.extraction.schema import ListOf, leaves_of
from document_parser.extraction.search import Candidate, Pages, find_values
from document_parser.extraction.view import PageView
from document_parser.models import Cell, Table

Row = Mapping[str, Candidate]
"""The values of a row by their JSON pointers into the row."""
CELL_SCORE = 0.9
"""How sure a value in a column named as its field is."""
MAX_HEADER_ROWS = 3
"""Rows at the top of a table among which its header is looked for."""


@dataclass
class Rows:
    """The rows of a list that were read, and how many the document has."""

    rows: list[Row] = field(default_factory=list)
    seen: int = 0
    amount: str = ""
    """Which field of a row is its amount; empty if none is."""
    below: dict[int, float] = field(default_factory=dict)
    """Where the last row of each page was found, in points."""


@dataclass(frozen=True)
class _Columns:
    """Which column of a table holds which field, and where its rows begin."""

    by_key: Mapping[str, int]
    first_row: int
    width: int


def find_rows(wanted: ListOf, views: Sequence[PageView], pages: Pages) -> Rows:
    """Return the rows of the tables whose header names the list's fields, and of tables that go on without a header."""
    fields = _fields_of(wanted)
    amount = next((pointer for pointer, (_, concept) in fields.items() if concept and concept.name == "line_amount"), "")
    found, columns = Rows(amount=amount), None
    for view in views:
        for table in view.tables:
            named = _match_header(table, fields)
            if named is not None:
                columns = named
            elif columns is None or table.columns != columns.width or _has_header(table):
                continue
            else:
                columns = _Columns(columns.by_key, 0, columns.width)
            _read_rows(table, columns, fields, view, pages, found)
    by_heads = rows_by_columns(fields, views, pages)
    if sum(map(len, by_heads)) > sum(map(len, found.rows)):
        return Rows(list(by_heads), len(by_heads), amount)
    return found


def _fields_of(wanted: ListOf) -> Fields:
    """Return the single values of a list's rows by their pointers into a row, with what they stand for as columns."""
    return {
        pointer: (leaf, concept_of(leaf, is_column=True) or concept_of(leaf))
        for pointer, leaf in leaves_of(wanted.item).items()
    }


def _match_header(table: Table, fields: Fields) -> _Columns | None:
    """Return the columns of a table whose header names fields: at least two, or the only one. None if it names too few."""
    best: _Columns | None = None
    for last in range(min(MAX_HEADER_ROWS, table.rows)):
        by_key = _assign(_heads(table, last), fields)
        if len(by_key) >= min(2, len(fields)) and by_key and (best is None or len(by_key) > len(best.by_key)):
            best = _Columns(by_key, last + 1, table.columns)
    return best


def _heads(table: Table, last: int) -> dict[int, str]:
    """Return the texts of the header by column: those of a row, with header cells above it."""
    heads: dict[int, str] = {}
    for cell in table.cells:
        if cell.row == last or (cell.header and cell.row < last):
            for column in range(cell.column, cell.column + cell.column_span):
                heads[column] = f"{heads.get(column, '')} {cell.text}".strip()
    return heads


def _assign(heads: Mapping[int, str], fields: Fields) -> dict[str, int]:
    """Return the column of each field: the best pairs first, each column for one field."""
    pairs = []
    for key, (leaf, concept) in fields.items():
        labels = [words_of(label) for label in labels_for(leaf, concept)]
        for column, head in heads.items():
            score = _likeness(words_of(head), labels)
            if score > 0:
                pairs.append((score, -column, key))
    taken: dict[str, int] = {}
    for _, column, key in sorted(pairs, reverse=True):
        if key not in taken and -column not in taken.values():
            taken[key] = -column
    return taken


def _likeness(head: tuple[str, ...], labels: Sequence[tuple[str, ...]]) -> float:
    """Return how well a header names a field: 1 if it is a label, less if it holds one; 0 if it does not."""
    best = 0.0
    for rank, label in enumerate(labels):
        if not label or label[0] not in head:
            continue
        inside = any(head[place : place + len(label)] == label for place in range(len(head)))
        if inside:
            best = max(
                best,
                len(label) / max(len(head), 1) + 0.2 - 0.1 * rank / len(labels) + (0.5 if head == label else 0),
            )
    return best


def _has_header(table: Table) -> bool:
    """Return whether a table has a header of its own."""
    return any(cell.header for cell in table.cells)


def _read_rows(
    table: Table,
    columns: _Columns,
    fields: Fields,
    view: PageView,
    pages: Pages,
    found: Rows,
) -> None:
    """Add the rows of a table that have a number, if it has columns of numbers: others are notes or headings within it."""
    by_row: dict[int, dict[int, Cell]] = {}
    for cell in table.cells:
        by_row.setdefault(cell.row, {})[cell.column] = cell
    for number in range(columns.first_row, table.rows):
        row = _read_row(by_row.get(number, {}), columns, fields, pages)
        typed = [key for key, field_ in fields.items() if key in columns.by_key and is_typed(field_)]
        if not row or (typed and not any(key in row for key in typed)):
            continue
        found.seen += 1
        texts = ground_row([quote for _, quote in row.values()], view, found.below.get(view.number, 0.0))
        grounded = {
            key: Candidate(value, places, CELL_SCORE)
            for (key, (value, _)), places in zip(row.items(), texts, strict=True)
            if places
        }
        if grounded:
            found.below[view.number] = max(one.places[0].segment.top for one in grounded.values()) + 1
            found.rows.append(grounded)


def _read_row(cells: Mapping[int, Cell], columns: _Columns, fields: Fields, pages: Pages) -> dict[str, tuple[Any, str]]:
    """Return the values of a row of a table, each with the text that it was taken from."""
    row: dict[str, tuple[Any, str]] = {}
    for key, column in columns.by_key.items():
        leaf, concept = fields[key]
        text = cells[column].text if column in cells else ""
        role = role_of(leaf, concept)
        if leaf.kind == "string" and role in ("", "text"):
            if text.strip():
                row[key] = (" ".join(text.split()), text)
        elif values := find_values(leaf, role, text, pages.conventions):
            row[key] = (values[0].value, text[values[0].start : values[0].end])
    return row
