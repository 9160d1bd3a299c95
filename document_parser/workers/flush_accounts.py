"""Write what was counted and noted in Redis to the database: usage, audit, history, and when keys were last used.

Every step may be repeated: what was written before is not written again. While the database is away, everything waits in Redis.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

from pydantic import ValidationError

from document_parser.accounts.audit import Audit
from document_parser.accounts.database import Database
from document_parser.accounts.documents import Documents
from document_parser.accounts.erasure import Erasure
from document_parser.accounts.history import History
from document_parser.accounts.keys import Keys
from document_parser.accounts.models import DocumentRow, JobRow
from document_parser.accounts.records import MAX_FILENAME_CHARACTERS, MEASURES, Counted, NewEntry, UsageSum
from document_parser.accounts.usage import Usage
from document_parser.jobs import erasing
from document_parser.jobs.records import audit_trail, documents_due, history, key_changes, record, storage_keys, usage
from document_parser.jobs.records.job import Job
from document_parser.jobs.redis import clock
from document_parser.jobs.redis.connection import Redis
from document_parser.jobs.scheduling import quotas
from document_parser.models import Classification, DocumentSegment
from document_parser.models.classification import ASKED
from document_parser.models.extraction import ExtractionOrder
from document_parser.settings import Settings
from document_parser.storage import Storage, StoredFileMissing, make_storage
from document_parser.telemetry import logs
from document_parser.workers.document_rows import classified_rows, extracted_rows

log = logs.get_logger(__name__)

ERASED_SECONDS = 10.0
"""An owner's rows are removed again after this time: a revoked key ends within five, and its last job is swept soon after."""
EXPIRY_INTERVAL = timedelta(minutes=10)
"""Entries of the audit that have expired are looked for this often."""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
BATCH = 500
"""Entries or jobs that are written in one transaction."""


@dataclass
class AccountsFlush:
    """The flush of one process."""

    settings: Settings
    redis: Redis
    database: Database = field(init=False)
    storage: Storage = field(init=False)
    _next_expiry: datetime = _LONG_AGO
    _next_document_expiry: datetime = _LONG_AGO

    def __post_init__(self) -> None:
        self.database = Database(self.settings)
        self.storage = make_storage(self.settings)

    def run_once(self) -> None:
        """Write all that waits, what needs the storage last.

        Raises DatabaseUnavailable, DatabaseNotUpgraded, StorageUnavailable, RedisError; nothing is lost then.
        """
        self.restore_quotas()
        self.write_usage()
        self.write_audit()
        self.write_history()
        self.write_last_uses()
        self.erase_again()
        self.expire_audit()
        self.expire_documents()
        self.write_documents()

    def restore_quotas(self) -> None:
        """Count anew from the usage of this month what Redis has lost, once after it began; usage is written afterwards."""
        if quotas.are_restored(self.redis):
            return
        now = datetime.fromtimestamp(clock.seconds(self.redis), UTC)
        known = Usage(self.database).sums(by=("owner", "day"), since=now.date().replace(day=1), until=now.date())
        if owners := quotas.restore(self.redis, now, known_uses(known, now.date())):
            log.info("quotas_restored", owners=owners)

    def write_usage(self) -> None:
        """Write the counts of usage, each exactly once."""
        while (batch := usage.take(self.redis)) is not None:
            Usage(self.database).add(batch.name, map(counted, batch.counts))
            usage.confirm(self.redis, batch)

    def write_audit(self) -> None:
        """Write the entries of the audit, each exactly once."""
        waiting = audit_trail.length(self.redis)
        if waiting > audit_trail.MAX_PENDING * 0.9:
            log.error("audit_nearly_full", waiting=waiting, most=audit_trail.MAX_PENDING)
        while entries := audit_trail.pending(self.redis, BATCH):
            Audit(self.database).append([NewEntry(at=at, **entry.model_dump()) for entry, at in entries.values()])
            audit_trail.forget(self.redis, list(entries))

    def expire_audit(self) -> None:
        """Delete entries of the audit that are older than AUDIT_DAYS, a batch at a time: the next run goes on."""
        days, now = self.settings.accounts.audit_days, datetime.now(UTC)
        if not days or now < self._next_expiry:
            return
        deleted = Audit(self.database).expire(now - timedelta(days=days), BATCH)
        if deleted:
            log.info("audit_expired", entries=deleted)
        if deleted < BATCH:
            self._next_expiry = now + EXPIRY_INTERVAL

    def write_history(self) -> None:
        """Write the jobs that have changed or were deleted."""
        known = History(self.database)
        while due := history.due(self.redis, BATCH):
            changed = [member for member in due if "|" not in member]
            if jobs := record.load_many(self.redis, changed) if changed else []:
                known.write(map(row_of, jobs))
            for member in due.keys() - changed:
                gone = history.DeletedJob.parse(member)
                known.mark_deleted(gone.job_id, gone.owner, created_at=gone.created_at, deleted_at=datetime.now(UTC))
            history.settle(self.redis, due)
            if len(due) < BATCH:
                return

    def write_documents(self) -> None:
        """Write what extractions and classifications have found.

        What is not kept by DOCUMENTS_DAYS or ``retention_hours`` is passed over.
        """
        known = Documents(self.database)
        while due := documents_due.due(self.redis, BATCH):
            jobs = {job.card.job_id: job for job in record.load_many(self.redis, list({one.job_id for one in due}))}
            for one in due:
                job = jobs.get(one.job_id)
                rows = self._rows_of(job, one) if job is not None and self._keeps_values(job) else None
                if rows is not None:
                    known.replace(one.job_id, one.extraction_id, rows)
            documents_due.settle(self.redis, due)

    def _keeps_values(self, job: Job) -> bool:
        return bool(self.settings.accounts.documents_days) and tells_document(job)

    def _rows_of(self, job: Job, answer: documents_due.WrittenAnswer) -> list[DocumentRow] | None:
        """Return the rows of an answer; None if it is not stored any more. Raises StorageUnavailable."""
        job_id, extraction_id, revision = answer
        segments = self._segments_of(job_id, revision)
        if extraction_id == ASKED:
            return classified_rows(job, segments)
        try:
            order = self.storage.get(storage_keys.extraction_order(job_id, extraction_id))
            found = json.loads(self.storage.get(storage_keys.extraction(job_id, extraction_id, revision)))
        except (StoredFileMissing, ValueError):
            return None
        return extracted_rows(job, ExtractionOrder.model_validate_json(order), found, extraction_id, segments)

    def _segments_of(self, job_id: str, revision: int) -> list[DocumentSegment]:
        """Return the documents of a file; none if it was not classified with its upload. Raises StorageUnavailable."""
        with contextlib.suppress(StoredFileMissing, ValidationError):
            stored = self.storage.get(storage_keys.classification(job_id, ASKED, revision))
            return Classification.model_validate_json(stored).segments
        return []

    def expire_documents(self, now: datetime | None = None) -> None:
        """Delete documents that were sent more than DOCUMENTS_DAYS ago, a batch at a time: the next run goes on."""
        days, now = self.settings.accounts.documents_days, now or datetime.now(UTC)
        if now < self._next_document_expiry:
            return
        if Documents(self.database).expire(now - timedelta(days=days), BATCH) < BATCH:
            self._next_document_expiry = now + EXPIRY_INTERVAL

    def write_last_uses(self) -> None:
        """Write when keys were last used."""
        if used := key_changes.used(self.redis):
            Keys(self.database).note_used(used)
            key_changes.forget_used(self.redis, list(used))

    def erase_again(self) -> None:
        """Erase from the database what was on its way there when an owner was erased."""
        now = clock.seconds(self.redis) * 1000
        for erased in erasing.erased_owners(self.redis):
            if now - erased.at > ERASED_SECONDS * 1000:
                Erasure(self.database).erase(erased.owner, datetime.fromtimestamp(erased.at / 1000, UTC))
                self.database.compact()
                erasing.forget_erased(self.redis, erased.owner)


