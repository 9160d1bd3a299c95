"""Save, read, list and delete the records of jobs in Redis."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import TypeAdapter

from document_parser.errors import JobDeletedAfterRead, JobExpired, JobNotFound, StorageUnavailable
from document_parser.ingest.sniff import type_of
from document_parser.jobs.records import batches, deliveries, storage_keys, tombstones, transfers
from document_parser.jobs.records.job import SHOWN_COUNTS, Job, JobCard
from document_parser.jobs.records.job import log_fields as job_log_fields
from document_parser.jobs.redis import clock, counters, scripts
from document_parser.jobs.redis.connection import Redis, text
from document_parser.jobs.scheduling import forecast
from document_parser.models import JobError, JobExtraction, JobState, ResultCopy, Webhook, format_utc
from document_parser.storage import Storage

CACHE_INDEX = "cache:expiring"
"""The Redis key of all storage keys in the cache, by their expiry in milliseconds on Redis' clock."""
NO_BOUNDS = (0, 0, 0)
"""No bounds of jobs, pages and bytes for a new job."""
EXTRACTING = "jobs:extracting"
"""The Redis set of completed jobs with extractions that have not ended."""
_EXTRACTIONS = TypeAdapter(list[JobExtraction])
_COUNTS = ("current", "finished", "done", *SHOWN_COUNTS)

KEY_SUFFIXES = (
    "",
    ":pages",
    ":stages",
    ":ready",
    ":rung",
    ":events",
    ":status",
    ":password",
    ":shown",
    ":cached",
    ":waiting",
    ":retries",
    ":unpacked",
)
"""The suffixes of ``job:{id}`` that form the Redis keys of a job, without its tombstone."""


@dataclass(frozen=True, slots=True)
class Created:
    """The outcome of creating a job.

    ``which`` is the state of the cache for a ``created`` job (``shared`` if another job is reading the document), the earlier
    job of the Idempotency-Key if it was ``replayed`` or ``reused``, and the bound that was met if the queue is ``full``.
    ``quota``: one of the owner's quotas allows no more; ``facts`` are what is used of it and what was wanted. ``exists``: the
    job was created before. ``gone``: its batch takes no more jobs.
    """

    outcome: Literal["created", "replayed", "reused", "full", "quota", "exists", "gone"]
    which: str = ""
    facts: tuple[str, ...] = ()


def create(
    redis: Redis,
    card: JobCard,
    password_token: bytes | None,
    most: Sequence[int] = NO_BOUNDS,
    key_hours: float = 24,
    cache_key: str = "",
    address_token: bytes | None = None,
    quotas: str = "",
) -> Created:
    """Write the record of a new job in one step, within bounds (jobs, pages, bytes; 0 for none) and once for each key.

    ``quotas`` are those of its owner as the scripts take them, empty if nothing is counted.

    ``address_token`` is the sealed address of a document that has to be fetched. ``cache_key`` is the storage key of its pages
    if they have been read before, empty to leave the cache out. ``key_hours`` is how long the Idempotency-Key is kept. Raises
    RedisError.
    """
    job = Job(
        card=card,
        state=JobState.QUEUED,
        webhook=Webhook() if card.webhook_url else None,
        extractions=[card.extraction] if card.extraction else [],
        result_s3=ResultCopy(uri=card.result_s3) if card.result_s3 else None,
    )
    fields: dict[Any, Any] = {"card": card.model_dump_json(), "state": "queued", "owner": card.owner, "key": card.key_id}
    fields |= {"tier": card.tier, "request_id": card.request_id, "lane": card.lane, "size": card.size}
    fields["traceparent"] = card.traceparent
    if card.options.retention_hours is not None:
        fields["retention_hours"] = card.options.retention_hours
    if job.extractions:
        fields["extractions"] = _EXTRACTIONS.dump_json(job.extractions, exclude_none=True)
    if job.webhook is not None:
        fields["webhook"] = job.webhook.model_dump_json()
    if job.result_s3 is not None:
        fields["result_s3"] = job.result_s3.model_dump_json()
    if not card.is_fetched:
        fields |= {"fetching": 1, "address": address_token or b""}
    if card.batch:
        fields |= {"batch": card.batch, "place": card.place}
    key = batches.idempotency_key(card.owner, card.idempotency_key)
    reply = scripts.run_script(
        redis,
        "create",
        *(card.job_id, card.owner, repr(card.created_at.timestamp()), job.to_status().model_dump_json()),
        *(password_token or b"", card.size, key, card.fingerprint, int(key_hours * 3_600_000)),
        *most,
        "" if password_token else cache_key,
        *(card.batch, card.place, batches.entry_of(card).model_dump_json() if card.batch else ""),
        *(quotas, card.root or card.job_id),
        json.dumps(counters.samples_of_file(card.size, type_of(card.media_type))) if card.size else "{}",
        *(part for pair in fields.items() for part in pair),
    )
    outcome, which, *facts = map(text, reply)
    return Created(outcome, which, tuple(facts))  # type: ignore[arg-type]


