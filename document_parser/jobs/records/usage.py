"""Count in Redis what is used, until the flush has written it to the database.

``usage:pending`` is a hash of OWNER|KEY|DAY|ENGINE|MEASURE; the day is the number of days since 1970 on Redis' clock. Only the
scripts that change the ledger count, in the step that makes the change: what is used counts once, however often a worker dies.

A page counts under the engine that read it, when the ledger counts it as done or blank; time and tokens under the engine that
spent them, whether its reading was taken or not. A document and its bytes count under the engine ``none``, when its job is
completed.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from document_parser.jobs.redis import scripts
from document_parser.jobs.redis.connection import Redis, text
from document_parser.jobs.redis.counters import NO_ENGINE
from document_parser.models import Attempt, Page

EPOCH = date(1970, 1, 1)
"""The day with the number 0."""

Changes = dict[str, dict[str, int]]
"""What to add to the measures, by engine."""


@dataclass(frozen=True, slots=True)
class Pending:
    """What was counted of one key of an owner on a day, by one engine."""

    owner: str
    key_id: str
    day: date
    engine: str
    measures: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Batch:
    """Counts that are being written, with the name by which the database takes them only once."""

    name: str
    counts: list[Pending]


def usage_of_page(page: Page) -> Changes:
    """Return what a finished page adds to the usage. Attempts of a page from the cache were counted when they were made."""
    found = {} if page.is_cached else usage_of_attempts(page.attempts)
    if page.status != "failed":
        found.setdefault(page.engine or NO_ENGINE, {})["pages"] = 1
    return found


def usage_of_attempts(attempts: Iterable[Attempt]) -> Changes:
    """Return the time and tokens of attempts, without those whose reading came from the cache."""
    found: Changes = {}
    for attempt in attempts:
        if not attempt.cached:
            spent = found.setdefault(attempt.engine, {"milliseconds": 0, "tokens": 0})
            spent["milliseconds"] += attempt.milliseconds
            spent["tokens"] += attempt.tokens
    return found


def usage_of_retry(attempts: Iterable[Attempt], page: Page | None, counts: Mapping[str, int]) -> Changes:
    """Return what a page that was read again adds: its attempts, and the page if it failed before and does not now.

    ``counts`` are the changes of the job's counts; ``page`` is None if the page was kept as it was.
    """
    found = usage_of_attempts(attempts)
    if page is not None and (more := counts.get("done", 0) + counts.get("blank", 0)):
        found.setdefault(page.engine or NO_ENGINE, {})["pages"] = more
    return found


def as_argument(changes: Changes) -> str:
    """Return changes as the scripts take them."""
    return json.dumps({engine: measures for engine, measures in changes.items() if any(measures.values())})


def take(redis: Redis) -> Batch | None:
    """Return the counts to write next: those whose writing was not confirmed, else all that are pending.

    None if there are none. Raises RedisError.
    """
    reply = [text(part) for part in scripts.run_script(redis, "take_usage", uuid.uuid4().hex)]
    if not reply:
        return None
    name, fields = reply[0], reply[1:]
    grouped: dict[tuple[str, str, str, str], dict[str, int]] = {}
    for field, value in zip(fields[::2], fields[1::2], strict=True):
        owner, key_id, day, engine, measure = field.split("|")
        grouped.setdefault((owner, key_id, day, engine), {})[measure] = int(value)
    counts = [
        Pending(owner, key_id, EPOCH + timedelta(days=int(day)), engine, measures)
        for (owner, key_id, day, engine), measures in sorted(grouped.items())
    ]
    return Batch(name, counts)


def confirm(redis: Redis, batch: Batch) -> None:
    """Forget counts that are in the database. Raises RedisError."""
    scripts.run_script(redis, "confirm_usage", batch.name)
