"""Add up what owners used, and write batches of counts exactly once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Insert, Select, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from document_parser.accounts.database import Database
from document_parser.accounts.models import UsageBatchRow, UsageRow
from document_parser.accounts.records import MEASURES, Counted, Grouping, UsageSum

KNOWN_BATCH_DAYS = 30
"""How long it is known that a batch was written. The flush asks again within seconds."""


class Usage:
    """The usage of all owners. Every method raises DatabaseUnavailable and DatabaseNotUpgraded."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, batch: str, counted: Iterable[Counted]) -> bool:
        """Add a batch of counts. Return False, and change nothing, if it was added before."""
        now = datetime.now(UTC)
        with self._database.writing() as session:
            if not _is_first(session, batch, now):
                return False
            for one in counted:
                session.execute(addition(session, one))
            session.execute(delete(UsageBatchRow).where(UsageBatchRow.written_at < now - timedelta(days=KNOWN_BATCH_DAYS)))
        return True

    def sums(
        self,
        *,
        by: Sequence[Grouping],
        owner: str | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> list[UsageSum]:
        """Return usage added up by these groupings, in their order; ``until`` is the last day that counts."""
        query = _grouped(by)
        if owner is not None:
            query = query.where(UsageRow.owner == owner)
        if since is not None:
            query = query.where(UsageRow.day >= since)
        if until is not None:
            query = query.where(UsageRow.day <= until)
        with self._database.reading() as session:
            return [_to_sum(by, row) for row in session.execute(query)]


_COLUMNS = {"owner": UsageRow.owner, "day": UsageRow.day, "key": UsageRow.key_id, "engine": UsageRow.engine}


def _grouped(by: Sequence[Grouping]) -> Select[*tuple[Any, ...]]:
    columns = [_COLUMNS[name] for name in by]
    totals = [func.coalesce(func.sum(getattr(UsageRow, name)), 0) for name in MEASURES]
    return select(*columns, *totals).group_by(*columns).order_by(*columns)


def _to_sum(by: Sequence[Grouping], row: Sequence[Any]) -> UsageSum:
    named = dict(zip(by, row[: len(by)], strict=True))
    totals = {name: int(value) for name, value in zip(MEASURES, row[len(by) :], strict=True)}
    return UsageSum(named.get("owner"), named.get("day"), named.get("key"), named.get("engine"), **totals)


def _is_first(session: Session, batch: str, now: datetime) -> bool:
    """Note a batch as written. Return False if it was before; of two that write it at once, one waits for the other."""
    statement = _insert(session, UsageBatchRow).values(id=batch, written_at=now).on_conflict_do_nothing(index_elements=["id"])
    return bool(session.execute(statement.returning(UsageBatchRow.id)).first())


def addition(session: Session, one: Counted) -> Insert:
    """Return a statement that adds counts to their row, or makes it."""
    changes = {name: one.changes.get(name, 0) for name in MEASURES}
    statement = _insert(session, UsageRow).values(owner=one.owner, key_id=one.key_id, day=one.day, engine=one.engine, **changes)
    totals = {name: getattr(UsageRow, name) + getattr(statement.excluded, name) for name in MEASURES}
    found: Insert = statement.on_conflict_do_update(index_elements=["owner", "key_id", "day", "engine"], set_=totals)
    return found


def _insert(session: Session, table: type[Any]) -> Any:
    dialect = session.get_bind().dialect.name
    return (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
