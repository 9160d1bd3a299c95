"""Count what an owner sends against the limits of its tier, together with the creation of each job.

All is counted in Redis by the scripts that create, end and delete jobs, in the step that does it: no race exceeds a limit, and
no crash leaves a count behind. All keys of an owner share one count.

- **concurrent_jobs**: uploads that have not ended. Documents inside an upload share its place, which is free when the last has
  ended.
- **documents_per_day**, **documents_per_month**: documents, those inside others too. A document whose job is not completed is
  given back to the day and month in which it was sent.
- **pages_per_month**: pages that the ledger says were read, in the month in which the document was sent. Until a job ends, all
  pages that it will read are counted; before it has been opened, one. A document with more pages than are left fails before
  the first is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import get_args

from redis.exceptions import ResponseError

from document_parser.errors import DocumentParserError, QuotaExceeded, RateLimitExceeded
from document_parser.jobs.redis import scripts
from document_parser.jobs.redis.connection import Redis, text
from document_parser.jobs.scheduling.admission import Load, load_of_replies
from document_parser.models import format_utc
from document_parser.settings import QueueSettings
from document_parser.settings.tiers import Quota, Tier

QUOTAS: tuple[Quota, ...] = get_args(Quota)
"""All quotas, in the order of the scripts."""
WINDOW_SECONDS = 60
"""The window in which requests are counted. It begins with an owner's first request."""
PLACES = "places"
"""Redis set of the owners who have places; the scripts know the name."""
RESTORED = "quotas:restored"
"""Redis key that is there once the counts have what the database knows; the scripts know the name."""
PLACE_SECONDS = 5
"""Retry-After while all places of an owner are taken: it is not known when one will be free."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Periods:
    """The day and the month in which something is counted, by their numbers since 1970 and since the year 0."""

    day: int
    month: int

    @classmethod
    def of(cls, moment: datetime) -> Periods:
        """Return the periods of a moment, in UTC."""
        there = moment.astimezone(UTC)
        return cls((there - _EPOCH).days, there.year * 12 + there.month - 1)

    def end_of(self, quota: Quota) -> datetime | None:
        """Return when the count of a quota begins anew; None for the places of jobs."""
        if quota == "concurrent_jobs":
            return None
        if quota == "documents_per_day":
            return _EPOCH + timedelta(days=self.day + 1)
        year, month = divmod(self.month + 1, 12)
        return datetime(year, month + 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Standing:
    """What an owner has used: requests in the window, whose rest is in seconds, and its quotas.

    ``load`` is that of the queue, and ``spent`` the owner's processor seconds in the present window; both are None if Redis is
    full.
    """

    requests: int
    seconds_left: float
    used: dict[Quota, int]
    periods: Periods
    load: Load | None = None
    spent: float | None = None


def to_argument(tier: Tier, moment: datetime) -> str:
    """Return what the scripts take to count documents that were sent at this moment."""
    periods = Periods.of(moment)
    return json.dumps({"day": periods.day, "month": periods.month, "limits": tier.quotas, "status": tier.quota_status})


def count_request(redis: Redis, settings: QueueSettings, owner: str, moment: datetime, requests: int = 1) -> Standing:
    """Count requests of an owner and return its standing. A Redis that is full counts nothing. Raises RedisError."""
    periods = Periods.of(moment)
    arguments = (owner, WINDOW_SECONDS * 1000, requests, periods.day, periods.month)
    try:
        count, left, *used, spent, jobs, pages, size, pace = scripts.run_script(redis, "count_request", *arguments)
    except ResponseError:
        return Standing(0, WINDOW_SECONDS, {}, periods)
    load = load_of_replies(settings, jobs, pages, size, pace)
    found = dict(zip(QUOTAS, map(int, used), strict=True))
    return Standing(int(count), int(left) / 1000, found, periods, load, float(spent))


def to_refusal(tier: Tier, reply: Sequence[bytes | str], moment: datetime) -> DocumentParserError:
    """Return the error for the reply of a script that a quota allows no more: its name, what is used, what was wanted."""
    name, used, wanted = map(text, reply)
    quota: Quota = name  # type: ignore[assignment]
    return refusal(tier, quota, int(used), int(wanted), moment)


def refusal(tier: Tier, quota: Quota, used: int, wanted: int, moment: datetime) -> DocumentParserError:
    """Return the error for ``wanted`` more of a quota of which so much is used."""
    limit, ends = tier.quotas[quota], Periods.of(moment).end_of(quota)
    if ends is None:
        left = max(0, limit - used)
        return RateLimitExceeded(
            f"Your tier allows {limit} documents at once; {used} have not ended, and {wanted} came. "
            "Retry-After says when to go on.",
            quota=quota, limit=limit, used=used, left=left, wanted=wanted, retry_after_seconds=PLACE_SECONDS,
        )  # fmt: skip
    return QuotaExceeded.for_quota(quota, limit, used, wanted, resets_at=format_utc(ends), status=tier.quota_status)


def too_many_pages(limit: int, used: int, wanted: int, month: int, status: int) -> QuotaExceeded:
    """Return the error for a document with more pages than its owner has left in this month, by its number."""
    ends = Periods(0, month).end_of("pages_per_month")
    assert ends is not None
    return QuotaExceeded.for_quota("pages_per_month", limit, used, wanted, resets_at=format_utc(ends), status=status)


def broken_quota(tier: Tier, standing: Standing, moment: datetime) -> DocumentParserError | None:
    """Return the error that one more document would meet; None if it may be sent."""
    for quota, limit in tier.quotas.items():
        if standing.used.get(quota, 0) >= limit:
            return refusal(tier, quota, standing.used[quota], 1, moment)
    return None


def too_many_requests(tier: Tier, standing: Standing) -> RateLimitExceeded | None:
    """Return the error for a request beyond the tier's requests in a minute; None if it is not."""
    limit = tier.requests_per_minute
    if limit is None or standing.requests <= limit:
        return None
    seconds = max(1, -int(-standing.seconds_left // 1))
    return RateLimitExceeded(
        f"Your tier allows {limit} requests a minute. Retry-After says when to go on.",
        quota="requests_per_minute", limit=limit, used=standing.requests, left=0, retry_after_seconds=seconds,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class KnownUse:
    """What an owner has used according to the database: documents of a day and of its month, pages of the month."""

    owner: str
    documents_of_day: int
    documents_of_month: int
    pages_of_month: int


def are_restored(redis: Redis) -> bool:
    """Return whether ``restore`` was called since Redis began or has lost its data. Raises RedisError."""
    return bool(redis.exists(RESTORED))


def restore(redis: Redis, moment: datetime, known: Iterable[KnownUse]) -> int:
    """Add what the database knows of a moment's day and month to the counts, which began at nothing with Redis.

    Nothing happens if it was done before. Return how many owners there were; -1 if it was done before. Raises RedisError.
    """
    periods = Periods.of(moment)
    facts = [fact for use in known for fact in (use.owner, use.documents_of_day, use.documents_of_month, use.pages_of_month)]
    return int(scripts.run_script(redis, "restore_quotas", periods.day, periods.month, *facts))


def heal_places(redis: Redis) -> int:
    """Make the places of all owners those of their jobs that have not ended. Return how many were wrong. Raises RedisError."""
    return int(scripts.run_script(redis, "heal_places"))
