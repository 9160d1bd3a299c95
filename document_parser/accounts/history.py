"""Keep what is known of jobs longer than their records in Redis."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select

from document_parser.accounts.database import Database
from document_parser.accounts.models import DocumentRow, JobRow
from document_parser.accounts.records import MAX_COUNTED_FAILURES, FailureReason, JobFilter, Place

MAX_SCANNED_JOBS = 5_000
"""Jobs that one search looks at, at most. What no index finds, such as a part of a name, is looked for among them."""
MAX_REASONS = 100
"""Reasons that are listed, at most, the most frequent first."""
Asked = TypeVar("Asked", bound=Select[*tuple[Any, ...]])
"""A query of jobs."""
_JOB_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FoundJobs:
    """Jobs, newest first, and where the search goes on; None at the end."""

    jobs: Sequence[JobRow]
    next_place: Place | None


class History:
    """The jobs of all owners. Every method raises DatabaseUnavailable and DatabaseNotUpgraded."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, jobs: Iterable[JobRow]) -> None:
        """Write jobs as they are now."""
        with self._database.writing() as session:
            for job in jobs:
                session.merge(job)

    def mark_deleted(self, job_id: str, owner: str, *, created_at: datetime, deleted_at: datetime) -> None:
        """Note that a job was deleted. What says anything of its document is removed; figures for bills and statistics stay."""
        with self._database.writing() as session:
            job = session.get(JobRow, job_id)
            if job is None:
                job = JobRow(job_id=job_id, owner=owner, created_at=created_at)
                session.add(job)
            job.state, job.deleted_at = "deleted", deleted_at
            for name in ("filename", "sha256", "origin", "error_message", "webhook_host"):
                setattr(job, name, "")
            session.execute(delete(DocumentRow).where(DocumentRow.job_id == job_id))

    def get(self, job_id: str) -> JobRow | None:
        """Return a job; None if it is not known."""
        with self._database.reading() as session:
            return session.get(JobRow, job_id)

    def search(self, wanted: JobFilter, *, after: Place | None, limit: int) -> FoundJobs:
        """Return at most ``limit`` jobs, newest first; those behind a place, None for the newest.

        At most MAX_SCANNED_JOBS are looked at, so there may be fewer, and still a place to go on from.
        """
        key = _exact(wanted.text)
        scanned = _scan(wanted, key, after).subquery()
        query = select(JobRow).join(scanned, JobRow.job_id == scanned.c.job_id).where(*_unindexed(wanted))
        query = query.order_by(JobRow.created_at.desc(), JobRow.job_id.desc()).limit(limit)
        with self._database.reading() as session:
            jobs = session.scalars(query).all()
            if len(jobs) == limit:
                return FoundJobs(jobs, Place(jobs[-1].created_at, jobs[-1].job_id))
            last = session.execute(_scan(wanted, key, after).limit(1).offset(MAX_SCANNED_JOBS - 1)).first()
        return FoundJobs(jobs, Place(last.created_at, last.job_id) if last else None)

    def failures(self, *, owner: str | None, since: datetime | None, until: datetime | None) -> list[FailureReason]:
        """Return why jobs of a span failed, the most frequent reason first."""
        failed = _between(select(JobRow.error_code, JobRow.owner, JobRow.created_at), since, until)
        failed = failed.where(JobRow.state == "failed")
        if owner is not None:
            failed = failed.where(JobRow.owner == owner)
        counted = failed.order_by(JobRow.created_at.desc()).limit(MAX_COUNTED_FAILURES).subquery()
        jobs, newest = func.count(), func.max(counted.c.created_at)
        query = (
            select(counted.c.error_code, jobs, func.count(counted.c.owner.distinct()), newest)
            .group_by(counted.c.error_code)
            .order_by(jobs.desc(), counted.c.error_code)
            .limit(MAX_REASONS)
        )
        with self._database.reading() as session:
            return [FailureReason(*row) for row in session.execute(query)]


def _exact(text: str | None) -> ColumnElement[bool] | None:
    """Return the condition of a text that names one job or one document; None for another text."""
    wanted = (text or "").strip().lower()
    if _JOB_ID.fullmatch(wanted):
        return JobRow.job_id == wanted
    return JobRow.sha256 == wanted if _SHA256.fullmatch(wanted) else None


def _scan(wanted: JobFilter, key: ColumnElement[bool] | None, after: Place | None) -> Select[*tuple[Any, ...]]:
    """Return the jobs that one search looks at. One index gives them in their order, whatever else is asked for."""
    query = _between(select(JobRow.job_id, JobRow.created_at), wanted.since, wanted.until)
    if key is not None:
        query = query.where(key)
    elif wanted.owner is not None:
        query = query.where(JobRow.owner == wanted.owner)
    elif wanted.state is not None:
        query = query.where(JobRow.state == wanted.state)
    if after is not None:
        at_once = and_(JobRow.created_at == after.created_at, JobRow.job_id < after.job_id)
        query = query.where(JobRow.created_at <= after.created_at, or_(JobRow.created_at < after.created_at, at_once))
    return query.order_by(JobRow.created_at.desc(), JobRow.job_id.desc()).limit(MAX_SCANNED_JOBS)


def _unindexed(wanted: JobFilter) -> list[ColumnElement[bool]]:
    """Return the conditions that are looked at job by job."""
    same = {JobRow.owner: wanted.owner, JobRow.state: wanted.state, JobRow.error_code: wanted.error_code}
    found: list[ColumnElement[bool]] = [column == value for column, value in same.items() if value is not None]
    if wanted.text and _exact(wanted.text) is None:
        found.append(JobRow.filename.icontains(wanted.text.strip(), autoescape=True))
    return found


def _between(query: Asked, since: datetime | None, until: datetime | None) -> Asked:
    if since is not None:
        query = query.where(JobRow.created_at >= since)
    if until is not None:
        query = query.where(JobRow.created_at < until)
    return query