def holder_of_key(redis: Redis, owner: str, key: str) -> tuple[str, str] | None:
    """Return the job or batch of an Idempotency-Key and the fingerprint of its request; None if there is none.

    Raises RedisError.
    """
    held, _, came_with = text(redis.get(batches.idempotency_key(owner, key)) or b"").partition("|")
    exists = held and redis.exists(_record_key(held), f"job:{held}:gone", f"batch:{held}", f"batch:{held}:gone")
    return (held, came_with) if exists else None


def restore(redis: Redis, job: Job, ttl: int, tombstone: int, key_ttl: int = 0) -> None:
    """Write the record of a job that has ended again, after Redis lost it. Raises RedisError.

    Times are in milliseconds: ``ttl`` for the record, ``tombstone`` for its tombstone after that, ``key_ttl`` for its
    Idempotency-Key (0 to leave it out).
    """
    job_id, owner = job.card.job_id, job.card.owner
    fields: dict[Any, Any] = {
        "card": job.card.model_dump_json(),
        "state": job.state.value,
        "owner": owner,
        "key": job.card.key_id,
        "request_id": job.card.request_id,
        "traceparent": job.card.traceparent,
        "lane": job.lane,
        "cache": job.cache,
        "shared": int(job.shared),
        "planned": int(job.planned),
        "error": job.error.model_dump_json() if job.error else "",
        "complete": int(bool(job.complete)),
        "revision": job.revision,
        "locked": int(job.locked),
        "retries": job.retries,
        "children": job.children,
        "retry_failed_pages": json.dumps(job.retry_failed_pages),
    }
    if job.card.options.retention_hours is not None:
        fields["retention_hours"] = job.card.options.retention_hours
    if job.card.batch:
        fields |= {"batch": job.card.batch, "place": job.card.place}
    if job.extractions:
        fields["extractions"] = _EXTRACTIONS.dump_json(job.extractions, exclude_none=True)
        fields["extracted"] = max(one.number or 0 for one in job.extractions)
    fields |= {name: value for name in ("total", "page_count") if (value := getattr(job, name)) is not None}
    if job.result_s3 is not None:
        fields["result_s3"] = job.result_s3.model_dump_json()
    times = ("started_at", "completed_at", "expires_at")
    fields |= {name: format_utc(value) for name in times if (value := getattr(job, name)) is not None}
    with redis.pipeline(transaction=True) as pipe:
        pipe.hset(_record_key(job_id), mapping=fields)
        for news in deliveries.NEWS:
            if (webhook := getattr(job, news.webhook)) is not None:
                pipe.hset(_record_key(job_id), news.webhook, webhook.model_dump_json())
                if said := getattr(job, news.body):
                    pipe.hset(_record_key(job_id), news.body, said)
                deliveries.restore(pipe, news.name_of(job_id), webhook, job.completed_at)
        pipe.hset(f"job:{job_id}:pages", mapping={f"#{name}": job.counts.get(name, 0) for name in _COUNTS})
        pipe.set(f"job:{job_id}:status", job.to_status().model_dump_json())
        if job.state is JobState.COMPLETED and job.pending_extractions:
            pipe.sadd(EXTRACTING, job_id)
        if job.result_s3 is not None and job.result_s3.state == "pending":
            pipe.zadd(transfers.DUE, {transfers.member(job_id, transfers.RESULT): 0})
        for suffix in ("", ":pages", ":status"):
            pipe.pexpire(_record_key(job_id) + suffix, ttl)
        pipe.set(f"job:{job_id}:gone", owner, px=ttl + tombstone)
        if job.card.idempotency_key and key_ttl > 0:
            key = batches.idempotency_key(owner, job.card.idempotency_key)
            pipe.set(key, f"{job_id}|{job.card.fingerprint}", px=min(ttl, key_ttl))
        pipe.zadd(f"jobs:{owner}", {job_id: job.card.created_at.timestamp()})
        pipe.zadd("jobs:expiring", {job_id: job.expires_at.timestamp() * 1000 if job.expires_at else 0})
        pipe.execute()


