"""Write and read the audit. Entries are only added; the oldest are deleted when AUDIT_DAYS have passed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Dialect, Insert, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from document_parser.accounts.database import Database
from document_parser.accounts.models import AuditExpiryRow, AuditRow
from document_parser.accounts.records import AuditFilter, NewEntry


class Audit:
    """The audit of all owners. Every method raises DatabaseUnavailable and DatabaseNotUpgraded."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, entries: Sequence[NewEntry]) -> None:
        """Write entries. Those that were written before are left out."""
        if not entries:
            return
        with self._database.writing() as session:
            statement = insert_or_ignore(session.get_bind().dialect, AuditRow, "entry")
            session.execute(statement, [_fit(asdict(entry)) for entry in entries])

    def expire(self, before: datetime, limit: int) -> int:
        """Delete at most ``limit`` entries from before a moment, the oldest first. Return how many there were.

        The triggers of the table refuse it for entries that are not older than ``audit_expiry`` says.
        """
        with self._database.writing() as session:
            oldest = session.scalars(select(AuditRow.id).where(AuditRow.at < before).order_by(AuditRow.at).limit(limit)).all()
            if oldest:
                session.merge(AuditExpiryRow(id=1, before=before))
                session.flush()
                session.execute(delete(AuditRow).where(AuditRow.id.in_(oldest)))
        return len(oldest)

    def list(self, wanted: AuditFilter, *, before: int | None, limit: int) -> list[AuditRow]:
        """Return at most ``limit`` entries, newest first; those whose number is below ``before``, None for the newest."""
        query = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
        same = {"owner": wanted.owner, "key_id": wanted.key_id, "action": wanted.action, "job_id": wanted.job_id}
        for name, value in same.items():
            if value is not None:
                query = query.where(getattr(AuditRow, name) == value)
        if wanted.since is not None:
            query = query.where(AuditRow.at >= wanted.since)
        if wanted.until is not None:
            query = query.where(AuditRow.at < wanted.until)
        if before is not None:
            query = query.where(AuditRow.id < before)
        with self._database.reading() as session:
            return list(session.scalars(query))


def insert_or_ignore(dialect: Dialect, table: type[AuditRow], unique: str) -> Insert:
    """Return a statement that adds rows, without those whose ``unique`` column is in the table already."""
    insert = postgresql.insert if dialect.name == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing(index_elements=[unique])


def _fit(values: dict[str, object]) -> dict[str, object]:
    """Return the values of a row, texts cut to what their columns hold."""
    longest = {column.name: getattr(column.type, "length", None) for column in AuditRow.__table__.columns}
    return {name: value[: longest[name]] if isinstance(value, str) else value for name, value in values.items()}
