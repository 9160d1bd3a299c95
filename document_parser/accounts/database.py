"""Connect to the database, and turn its faults into ours."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, select
from sqlalchemy.exc import DBAPIError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from document_parser.accounts import schema
from document_parser.errors import DatabaseUnavailable
from document_parser.settings import Settings
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

ANSWER_SECONDS = 10
"""Deadline of a statement in PostgreSQL, of a wait for SQLite's lock, and of a wait for a pooled connection, in seconds."""
CONNECT_SECONDS = 3
"""Deadline for connecting to PostgreSQL, in seconds."""
POOL_SIZE = 4
"""Connections that a process keeps open. A request needs one only for a key that it has not seen for a minute."""
MAX_OVERFLOW = 4
"""Connections beyond POOL_SIZE that a process opens for a moment."""
_NOTICED = {
    "keepalives_idle": ANSWER_SECONDS,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": ANSWER_SECONDS * 1000,
}
"""Options of libpq: a connection whose other end is gone without a word, as after a pulled cable, ends within seconds."""
WRITES = "docparse_writes"
"""The option of a connection that is going to write."""


class Database:
    """The database of this process. It connects at its first use.

    Every use may raise DatabaseUnavailable, or DatabaseNotUpgraded if ``docparse db upgrade`` has to run first. SQLite is
    upgraded at the first use. Make one after a fork, not before.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._is_ready = False

    @property
    def is_embedded(self) -> bool:
        """Return whether the database is the SQLite file in DATA_DIR."""
        return not self._settings.accounts.database_url

    @property
    def engine(self) -> Engine:
        """Return the engine, which has the pool of connections. Raises DatabaseUnavailable if psycopg is not installed."""
        with self._lock:
            if self._engine is None:
                self._engine = _make_engine(self._settings)
            return self._engine

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session that only reads."""
        with self._session(writes=False) as session:
            yield session

    @contextlib.contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session whose changes are committed together at the end, or not at all if the block raises."""
        with self._session(writes=True) as session:
            yield session

    @contextlib.contextmanager
    def connection(self) -> Iterator[Connection]:
        """Give a connection that may change tables, in one transaction. The tables may be absent or old."""
        with database_faults(), self.engine.execution_options(**{WRITES: True}).begin() as connection:
            yield connection

    def make_ready(self) -> None:
        """Upgrade SQLite, and check that PostgreSQL is as new as this program."""
        if self._is_ready:
            return
        with self.connection() as connection:
            if self.is_embedded:
                schema.upgrade(connection)
            else:
                schema.check(connection)
        self._is_ready = True

    def compact(self) -> None:
        """Overwrite what was deleted in SQLite's file, and empty its write-ahead log. Nothing happens with PostgreSQL."""
        if not self.is_embedded:
            return
        with database_faults(), contextlib.closing(self.engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def ping(self) -> None:
        """Check that the database answers and has our tables. Raises DatabaseUnavailable, DatabaseNotUpgraded."""
        with self.reading() as session:
            session.execute(select(1))

    def close(self) -> None:
        """Close all connections."""
        if self._engine is not None:
            self._engine.dispose()

    @contextlib.contextmanager
    def _session(self, *, writes: bool) -> Iterator[Session]:
        self.make_ready()
        engine = self.engine.execution_options(**{WRITES: writes})
        with database_faults(), Session(engine, expire_on_commit=False) as session, session.begin():
            yield session


@contextlib.contextmanager
def database_faults() -> Iterator[None]:
    """Raise DatabaseUnavailable for every fault of the database. Mistakes of ours, such as broken constraints, pass."""
    try:
        yield
    except DBAPIError as error:
        if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
            raise _unavailable(error) from error
        raise
    except PoolTimeout as error:
        raise _unavailable(error) from error


def _unavailable(error: Exception) -> DatabaseUnavailable:
    """Return the error for callers. The text of the database may name hosts and users, so it is not shown."""
    log.warning("database_away", error=type(getattr(error, "orig", None) or error).__name__)
    return DatabaseUnavailable()


def _make_engine(settings: Settings) -> Engine:
    url, options = _url(settings), dict[str, Any](pool_pre_ping=True, pool_timeout=ANSWER_SECONDS)
    if url.get_backend_name() == "sqlite":
        options["connect_args"] = {"timeout": ANSWER_SECONDS, "check_same_thread": False}
    else:
        options["connect_args"] = {
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "docparse",
            **_NOTICED,
            "options": f"-c statement_timeout={ANSWER_SECONDS * 1000} -c timezone=UTC",
        }
    try:
        engine = create_engine(url, pool_size=POOL_SIZE, max_overflow=MAX_OVERFLOW, **options)
    except (ImportError, NoSuchModuleError):
        raise DatabaseUnavailable("DATABASE_URL needs the extra 'db': pip install 'document-parser[db]'.") from None
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _url(settings: Settings) -> URL:
    given = settings.accounts.database_url
    if not given:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return URL.create("sqlite", database=str(settings.accounts_file))
    return make_url(given).set(drivername="postgresql+psycopg")


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    """Let readers and one writer work at the same time, and wait for each other. ``_begin_sqlite`` begins transactions.

    What is deleted is overwritten: the file has no names of owners who are gone.
    """
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    """Begin a transaction; one that is going to write takes the lock at once.

    One that takes it later fails without waiting if another has written meanwhile.
    """
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
