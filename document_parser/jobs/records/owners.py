"""Find out whose a job, a batch or an upload is, even after it has expired."""

from __future__ import annotations

import re

from document_parser.jobs.records import tombstones
from document_parser.jobs.records.job import ID_PATTERN, PUBLIC
from document_parser.jobs.redis.connection import Redis, text


def owner_of_job(redis: Redis, job_id: str) -> str | None:
    """Return the owner of a job; None if there is none and was none lately. Raises RedisError."""
    return _owner_of(redis, "job", job_id)


def owner_of_batch(redis: Redis, batch_id: str) -> str | None:
    """Return the owner of a batch; None if there is none and was none lately. Raises RedisError."""
    return _owner_of(redis, "batch", batch_id)


def owner_of_upload(redis: Redis, upload_id: str) -> str | None:
    """Return the owner of a resumable upload; None if there is none and was none lately. Raises RedisError."""
    return _owner_of(redis, "upload", upload_id)


def _owner_of(redis: Redis, kind: str, name: str) -> str | None:
    """Return the field ``owner`` of a record, or the text of its tombstone. What is older than owners is PUBLIC's."""
    if not re.fullmatch(ID_PATTERN, name):
        return None  # the name of another Redis key below a record, as in ``ID:events``
    key = f"{kind}:{name}"
    with redis.pipeline(transaction=False) as pipe:
        pipe.hget(key, "owner")
        pipe.exists(key)
        pipe.get(f"{key}:gone")
        owner, exists, gone = pipe.execute()
    if owner:
        return text(owner)
    if exists or gone is not None:
        return tombstones.owner_of(gone or b"") or PUBLIC
    return None
