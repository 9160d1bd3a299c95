"""Erase all that belongs to an owner from Redis and storage: jobs, batches, uploads, the cache, and every key with the name.

What may still come, of requests that were let in before the keys were revoked, is erased by the sweep. ``owners:erased`` in
Redis says for a while whose that is.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from document_parser.errors import UploadGone, UploadNotFound
from document_parser.jobs.ending import Deletion, delete_batch, delete_job, end_job
from document_parser.jobs.records import batches, history, record, sessions, storage_keys, tombstones, uploads
from document_parser.jobs.records.job import ID_PATTERN, PUBLIC, Job
from document_parser.jobs.records.ledger import Ledger
from document_parser.jobs.redis import clock, scripts
from document_parser.jobs.redis.connection import Redis, text
from document_parser.jobs.scheduling import quotas
from document_parser.jobs.scheduling.lanes import LANES
from document_parser.models import JobState
from document_parser.storage import Storage
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

ERASED = "owners:erased"
"""Redis hash of owners who were erased a moment ago: when, in milliseconds on Redis' clock, and the ids of their keys."""
COUNTS = ("spent", "quota", "requests")
"""What the names of keys begin with that count against the limits of an owner, each until its period ends."""
KEYS_PER_STEP = 500
"""Keys of Redis that are looked at in one round trip."""
_RECORD = re.compile(rf"(job|batch|upload):({ID_PATTERN})(:gone)?")
"""Form of the keys of records and tombstones, all of which name their owner."""


@dataclass
class Holdings:
    """The ids of what an owner has, and the keys of his tombstones, keys with his name among them."""

    jobs: list[str] = field(default_factory=list)
    batches: list[str] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Erased:
    """How much was erased."""

    jobs: int
    cancelled: int
    """How many of the jobs had not ended."""
    batches: int
    uploads: int
    files: int
    redis_keys: int


def erase(redis: Redis, ledger: Ledger, storage: Storage, owner: str, *, may_return: bool = False) -> Erased:
    """Erase all that an owner has at this moment. Jobs that have not ended are cancelled first.

    An owner that ``may_return`` keeps what counts against its limits until their periods end: it would begin anew otherwise. It
    may be repeated. Raises StorageUnavailable if a file could not be removed, RedisError.
    """
    found = holdings(redis, owner)
    cancelled = sum(end_job(redis, ledger, storage, job_id, JobState.CANCELLED) == "ok" for job_id in found.jobs)
    files, keys = 0, 0
    for gone in _deletions(redis, ledger, storage, found):
        files, keys = files + gone.files, keys + gone.keys
    files += sum(_erase_upload(redis, ledger, storage, upload_id) for upload_id in found.uploads)
    files += _erase_cache(redis, storage, owner)
    keys += _erase_names(redis, owner, () if may_return else COUNTS)
    scripts.run_script(redis, "erase_usage", owner)
    return Erased(len(found.jobs), cancelled, len(found.batches), len(found.uploads), files, keys + len(found.uploads))


def left_over(redis: Redis, storage: Storage, owner: str, before: Holdings) -> dict[str, int]:
    """Return how much is left of what an owner had before; empty if nothing is. Raises StorageUnavailable, RedisError."""
    folders = [storage_keys.folder(job_id) for job_id in before.jobs]
    folders += [storage_keys.batch_folder(batch_id) for batch_id in before.batches]
    folders += [storage_keys.upload_folder(upload_id) for upload_id in before.uploads]
    folders.append(storage_keys.cache_of(owner))
    found = holdings(redis, owner)
    left = {
        "files": sum(1 for folder in folders for _ in storage.keys(folder)),
        "jobs": len({*found.jobs}.intersection(before.jobs)),
        "batches": len({*found.batches}.intersection(before.batches)),
        "uploads": len({*found.uploads}.intersection(before.uploads)),
    }
    return {name: count for name, count in left.items() if count}


def holdings(redis: Redis, owner: str) -> Holdings:
    """Return what an owner has. Every key of Redis is looked at. Raises RedisError."""
    found = Holdings()
    by_kind = {"job": found.jobs, "batch": found.batches, "upload": found.uploads}
    for match, whose in _owners_of_records(redis):
        if whose != owner:
            continue
        if match[3]:
            found.named.append(match[0])
        else:
            by_kind[match[1]].append(match[2])
    return found


def _owners_of_records(redis: Redis) -> Iterator[tuple[re.Match[str], str]]:
    names = (_RECORD.fullmatch(text(key)) for key in redis.scan_iter(count=KEYS_PER_STEP))
    for matches in _parts(filter(None, names)):
        with redis.pipeline(transaction=False) as pipe:
            for match in matches:
                pipe.get(match[0]) if match[3] else pipe.hget(match[0], "owner")
            replies: list[Any] = pipe.execute()
        for match, reply in zip(matches, replies, strict=True):
            # A record without an owner is older than owners; a tombstone that has expired meanwhile is nobody's.
            yield match, (tombstones.owner_of(reply) if reply else "") or PUBLIC