def known_uses(sums: Iterable[UsageSum], today: date) -> list[quotas.KnownUse]:
    """Return what each owner has used, given the sums of a month by owner and day. Usage of erased owners is nobody's."""
    days: dict[str, list[UsageSum]] = {}
    for one in sums:
        if one.owner:
            days.setdefault(one.owner, []).append(one)
    return [
        quotas.KnownUse(
            owner,
            documents_of_day=sum(one.documents for one in found if one.day == today),
            documents_of_month=sum(one.documents for one in found),
            pages_of_month=sum(one.pages for one in found),
        )
        for owner, found in days.items()
    ]


def counted(one: usage.Pending) -> Counted:
    """Return counts of Redis as the database takes them."""
    changes = {name: one.measures[name] for name in MEASURES if name in one.measures}
    return Counted(one.owner, one.key_id, one.day, one.engine, changes)


def tells_document(job: Job) -> bool:
    """Return whether the database may say what the document was. Of one with a time of its own to be kept, it may not."""
    return job.card.options.retention_hours is None


def row_of(job: Job) -> JobRow:
    """Return what the history keeps of a job. Of one with a time of its own to be kept, nothing says what its document was."""
    card, tells = job.card, tells_document(job)
    return JobRow(
        job_id=card.job_id,
        owner=card.owner,
        key_id=card.key_id,
        state=job.state.value,
        complete=job.complete,
        filename=card.filename[:MAX_FILENAME_CHARACTERS] if tells else "",
        media_type=card.media_type,
        size=card.size,
        sha256=card.sha256 if tells else "",
        origin=card.origin if tells else "",
        options=card.options.model_dump(mode="json"),
        accuracy_mode=card.options.accuracy_mode,
        output_format=card.options.output_format,
        lane=job.lane,
        cache=job.cache,
        total_pages=job.total,
        page_counts={name: count for name, count in job.counts.items() if count and name != "current"},
        error_code=job.error.code if job.error else "",
        error_message=job.error.message if job.error and tells else "",
        revision=job.revision,
        retries=job.retries,
        children=job.children,
        parent=card.parent,
        batch_id=card.batch,
        webhook_host=(urlsplit(card.webhook_url).hostname or "")[:255] if tells else "",
        request_id=card.request_id,
        created_at=card.created_at,
        started_at=job.started_at,
        completed_at=job.completed_at,
        expires_at=job.expires_at,
    )
