"""Cells of Office Open XML worksheets with their texts as the program shows them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from document_parser.models import Span
from document_parser.sources.number_formats.calendar_parts import DAYS_TO_1904, MAX_SERIAL, moment_of
from document_parser.sources.number_formats.formats import GENERAL, NumberFormat
from document_parser.sources.number_formats.general import WIDTH, format_general
from document_parser.sources.sheets.formulas import link_of, shift_formula
from document_parser.sources.sheets.references import column_name
from document_parser.sources.sheets.rows import FormulaCount, SheetRow
from document_parser.sources.sheets.shared_strings import SharedStrings, rich_text_of
from document_parser.sources.sheets.worksheet_rows import ColumnNumbers, RawRow
from document_parser.sources.sheets.xml_pieces import plain_text
from document_parser.sources.xml_trees import Element, local_name
from document_parser.text.spans import safe_link_of

MAX_KNOWN, MAX_KNOWN_BYTES = 10_000, 8
"""Numbers of one format whose texts are remembered, and their length: those with many digits hardly recur."""
_SHARED = re.compile(r"\st\s*=\s*[\"']shared[\"']")
_SHARED_ID = re.compile(r"\ssi\s*=\s*[\"'](\d+)[\"']")
_PLAIN = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?")
"""A number as General shows it, if it is short enough."""
_PLAIN_ROW = re.compile(rb"(?:(?:\d++(?!\.)|-?+(?:0|[1-9]\d*+)(?:\.\d*[1-9])?+)(?:\t|$))+")
"""Contents between tabs, each of which ``_PLAIN`` matches or that has digits only."""
_EPOCH = datetime(1899, 12, 30)

Shown = tuple[str, str | None]
"""The text that a cell shows, and its value as JSON; None if the text is the value."""
Show = Callable[[bytes], Shown]
"""Returns what a cell shows of its stored content."""


class NumberReader:
    """Shows the numbers of one cell style. Texts are remembered: dates and small numbers recur."""

    def __init__(self, number_format: NumberFormat, *, since_1904: bool) -> None:
        """Keep the format. ``since_1904`` says that dates count from 1904."""
        self.format = number_format
        self.code = None if number_format.code == GENERAL else number_format.code
        self._shift = DAYS_TO_1904 if since_1904 and number_format.kind == "date" else 0
        self._known: dict[bytes, Shown] = {}
        self._show_value = number_format.show_number
        self._is_number = self.code is not None and number_format.kind in {"number", "text"}
        self._show = self._show_general if self.code is None else self._show_moment

    def show(self, stored: bytes) -> Shown:
        """Return what a stored number shows; a text that is no number shows itself."""
        if len(stored) > MAX_KNOWN_BYTES:
            return self._show_any(stored)
        found = self._known.get(stored)
        if found is None:
            found = self._show_any(stored)
            if len(self._known) < MAX_KNOWN:
                self._known[stored] = found
        return found

    def _show_any(self, stored: bytes) -> Shown:
        """Return what a stored number shows, or a text that is none."""
        try:
            if self._is_number:
                return self._show_value(float(stored)), stored.decode()
            return self._show(str(stored, "utf-8", "replace"))
        except (ValueError, OverflowError):
            return str(stored, "utf-8", "replace").strip(), None

    def _show_general(self, stored: str) -> Shown:
        """Return what a number shows without a format. Short ones are shown as they are stored."""
        if len(stored) <= WIDTH and (stored.isdecimal() or _PLAIN.fullmatch(stored)):
            return stored, stored
        return format_general(float(stored)), stored.strip()

    def _show_moment(self, stored: str) -> Shown:
        """Return what a number shows that is a date, a time or a duration. Raises ValueError for what is no number."""
        value = float(stored)
        serial = value + self._shift
        if not 0 <= serial < MAX_SERIAL:
            return ("#" * 8 if serial < 0 and self.format.kind == "date" else self.format.show_number(serial)), stored.strip()
        iso = _iso_duration(value) if self.format.kind == "elapsed" else _iso_moment(serial)
        return self.format.show_number(serial), f'"{iso}"'


def _iso_moment(serial: float) -> str:
    """Return a serial number in ISO 8601: a date, a time of day if it is below 1, or both."""
    iso = moment_of(serial, thousandths=True).to_iso()
    return iso.partition("T")[2] or "00:00:00" if serial < 1 else iso


def _iso_duration(days: float) -> str:
    """Return a number of days as a duration in ISO 8601."""
    seconds = round(days * 86400)
    return f"PT{seconds // 3600}H{seconds // 60 % 60}M{seconds % 60}S"


class _Pattern(NamedTuple):
    """How the cells of a row are written, which is the same for most rows of a table: what shows each, columns and codes."""

    letters: tuple[bytes, ...]
    styles: tuple[bytes, ...]
    kinds: tuple[bytes, ...]
    shows: list[Show]
    columns: list[int]
    codes: list[str | None]
    strings: list[int]
    """The places of shared strings."""
    is_general: bool
    """Whether all other cells are numbers without a format."""


class CellReader:
    """Turns the cells of a worksheet as they are written into cells as they are shown, row after row."""

    def __init__(self, strings: SharedStrings, formats: Sequence[NumberFormat], *, since_1904: bool) -> None:
        """Keep what the cells refer to."""
        self._strings = strings
        self._readers = [NumberReader(one, since_1904=since_1904) for one in formats]
        self._by_style = {str(place).encode(): reader for place, reader in enumerate(self._readers)} | {b"": self._readers[0]}
        self._columns = ColumnNumbers()
        self._masters: dict[str, tuple[int, int, str]] = {}
        self._known: dict[bytes, Shown] = {}
        self._pattern = _Pattern((), (), (), [], [], [], [], is_general=False)
        self.count = FormulaCount()

    def row(self, raw: RawRow) -> SheetRow:
        """Return a row with its cells; those without content are left out."""
        if raw.tree is not None:
            return self._row_of_tree(raw)
        if raw.plain is None or self._strings.rich:
            return self._row_of_cells(raw)
        letters, styles, kinds, contents = raw.plain
        pattern = self._pattern
        if letters != pattern.letters or styles != pattern.styles or kinds != pattern.kinds:
            pattern = self._pattern = self._make_pattern(letters, styles, kinds)
        texts, values = _show_stored(pattern, contents) or _show_each(pattern, contents)
        return SheetRow(raw.number, pattern.columns, texts, values, pattern.codes, raw.hidden)

    def _make_pattern(self, letters: tuple[bytes, ...], styles: tuple[bytes, ...], kinds: tuple[bytes, ...]) -> _Pattern:
        """Return the pattern of a row of numbers and shared strings."""
        readers = [self._by_style.get(style, self._readers[0]) for style in styles]
        shows = [self._string_shower(one) if kind == b"s" else one.show for one, kind in zip(readers, kinds, strict=True)]
        codes = [one.code for one in readers]
        columns = [self._columns[one] for one in letters]
        strings = [place for place, kind in enumerate(kinds) if kind == b"s"]
        is_general = all(kind == b"s" or code is None for kind, code in zip(kinds, codes, strict=True))
        return _Pattern(letters, styles, kinds, shows, columns, codes, strings, is_general)

    def _string_shower(self, reader: NumberReader) -> Show:
        """Return what shows the shared strings of a style."""
        if reader.code is None:
            return self._show_string
        return lambda content: (reader.format.show_text(self._show_string(content)[0]), None)

    def _show_string(self, content: bytes) -> Shown:
        """Return a shared string."""
        found = self._known.get(content)
        if found is None:
            found = (self._strings[int(content) if content.isdigit() else -1], None)
            if len(self._known) < MAX_KNOWN:
                self._known[content] = found
        return found

    def _row_of_cells(self, raw: RawRow) -> SheetRow:
        """Return a row whose cells are looked at one by one."""
        columns: list[int] = []
        shown: list[Shown] = []
        codes: list[str | None] = []
        row = SheetRow(raw.number, columns, (), (), codes, raw.hidden)
        column = 0
        plain = [(*cell[:3], b"", b"", cell[3], b"") for cell in zip(*raw.plain, strict=True)] if raw.plain else []
        for letters, style, kind, tag, formula, content, inline in raw.cells or plain:
            column = self._columns[letters] if letters else column + 1
            if not content and not tag and not inline:
                continue
            reader = self._by_style.get(style, self._readers[0])
            columns.append(column)
            shown.append(self._show_cell(row, column, kind, content or inline, reader))
            codes.append(reader.code)
            if tag:
                self._note_formula(row, column, tag, formula, content, kind)
        row.texts, row.values = [text for text, _ in shown], [value for _, value in shown]
        return row

    def _show_cell(self, row: SheetRow, column: int, kind: bytes, content: bytes, reader: NumberReader) -> Shown:
        """Return what a cell shows; the emphasis of its text goes to the row."""
        if kind == b"s":
            index = int(content) if content.isdigit() else -1
            if index in self._strings.rich:
                row.spans[column] = self._strings.rich[index]
            return self._show_text(self._strings[index], reader, row, column), None
        if kind in {b"", b"n"}:
            return reader.show(content) if content else ("", None)
        return self._other(kind, content, reader)

    def _show_text(self, text: str, reader: NumberReader, row: SheetRow, column: int) -> str:
        """Return a text as its format shows it. Emphasis is lost if the format adds to it."""
        shown = reader.format.show_text(text)
        if shown != text:
            row.spans.pop(column, None)
        return shown

    def _other(self, kind: bytes, content: bytes, reader: NumberReader) -> Shown:
        """Return what a cell shows that is neither a shared string nor a number."""
        if kind == b"b":
            return ("TRUE", "true") if content.strip() in {b"1", b"true"} else ("FALSE", "false")
        text = plain_text(content)
        if kind == b"d":
            return _show_iso_date(text, reader)
        return (text if kind == b"e" else reader.format.show_text(text)), None

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
        columns: list[int] = []
        shown: list[Shown] = []
        codes: list[str | None] = []
        row = SheetRow(raw.number, columns, (), (), codes, raw.hidden)
        column = 0
        for cell in raw.tree if raw.tree is not None else ():
            if local_name(cell) != "c":
                continue
            letters = "".join(filter(str.isalpha, cell.get("r", "")))
            column = self._columns[letters.encode()] if letters else column + 1
            reader = self._by_style.get(cell.get("s", "").encode(), self._readers[0])
            found = self._show_element(row, column, cell, reader)
            if found is not None:
                columns.append(column)
                shown.append(found)
                codes.append(reader.code)
        row.texts, row.values = [text for text, _ in shown], [value for _, value in shown]
        return row

    def _show_element(self, row: SheetRow, column: int, cell: Element, reader: NumberReader) -> Shown | None:
        """Return what the cell of an element shows; None if it has no content."""
        parts = {local_name(part): part for part in cell}
        formula, inline = parts.get("f"), parts.get("is")
        content, kind = _escape((parts["v"].text or "") if "v" in parts else ""), cell.get("t", "").encode()
        if formula is None and not content and inline is None:
            return None
        if formula is not None:
            tag = "".join(f' {name}="{value}"' for name, value in formula.attrib.items()) or " "
            self._note_formula(row, column, tag.encode(), _escape(formula.text or ""), content, kind)
        if inline is not None and kind == b"inlineStr":
            rich = rich_text_of(inline)
            row.spans |= {column: rich.spans} if rich.spans else {}
            return self._show_text(rich.text, reader, row, column), None
        return self._show_cell(row, column, kind, content, reader)


def _show_stored(pattern: _Pattern, contents: tuple[bytes, ...]) -> tuple[list[str], list[str | None]] | None:
    """Return the texts and values of a row whose numbers are all shown as they are stored; None for any other row."""
    if not pattern.is_general:
        return None
    line = b"\t".join(contents)
    if max(map(len, contents)) > WIDTH or not _PLAIN_ROW.fullmatch(line):
        return None
    texts = line.decode().split("\t")
    if len(texts) != len(contents):
        return None  # there are tabs in the cells
    values: list[str | None] = [*texts]
    for place in pattern.strings:
        texts[place], values[place] = pattern.shows[place](contents[place])
    return texts, values


def _show_each(pattern: _Pattern, contents: tuple[bytes, ...]) -> tuple[list[str], list[str | None]]:
    """Return the texts and values of a row, cell by cell."""
    shown = [show(content) for show, content in zip(pattern.shows, contents, strict=True)]
    return [text for text, _ in shown], [value for _, value in shown]


def _escape(text: str) -> bytes:
    """Return a text as a file writes it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").encode("utf-8", "replace")


def _show_iso_date(text: str, reader: NumberReader) -> Shown:
    """Return what a date shows that is stored in ISO 8601."""
    try:
        moment = datetime.fromisoformat(text.strip()).replace(tzinfo=None)
    except ValueError:
        return text, None
    serial = (moment - _EPOCH).total_seconds() / 86400
    if reader.format.kind == "date" and 61 <= serial < MAX_SERIAL:
        return reader.format.show_number(serial), json.dumps(text.strip())
    return text.strip().replace("T00:00:00", ""), json.dumps(text.strip())
