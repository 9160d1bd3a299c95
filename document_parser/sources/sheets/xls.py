"""Old workbooks (.xls, BIFF 2 to 8), read by xlrd. Runs in the opener child.

xlrd gives values and formats, and the stored results of formulas, not the formulas.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import xlrd

from document_parser.errors import DamagedDocument, EncryptedDocument, PageUnreadable
from document_parser.models import Block, Location, PageWarning, Part, Span
from document_parser.sources.base import OpenerLimits
from document_parser.sources.flowing import FlowingDocument
from document_parser.sources.number_formats.formats import GENERAL, compile_format
from document_parser.sources.sheets.references import Region, column_name
from document_parser.sources.sheets.rows import MAX_PART_CELLS, SheetRow
from document_parser.sources.sheets.tables import SheetFrame, make_blocks
from document_parser.sources.sheets.warnings import hidden_warnings
from document_parser.sources.sheets.xlsx_cells import NumberReader, Shown
from document_parser.text.spans import Run, Style, safe_link_of, spans_of

_UNREADABLE = (
    xlrd.XLRDError,
    xlrd.compdoc.CompDocError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    struct.error,
)
"""What xlrd raises for damaged files."""
_ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")


class OldWorkbook(FlowingDocument):
    """An opened workbook; its parts are its sheets, in the order of their tabs."""

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        """Read the file."""
        del password
        super().__init__(limits)
        data = path.read_bytes()
        if _ENCRYPTED_STREAM in data:
            raise EncryptedDocument("The workbook is encrypted. Save it without a password and send it again.")
        try:
            self._book: Any = xlrd.open_workbook(file_contents=data, formatting_info=True, ragged_rows=True, logfile=_Silence())
        except _UNREADABLE as error:
            if "encrypted" in str(error).lower():
                raise EncryptedDocument("The workbook is encrypted. Save it without a password and send it again.") from error
            raise DamagedDocument(f"The workbook is damaged, or is none ({str(error)[:120]}).") from error
        self._readers: dict[int, NumberReader] = {}
        self._places = [(sheet, first, last) for sheet in self._book.sheets() for first, last in _part_rows(sheet)]
        if not self._places:
            raise DamagedDocument("The workbook has no sheets.")
        self.page_count = len(self._places)

    def location(self, number: int) -> Location:
        """Return the sheet of a part and the range of its cells."""
        sheet, first, last = self._place(number)
        cells = str(Region(first + 1, 1, last, max(1, sheet.ncols))) if last > first else ""
        return Location(kind="sheet", name=sheet.name, range=cells)

    def _place(self, number: int) -> tuple[Any, int, int]:
        """Return the sheet of a part, its first row from 0, and the row after its last."""
        if not 1 <= number <= self.page_count:
            raise PageUnreadable(f"The workbook has {self.page_count} parts.", page=number)
        return self._places[number - 1]

    def part(self, number: int) -> Part:
        """Return a sheet, or a part of it."""
        location = self.location(number)
        sheet, first, last = self._place(number)
        is_whole = first == 0 and last == sheet.nrows
        try:
            rows = [row for place in range(first, last) if (row := self._row(sheet, place)).columns]
        except _UNREADABLE as error:
            raise PageUnreadable(f"The sheet is damaged ({str(error)[:120]}).", page=number) from error
        frame = _frame_of(sheet)
        bounds = None if is_whole else Region(1, 1, sheet.nrows, max(1, sheet.ncols))
        blocks = [Block(kind="heading", level=2, text=sheet.name)] if first == 0 and self._book.nsheets > 1 else []
        blocks += [one.block for one in make_blocks(rows, frame, bounds)]
        warnings = hidden_warnings(rows, frame.hidden_columns)
        if last == sheet.nrows:
            blocks += _comment_blocks(sheet)
        if sheet.visibility:
            blocks = [block.model_copy(update={"layer": "hidden"}) for block in blocks]
            warnings.append(PageWarning(code="hidden_content", message="The sheet is hidden."))
        return Part(location=location, blocks=blocks, warnings=warnings)

    def _row(self, sheet: Any, place: int) -> SheetRow:
        """Return a row of a sheet; ``place`` counts from 0."""
        texts: list[str] = []
        values: list[str | None] = []
        info = sheet.rowinfo_map.get(place)
        row = SheetRow(place + 1, [], texts, values, [], bool(info is not None and info.hidden))
        for column, cell in enumerate(sheet.row(place), 1):
            if cell.ctype in {xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK}:
                continue
            reader = self._reader(cell.xf_index)
            text, value = _show(cell, reader)
            row.columns.append(column)
            texts.append(text)
            values.append(value)
            row.formats.append(reader.code if value is not None else None)
            spans = self._spans(sheet, place, column - 1, text)
            if spans:
                row.spans[column] = spans
        return row

    def _reader(self, style: int | None) -> NumberReader:
        """Return what shows the numbers of a cell style."""
        key = -1 if style is None else style
        if key not in self._readers:
            known = 0 <= key < len(self._book.xf_list)
            found = self._book.format_map.get(self._book.xf_list[key].format_key) if known else None
            code = found.format_str if found is not None else GENERAL
            self._readers[key] = NumberReader(compile_format(code), since_1904=bool(self._book.datemode))
        return self._readers[key]

    def _spans(self, sheet: Any, row: int, column: int, text: str) -> list[Span]:
        """Return the emphasis and the link of a cell's text."""
        link = sheet.hyperlink_map.get((row, column))
        address = safe_link_of(link.url_or_path) if link is not None and isinstance(link.url_or_path, str) else None
        changes = sheet.rich_text_runlist_map.get((row, column), [])
        if not changes and address is None:
            return []
        starts = [(0, None), *changes, (len(text), None)]
        runs = []
        for (start, font), (end, _) in pairwise(starts):
            looks = self._book.font_list[font] if font is not None and font < len(self._book.font_list) else None
            bold, italic, struck = (
                bool(looks is not None and getattr(looks, name)) for name in ("bold", "italic", "struck_out")
            )
            runs.append(Run(text[start:end], Style(bold=bold, italic=italic, struck=struck, link=address)))
        return spans_of(runs)


