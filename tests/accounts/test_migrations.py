"""Tables: every revision goes up and down by one with its data, on SQLite and on PostgreSQL, and is what the models say."""

from __future__ import annotations

import hashlib
import shutil
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import BigInteger, MetaData, select, text
from sqlalchemy.exc import DBAPIError

from document_parser.accounts import migrations, schema
from document_parser.accounts.audit import Audit
from document_parser.accounts.database import Database
from document_parser.accounts.keys import Keys
from document_parser.accounts.migrations import HEAD
from document_parser.accounts.models import Base
from document_parser.accounts.records import AuditFilter, Counted, NewEntry
from document_parser.accounts.usage import Usage
from document_parser.errors import DatabaseNotUpgraded, DatabaseUnavailable
from document_parser.settings import AccountSettings, Settings, StoreSettings

NOW = datetime(2027, 1, 31, 12, tzinfo=UTC)


def rows_of(columns, number):
    """A row with a value in every column, ``number`` in each: texts as long as the column, large numbers."""
    samples = {
        str: lambda column: f"{number} ß \U0001f4c4 {column.name} {'x' * 2000}"[: column.type.length or 3000],
        int: lambda column: number + (2**62 if isinstance(column.type, BigInteger) and not column.primary_key else 2**30),
        bool: lambda column: number % 2 == 0,
        object: lambda column: {column.name: [number, "ß", None]},  # JSON
        date: lambda column: date(2027, 1, number),
        datetime: lambda column: NOW.replace(microsecond=number, tzinfo=NOW.tzinfo if column.type.timezone else None),
    }
    return {column.name: samples[column.type.python_type](column) for column in columns}


def tables_of(connection):
    """The tables as the database describes them: the models may be newer than the revision."""
    found = MetaData()
    found.reflect(connection)
    return {name: table for name, table in found.tables.items() if name != schema.VERSION_TABLE}


def fill(connection):
    """Three rows in every table; in the last one all is empty that may be."""
    for table in tables_of(connection).values():
        for number in (1, 2, 3):
            row = rows_of(table.columns, number)
            empty = {column.name: None for column in table.columns if column.nullable} if number == 3 else {}
            connection.execute(table.insert().values({**row, **empty}))


def contents(connection):
    """All values by table and column, in the order of the keys."""
    found = {}
    for name, table in tables_of(connection).items():
        rows = connection.execute(select(table).order_by(*table.primary_key.columns)).mappings().all()
        found[name] = {column.name: [row[column.name] for row in rows] for column in table.columns}
    return found


def what_is_lost(before, after):
    """Columns that are in both and do not hold the same."""
    return [
        f"{table}.{column}"
        for table in before.keys() & after.keys()
        for column in before[table].keys() & after[table].keys()
        if before[table][column] != after[table][column]
    ]


def lost_on_the_way(database, first):
    """What a database of this revision has lost of its data in the newest revision, and after each step on the way down."""
    lost = []
    with database.connection() as connection:
        schema.upgrade(connection, first)
        assert schema.current(connection) == first
        fill(connection)
        before = contents(connection)
        assert all(len(values) == 3 for columns in before.values() for values in columns.values())
    with database.connection() as connection:
        schema.upgrade(connection)
        newest = contents(connection)
        lost += [f"up: {name}" for name in what_is_lost(before, newest)]
        lost += [f"up: {name}" for name in before.keys() - newest.keys()]
        lost += can_change_audit(connection)
    for revision in [*schema.revisions()[1:], ""]:
        with database.connection() as connection:
            schema.downgrade(connection)
            assert schema.current(connection) == revision
            kept = contents(connection)
            lost += [f"down: {name}" for name in what_is_lost(newest, kept)]
            lost += can_change_audit(connection) if kept else []
            if revision == first:
                assert {name: kept[name].keys() for name in kept} == {name: before[name].keys() for name in before}
                lost += [f"back: {name}" for name in what_is_lost(before, kept)]
    return lost


