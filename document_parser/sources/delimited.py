"""A file of comma, semicolon, tab or bar separated values as a document of one part, or of several. Runs in the opener child.

The delimiter is the one with which most lines have equally many fields: ``csv.Sniffer`` takes letters for delimiters.
"""

from __future__ import annotations

import codecs
import csv
import io
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TextIO

from document_parser.errors import PageUnreadable
from document_parser.models import Block, Cell, Location, Part, Table
from document_parser.sources.base import OpenerLimits
from document_parser.sources.decoding import decode_text
from document_parser.sources.flowing import FlowingDocument
from document_parser.sources.plain_text import undecoded_warnings
from document_parser.sources.sheets.references import Region
from document_parser.sources.sheets.rows import MAX_PART_CELLS, SheetRow
from document_parser.sources.sheets.tables import packed_blocks

DELIMITERS = ";\t|,"
"""What separates values, the likeliest first where several fit: commas also stand in numbers and names."""
_SAMPLE_CHARACTERS = 1 << 18
"""Characters, or bytes, at the start of a file by which its delimiter and encoding are found."""
_SAMPLE_LINES = 200
"""Rows by which the delimiter is chosen."""


class DelimitedFile(FlowingDocument):
    """A table in a text file; its first row is not taken for a header.

    A large one has several parts, which are read forward.
    """

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        """Read the file once, to find its encoding, its delimiter and its parts."""
        del password
        super().__init__(limits)
        self._path = path
        self._encoding = find_encoding(path)
        with _open_text(path, self._encoding) as file:
            self._delimiter = find_delimiter(file.read(_SAMPLE_CHARACTERS))
        self._undecoded = 0
        self._parts: list[Region] = []
        cells = 0
        for number, row in enumerate(_rows_in(path, self._encoding, self._delimiter), 1):
            self._undecoded += sum(text.count("\ufffd") for text in row)
            if not self._parts or cells >= MAX_PART_CELLS:
                self._parts.append(Region(number, 1, number, 1))
                cells = 0
            self._parts[-1] = self._parts[-1]._replace(bottom=number, right=max(self._parts[-1].right, len(row)))
            cells += len(row)
        self.page_count = max(1, len(self._parts))
        self._stream: Iterator[list[str]] = iter(())
        self._next_part = 0

    def location(self, number: int) -> Location:
        """Return the body; of a large file with the range of the part, counted in rows that hold anything."""
        if not 1 <= number <= self.page_count:
            raise PageUnreadable("The file of separated values has no such part.", page=number)
        return Location(kind="body", range=str(self._parts[number - 1]) if self.page_count > 1 else "")

    def part(self, number: int) -> Part:
        """Return the table, or a part of it."""
        location = self.location(number)
        warnings = undecoded_warnings(self._undecoded, self._encoding) if number == self.page_count else []
        rows = self._rows_of(number) if self._parts else []
        if self.page_count > 1:
            numbered = [_numbered(row, at) for at, row in enumerate(rows, 1)]
            widest = max(part.right for part in self._parts)
            blocks = [one.block for one in packed_blocks(numbered, 1, widest)]
            return Part(location=location, blocks=blocks, warnings=warnings)
        cells = [Cell(row=at, column=column, text=text) for at, row in enumerate(rows) for column, text in enumerate(row)]
        table = Table(rows=len(rows), columns=max(map(len, rows), default=0), cells=cells)
        return Part(location=location, blocks=[Block(kind="table", table=table)] if cells else [], warnings=warnings)

    def _rows_of(self, number: int) -> list[list[str]]:
        """Return the rows of a part; the file is read on from the part before, or from its start."""
        region = self._parts[number - 1]
        if number != self._next_part:
            rows_of_file = _rows_in(self._path, self._encoding, self._delimiter)
            self._stream = islice(rows_of_file, region.top - 1, None)
        self._next_part = number + 1
        rows = list(islice(self._stream, region.bottom - region.top + 1))
        if number == self.page_count:
            self._stream, self._next_part = iter(()), 0
        return rows


def _open_text(path: Path, encoding: str) -> TextIO:
    return path.open(encoding=encoding, errors="replace", newline="")


def _rows_in(path: Path, encoding: str, delimiter: str) -> Iterator[list[str]]:
    """Yield the rows of a file that hold anything, their fields without white space at the ends.

    A method would keep its document, and that the method: the file would stay open until both are collected.
    """
    with _open_text(path, encoding) as file:
        csv.field_size_limit(max(csv.field_size_limit(), min(path.stat().st_size + 1, sys.maxsize >> 33)))
        for row in csv.reader(file, delimiter=delimiter, strict=False):
            fields = [field.strip() for field in row]
            if any(fields):
                yield fields


def _numbered(row: list[str], number: int) -> SheetRow:
    """Return a row as one of a sheet."""
    return SheetRow(number, list(range(1, len(row) + 1)), row, [None] * len(row), [None] * len(row))


def find_encoding(path: Path) -> str:
    """Return the encoding of a text file: UTF-8 if all of it can be decoded so, else the likeliest by its first bytes."""
    with path.open("rb") as file:
        head = file.read(_SAMPLE_CHARACTERS)
        encoding = decode_text(head).encoding
        if encoding not in {"utf-8", "utf-8-sig"} and not _is_cut_utf8(head):
            return encoding
        decoder = codecs.getincrementaldecoder("utf-8")()
        file.seek(0)
        try:
            while chunk := file.read(_SAMPLE_CHARACTERS):
                decoder.decode(chunk)
        except UnicodeDecodeError as error:
            start = max(0, file.tell() - len(chunk) + error.start - _SAMPLE_CHARACTERS // 2)
            file.seek(start)
            return decode_text(file.read(_SAMPLE_CHARACTERS)).encoding
    return "utf-8-sig"


def _is_cut_utf8(head: bytes) -> bool:
    """Return whether bytes are UTF-8 but for a character that their end cuts in two."""
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3
    return True


def find_delimiter(text: str) -> str:
    """Return the delimiter that gives the most rows of the same number of fields above one; a comma if none does."""

    def agreement(delimiter: str) -> int:
        counts = Counter(len(row) for row in islice(_rows(text, delimiter), _SAMPLE_LINES) if row)
        return max((rows * (fields > 1) for fields, rows in counts.items()), default=0)

    best = max(DELIMITERS, key=agreement)
    return best if agreement(best) else ","


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """Yield the rows of fields."""
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))  # it holds for the whole process: never lower it
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=False)