class _Silence:
    """Takes what xlrd prints about odd files."""

    def write(self, text: str) -> int:
        """Forget a text."""
        return len(text)

    def flush(self) -> None:
        """Do nothing."""


def _part_rows(sheet: Any) -> Iterator[tuple[int, int]]:
    """Yield the first row of each part of a sheet, from 0, and the row after its last."""
    start = cells = 0
    for row in range(sheet.nrows):
        cells += sheet.row_len(row)
        if cells >= MAX_PART_CELLS and row + 1 < sheet.nrows:
            yield start, row + 1
            start, cells = row + 1, 0
    yield start, sheet.nrows


def _show(cell: Any, reader: NumberReader) -> Shown:
    """Return what a cell shows, and its value as JSON."""
    match cell.ctype:
        case xlrd.XL_CELL_TEXT:
            return reader.format.show_text(cell.value), None
        case xlrd.XL_CELL_BOOLEAN:
            return ("TRUE", "true") if cell.value else ("FALSE", "false")
        case xlrd.XL_CELL_ERROR:
            return str(xlrd.error_text_from_code.get(cell.value, "#ERROR")), None
    number = int(cell.value) if cell.value == int(cell.value) else cell.value
    return reader.show(json.dumps(number).encode())


def _frame_of(sheet: Any) -> SheetFrame:
    """Return what a sheet says of its cells beside their rows."""
    hidden = {column + 1 for column, info in sheet.colinfo_map.items() if info.hidden and column < sheet.ncols}
    bounds = Region(1, 1, max(1, sheet.nrows), max(1, sheet.ncols))
    merges = [Region(top + 1, left + 1, bottom, right).clip(bounds) for top, bottom, left, right in sheet.merged_cells]
    frozen = sheet.horz_split_pos if sheet.panes_are_frozen else 0
    return SheetFrame(merges=merges, hidden_columns=frozenset(hidden), frozen_rows=frozen)


def _comment_blocks(sheet: Any) -> list[Block]:
    """Return the comments of a sheet, each with its cell and author."""
    blocks = []
    for (row, column), note in sorted(sheet.cell_note_map.items()):
        head = f"{column_name(column + 1)}{row + 1}" + (f" ({note.author})" if note.author else "")
        blocks.append(Block(kind="paragraph", layer="comments", text=f"{head}: {note.text.strip()}"))
    return blocks
