"""Copy the database as of one moment, and put it back.

SQLite is copied by its online backup, PostgreSQL table by table by ``COPY`` in one transaction. ``pg_dump`` would write the
same rows, but it is not on every host, and refuses servers that are newer than itself.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Protocol

from sqlalchemy import Connection, MetaData, inspect, text

from document_parser.accounts import schema
from document_parser.accounts.database import Database, database_faults
from document_parser.errors import BackupUnusable, DatabaseUnavailable
from document_parser.settings import Settings

SQLITE_FILE = "accounts.db"
"""The copy of SQLite's file."""
COPY_SUFFIX = ".copy"
"""Ends the name of the file of a table of PostgreSQL."""
PAGES_AT_ONCE = 2000
"""Pages of SQLite that are copied at once."""
PIECE_BYTES = 1 << 20
"""Bytes of a table that are read at once."""
DatabaseKind = Literal["sqlite", "postgresql"]


class DatabaseSnapshot(Protocol):
    """The database as of the moment when this was opened, whatever is written to it meanwhile."""

    kind: DatabaseKind
    revision: str

    def write(self, folder: Path) -> Iterator[str]:
        """Write it into a folder. Yield the name of each file once it is there. Raises DatabaseUnavailable, OSError."""


@contextlib.contextmanager
def open_snapshot(settings: Settings, database: Database) -> Iterator[DatabaseSnapshot | None]:
    """Give the database as of now; None if nothing was ever written to it. Raises DatabaseUnavailable."""
    if not database.is_embedded:
        with database_faults(), database.engine.execution_options(isolation_level="REPEATABLE READ").connect() as connection:
            yield _PostgresSnapshot(connection)
    elif settings.accounts_file.exists():
        with _sqlite_faults(), contextlib.closing(_connect_sqlite(settings.accounts_file)) as source:
            yield _SqliteSnapshot(source)
    else:
        yield None


class _SqliteSnapshot:
    kind: DatabaseKind = "sqlite"

    def __init__(self, source: sqlite3.Connection) -> None:
        self._source = source
        # The first read fixes what this transaction sees; the copy is made within it.
        source.execute("BEGIN")
        tables = {name for (name,) in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        versions = source.execute(f"SELECT version_num FROM {schema.VERSION_TABLE}") if schema.VERSION_TABLE in tables else ()
        self.revision = next((str(version) for (version,) in versions), "")

    def write(self, folder: Path) -> Iterator[str]:
        """Write the file of the database."""
        with _sqlite_faults(), contextlib.closing(sqlite3.connect(folder / SQLITE_FILE)) as target:
            self._source.backup(target, pages=PAGES_AT_ONCE)
            target.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
        yield SQLITE_FILE


class _PostgresSnapshot:
    kind: DatabaseKind = "postgresql"

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        connection.execute(text("SET TRANSACTION READ ONLY"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        self.revision = schema.current(connection)

    def write(self, folder: Path) -> Iterator[str]:
        """Write a file for each table."""
        with database_faults():
            for name, columns in _tables(self._connection):
                statement = f"COPY {_quoted(name)} ({', '.join(map(_quoted, columns))}) TO STDOUT"
                file = folder / (name + COPY_SUFFIX)
                with file.open("xb") as out, _cursor(self._connection) as cursor, cursor.copy(statement) as rows:
                    for piece in rows:
                        out.write(piece)
                yield name + COPY_SUFFIX


def is_database_empty(settings: Settings, database: Database) -> bool:
    """Return whether the database has no rows, or was never made. Raises DatabaseUnavailable."""
    if database.is_embedded:
        return not settings.accounts_file.exists()
    with database.connection() as connection:
        return not any(connection.scalar(text(f"SELECT 1 FROM {_quoted(name)} LIMIT 1")) for name, _ in _tables(connection))


def check_restorable(database: Database, kind: DatabaseKind, revision: str) -> None:
    """Raise BackupUnusable if a copy is of another kind than the database, or newer than this program."""
    found = "sqlite" if database.is_embedded else "postgresql"
    if found != kind:
        raise BackupUnusable(
            f"The backup has a database of {kind}, and this service uses {found}. "
            + ("Unset DATABASE_URL to restore it." if kind == "sqlite" else "Set DATABASE_URL to restore it.")
        )
    if kind == "postgresql" and revision not in schema.revisions():
        raise BackupUnusable("The backup's database is newer than this program. Restore it with the program that made it.")


def restore_database(settings: Settings, database: Database, revision: str, folder: Path, names: list[str]) -> None:
    """Replace the database by the copy in the folder, as a whole or not at all, after ``check_restorable``.

    PostgreSQL's tables are upgraded; SQLite's are at their first use. Raises BackupUnusable, DatabaseUnavailable, OSError.
    """
    if database.is_embedded:
        _restore_sqlite(settings.accounts_file, folder / SQLITE_FILE)
    else:
        _restore_postgres(database, revision, folder, names)


def _restore_sqlite(file: Path, copy: Path) -> None:
    part = file.with_name(file.name + ".part")
    with _sqlite_faults():
        part.unlink(missing_ok=True)
        with contextlib.closing(_connect_sqlite(copy, "ro")) as source, contextlib.closing(sqlite3.connect(part)) as target:
            source.backup(target, pages=PAGES_AT_ONCE)
    for suffix in ("-wal", "-shm"):  # of the database that is replaced
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    part.replace(file)


def _restore_postgres(database: Database, revision: str, folder: Path, names: list[str]) -> None:
    with database.connection() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        if schema.current(connection):
            schema.downgrade(connection, "base")
        schema.upgrade(connection, revision)
        tables = dict(_tables(connection))
        for name in names:
            _fill(connection, name.removesuffix(COPY_SUFFIX), tables, folder / name)
        schema.upgrade(connection)


def _fill(connection: Connection, name: str, tables: dict[str, list[str]], file: Path) -> None:
    """Fill one table, and let its numbers go on behind the highest."""
    if name not in tables:
        raise BackupUnusable(f"The backup has a table that this program does not know: {name}.")
    columns = tables[name]
    statement = f"COPY {_quoted(name)} ({', '.join(map(_quoted, columns))}) FROM STDIN"
    with file.open("rb") as stream, _cursor(connection) as cursor, cursor.copy(statement) as rows:
        while piece := stream.read(PIECE_BYTES):
            rows.write(piece)
    for column in columns:
        sequence = connection.scalar(text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": name, "column": column})
        if sequence:
            highest = f"SELECT setval('{sequence}', max({_quoted(column)})) FROM {_quoted(name)}"
            connection.execute(text(f"{highest} HAVING max({_quoted(column)}) IS NOT NULL"))


def _tables(connection: Connection) -> list[tuple[str, list[str]]]:
    """Return each table and its columns, in the order in which they can be filled. Alembic's own is left out."""
    if not inspect(connection).has_table(schema.VERSION_TABLE):
        return []
    known = MetaData()
    known.reflect(connection)
    return [
        (table.name, sorted(column.name for column in table.columns))
        for table in known.sorted_tables
        if table.name != schema.VERSION_TABLE
    ]


def _cursor(connection: Connection) -> Any:
    """Return a cursor of psycopg, which has COPY."""
    return connection.connection.cursor()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _connect_sqlite(file: Path, mode: str = "rw") -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=10)


@contextlib.contextmanager
def _sqlite_faults() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise DatabaseUnavailable(reason=type(error).__name__) from error