def can_change_audit(connection):
    """Statements that change what only may be added to: a table that is copied loses its triggers."""
    found = []
    for change in ("UPDATE audit SET owner = 'other'", "DELETE FROM audit"):
        attempt = connection.begin_nested()
        try:
            connection.execute(text(change))
            found.append(change)
        except DBAPIError:
            attempt.rollback()
    return found


def test_the_newest_revision_is_the_one_that_the_program_names():
    assert schema.revisions()[0] == HEAD


RELEASED = {
    "accounts_tables.py": "6164df4f0c8d90c9aab23c88d622f07e37c1ef04f41bee2335727f9e4e5e6651",
    "origins_and_audit_expiry.py": "1575e0a83c90a629701e75206d760a4eb7ff7f37873782ad6719d8444ef34f32",
    "documents_and_extractions.py": "18ad7aa322137397f6677a00bc63eca84e3b9ec48158c61466380f174cf47039",
}
"""Revisions that databases may have run already, and the SHA-256 of their files. New ones are added; none is changed."""


def test_a_released_revision_is_never_changed():
    """A database that has run it would have other tables than a new one, and nothing would say so. Write a further revision."""
    folder = Path(migrations.__file__).parent / "versions"
    files = {path.name: path.read_bytes() for path in folder.glob("*.py") if path.name != "__init__.py"}
    assert {name: hashlib.sha256(file).hexdigest() for name, file in files.items()} == RELEASED


@pytest.mark.parametrize("revision", schema.revisions())
def test_data_of_each_revision_is_intact_in_the_newest_and_after_each_downgrade_by_one(account_settings, revision):
    database = Database(account_settings)
    assert lost_on_the_way(database, revision) == []
    with database.connection() as connection:
        schema.upgrade(connection)
        assert schema.current(connection) == HEAD
        assert contents(connection).keys() >= {"api_keys", "usage", "jobs", "audit"}
    database.close()


LATER = """
import sqlalchemy as sa
from alembic import op

revision = "later"
down_revision = "{earlier}"


def upgrade():
    with op.batch_alter_table("usage") as table:
        table.add_column(sa.Column("note", sa.String(8), nullable=False, server_default="none"))
    op.create_table("notes", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("text", sa.Text()))
    {change}


def downgrade():
    op.drop_table("notes")
    with op.batch_alter_table("usage") as table:
        table.drop_column("note")
"""
LOST = {
    "": [],
    'op.execute("UPDATE usage SET pages = 0")': ["up: usage.pages", "back: usage.pages"],
    'op.execute("UPDATE api_keys SET expires_at = NULL")': ["up: api_keys.expires_at", "back: api_keys.expires_at"],
    'op.execute("DROP TRIGGER " + ("audit_append_only ON audit" if is_postgresql() else "audit_no_update"))': None,
}
"""What a later revision does beside its own, and what is found of it."""


@pytest.mark.parametrize("change", LOST)
def test_a_later_revision_that_loses_something_is_found_out(account_settings, tmp_path, monkeypatch, change):
    folder = tmp_path / "migrations"
    shutil.copytree(Path(migrations.__file__).parent, folder)
    text_of_it = LATER.format(
        earlier=HEAD, change=change.replace("is_postgresql()", "op.get_bind().dialect.name == 'postgresql'")
    )
    (folder / "versions" / "later.py").write_text(text_of_it)
    monkeypatch.setattr(schema, "MIGRATIONS", str(folder))
    monkeypatch.setattr(schema, "HEAD", "later")
    database = Database(account_settings)
    found = lost_on_the_way(database, HEAD)
    database.close()
    assert found == LOST[change] if LOST[change] is not None else "UPDATE audit SET owner = 'other'" in found


