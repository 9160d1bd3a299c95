"""A file of comma, semicolon, tab or bar separated values as a document of one part. Runs in the opener child.

The delimiter is the one with which most lines have equally many fields: ``csv.Sniffer`` takes letters for delimiters.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from document_parser.errors import PageUnreadable
from document_parser.models import Block, Cell, Location, Part, Table
from document_parser.sources.base import OpenerLimits
from document_parser.sources.decoding import decode_text
from document_parser.sources.flowing import FlowingDocument
from document_parser.sources.plain_text import undecoded_warnings

DELIMITERS = ";\t|,"
"""What separates values, the likeliest first where several fit: commas also stand in numbers and names."""
_SAMPLE_LINES = 200
"""Rows by which the delimiter is chosen."""


class DelimitedFile(FlowingDocument):
    """A table in a text file; its first row is not taken for a header."""

    page_count = 1

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        """Keep the path."""
        del password
        super().__init__(limits)
        self._path = path

    def location(self, number: int) -> Location:
        """Return the only location: the body."""
        if number != 1:
            raise PageUnreadable("A file of separated values has one part.", page=number)
        return Location(kind="body")

    def part(self, number: int) -> Part:
        """Return the table."""
        location = self.location(number)
        decoded = decode_text(self._path.read_bytes())
        rows = [row for row in _rows(decoded.text, find_delimiter(decoded.text)) if any(map(str.strip, row))]
        cells = [
            Cell(row=at, column=column, text=text.strip()) for at, row in enumerate(rows) for column, text in enumerate(row)
        ]
        table = Table(rows=len(rows), columns=max(map(len, rows), default=0), cells=cells)
        blocks = [Block(kind="table", table=table)] if cells else []
        return Part(location=location, blocks=blocks, warnings=undecoded_warnings(decoded.undecoded, decoded.encoding))


def find_delimiter(text: str) -> str:
    """Return the delimiter that gives the most rows of the same number of fields above one; a comma if none does."""

    def agreement(delimiter: str) -> int:
        counts = Counter(len(row) for row in islice(_rows(text, delimiter), _SAMPLE_LINES) if row)
        return max((rows * (fields > 1) for fields, rows in counts.items()), default=0)

    best = max(DELIMITERS, key=agreement)
    return best if agreement(best) else ","


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """Yield the rows of fields."""
    csv.field_size_limit(len(text) + 1)
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=False)