def _deletions(redis: Redis, ledger: Ledger, storage: Storage, found: Holdings) -> Iterator[Deletion]:
    for batch_id in found.batches:
        if (batch := batches.find(redis, batch_id)) is not None:
            yield delete_batch(redis, ledger, storage, batch.card)
    for job_id in found.jobs:
        for job in record.load_many(redis, [job_id]):
            yield delete_job(redis, ledger, storage, job)


def _erase_upload(redis: Redis, ledger: Ledger, storage: Storage, upload_id: str) -> int:
    """Delete an upload. Return how many files it had. Raises StorageUnavailable, RedisError."""
    count = sum(1 for _ in storage.keys(storage_keys.upload_folder(upload_id)))
    with contextlib.suppress(UploadNotFound, UploadGone):
        uploads.delete(redis, ledger.settings, storage, uploads.load(redis, upload_id))
    return count


def _erase_cache(redis: Redis, storage: Storage, owner: str) -> int:
    """Delete all that the cache has of an owner. Return how many files that were. Raises StorageUnavailable, RedisError."""
    prefix = storage_keys.cache_of(owner)
    count = storage.delete_all(prefix)
    for names in _parts(name for name, _ in redis.zscan_iter(record.CACHE_INDEX, match=f"{prefix}*")):
        redis.zrem(record.CACHE_INDEX, *names)
    return count


def _erase_names(redis: Redis, owner: str, counts: Sequence[str]) -> int:
    """Delete all that has the name of an owner in Redis, of COUNTS only these. Return how many keys. Raises RedisError."""
    lists = [f"{kind}:{lane}" for kind in ("ready", "plans") for lane in LANES]
    names = [f"{name}:{owner}" for name in ("jobs", "places", *counts, *lists)]
    names += holdings(redis, owner).named
    names += sessions.keys_of(redis, owner)
    for pattern in (f"idempotency:{owner}:*", f"reading:{storage_keys.cache_of(owner)}*"):
        names += map(text, redis.scan_iter(match=pattern, count=KEYS_PER_STEP))
    for name in lists:
        redis.lrem(name, 0, owner)
    redis.srem(quotas.PLACES, owner)
    for members in _parts(name for name, _ in redis.zscan_iter(history.DUE, match=f"*|{owner}|*")):
        redis.zrem(history.DUE, *members)
    return sum(int(redis.delete(*some)) for some in _parts(names))


_Item = TypeVar("_Item")


def _parts(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    """Yield the items in lists of at most KEYS_PER_STEP."""
    left = iter(items)
    while part := list(islice(left, KEYS_PER_STEP)):
        yield part


# --- what comes after ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ErasedOwner:
    """An owner who was erased a moment ago."""

    owner: str
    at: int
    """When, in milliseconds on Redis' clock."""
    key_ids: tuple[str, ...]


def note_erased(redis: Redis, owner: str, key_ids: Sequence[str]) -> None:
    """Let the sweep erase what still comes of this owner's keys. Raises RedisError."""
    redis.hset(ERASED, owner, json.dumps({"at": int(clock.seconds(redis) * 1000), "key_ids": [*key_ids]}))


def erased_owners(redis: Redis) -> list[ErasedOwner]:
    """Return the owners who were erased a moment ago. Raises RedisError."""
    found = ((text(owner), json.loads(raw)) for owner, raw in redis.hgetall(ERASED).items())
    return [ErasedOwner(owner, facts["at"], tuple(facts["key_ids"])) for owner, facts in found]


def forget_erased(redis: Redis, owner: str) -> None:
    """Forget that an owner was erased. Raises RedisError."""
    redis.hdel(ERASED, owner)


def erase_late_jobs(redis: Redis, ledger: Ledger, storage: Storage) -> None:
    """Delete what was sent with a key that was revoked while it came, and the count of such requests.

    Raises StorageUnavailable, RedisError.
    """
    for erased in erased_owners(redis):
        redis.delete(f"requests:{erased.owner}")
        if not erased.key_ids:
            continue
        ids = [text(job_id) for job_id in redis.zrange(f"jobs:{erased.owner}", 0, -1)]
        late: list[Job] = [job for job in record.load_many(redis, ids) if job.card.key_id in erased.key_ids] if ids else []
        for job in late:
            log.info("late_job_erased", job_id=job.card.job_id)
            delete_job(redis, ledger, storage, job)
        for batch_id in {job.card.batch for job in late if job.card.batch}:
            if (batch := batches.find(redis, batch_id)) is not None:
                delete_batch(redis, ledger, storage, batch.card)
