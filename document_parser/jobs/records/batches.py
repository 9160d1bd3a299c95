"""Keep batches: jobs that were sent together, with one progress, one end and one webhook.

``batch:{id}`` is the record. Each file has a *place*, the index with which it was sent, and each document inside a file has one
below it (``000003.000012``), so that places in order are files, each followed by what is in it. The scripts that end and delete
jobs note it in the batch, and the one that notes the last end also ends the batch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from document_parser.errors import BatchDeletedAfterRead, BatchExpired, BatchNotFound, DocumentParserError, NotReceived
from document_parser.jobs.records import deliveries, storage_keys, tombstones
from document_parser.jobs.records.job import PUBLIC, Job, JobCard
from document_parser.jobs.records.stored_options import CardWithOptions
from document_parser.jobs.redis import scripts
from document_parser.jobs.redis.connection import Redis, text
from document_parser.models import BatchPages, BatchState, BatchStatus, FileState, JobState, Options, PageError, Webhook
from document_parser.settings import Settings
from document_parser.storage import Storage, StoredFileMissing

ACTIVE = "batches:active"
"""Redis key of batches that have not ended, by the time at which they were sent in seconds."""
EXPIRING = "batches:expiring"
"""Redis key of batches that have ended, by their expiry in milliseconds on Redis' clock."""
LOST_SECONDS = 600.0
"""If no job of a batch was created for this time, those that are missing never will be: one upload to S3 may take minutes."""
WEBHOOK_FIELD, BODY_FIELD = "webhook", "webhook_body"
"""The fields of the record that keep the state of the webhook's delivery, and its body."""


class BatchCard(CardWithOptions):
    """The facts of a batch that are known when it is sent."""

    batch_id: str
    owner: str = PUBLIC
    created_at: datetime
    options: Options
    webhook_url: str = ""
    idempotency_key: str = ""
    """A hash of the Idempotency-Key; empty if the request had none."""
    fingerprint: str = ""
    """A hash of everything that was sent with the Idempotency-Key."""
    request_id: str = ""
    traceparent: str = ""
    """The span of the request, to whose trace its webhook belongs; empty if traces were off."""
    archive: bool = False
    """Whether a single archive was sent: the files in it are the batch's files."""

    @property
    def log_fields(self) -> dict[str, str]:
        """Return what log lines about the batch name beside it: its request."""
        return {"request_id": self.request_id}


class BatchEntry(BaseModel):
    """What is at a place of a batch: a job, or the reason why there is none."""

    place: str
    name: str
    job_id: str | None = None
    parent: str | None = None
    """For a document inside another one: the job of that one."""
    error: PageError | None = None


class Batch(BaseModel):
    """A batch as its record describes it."""

    card: BatchCard
    state: BatchState
    counts: dict[FileState, int] = {}
    pages: BatchPages = BatchPages()
    completed_at: datetime | None = None
    expires_at: datetime | None = None
    webhook: Webhook | None = None
    webhook_body: str = ""

    @property
    def has_ended(self) -> bool:
        """Return whether all its jobs have ended."""
        return self.state != "processing"

    def to_status(self) -> BatchStatus:
        """Return the status of the batch as callers see it, without its files."""
        batch_id = self.card.batch_id
        return BatchStatus(
            batch_id=batch_id,
            status=self.state,
            counts=self.counts,
            files=sum(self.counts.values()),
            pages=self.pages,
            created_at=self.card.created_at,
            completed_at=self.completed_at,
            expires_at=self.expires_at,
            webhook=self.webhook,
            events_url=f"/v1/batches/{batch_id}/events",
            download_url=f"/v1/batches/{batch_id}/download",
        )


@dataclass(frozen=True, slots=True)
class Created:
    """The outcome of creating a batch: ``which`` is the earlier job or batch of the key, or the bound or quota that was met.

    For a quota, ``facts`` are what is used of it and what was wanted.
    """

    outcome: Literal["created", "replayed", "reused", "full", "quota"]
    which: str = ""
    facts: tuple[str, ...] = ()


def place_of(index: int, outer: str = "") -> str:
    """Return the place of the file with this index, or of the document with it inside the file at ``outer``."""
    return f"{outer}.{index:06d}" if outer else f"{index:06d}"


def entry_of(card: JobCard) -> BatchEntry:
    """Return what a job is in its batch."""
    return BatchEntry(place=card.place, name=card.path or card.filename, job_id=card.job_id, parent=card.parent or None)