def load(redis: Redis, job_id: str) -> Job:
    """Return a job. Raises JobNotFound, JobExpired or JobDeletedAfterRead if only its tombstone is left, and RedisError."""
    found = load_many(redis, [job_id])
    if found:
        return found[0]
    gone = redis.get(f"job:{job_id}:gone")
    if gone is not None:
        raise JobDeletedAfterRead(job_id=job_id) if tombstones.was_read(gone) else JobExpired(job_id=job_id)
    raise JobNotFound(job_id=job_id)


def load_many(redis: Redis, job_ids: list[str]) -> list[Job]:
    """Return those of the jobs that still have a record, in the order of ``job_ids``. Raises RedisError."""
    with redis.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.exists(forecast.FORECAST_KEY)
        for job_id in job_ids:
            pipe.hgetall(_record_key(job_id))
            pipe.hmget(f"job:{job_id}:pages", [f"#{name}" for name in _COUNTS])
            pipe.hget(forecast.FORECAST_KEY, job_id)
        moment, foretold, *replies = pipe.execute()
    seen_at = datetime.fromtimestamp(clock.seconds_of_reply(moment), UTC)
    found = zip(replies[::3], replies[1::3], replies[2::3], strict=True)
    jobs = [
        _parse_job(fields, counts, forecast.parse(predicted), seen_at)
        for fields, counts, predicted in found
        if fields.get(b"card")
    ]
    return [job.model_copy(update={"foretold": bool(foretold)}) for job in jobs]


def log_fields(redis: Redis, job_id: str) -> dict[str, str]:
    """Return what every log line about a job names beside it: its request, and the key that sent it. Raises RedisError."""
    request_id, key = redis.hmget(_record_key(job_id), ["request_id", "key"])
    return job_log_fields(text(request_id or b""), text(key or b""))


def traceparent(redis: Redis, job_id: str) -> str:
    """Return the span to whose trace the work on a job belongs; empty if traces were off. Raises RedisError."""
    return text(redis.hget(_record_key(job_id), "traceparent") or b"")


def note_miss(redis: Redis, job_id: str) -> None:
    """Record that the cache cannot give the document, so that it has to be read. Raises RedisError."""
    if redis.exists(_record_key(job_id)):
        redis.hset(_record_key(job_id), "cache", "miss")


def note_children(redis: Redis, job_id: str, count: int) -> None:
    """Record how many documents are inside the job's document. Raises RedisError."""
    if redis.exists(_record_key(job_id)):
        redis.hset(_record_key(job_id), "children", str(count))


def order_extraction(redis: Redis, job_id: str, extraction: JobExtraction) -> bool:
    """Record that an extraction is asked of a completed job. Return False if there is no such job. Raises RedisError."""
    return bool(scripts.run_script(redis, "order_extraction", job_id, extraction.model_dump_json(exclude_none=True)))


def note_awaited_invoice(redis: Redis, job_id: str, invoice: str) -> None:
    """Record the job of the electronic invoice that a job's extractions wait for, empty for none. Raises RedisError."""
    if redis.exists(_record_key(job_id)):
        redis.hset(_record_key(job_id), "awaits_invoice", invoice)


def publish(redis: Redis, job_id: str) -> None:
    """Rewrite ``job:{id}:status``, which is meant for people who inspect Redis by hand. Raises RedisError."""
    for job in load_many(redis, [job_id]):
        redis.set(f"job:{job_id}:status", job.to_status().model_dump_json(), keepttl=True, xx=True)


def publish_sometimes(redis: Redis, job_id: str) -> None:
    """Rewrite ``job:{id}:status`` at most twice a second for each job. Raises RedisError."""
    if redis.set(f"job:{job_id}:shown", 1, px=500, nx=True):
        publish(redis, job_id)


def newest(redis: Redis, owner: str, before: float | None, limit: int) -> list[tuple[str, float]]:
    """Return ids and creation times of at most ``limit`` jobs of an owner, newest first. Raises RedisError.

    Times are seconds since 1970. Only jobs created before ``before`` are listed; None lists from the newest.
    """
    top = f"({before!r}" if before is not None else "+inf"
    found: Any = redis.zrevrangebyscore(f"jobs:{owner}", top, "-inf", start=0, num=limit, withscores=True)
    pairs: list[tuple[bytes, float]] = list(found)
    return [(text(job_id), score) for job_id, score in pairs]


def store_card(storage: Storage, card: JobCard, ended: Job | None = None) -> None:
    """Write ``job.json``; once the job has ended, with the state it ended in. Raises StorageUnavailable."""
    content: dict[str, Any] = {"card": card.model_dump(mode="json")}
    if ended is not None:
        content["ended"] = ended.model_dump(
            mode="json", exclude={"card", "seen_at", "foretold", "seconds_left", "queue_position", "rereading"}
        )
    storage.put(storage_keys.card(card.job_id), json.dumps(content).encode())


