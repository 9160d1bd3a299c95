"""Find the rows of a list: in the tables of the document whose columns are named as the list's fields, and below such heads."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from document_parser.extraction.candidates import Candidate, Pages, Place
from document_parser.extraction.cells import Fields, Line, is_text, strong_keys, sum_of, value_in_cell
from document_parser.extraction.columns import Band, find_band, index_of, lines_below
from document_parser.extraction.grounding import ground_row
from document_parser.extraction.grouping import Grouped, group_lines
from document_parser.extraction.labels import LabelIndex, concept_of, labels_for, words_of
from document_parser.extraction.schema import ListOf, leaves_of
from document_parser.extraction.view import PageView, Segment
from document_parser.models import BoundingBox, Cell, Table

Row = Mapping[str, Candidate]
"""The values of a row by their JSON pointers into the row."""
CELL_SCORE = 0.9
"""How sure a value in a column named as its field is."""
MAX_HEADER_ROWS = 3
"""Rows at the top of a table among which its header is looked for."""
ALIKE = 0.6
"""Share of the best table's fields that another one must name to be of the same list."""
NOT_AMONG_WORDS = "The words of this cell were not found on the page. The box is that of its table."
"""The note on a value of a table whose place is not known."""


@dataclass
class Rows:
    """The rows of a list that were read, and how many the document has.

    ``unplaced`` are the pages with cells whose words were not found.
    """

    rows: Sequence[Row] = field(default_factory=list)
    seen: int = 0
    amount: str = ""
    """Which field of a row is its amount; empty if none is."""
    unplaced: Sequence[int] = ()


@dataclass(frozen=True)
class _Columns:
    """Which column of a table holds which field, where its rows begin, and how many columns it has."""

    by_key: Mapping[str, int]
    first_row: int
    width: int

    @property
    def keys(self) -> list[str]:
        """Return the fields that have a column, from left to right."""
        return sorted(self.by_key, key=lambda key: self.by_key[key])


class _InCell(NamedTuple):
    """A value of a cell: the text that it was taken from, and why it could be another one; empty if it could not."""

    value: Any
    quote: str
    doubt: str


class _OnPage(NamedTuple):
    """What a page has of a list: the lines, and the fields with a column."""

    lines: list[Line]
    keys: list[str]


def find_rows(wanted: ListOf, views: Sequence[PageView], pages: Pages) -> Rows:
    """Return the rows of a list: of each page's tables or, if that gives more, of what stands below its heads."""
    fields = _fields_of(wanted)
    amount = _amount_of(fields)
    index = index_of(fields)
    headers = {
        (view.number, place): named
        for view in views
        for place, table in enumerate(view.tables)
        if (named := _match_header(table, fields, amount)) is not None
    }
    bands = {view.number: band for view in views if (band := find_band(view, index, fields, amount)) is not None}
    best = max([*(one.keys for one in headers.values()), *(one.keys for one in bands.values())], key=len, default=[])
    headers = {place: one for place, one in headers.items() if _is_alike(one.keys, best)}
    bands = {number: one for number, one in bands.items() if _is_alike(one.keys, best)}
    by_table = _lines_of_tables(views, headers, fields, pages)
    by_heads = _lines_below_heads(views, bands, fields, pages, index)
    found = Rows(amount=amount)
    rows: list[Row] = []
    for view in views:
        first, second = (_group(one.get(view.number), fields, amount, view) for one in (by_table, by_heads))
        grouped = second if _worth(second, fields) > _worth(first, fields) else first
        rows += grouped.rows
        found.seen += len(grouped.rows) + grouped.left_out
    found.rows = rows
    found.unplaced = sorted({one.places[0].segment.page for row in rows for one in row.values() if one.note == NOT_AMONG_WORDS})
    return found


def rows_of_data(wanted: ListOf, views: Sequence[PageView], pages: Pages) -> Rows:
    """Return the rows of the one table of an electronic invoice that names most of a list's fields: each table is a section."""
    fields = _fields_of(wanted)
    amount = _amount_of(fields)
    headers = {
        (view.number, place): named
        for view in views
        for place, table in enumerate(view.tables)
        if (named := _match_header(table, fields, amount)) is not None
    }
    if not headers:
        return Rows(amount=amount)
    first = max(headers, key=lambda place: len(headers[place].keys))
    lines = _lines_of_tables(views, {first: headers[first]}, fields, pages)
    rows = [line.values for one in lines.values() for line in one.lines if line.values]
    return Rows(rows, len(rows), amount)


def _fields_of(wanted: ListOf) -> Fields:
    """Return the single values of a list's rows by their pointers into a row, with what they stand for as columns."""
    return {
        pointer: (leaf, concept_of(leaf, is_column=True) or concept_of(leaf))
        for pointer, leaf in leaves_of(wanted.item).items()
    }


def _amount_of(fields: Fields) -> str:
    """Return the field that is the amount of a row; empty if none is."""
    return next((key for key, (_, concept) in fields.items() if concept is not None and concept.name == "line_amount"), "")


def _is_alike(keys: Sequence[str], best: Sequence[str]) -> bool:
    """Return whether columns are those of the same list as the best ones."""
    return len(set(keys) & set(best)) >= ALIKE * len(best)