def create(
    redis: Redis,
    settings: Settings,
    card: BatchCard,
    entries: Sequence[BatchEntry],
    *,
    key: str = "",
    size: int = 0,
    most: Sequence[int] = (0, 0, 0),
    webhook: Webhook | None = None,
    restoring: bool = False,
    quotas: str = "",
) -> Created:
    """Write the record of a new batch in one step, within bounds of the queue (jobs, pages, bytes; 0 for none).

    ``quotas`` are those of its owner as the scripts take them, empty if nothing is counted.

    The jobs of its entries are created afterwards. ``key`` is the Redis key of its Idempotency-Key, ``size`` the bytes of all
    documents. ``webhook`` is the state of its delivery. A batch that is ``restoring`` does not end before ``finish_restoring``.
    Raises RedisError.
    """
    fields: dict[str, Any] = {
        "card": card.model_dump_json(),
        "owner": card.owner,
        "archive": int(card.archive),
        "ttl": max(1, int(card.options.hours_to_keep(settings.store.job_ttl_hours) * 3_600_000)),
        "tombstone": int(settings.store.tombstone_days * 86_400_000),
    }
    if webhook is not None:
        fields[WEBHOOK_FIELD] = webhook.model_dump_json()
    if restoring:
        fields["restoring"] = 1
    reply = scripts.run_script(
        redis,
        "create_batch",
        *(card.batch_id, repr(card.created_at.timestamp()), sum(entry.job_id is not None for entry in entries), size),
        *(key, card.fingerprint, int(settings.queue.idempotency_hours * 3_600_000), *most),
        *(card.owner, quotas),
        *(len(fields), *(part for pair in fields.items() for part in pair)),
        *(part for entry in entries for part in (entry.place, entry.model_dump_json(), entry.job_id or "")),
    )
    outcome, *found = map(text, reply)
    return Created(outcome, found[0] if found else "", tuple(found[1:]))  # type: ignore[arg-type]


def refuse(redis: Redis, batch_id: str, entry: BatchEntry) -> bool:
    """Note that a document of a batch has no job, and why; ``entry.job_id`` names the job that it would have had.

    Return False if its place has an outcome already. Raises RedisError.
    """
    kept = entry.model_copy(update={"job_id": None})
    arguments = (batch_id, entry.place, kept.model_dump_json(), entry.job_id or "")
    return bool(scripts.run_script(redis, "refuse_in_batch", *arguments))


def withdraw(redis: Redis, batch_id: str, job_id: str, error: DocumentParserError | None = None) -> bool:
    """Note that a file of a batch will get no job, as ``refuse`` does; ``error`` says why. Raises RedisError."""
    fault = error or NotReceived()
    reason = PageError(code=fault.code, message=fault.message)
    found = next((entry for entry in entries(redis, batch_id) if entry.job_id == job_id), None)
    return found is not None and refuse(redis, batch_id, found.model_copy(update={"error": reason}))


def load(redis: Redis, batch_id: str) -> Batch:
    """Return a batch.

    Raises BatchNotFound, BatchExpired or BatchDeletedAfterRead if only its tombstone is left, and RedisError.
    """
    found = find(redis, batch_id)
    if found is not None:
        return found
    gone = redis.get(f"{record_key(batch_id)}:gone")
    if gone is not None:
        raise BatchDeletedAfterRead(batch_id=batch_id) if tombstones.was_read(gone) else BatchExpired(batch_id=batch_id)
    raise BatchNotFound(batch_id=batch_id)


def find(redis: Redis, batch_id: str) -> Batch | None:
    """Return a batch, None if there is no record of it. Raises RedisError."""
    reply = scripts.run_script(redis, "batch_progress", batch_id)
    if reply is None:
        return None
    flat, counts, total, finished = reply
    values = {text(name): text(value) for name, value in zip(flat[::2], flat[1::2], strict=True)}
    return Batch(
        card=BatchCard.model_validate_json(values["card"]),
        state=values["state"],
        counts=json.loads(counts),
        pages=BatchPages(total=total, finished=finished),
        completed_at=_time_of(values, "completed_at"),
        expires_at=_time_of(values, "expires_at"),
        webhook=Webhook.model_validate_json(values[WEBHOOK_FIELD]) if WEBHOOK_FIELD in values else None,
        webhook_body=values.get(BODY_FIELD, ""),
    )


def entries(redis: Redis, batch_id: str, after: str = "", limit: int = 0) -> list[BatchEntry]:
    """Return what is in a batch, in the order of places, from the one after ``after`` on; ``limit`` 0 returns all.

    Raises RedisError.
    """
    low, key = f"({after}" if after else "-", record_key(batch_id)
    window = {"start": 0, "num": limit} if limit else {}
    places = redis.zrangebylex(f"{key}:places", low, "+", **window)
    found: Any = redis.hmget(f"{key}:entries", places) if places else []
    return [BatchEntry.model_validate_json(raw) for raw in found if raw]


def entry(redis: Redis, batch_id: str, place: str) -> BatchEntry | None:
    """Return what is at a place of a batch, None if nothing is. Raises RedisError."""
    raw: Any = redis.hget(f"{record_key(batch_id)}:entries", place)
    return BatchEntry.model_validate_json(raw) if raw else None


def refused(redis: Redis, batch_id: str) -> list[BatchEntry]:
    """Return the documents of a batch that have no job. Raises RedisError."""
    return [entry for entry in entries(redis, batch_id) if entry.job_id is None]


