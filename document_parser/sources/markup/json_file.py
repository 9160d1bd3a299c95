"""JSON as a document of one part: a table of records, else the text as it is. Runs in the opener child."""

from __future__ import annotations

import json
from pathlib import Path

from document_parser.models import Block, Cell, Part, Table
from document_parser.sources.base import OpenerLimits
from document_parser.sources.decoding import decode_text
from document_parser.sources.flowing import OneBody
from document_parser.sources.plain_text import undecoded_warnings

_MAX_COLUMNS = 200
"""Names of values in records that are shown as a table."""
_Record = dict[str, object]


class JsonFile(OneBody):
    """A file of JSON, or of JSON lines."""

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        """Keep the path."""
        del password
        super().__init__(limits)
        self._path = path

    def part(self, number: int) -> Part:
        """Return the records as a table; anything else as code, as it is written."""
        location = self.location(number)
        decoded = decode_text(self._path.read_bytes())
        text = decoded.text.removeprefix("\ufeff")
        records = _records_of(text)
        if records:
            blocks = [Block(kind="table", table=_table_of(records))]
        else:
            blocks = [Block(kind="code", text=text.strip())] if text.strip() else []
        return Part(location=location, blocks=blocks, warnings=undecoded_warnings(decoded.undecoded, decoded.encoding))


def shown_value(value: object) -> str:
    """Return a value as JSON writes it; texts without quotation marks."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _records_of(text: str) -> list[_Record]:
    """Return the objects of a list of flat objects, or of lines of them; an empty list for anything else."""
    try:
        found = json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        try:
            found = [json.loads(line, parse_float=str, parse_int=str) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError):
            return []
    if not isinstance(found, list) or len(found) < 2:
        return []
    records = [record for record in found if isinstance(record, dict)]
    flat = len(records) == len(found) and not any(
        isinstance(value, dict | list) for record in records for value in record.values()
    )
    return records if flat and 0 < len(_names_of(records)) <= _MAX_COLUMNS else []


def _names_of(records: list[_Record]) -> list[str]:
    """Return the names of all values, in the order of their first use."""
    return list(dict.fromkeys(name for record in records for name in record))


def _table_of(records: list[_Record]) -> Table:
    """Return records as a table whose first row has the names."""
    names = _names_of(records)
    cells = [Cell(row=0, column=column, text=name, header=True) for column, name in enumerate(names)]
    for row, record in enumerate(records, 1):
        cells += [
            Cell(row=row, column=column, text=shown_value(record[name]) if name in record else "")
            for column, name in enumerate(names)
        ]
    return Table(rows=len(records) + 1, columns=len(names), cells=cells)
