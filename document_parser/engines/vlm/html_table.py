"""Parse tables that a model wrote as HTML, however malformed, into cells.

A regular expression finds the tags instead of ``html.parser``, which takes quadratic time on unclosed markup in Python versions
that are in use; a model's answer is untrusted. Every step takes time linear in the text.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field

from document_parser.models import Cell, Table

MAX_COLUMNS = 256
"""Maximum columns of a table. The text of cells beyond it is added to the last cell of the row."""
MAX_ROW_SPAN = 4096
"""Maximum rows that a cell may span."""

TABLE_TAG = re.compile(r"<(/?)table\b[^<>]{0,1000}>", re.IGNORECASE)
"""The tags that begin and end a table."""
TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9_]{0,20})\b([^<>]{0,1000})>")
"""Any tag: slash, name, attributes."""
SPAN_PATTERN = re.compile(r"""\b(row|col)span\s{0,3}=\s{0,3}["']?(\d{1,6})""", re.IGNORECASE)
"""A rowspan or colspan attribute."""
LONG_REFERENCE = re.compile(r"&#[xX]?[0-9a-fA-F]{8,};?")
"""A numeric character reference of eight digits or more, which is beyond Unicode; U+FFFD takes its place."""
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
"""Control characters other than tab and line feed, noncharacters and surrogates; all are removed."""
RAISED = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")
"""Superscript characters."""
LOWERED = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
"""Subscript characters."""
SHIFTED = re.compile(r"<(sup|sub)>([^<>]{1,40})</\1>", re.IGNORECASE)
"""A short text in superscript or subscript tags."""


def split_tables(text: str) -> list[tuple[bool, str]]:
    """Split a text into pieces in order, each with whether it is a table. An unclosed table reaches to the end of the text."""
    pieces: list[tuple[bool, str]] = []
    start = depth = 0
    for tag in TABLE_TAG.finditer(text):
        if not tag[1]:
            if depth == 0:
                pieces.append((False, text[start : tag.start()]))
                start = tag.start()
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                pieces.append((True, text[start : tag.end()]))
                start = tag.end()
    pieces.append((depth > 0, text[start:]))
    return [piece for piece in pieces if piece[1].strip()]


def to_plain_text(text: str) -> str:
    """Return the text with character references resolved and control characters removed."""
    if "&" in text:
        text = html.unescape(LONG_REFERENCE.sub("\ufffd", text))
    return CONTROLS.sub("", text)


def replace_raised_digits(text: str) -> str:
    """Replace ``x<sup>2</sup>`` by x² if such characters exist, so that removing the tags does not make it x2."""
    return SHIFTED.sub(_replace_raised, text) if "<su" in text.lower() else text


def _replace_raised(match: re.Match[str]) -> str:
    moved = match[2].translate(RAISED if match[1].lower() == "sup" else LOWERED)
    return moved if all(character not in match[2] for character in moved) else match[0]


def read_table(source: str) -> tuple[Table | None, str]:
    """Return the cells of one HTML table and the text outside all cells (its caption). None if it has no cell.

    Tables inside cells become their text. Unclosed rows and cells end where the next begins.
    """
    reader = _Reader()
    position = 0
    source = replace_raised_digits(source)
    for tag in TAG.finditer(source):
        reader.add_text(source[position : tag.start()])
        reader.add_tag(tag[2].lower(), bool(tag[1]), tag[3])
        position = tag.end()
    reader.add_text(source[position:])
    return _table_of(reader.rows), _tidy_text(reader.outside)


@dataclass
class _RawCell:
    """A cell with its text in pieces, before it has a column."""

    header: bool
    row_span: int = 1
    column_span: int = 1
    pieces: list[str] = field(default_factory=list)


