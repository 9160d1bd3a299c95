"""Read and write the archive of a document's tables: one CSV file per table, and ``tables.json``, which lists them.

A CSV result is stored this way. A response serves one table or the whole archive.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import IO, BinaryIO, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from pydantic import BaseModel, TypeAdapter

from document_parser.errors import SeveralTables, TableNotFound

MANIFEST = "tables.json"
"""Name of the file in the archive that lists the tables."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every entry: the earliest that a ZIP archive can hold, so that equal content makes equal bytes."""


class TableEntry(BaseModel):
    """One table in the archive. ``page`` is the page it begins on, ``header`` is whether its first row is a header."""

    file: str
    page: int
    caption: str = ""
    header: bool = False


class CsvTable(NamedTuple):
    """One table to write. ``lines`` are its CSV, read once."""

    page: int
    caption: str
    header: bool
    lines: Iterator[str]


class TableArchive:
    """An archive that ``write_archive`` wrote. Close ``stream`` when done.

    Raises zipfile.BadZipFile and KeyError for another file.
    """

    def __init__(self, stream: BinaryIO) -> None:
        """Read the list of tables. Raises zipfile.BadZipFile, KeyError, pydantic.ValidationError."""
        self.stream = stream
        self._zip = ZipFile(stream)
        self.entries = TypeAdapter(list[TableEntry]).validate_json(self._zip.read(MANIFEST))

    def entry(self, number: int | None) -> TableEntry | None:
        """Return the table with this number, counted from 1. Without a number return the only table, or None if there is none.

        Raises TableNotFound, SeveralTables.
        """
        count = len(self.entries)
        if number is None and count > 1:
            raise SeveralTables(f"The document has {count} tables, and a CSV file holds one.", tables=count)
        if number is not None and not 1 <= number <= count:
            raise TableNotFound.for_count(count)
        return self.entries[(number or 1) - 1] if count else None

    def open(self, entry: TableEntry) -> IO[bytes]:
        """Return the CSV of a table as a stream."""
        return self._zip.open(entry.file)


def write_archive(tables: Iterable[CsvTable], out: IO[bytes]) -> None:
    """Write the archive table by table and row by row."""
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        entries = [entry.model_dump() for entry in add_tables(archive, tables)]
        archive.writestr(make_zip_entry(MANIFEST), json.dumps(entries, ensure_ascii=False, indent=1) + "\n")


def add_tables(archive: ZipFile, tables: Iterable[CsvTable], folder: str = "") -> Iterator[TableEntry]:
    """Write a CSV file per table into an open archive, and yield an entry for each."""
    seen: Counter[int] = Counter()
    for table in tables:
        seen[table.page] += 1
        name = f"{folder}page-{table.page:04d}-table-{seen[table.page]}.csv"
        with archive.open(make_zip_entry(name), "w") as member:
            for line in table.lines:
                member.write(line.encode(errors="replace"))
        yield TableEntry(file=name, page=table.page, caption=table.caption, header=table.header)


def make_zip_entry(name: str, compression: int = ZIP_DEFLATED) -> ZipInfo:
    """Return an archive entry that is the same whenever and wherever it is made."""
    entry = ZipInfo(name, EPOCH)
    entry.compress_type = compression
    entry.create_system = 3  # Unix on every system, or the bytes would differ
    entry.external_attr = 0o644 << 16
    return entry
