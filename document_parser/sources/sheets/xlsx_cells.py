"""Cells of Office Open XML worksheets with their texts as the program shows them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime

from document_parser.models import Span
from document_parser.sources.sheets.calendar_parts import DAYS_TO_1904, MAX_SERIAL, moment_of
from document_parser.sources.sheets.formulas import link_of, shift_formula
from document_parser.sources.sheets.number_formats import GENERAL, NumberFormat
from document_parser.sources.sheets.references import MAX_COLUMNS, column_name, column_number
from document_parser.sources.sheets.rows import FormulaCount, SheetRow
from document_parser.sources.sheets.shared_strings import SharedStrings, rich_text_of
from document_parser.sources.sheets.worksheet_rows import RawRow
from document_parser.sources.sheets.xml_pieces import plain_text, unescape
from document_parser.sources.xml_trees import Element, local_name
from document_parser.text.spans import safe_link_of

MAX_KNOWN = 10_000
"""Numbers of one format whose texts are remembered."""
_SHARED = re.compile(r"\st\s*=\s*[\"']shared[\"']")
_SHARED_ID = re.compile(r"\ssi\s*=\s*[\"'](\d+)[\"']")
_EPOCH = datetime(1899, 12, 30)

ShownNumber = tuple[str, str | None, str | None]
"""The text of a number, its value as JSON, and the code of its format, None for General."""


class NumberReader:
    """Shows the numbers of one cell style. Texts are remembered: dates and small numbers recur."""

    def __init__(self, number_format: NumberFormat, *, since_1904: bool) -> None:
        """Keep the format. ``since_1904`` says that dates count from 1904."""
        self.format = number_format
        self.code = None if number_format.code == GENERAL else number_format.code
        self._is_general = number_format.code == GENERAL
        self._shift = DAYS_TO_1904 if since_1904 and number_format.kind == "date" else 0
        self._known: dict[bytes, ShownNumber] = {}

    def show(self, stored: bytes) -> ShownNumber:
        """Return what a stored number shows; a text that is no number shows itself."""
        found = self._known.get(stored)
        if found is None:
            found = self._show(stored.decode("utf-8", "replace").strip())
            if len(self._known) < MAX_KNOWN:
                self._known[stored] = found
        return found

    def _show(self, stored: str) -> ShownNumber:
        """Return what a stored number shows."""
        if self._is_general and len(stored) < 12 and stored.isdecimal():
            return stored, stored, None
        try:
            value = float(stored)
            if value - value:  # neither infinite nor no number
                return stored, None, self.code
            return self.show_number(value, stored)
        except (ValueError, OverflowError):
            return stored, None, self.code

    def show_number(self, value: float, stored: str) -> ShownNumber:
        """Return what a number shows that is stored in this way."""
        kind = self.format.kind
        if kind == "number" or kind == "text":
            return self.format.show_number(value), stored, self.code
        serial = value + self._shift
        if not 0 <= serial < MAX_SERIAL:
            return ("#" * 8 if serial < 0 and kind == "date" else self.format.show_number(serial)), stored, self.code
        iso = _iso_duration(value) if kind == "elapsed" else _iso_moment(serial)
        return self.format.show_number(serial), f'"{iso}"', self.code


def _iso_moment(serial: float) -> str:
    """Return a serial number in ISO 8601: a date, a time of day if it is below 1, or both."""
    iso = moment_of(serial, thousandths=True).to_iso()
    return iso.partition("T")[2] or "00:00:00" if serial < 1 else iso


def _iso_duration(days: float) -> str:
    """Return a number of days as a duration in ISO 8601."""
    seconds = round(days * 86400)
    return f"PT{seconds // 3600}H{seconds // 60 % 60}M{seconds % 60}S"


class CellReader:
    """Turns the cells of a worksheet as they are written into cells as they are shown, row after row."""

    def __init__(self, strings: SharedStrings, formats: Sequence[NumberFormat], *, since_1904: bool) -> None:
        """Keep what the cells refer to."""
        self._strings = strings
        self._readers = [NumberReader(one, since_1904=since_1904) for one in formats]
        self._by_style = {str(place).encode(): reader for place, reader in enumerate(self._readers)} | {b"": self._readers[0]}
        self._columns: dict[bytes, int] = {}
        self._masters: dict[str, tuple[int, int, str]] = {}
        self.count = FormulaCount()

    def row(self, raw: RawRow) -> SheetRow:
        """Return a row with its cells; those without content are left out."""
        if raw.tree is not None:
            return self._row_of_tree(raw)
        row = SheetRow(raw.number, [], [], [], [], raw.hidden)
        columns, texts, values, formats = row.columns, row.texts, row.values, row.formats
        strings, by_style, first, column_of = self._strings, self._by_style, self._readers[0], self._columns
        column = 0
        for letters, style, kind, formula_tag, formula, content, inline in raw.cells:
            column = (column_of.get(letters) or self._column_of(letters)) if letters else column + 1
            if not content and not formula_tag and not inline:
                continue
            if kind == b"s":
                index = int(content) if content.isdigit() else -1
                text, value, code = strings[index], None, None
                if index in strings.rich:
                    row.spans[column] = strings.rich[index]
                reader = by_style.get(style, first)
                if reader.code is not None:
                    text = self._show_text(text, reader, row, column)
            elif kind in (b"", b"n"):
                text, value, code = by_style.get(style, first).show(content) if content else ("", None, None)
            else:
                text, value, code = self._other(kind, content or inline, by_style.get(style, first))
            if formula_tag:
                self._note_formula(row, column, formula_tag, formula, content, kind)
            columns.append(column)
            texts.append(text)
            values.append(value)
            formats.append(code)
        return row

    def _column_of(self, letters: bytes) -> int:
        """Return the number of a column, and remember it."""
        number = min(column_number(letters.decode()), MAX_COLUMNS)
        self._columns[letters] = number
        return number

    def _show_text(self, text: str, reader: NumberReader, row: SheetRow, column: int) -> str:
        """Return a text as its format shows it. Emphasis is lost if the format adds to it."""
        shown = reader.format.show_text(text)
        if shown != text:
            row.spans.pop(column, None)
        return shown

    def _other(self, kind: bytes, content: bytes, reader: NumberReader) -> ShownNumber:
        """Return what a cell shows that is neither a shared string nor a number."""
        if kind == b"b":
            is_true = content.strip() in {b"1", b"true"}
            return ("TRUE", "true", None) if is_true else ("FALSE", "false", None)
        text = plain_text(content)
        if kind == b"d":
            return _show_iso_date(text, reader)
        return (text if kind == b"e" else reader.format.show_text(text)), None, None

    def _note_formula(self, row: SheetRow, column: int, tag: bytes, formula: bytes, content: bytes, kind: bytes) -> None:
        """Note a cell's formula, whether it has a stored result, and its link."""
        text = plain_text(formula)
        attributes = tag.decode("utf-8", "replace")
        if "shared" in attributes and _SHARED.search(attributes):
            found = _SHARED_ID.search(attributes)
            text = self._shared(found[1] if found else "", row.number, column, text)
        row.formulas[column] = text
        self.count.formulas += 1
        self.count.zeros += content == b"0" and kind in (b"", b"n")
        if not content and kind != b"str":
            self.count.uncached.append(f"{column_name(column)}{row.number}")
        elif text and (link := link_of(text)) and content and (address := safe_link_of(link)):
            row.spans[column] = [Span(start=0, end=max(1, len(plain_text(content))), link=address)]

    def _shared(self, name: str, row: int, column: int, text: str) -> str:
        """Return a formula shared by several cells as this one has it; the first of them writes it out."""
        if text:
            self._masters[name] = (row, column, text)
            return text
        master = self._masters.get(name)
        return shift_formula(master[2], row - master[0], column - master[1]) if master else ""

    # --- rows written in another way ---

    def _row_of_tree(self, raw: RawRow) -> SheetRow:
        """Return a row whose cells are elements of a tree."""
        row = SheetRow(raw.number, [], [], [], [], raw.hidden)
        column = 0
        for cell in raw.tree if raw.tree is not None else ():
            if local_name(cell) != "c":
                continue
            letters = "".join(filter(str.isalpha, cell.get("r", "")))
            column = min(column_number(letters), MAX_COLUMNS) if letters else column + 1
            self._add_element(row, column, cell)
        return row

    def _add_element(self, row: SheetRow, column: int, cell: Element) -> None:
        """Add the cell of an element, if it has content."""
        parts = {local_name(part): part for part in cell}
        formula, content = parts.get("f"), parts["v"].text or "" if "v" in parts else ""
        if formula is None and not content and "is" not in parts:
            return
        kind, reader = cell.get("t", ""), self._by_style.get(cell.get("s", "").encode(), self._readers[0])
        if "is" in parts and kind == "inlineStr":
            rich = rich_text_of(parts["is"])
            row.spans |= {column: rich.spans} if rich.spans else {}
            shown: ShownNumber = (self._show_text(rich.text, reader, row, column), None, None)
        elif kind == "s":
            index = int(content) if content.isdecimal() else -1
            row.spans |= {column: self._strings.rich[index]} if index in self._strings.rich else {}
            shown = (self._show_text(self._strings[index], reader, row, column), None, None)
        elif kind in {"", "n"}:
            shown = reader.show(content.encode()) if content else ("", None, None)
        elif kind in {"b", "d"}:
            shown = self._other(kind.encode(), content.encode(), reader)
        else:
            text = unescape(content)
            shown = (text if kind == "e" else reader.format.show_text(text), None, None)
        if formula is not None:
            tag = "".join(f' {name}="{value}"' for name, value in formula.attrib.items())
            text = _escape(formula.text or "")
            self._note_formula(row, column, tag.encode(), text.encode(), _escape(content).encode(), kind.encode())
        text_shown, value, code = shown
        row.columns.append(column)
        row.texts.append(text_shown)
        row.values.append(value)
        row.formats.append(code)


def _escape(text: str) -> str:
    """Return a text as a file writes it."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _show_iso_date(text: str, reader: NumberReader) -> ShownNumber:
    """Return what a date shows that is stored in ISO 8601."""
    try:
        moment = datetime.fromisoformat(text.strip()).replace(tzinfo=None)
    except ValueError:
        return text, None, reader.code
    serial = (moment - _EPOCH).total_seconds() / 86400
    if reader.format.kind == "date" and 61 <= serial < MAX_SERIAL:
        return reader.format.show_number(serial), json.dumps(text.strip()), reader.code
    return text.strip().replace("T00:00:00", ""), json.dumps(text.strip()), reader.code
