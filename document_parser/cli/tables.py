"""Write the tables of a document for ``--format csv``."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import IO, BinaryIO

from document_parser.cli.outcome import Outcome, Work
from document_parser.errors import SeveralTables
from document_parser.host.files import atomic_write
from document_parser.text.table_archive import TableArchive, TableEntry

ARCHIVE_SUFFIX = ".zip"
"""Extension of an output file that gets all tables."""
SEVERAL_TABLES_ADVICE = (
    "Write them all with --format csv -o FOLDER/ or --format csv -o tables.zip, or choose one with --table N."
)
"""Advice if one file was named for several tables."""


def write_tables(archive: BinaryIO, to: Path | BinaryIO, work: Work, outcome: Outcome) -> None:
    """Write the tables of an archive to a stream or file of one table, to a ZIP file, or as files of a folder.

    A document without tables makes an empty file. Raises SeveralTables, TableNotFound, OSError.
    """
    tables = TableArchive(archive)
    outcome.tables = len(tables.entries)
    if not isinstance(to, Path):
        _copy(tables, _find_table(tables, work.table), to)
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    if to.suffix.lower() == ARCHIVE_SUFFIX:
        archive.seek(0)
        with atomic_write(to) as out:
            shutil.copyfileobj(archive, out)
    elif work.in_folder and work.table is None and len(tables.entries) > 1:
        outcome.outputs = [str(path) for path in _write_each(tables, to)]
    else:
        entry = _find_table(tables, work.table)
        with atomic_write(to) as out:
            _copy(tables, entry, out)
        if work.in_folder:
            _remove_others(to, {to})


def table_files(target: Path) -> list[Path]:
    """Return the CSV files beside ``target`` that belong to a document with several tables.

    ``target`` is the file of a document with a single table.
    """
    pattern = re.compile(rf"{re.escape(target.stem)}-page-\d{{4,}}-table-\d+\.csv")
    return sorted(path for path in target.parent.glob("*.csv") if pattern.fullmatch(path.name))


def _find_table(tables: TableArchive, number: int | None) -> TableEntry | None:
    try:
        return tables.entry(number)
    except SeveralTables as error:
        raise SeveralTables(f"{error.message} {SEVERAL_TABLES_ADVICE}", **error.details) from None


def _write_each(tables: TableArchive, target: Path) -> list[Path]:
    """Write each table to a file of its own beside ``target`` and return the files."""
    written = []
    for entry in tables.entries:
        path = target.with_name(f"{target.stem}-{entry.file}")
        with atomic_write(path) as out:
            _copy(tables, entry, out)
        written.append(path)
    _remove_others(target, set(written))
    return written


def _remove_others(target: Path, written: set[Path]) -> None:
    """Remove files in a folder that an earlier run has left for this document.

    The command has asked for permission before, see ``outputs.existing_result``.
    """
    for path in {target, *table_files(target)} - written:
        path.unlink(missing_ok=True)


def _copy(tables: TableArchive, entry: TableEntry | None, out: IO[bytes]) -> None:
    if entry is not None:
        with tables.open(entry) as lines:
            shutil.copyfileobj(lines, out)