class _Reader:
    """Sorts tags and text, taken in order, into rows of cells."""

    def __init__(self) -> None:
        self.rows: list[list[_RawCell]] = []
        self.outside: list[str] = []
        self._depth = 0
        self._in_head = False
        self._in_row = False
        self._current_cell: _RawCell | None = None

    def add_tag(self, name: str, closing: bool, attributes: str) -> None:
        """Take one tag."""
        if name == "table":
            self._depth = max(0, self._depth + (-1 if closing else 1))
        elif self._depth > 1:
            self._add_white_space(name)
        elif name in {"td", "th"}:
            self._current_cell = None if closing else self._add_cell(name == "th" or self._in_head, attributes)
        elif name in {"tr", "thead", "tbody", "tfoot", "caption"}:
            self._add_row(name, closing)
        else:
            self._add_white_space(name)

    def add_text(self, text: str) -> None:
        """Take the text between two tags."""
        if self._current_cell is not None:
            self._current_cell.pieces.append(text)
        elif self._in_row and text.strip():
            self._add_cell(self._in_head, "").pieces.append(text)
        else:
            self.outside.append(text)

    def _add_row(self, name: str, closing: bool) -> None:
        """Begin or end a row or a part of the table."""
        self._current_cell = None
        self._in_row = name == "tr" and not closing
        if name == "thead":
            self._in_head = not closing
        elif name in {"tbody", "tfoot"}:
            self._in_head = False
        if self._in_row:
            self.rows.append([])

    def _add_cell(self, header: bool, attributes: str) -> _RawCell:
        """Add a cell to the current row, or to a new row if there is none."""
        if not self._in_row:
            self._in_row = True
            self.rows.append([])
        spans = {kind.lower(): int(number) for kind, number in SPAN_PATTERN.findall(attributes)}
        cell = _RawCell(header, _clamp_span(spans.get("row", 1), MAX_ROW_SPAN), _clamp_span(spans.get("col", 1), MAX_COLUMNS))
        self.rows[-1].append(cell)
        return cell

    def _add_white_space(self, name: str) -> None:
        """Add a space or line break for a tag that is only about style or belongs to a table in a cell."""
        if self._current_cell is not None and name in {"br", "p", "div", "li", "tr", "td", "th"}:
            self._current_cell.pieces.append("\n" if name in {"br", "p", "div", "li"} else " ")


def _clamp_span(span: int, most: int) -> int:
    return min(max(span, 1), most)


def _tidy_text(pieces: list[str]) -> str:
    lines = (" ".join(line.split()) for line in to_plain_text("".join(pieces)).split("\n"))
    return "\n".join(filter(None, lines))


def _table_of(rows: list[list[_RawCell]]) -> Table | None:
    """Place the cells in columns as a browser does: to the right of cells that reach down from rows above."""
    cells: list[Cell] = []
    taken_until: list[int] = []  # per column, the first row in which it is free again
    number = 0
    for row in rows:
        if not row and not any(until > number for until in taken_until):
            continue
        column = 0
        for raw in row:
            while column < len(taken_until) and taken_until[column] > number:
                column += 1
            if column >= MAX_COLUMNS:
                cells[-1].text = _tidy_text([cells[-1].text, "\n", *raw.pieces])
                continue
            span = _count_free_columns(taken_until, column, raw.column_span, number)
            taken_until.extend([0] * (column + span - len(taken_until)))
            taken_until[column : column + span] = [number + raw.row_span] * span
            cells.append(_cell_of(raw, number, column, span))
            column += span
        number += 1
    return _clip_spans(cells, number) if cells else None


def _count_free_columns(taken_until: list[int], column: int, wanted: int, row: int) -> int:
    """Return how many of the wanted columns are free from this one on; at least one."""
    last = min(column + wanted, MAX_COLUMNS)
    for place in range(column + 1, min(last, len(taken_until))):
        if taken_until[place] > row:
            return place - column
    return max(1, last - column)


def _cell_of(raw: _RawCell, row: int, column: int, span: int) -> Cell:
    return Cell(row=row, column=column, row_span=raw.row_span, column_span=span, text=_tidy_text(raw.pieces), header=raw.header)


def _clip_spans(cells: list[Cell], rows: int) -> Table:
    """Return the table with shortened spans if they reach over its edge, beyond which no cell begins."""
    columns = max(cell.column for cell in cells) + 1
    for cell in cells:
        cell.row_span = min(cell.row_span, rows - cell.row)
        cell.column_span = min(cell.column_span, columns - cell.column)
    return Table(rows=rows, columns=columns, cells=cells)