def outcomes(redis: Redis, batch_id: str, places: Iterable[str]) -> list[str]:
    """Return how the jobs at these places have ended; empty for those that have not. Raises RedisError."""
    wanted = list(places)
    found: Any = redis.hmget(f"{record_key(batch_id)}:outcomes", wanted) if wanted else []
    return [text(raw or b"").partition("|")[0] for raw in found]


def close(redis: Redis, batch_id: str, *, deleting: bool = False) -> list[str]:
    """Let no more jobs into a batch, and return those that have not ended. With ``deleting``, its end is not announced.

    Raises RedisError.
    """
    return [text(job_id) for job_id in scripts.run_script(redis, "close_batch", batch_id, int(deleting))]


def delete(redis: Redis, batch: BatchCard, tombstone_days: float = 0) -> int:
    """Delete the record of a batch. Return how many keys were deleted. Raises RedisError.

    With ``tombstone_days`` a tombstone says for so long that the batch was deleted after it was read.
    """
    tombstone = tombstones.after_read(batch.owner) if tombstone_days else ""
    return int(scripts.run_script(redis, "delete_batch", batch.batch_id, tombstone, int(tombstone_days * 86_400_000)))


def store(storage: Storage, batch: Batch, refused: Sequence[BatchEntry]) -> None:
    """Write ``batch.json``, from which the record is rebuilt if Redis loses it. Raises StorageUnavailable."""
    content = {
        "card": batch.card.model_dump(mode="json"),
        "webhook": batch.webhook.model_dump(mode="json") if batch.webhook else None,
        "refused": [entry.model_dump(mode="json") for entry in refused],
    }
    storage.put(storage_keys.batch(batch.card.batch_id), json.dumps(content).encode())


def restore(redis: Redis, settings: Settings, storage: Storage, batch_id: str) -> bool:
    """Begin to restore a batch that Redis has lost, from ``batch.json``. Return whether there was one to restore.

    Raises RedisError, StorageUnavailable.
    """
    if redis.exists(record_key(batch_id), f"{record_key(batch_id)}:gone"):
        return False
    try:
        stored = json.loads(storage.get(storage_keys.batch(batch_id)))
        card = BatchCard.model_validate(stored["card"])
        webhook = Webhook.model_validate(stored["webhook"]) if stored["webhook"] else None
        missing = [BatchEntry.model_validate(one) for one in stored["refused"]]
    except (StoredFileMissing, ValidationError, ValueError, KeyError):
        return False
    key = idempotency_key(card.owner, card.idempotency_key)
    create(redis, settings, card, missing, key=key, webhook=webhook, restoring=True)
    return True


def restore_job(redis: Redis, job: Job) -> None:
    """Note in a batch that is being restored how a job has ended. Raises RedisError."""
    outcome = "incomplete" if job.state is JobState.COMPLETED and not job.complete else job.state.value
    card, read = job.card, (job.total or 0, job.counts.get("finished", 0))
    scripts.run_script(redis, "restore_in_batch", card.batch, card.place, entry_of(card).model_dump_json(), outcome, *read)


def finish_restoring(redis: Redis, batch_id: str) -> None:
    """Finish restoring a batch: it ends now if none of its jobs goes on. Raises RedisError."""
    scripts.run_script(redis, "finish_restoring", batch_id)


def withdraw_lost(redis: Redis) -> int:
    """Settle files of batches whose request ended before it had created their jobs. Return how many. Raises RedisError."""
    count = 0
    for batch_id in map(text, redis.zrange(ACTIVE, 0, -1)):
        lost = scripts.run_script(redis, "lost_in_batch", batch_id, int(LOST_SECONDS * 1000))
        count += sum(withdraw(redis, batch_id, text(job_id)) for job_id in lost)
    return count


def expire(redis: Redis, storage: Storage, now: float) -> None:
    """Delete what is left of batches that have expired by ``now``, in milliseconds on Redis' clock.

    Raises RedisError, StorageUnavailable.
    """
    for batch_id in map(text, redis.zrangebyscore(EXPIRING, "-inf", now, start=0, num=100)):
        storage.delete(storage_keys.batch(batch_id))
        deliveries.forget(redis, batch_id)
        redis.zrem(EXPIRING, batch_id)


def idempotency_key(owner: str, key: str) -> str:
    """Return the Redis key of an owner's Idempotency-Key, given by its hash; empty for none."""
    return f"idempotency:{owner}:{key}" if key else ""


def events_key(batch_id: str) -> str:
    """Return the Redis key of the stream of a batch's events."""
    return f"{record_key(batch_id)}:events"


def record_key(batch_id: str) -> str:
    """Return the Redis key of a batch's record."""
    return f"batch:{batch_id}"


def _time_of(values: dict[str, str], name: str) -> datetime | None:
    return datetime.fromtimestamp(int(values[name]) / 1000, UTC) if name in values else None