def note_read(redis: Redis, card: JobCard) -> None:
    """Record that the result of a job has been read completely. Raises RedisError."""
    scripts.run_script(redis, "note_read", card.job_id, card.root or card.job_id)


def delete(redis: Redis, job: Job, tombstone_days: float = 0) -> int:
    """Delete every key of a job and its items in other keys. Return how many keys were deleted. Raises RedisError.

    With ``tombstone_days`` a tombstone says for so long that the job was deleted after it was read.
    """
    job_id, card = job.card.job_id, job.card
    keys = [_record_key(job_id) + suffix for suffix in (*KEY_SUFFIXES, ":gone")]
    keys += [batches.idempotency_key(card.owner, card.idempotency_key)] if card.idempotency_key else []
    deliveries.forget(redis, job_id)
    tombstone = (tombstones.after_read(card.owner) if tombstone_days else "", int(tombstone_days * 86_400_000))
    return int(scripts.run_script(redis, "delete", job_id, card.owner, job.lane, *tombstone, *keys))


def waiting_for(redis: Redis, job_id: str) -> list[str]:
    """Return the jobs that wait for this one to read the same document. Raises RedisError."""
    return [text(waiting) for waiting in redis.lrange(f"job:{job_id}:waiting", 0, -1)]


def cached_keys(redis: Redis, job_id: str) -> list[str]:
    """Return the storage keys of what the job has put into the cache or taken from it. Raises RedisError."""
    return [text(key) for key in redis.smembers(f"job:{job_id}:cached")]


def forget_cached(redis: Redis, storage: Storage, keys: Sequence[str]) -> None:
    """Delete these keys from the cache.

    Raises StorageUnavailable if some could not be removed; these stay in the index, and the sweep tries again. Raises
    RedisError.
    """
    removed, fault = [], None
    for key in keys:
        try:
            storage.delete(key)
            removed.append(key)
        except StorageUnavailable as error:
            fault = error
    if removed:
        redis.zrem(CACHE_INDEX, *removed)
    if fault is not None:
        raise fault


def _record_key(job_id: str) -> str:
    return f"job:{job_id}"


def _parse_job(fields: dict[bytes, bytes], counts: list[bytes | None], predicted: forecast.Forecast, seen_at: datetime) -> Job:
    values = {text(name): text(value) for name, value in fields.items()}
    return Job(
        card=JobCard.model_validate_json(values["card"]),
        state=JobState(values["state"]),
        lane=values.get("lane", "normal"),
        cache=values.get("cache", "off"),
        shared=values.get("shared") == "1",
        waits_for=values.get("waits_for", ""),
        planned=values.get("planned") == "1",
        total=int(values["total"]) if "total" in values else None,
        page_count=int(values["page_count"]) if "page_count" in values else None,
        counts={name: int(raw or 0) for name, raw in zip(_COUNTS, counts, strict=True)},
        started_at=_parse_time(values, "started_at"),
        completed_at=_parse_time(values, "completed_at"),
        expires_at=_parse_time(values, "expires_at"),
        error=JobError.model_validate_json(values["error"]) if values.get("error") else None,
        complete=values["complete"] == "1" if "complete" in values else None,
        revision=int(values.get("revision", "1")),
        locked=values.get("locked") == "1",
        rereading=int(values["rereading"]) if "rereading" in values else None,
        read=values.get("read") == "1",
        retries=int(values.get("retries", "0")),
        children=int(values.get("children", "0")),
        extractions=_EXTRACTIONS.validate_json(values.get("extractions", "[]")),
        awaits_invoice=values.get("awaits_invoice", ""),
        received_bytes=int(values.get("received_bytes", "0")),
        announced_bytes=int(values["announced_bytes"]) if values.get("announced_bytes") else None,
        result_s3=ResultCopy.model_validate_json(values["result_s3"]) if values.get("result_s3") else None,
        retry_failed_pages=json.loads(values.get("retry_failed_pages", "[]")),
        **{news.webhook: _parse_webhook(values, news.webhook) for news in deliveries.NEWS},
        **{news.body: values.get(news.body, "") for news in deliveries.NEWS},
        seen_at=seen_at,
        seconds_left=predicted.seconds,
        queue_position=predicted.position,
    )


def _parse_time(values: dict[str, str], name: str) -> datetime | None:
    return datetime.fromisoformat(values[name]) if values.get(name) else None


def _parse_webhook(values: dict[str, str], name: str) -> Webhook | None:
    return Webhook.model_validate_json(values[name]) if name in values else None
