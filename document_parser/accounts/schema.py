"""Upgrade and downgrade the tables. Every function works in the transaction of the connection that it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from document_parser.accounts.migrations import HEAD
from document_parser.errors import DatabaseNotUpgraded
from document_parser.telemetry import logs

if TYPE_CHECKING:
    from alembic.config import Config  # Alembic is loaded only to migrate

log = logs.get_logger(__name__)

MIGRATIONS = "document_parser.accounts:migrations"
"""Where Alembic finds the revisions."""
VERSION_TABLE = "alembic_version"
"""The table in which Alembic keeps the revision."""
POSTGRESQL_LOCK = 0x646F6370
"""The number of the advisory lock under which PostgreSQL is migrated by one process at a time."""


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Go to a revision that is newer, ``head`` for the newest. Nothing happens if the tables are that new, or newer."""
    _lock(connection)
    before = current(connection)
    if before == HEAD or not _is_known(before):
        return
    _run(connection, "upgrade", revision)
    log.info("database_upgraded", before=before, now=current(connection))


def downgrade(connection: Connection, revision: str = "-1") -> None:
    """Go back to an older revision, ``-1`` for the one before, ``base`` for no tables. What only newer tables hold is lost."""
    _lock(connection)
    before = current(connection)
    _run(connection, "downgrade", revision)
    log.info("database_downgraded", before=before, now=current(connection))


def current(connection: Connection) -> str:
    """Return the revision of the tables; empty if there are none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return ""
    return connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}")) or ""


def check(connection: Connection) -> None:
    """Raise DatabaseNotUpgraded if the tables are older than this program. Newer ones, of a later release, are used."""
    found = current(connection)
    if found != HEAD and _is_known(found):
        raise DatabaseNotUpgraded(revision=found, needed=HEAD)


def revisions() -> list[str]:
    """Return all revisions, the newest first."""
    from alembic.script import ScriptDirectory

    return [one.revision for one in ScriptDirectory.from_config(_config()).walk_revisions()]


def _is_known(revision: str) -> bool:
    return not revision or revision == HEAD or revision in revisions()


def _lock(connection: Connection) -> None:
    """Wait until no other process migrates. In SQLite the transaction itself has the lock."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": POSTGRESQL_LOCK})


def _run(connection: Connection, name: str, revision: str) -> None:
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    {"upgrade": command.upgrade, "downgrade": command.downgrade}[name](config, revision)


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    config.set_main_option("path_separator", "os")
    return config