def _group(found: _OnPage | None, fields: Fields, amount: str, view: PageView) -> Grouped:
    """Return the rows of a page's lines."""
    return Grouped() if found is None else group_lines(found.lines, fields, found.keys, amount, view.line_height)


def _worth(found: Grouped, fields: Fields) -> float:
    """Return how much was read: values of rows, less what was left out."""
    strong = set(strong_keys(fields, list(fields)))
    return sum(len(strong & row.keys()) + 0.2 * len(row) for row in found.rows) - found.left_out


def _lines_below_heads(
    views: Sequence[PageView], bands: Mapping[int, Band], fields: Fields, pages: Pages, index: LabelIndex
) -> dict[int, _OnPage]:
    """Return the lines below column heads by page; a page without heads goes on with those of the page before."""
    found: dict[int, _OnPage] = {}
    band: Band | None = None
    for view in views:
        below = 0.0
        if view.number in bands:
            band = bands[view.number]
            below = band.bottom
        if band is None:
            continue
        lines, ended = lines_below(view, below, band.columns, fields, pages, index)
        strong = set(strong_keys(fields, band.keys))
        if not below and not any(len(strong & line.values.keys()) >= min(2, len(strong)) for line in lines):
            band = None  # the list ended on the page before
            continue
        found[view.number] = _OnPage(lines, band.keys)
        band = None if ended else band
    return found


def _match_header(table: Table, fields: Fields, amount: str) -> _Columns | None:
    """Return the columns of a table whose header names fields: at least two, or the only one. None if it names too few."""
    best: _Columns | None = None
    named: Mapping[int, str] = {}
    for last in range(min(MAX_HEADER_ROWS, table.rows)):
        heads = _heads(table, last)
        by_key = _assign(heads, fields)
        if len(by_key) >= min(2, len(fields)) and by_key and (best is None or len(by_key) > len(best.by_key)):
            best, named = _Columns(by_key, last + 1, table.columns), heads
    if best is None:
        return None
    rightmost = max(named)
    if amount and amount not in best.by_key and rightmost not in best.by_key.values() and named[rightmost]:
        return replace(best, by_key={**best.by_key, amount: rightmost})
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


def _lines_of_tables(
    views: Sequence[PageView], headers: Mapping[tuple[int, int], _Columns], fields: Fields, pages: Pages
) -> dict[int, _OnPage]:
    """Return the rows of tables with such a header as lines, by page, and of tables that go on without one."""
    found: dict[int, _OnPage] = {}
    columns: _Columns | None = None
    for view in views:
        for place, table in enumerate(view.tables):
            named = headers.get((view.number, place))
            if named is not None:
                columns = named
            elif columns is None or table.columns != columns.width or _has_header(table):
                continue
            else:
                columns = _Columns(columns.by_key, 0, columns.width)
            on_page = found.setdefault(view.number, _OnPage([], columns.keys))
            box = view.table_boxes[place] if place < len(view.table_boxes) else None
            on_page.lines.extend(_lines_of_table(table, columns, fields, view, pages, on_page.lines, box))
    return found


def _lines_of_table(
    table: Table,
    columns: _Columns,
    fields: Fields,
    view: PageView,
    pages: Pages,
    before: Sequence[Line],
    box: BoundingBox | None,
) -> Iterator[Line]:
    """Yield the rows of a table as lines, each value with its words. ``before`` are the lines of the page so far."""
    by_row: dict[int, dict[int, Cell]] = {}
    for cell in table.cells:
        by_row.setdefault(cell.row, {})[cell.column] = cell
    below = max((line.top for line in before), default=0.0) + 1
    for number in range(columns.first_row, table.rows):
        cells = by_row.get(number, {})
        row = _read_row(cells, columns, fields, pages)
        places = ground_row([one.quote for one in row.values()], view, below)
        values = {}
        for (key, (value, quote, doubt)), found in zip(row.items(), places, strict=True):
            note = doubt if found else NOT_AMONG_WORDS
            values[key] = Candidate(value, found or (_within(box, quote, view),), CELL_SCORE, note=note)
        segments = [place.segment for found in places for place in found]
        top = min((one.top for one in segments), default=below)
        bottom = max((one.bottom for one in segments), default=below)
        is_exact = not any(segment.packed for segment in segments)
        texts = [cell.text for _, cell in sorted(cells.items()) if cell.text.strip()]
        yield Line(view.number, top, bottom, values, is_exact, sum_of(values, texts[:1], fields))
        below = max(below, top + 1)


def _within(box: BoundingBox | None, quote: str, view: PageView) -> Place:
    """Return the place of a text that stands somewhere in a table."""
    text = " ".join(quote.split())
    return Place(Segment(view.number, -1, text, 0.0, 0.0, 0.0, 0.0, array("d"), (1.0, 1.0), box), 0, len(text))


def _read_row(cells: Mapping[int, Cell], columns: _Columns, fields: Fields, pages: Pages) -> dict[str, _InCell]:
    """Return the values of a row of a table."""
    row: dict[str, _InCell] = {}
    for key, column in columns.by_key.items():
        text = cells[column].text if column in cells else ""
        if is_text(fields[key]):
            if text.strip():
                row[key] = _InCell(" ".join(text.split()), text, "")
        elif (found := value_in_cell(fields[key], text, pages)) is not None:
            row[key] = _InCell(found.value, text[found.start : found.end], found.ambiguous)
    return row