def test_the_tables_are_those_of_the_models(database):
    with database.connection() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_sqlite_is_upgraded_at_its_first_use_by_one_of_many(tmp_path):
    settings = Settings(store=StoreSettings(data_dir=tmp_path / "data", redis_url=""))
    databases, faults = [Database(settings) for _ in range(8)], []

    def use(database):
        try:
            assert Keys(database).list() == []
        except Exception as error:  # noqa: BLE001  # what a thread raises is shown by the test
            faults.append(error)

    threads = [threading.Thread(target=use, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    with databases[0].connection() as connection:
        assert schema.current(connection) == HEAD
    for database in databases:
        database.close()


def test_postgresql_that_is_older_than_the_program_is_not_used(postgresql, tmp_path):
    url = postgresql.create_database("older")
    settings = Settings(store=StoreSettings(data_dir=tmp_path), accounts=AccountSettings(database_url=url))
    database = Database(settings)
    with pytest.raises(DatabaseNotUpgraded, match="docparse db upgrade"):
        Keys(database).list()
    with database.connection() as connection:
        schema.upgrade(connection)
    assert Keys(database).list() == []
    with database.connection() as connection:
        connection.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = 'of_a_later_release'"))
    newer = Database(settings)
    assert Keys(newer).list() == [], "a program that is older than the tables goes on"
    database.close()
    newer.close()


def test_a_database_that_is_not_there_is_a_fault_that_names_no_host(tmp_path):
    accounts = AccountSettings(database_url="postgresql://who:secret@127.0.0.1:9/none")
    database = Database(Settings(store=StoreSettings(data_dir=tmp_path), accounts=accounts))
    with pytest.raises(DatabaseUnavailable) as fault:
        Keys(database).list()
    assert "secret" not in fault.value.message
    assert "127.0.0.1" not in fault.value.message


@pytest.mark.parametrize("change", ["UPDATE audit SET owner = 'other'", "DELETE FROM audit"])
def test_the_audit_is_only_added_to(database, change):
    Audit(database).append([NewEntry("e", NOW, "acme", "key", "result.read", 200)])
    with pytest.raises((DBAPIError, DatabaseUnavailable)), database.connection() as connection:
        connection.execute(text(change))
    (entry,) = Audit(database).list(AuditFilter(), before=None, limit=10)
    assert (entry.owner, entry.at) == ("acme", NOW)


def test_only_entries_that_have_expired_leave_the_audit_and_by_batches(database):
    audit = Audit(database)
    audit.append([NewEntry(str(day), NOW - timedelta(days=day), "acme", "key", "result.read", 200) for day in range(10)])
    week = NOW - timedelta(days=7)
    assert [audit.expire(week, 1), audit.expire(week, 500), audit.expire(week, 500)] == [1, 1, 0]
    kept = audit.list(AuditFilter(), before=None, limit=20)
    assert len(kept) == 8
    assert min(entry.at for entry in kept) == week
    with pytest.raises((DBAPIError, DatabaseUnavailable)), database.connection() as connection:
        connection.execute(text("DELETE FROM audit"))
    assert len(audit.list(AuditFilter(), before=None, limit=20)) == 8


def test_moments_come_back_in_utc(database):
    Keys(database).create(name="till", owner="acme", tier="key", scopes=["read"], now=NOW)
    (key,) = Keys(database).list()
    assert key.created_at == NOW
    assert key.created_at.tzinfo is not None


def test_a_batch_of_usage_counts_once_even_if_two_write_it_at_once(database, account_settings):
    counted = [Counted("acme", "k", date(2027, 1, 31), "cpu", {"pages": 5, "milliseconds": 1500})]
    other, faults = Database(account_settings), []

    def add(usage):
        try:
            usage.add("same", counted)
        except Exception as error:  # noqa: BLE001  # what a thread raises is shown by the test
            faults.append(error)

    threads = [threading.Thread(target=add, args=(Usage(each),)) for each in (database, other) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    Usage(database).add("next", counted)
    (found,) = Usage(database).sums(by=("owner", "engine"))
    assert (found.owner, found.engine, found.pages, found.seconds) == ("acme", "cpu", 10, 3.0)
    other.close()
