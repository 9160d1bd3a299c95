"""Keep what has to be transferred: documents to be fetched, and results to be put into buckets.

A process beside the workers does it (``workers/transfers.py``), so that a slow host never keeps a worker from reading. What is
due is in one sorted set; its scores are milliseconds on Redis' clock.
"""

from __future__ import annotations

import json
from typing import Literal

from document_parser.ingest.origin import Origin
from document_parser.ingest.sniff import type_of
from document_parser.jobs.records import passwords
from document_parser.jobs.records.job import JobCard
from document_parser.jobs.records.ledger import Claim
from document_parser.jobs.redis import clock, counters
from document_parser.jobs.redis.connection import Redis, text
from document_parser.jobs.redis.scripts import Scripts
from document_parser.models import ResultCopy
from document_parser.settings import Settings

DUE = "transfers:due"
"""The Redis key of transfers that are due, ``JOB|fetch`` and ``JOB|result``."""
FETCH = "fetch"
"""The transfer, and the stage, in which a document is fetched; or scanned, if the virus scanner was away when it came."""
RESULT = "result"
"""The transfer that puts a result into a bucket."""
Fetched = Literal["hit", "miss", "off", "shared", "gone", "not_yours"]
"""What follows the fetch: the document is planned, with this state of the cache; another job reads it (``shared``); the job was
deleted (``gone``); the claim is no longer held (``not_yours``)."""


def member(job_id: str, what: str) -> str:
    """Return the name of a transfer in the set of those that are due."""
    return f"{job_id}|{what}"


def enqueue_fetch(redis: Redis, job_id: str, delay_seconds: float = 0.0) -> None:
    """Make the fetch of a document due, at once or after a delay, unless it is. Raises RedisError."""
    due = (clock.seconds(redis) + delay_seconds) * 1000 if delay_seconds else 0
    redis.zadd(DUE, {member(job_id, FETCH): due}, nx=True)


def is_fetch_queued(redis: Redis, job_id: str) -> bool:
    """Return whether the fetch of a document is due. Raises RedisError."""
    return redis.zscore(DUE, member(job_id, FETCH)) is not None


def seal_origin(settings: Settings, origin: Origin) -> bytes:
    """Encrypt the address of a document for storage in Redis: its query may be a secret. Raises OSError."""
    return passwords.seal(settings, origin.model_dump_json())


def unseal_origin(settings: Settings, redis: Redis, job_id: str) -> Origin | None:
    """Return the address of a job's document; None if it is lost or was encrypted with another SECRET_KEY.

    Raises RedisError, OSError.
    """
    found = passwords.open_token(settings, redis.hget(f"job:{job_id}", "address"))
    return Origin.model_validate_json(found) if found else None


class Transfers:
    """The transfers of all jobs in one Redis. Every method raises RedisError."""

    def __init__(self, redis: Redis) -> None:
        self._run = Scripts(redis).run

    def claim(self, most: int, span_seconds: float) -> list[tuple[str, str]]:
        """Claim at most ``most`` transfers that are due, the one due longest first. Return the job and what it is of each.

        A result is due again after ``span_seconds``, unless it is settled or kept before. A fetch is due only once: the claim
        of its stage tells whether it is under way.
        """
        found = [text(name) for name in self._run("claim_transfers", most, int(span_seconds * 1000))]
        return [(job_id, what) for job_id, _, what in (name.partition("|") for name in found)]

    def keep(self, job_id: str, span_seconds: float) -> None:
        """Keep a claimed result for longer."""
        self._run("keep_transfer", member(job_id, RESULT), int(span_seconds * 1000))

    def note_bytes(self, claim: Claim, received: int, announced: int | None) -> None:
        """Record how much of a document has come."""
        self._run("note_bytes", claim.job_id, received, "" if announced is None else announced)

    def complete_fetch(self, claim: Claim, card: JobCard, cache_key: str) -> Fetched:
        """Write what is known of a fetched document into the record, close the stage and forget the address, in one step."""
        samples = json.dumps(counters.samples_of_file(card.size, type_of(card.media_type)))
        facts = (claim.token, card.model_dump_json(), card.size, card.lane, cache_key, samples)
        return text(self._run("complete_fetch", claim.job_id, *facts))  # type: ignore[return-value]

    def settle_result(self, job_id: str, revision: int, copy: ResultCopy, delay_seconds: float = 0.0) -> bool:
        """Store the state of the copy of a revision. A pending one is due again after ``delay_seconds``.

        Return False if the job is gone, or has another revision meanwhile: that is due then.
        """
        due_in = int(delay_seconds * 1000)
        return bool(self._run("settle_result", job_id, copy.state, copy.model_dump_json(), due_in, revision))
