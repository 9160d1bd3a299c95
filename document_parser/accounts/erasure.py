"""Remove an owner from the database. Usage stays as sums without names; entries of the audit stay, see ``docs/privacy.md``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import CursorResult, delete, or_, select

from document_parser.accounts.database import Database
from document_parser.accounts.models import DocumentRow, JobRow, KeyRow, UsageRow
from document_parser.accounts.records import MEASURES, Counted
from document_parser.accounts.usage import addition

NOBODY = ""
"""The owner and the key of usage that was of an owner who is gone. No owner has this name."""
ERASED_NAME = "erased"
"""The name of a key whose owner is gone."""


@dataclass(frozen=True, slots=True)
class ErasedRows:
    """How many jobs of the history were removed, and how many rows of usage lost their names."""

    jobs: int
    usage: int


class Erasure:
    """The removal of owners. Every method raises DatabaseUnavailable and DatabaseNotUpgraded."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def end_keys(self, owner: str, now: datetime, *, without: str = "") -> list[str]:
        """Revoke all keys of an owner but the one ``without``, and remove what they say of the owner. Return their ids."""
        with self._database.writing() as session:
            rows = session.scalars(select(KeyRow).where(KeyRow.owner == owner, KeyRow.id != without)).all()
            for row in rows:
                row.revoked_at = row.revoked_at or now
                row.owner, row.name, row.hint, row.origins = NOBODY, ERASED_NAME, "", ""
        return [row.id for row in rows]

    def erase(self, owner: str, before: datetime) -> ErasedRows:
        """Remove the history of an owner up to a moment, and what was deleted since, and add the usage to that of nobody."""
        with self._database.writing() as session:
            gone: CursorResult[Any] = session.execute(  # type: ignore[assignment]
                delete(JobRow).where(JobRow.owner == owner, or_(JobRow.created_at <= before, JobRow.state == "deleted"))
            )
            session.execute(delete(DocumentRow).where(DocumentRow.owner == owner, DocumentRow.created_at <= before))
            rows = session.scalars(select(UsageRow).where(UsageRow.owner == owner)).all()
            for one in _without_names(rows):
                session.execute(addition(session, one))
            session.execute(delete(UsageRow).where(UsageRow.owner == owner))
        return ErasedRows(gone.rowcount, len(rows))

    def count(self, owner: str, before: datetime) -> int:
        """Return how many rows still name an owner, entries of the audit left out."""
        with self._database.reading() as session:
            jobs = session.scalars(select(JobRow.job_id).where(JobRow.owner == owner, JobRow.created_at <= before)).all()
            documents = session.scalars(
                select(DocumentRow.job_id).where(DocumentRow.owner == owner, DocumentRow.created_at <= before)
            ).all()
            keys = session.scalars(select(KeyRow.id).where(KeyRow.owner == owner)).all()
            usage = session.scalars(select(UsageRow.day).where(UsageRow.owner == owner)).all()
        return len(jobs) + len(documents) + len(keys) + len(usage)

    def forget_writes(self) -> None:
        """Take deleted rows out of the files of SQLite too, where they could still be read. PostgreSQL does that by itself."""
        self._database.compact()


def _without_names(rows: Sequence[UsageRow]) -> list[Counted]:
    """Return the sums of rows by day and engine."""
    sums: dict[tuple[date, str], dict[str, int]] = {}
    for row in rows:
        total = sums.setdefault((row.day, row.engine), dict.fromkeys(MEASURES, 0))
        for name in MEASURES:
            total[name] += getattr(row, name)
    return [Counted(NOBODY, NOBODY, day, engine, dict(total)) for (day, engine), total in sums.items()]  # type: ignore[arg-type]
