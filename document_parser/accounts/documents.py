"""Keep what extractions found in documents, to be asked for when their jobs are gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, and_, delete, or_, select, tuple_
from sqlalchemy.orm import Session

from document_parser.accounts.database import Database
from document_parser.accounts.models import DocumentRow, JobRow
from document_parser.accounts.records import MAX_NUMBER_CHARACTERS, DocumentFilter, DocumentPlace


@dataclass(frozen=True, slots=True)
class FoundDocuments:
    """Documents, newest first, and where the list goes on; None at the end."""

    documents: Sequence[DocumentRow]
    next_place: DocumentPlace | None


class Documents:
    """The documents of all owners. Every method raises DatabaseUnavailable and DatabaseNotUpgraded."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace(self, job_id: str, source_id: str, rows: Sequence[DocumentRow]) -> bool:
        """Write what one extraction found, instead of what it found before. Return False if the job was deleted meanwhile."""
        with self._database.writing() as session:
            job = session.get(JobRow, job_id, with_for_update=True)  # a deletion waits, or is seen here
            if job is not None and job.deleted_at is not None:
                return False
            session.execute(delete(DocumentRow).where(DocumentRow.job_id == job_id, DocumentRow.source_id == source_id))
            session.add_all(rows)
        return True

    def search(self, wanted: DocumentFilter, *, after: DocumentPlace | None, limit: int) -> FoundDocuments:
        """Return at most ``limit`` documents, newest first; those behind a place, None for the newest."""
        key = tuple_(DocumentRow.job_id, DocumentRow.source_id, DocumentRow.part)
        query = select(DocumentRow).where(*_conditions(wanted))
        if after is not None:
            at_once = and_(DocumentRow.created_at == after.created_at, key < (after.job_id, after.source_id, after.part))
            query = query.where(
                DocumentRow.created_at <= after.created_at, or_(DocumentRow.created_at < after.created_at, at_once)
            )
        newest_first = (DocumentRow.created_at, DocumentRow.job_id, DocumentRow.source_id, DocumentRow.part)
        query = query.order_by(*(column.desc() for column in newest_first)).limit(limit)
        with self._database.reading() as session:
            found = session.scalars(query).all()
        if len(found) < limit:
            return FoundDocuments(found, None)
        last = found[-1]
        return FoundDocuments(found, DocumentPlace(last.created_at, last.job_id, last.source_id, last.part))

    def delete(self, job_id: str, owner: str | None) -> int:
        """Delete what was found in the document of a job, if it is of this owner; None for any. Return the number of rows."""
        conditions = [DocumentRow.job_id == job_id]
        if owner is not None:
            conditions.append(DocumentRow.owner == owner)
        with self._database.writing() as session:
            return _delete(session, *conditions)

    def expire(self, before: datetime, limit: int) -> int:
        """Delete at most ``limit`` documents that were sent before a moment. Return how many."""
        key = (DocumentRow.job_id, DocumentRow.source_id, DocumentRow.part)
        oldest = select(*key).where(DocumentRow.created_at < before).order_by(DocumentRow.created_at).limit(limit)
        with self._database.writing() as session:
            return _delete(session, tuple_(*key).in_(oldest.subquery().select()))


def compared_number(number: str) -> str:
    """Return the number of an invoice or an order as it is stored and looked for: in capitals, without white space."""
    return "".join(number.split()).upper()[:MAX_NUMBER_CHARACTERS]


def _delete(session: Session, *conditions: ColumnElement[bool]) -> int:
    gone: CursorResult[Any] = session.execute(delete(DocumentRow).where(*conditions))  # type: ignore[assignment]
    return gone.rowcount


def _conditions(wanted: DocumentFilter) -> list[ColumnElement[bool]]:
    same = {
        DocumentRow.owner: wanted.owner,
        DocumentRow.type: wanted.type,
        DocumentRow.invoice_number: compared_number(wanted.invoice_number) if wanted.invoice_number else None,
        DocumentRow.order_number: compared_number(wanted.order_number) if wanted.order_number else None,
        DocumentRow.sha256: wanted.sha256.lower() if wanted.sha256 else None,
        DocumentRow.job_id: wanted.job_id,
    }
    found: list[ColumnElement[bool]] = [column == value for column, value in same.items() if value is not None]
    if wanted.filename:
        found.append(DocumentRow.filename.icontains(wanted.filename.strip(), autoescape=True))
    if wanted.since is not None:
        found.append(DocumentRow.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(DocumentRow.created_at < wanted.until)
    if wanted.dated_from is not None:
        found.append(DocumentRow.dated >= wanted.dated_from)
    if wanted.dated_to is not None:
        found.append(DocumentRow.dated <= wanted.dated_to)
    return found
