"""Apply the tier of a caller to its requests: how many in a minute, and what is said of its quotas.

``auth`` counts a request here once it knows the caller. The quotas are checked again, and counted, when a job is created.
"""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime

from flask import Flask, Response, g

from document_parser.accounts.identity import Identity
from document_parser.api.intake.draining import drain_request
from document_parser.api.middleware import rate_limits
from document_parser.api.middleware.identity import find_identity
from document_parser.errors import FileTooLarge, NotInTier, ServerBusy
from document_parser.jobs.redis.connection import Redis
from document_parser.jobs.scheduling import admission, budget, quotas
from document_parser.jobs.scheduling.admission import Load
from document_parser.jobs.scheduling.quotas import QUOTAS, Standing
from document_parser.models import AccuracyMode, EngineName, Options
from document_parser.settings import Settings
from document_parser.settings.tiers import NO_LIMITS, Tier

QUOTA_HEADERS = {quota: f"X-Quota-{quota.replace('_', '-').title()}" for quota in QUOTAS}
"""What the headers of a quota begin with; Limit, Remaining and Reset follow."""
ANSWER_HEADERS = tuple(
    f"{name}-{fact}"
    for quota, name in QUOTA_HEADERS.items()
    for fact in (("Limit", "Remaining") if quota == "concurrent_jobs" else ("Limit", "Remaining", "Reset"))
)
"""All headers about quotas."""


def register(app: Flask) -> None:
    """Put headers on the answers to callers with a tier."""
    app.after_request(_add_headers)


def count_request(settings: Settings, redis: Redis, caller: Identity, requests: int | None = None) -> None:
    """Count a request of a caller, if a tier applies to it; as ``requests`` if given, else as its path counts.

    Raises TierUnknown, RateLimitExceeded (ServerBusy to a client of tus, which would give up), RedisError.
    """
    if not settings.accounts.needs_key or not caller.tier:
        return
    g.tier = tier = settings.accounts.tier(caller.tier)
    requests = int(rate_limits.is_counted()) if requests is None else requests
    g.standing = standing = quotas.count_request(redis, settings.queue, caller.owner, datetime.now(UTC), requests)
    error = quotas.too_many_requests(tier, standing) if requests else None
    if error is not None:
        drain_request()
        raise ServerBusy(error.message, **error.details) if rate_limits.is_new_upload() else error


def tier_of_caller() -> Tier:
    """Return the tier of this request's caller; one without limits if none applies."""
    found: Tier = g.get("tier", NO_LIMITS)
    return found


def check_room() -> None:
    """Check before a document is received whether the caller may send one more. Raises RateLimitExceeded, QuotaExceeded."""
    standing = _standing()
    error = quotas.broken_quota(tier_of_caller(), standing, datetime.now(UTC)) if standing else None
    if error is not None:
        raise error


def queue_load(settings: Settings, redis: Redis) -> Load:
    """Return the load of the queue: that which was read with the caller's standing, else that of now. Raises RedisError."""
    standing = _standing()
    return (standing and standing.load) or admission.load(redis, settings.queue)


def is_overspent(settings: Settings, redis: Redis, caller: Identity) -> bool:
    """Return whether the caller's budget of processor time is used up, by its standing if that is known. Raises RedisError."""
    standing = _standing()
    if standing is None or standing.spent is None:
        return budget.is_spent(redis, caller.owner, settings.queue)
    return budget.exceeds(standing.spent, settings.queue)


def note_documents(number: int) -> None:
    """Note how many documents this request has made jobs of, for the headers."""
    standing = _standing()
    for quota in standing.used if standing else ():
        standing.used[quota] += number  # type: ignore[union-attr]


def max_file_bytes(settings: Settings) -> int:
    """Return the size of the largest file that the caller may send, in bytes."""
    return tier_of_caller().max_file_bytes(settings.api.max_upload_mb << 20)


def too_large(settings: Settings, **sizes: int | None) -> FileTooLarge:
    """Return the error for a file that the caller may not send, given its announced or received bytes."""
    return FileTooLarge.for_size(max_file_bytes(settings) >> 20, **sizes)


def default_mode(settings: Settings) -> AccuracyMode:
    """Return the mode of a request that names none: that of the server, or if the tier does not allow it, the tier's first."""
    mode, allowed = settings.api.default_accuracy_mode, tier_of_caller().modes
    return mode if allowed is None or mode in allowed else allowed[0]


def check_options(options: Options) -> None:
    """Refuse a mode or a lane that the caller's tier does not allow. Raises NotInTier."""
    tier, name = tier_of_caller(), tier_name()
    check_mode(options.accuracy_mode)
    if options.priority != "auto" and not tier.allows_lane(options.priority):
        raise NotInTier.for_word(name, "priority", options.priority, tier.lanes or ())


def check_mode(mode: AccuracyMode) -> None:
    """Refuse a mode that the caller's tier does not allow. Raises NotInTier."""
    allowed = tier_of_caller().modes
    if allowed is not None and mode not in allowed:
        raise NotInTier.for_word(tier_name(), "accuracy_mode", mode, allowed)


def check_engine(engine: EngineName) -> None:
    """Refuse an engine that the caller's tier does not allow. Raises NotInTier."""
    tier = tier_of_caller()
    if not tier.allows_engine(engine):
        raise NotInTier.for_word(tier_name(), "engine", engine, tier.engines or ())


def standing_of_caller() -> Standing | None:
    """Return what the caller's owner has used, as this request has found it; None if no tier applies or Redis is full."""
    return _standing()


def _standing() -> Standing | None:
    found: Standing | None = g.get("standing")
    return found


def tier_name() -> str:
    """Return the name of the tier that applies to this request's caller; empty if none does."""
    caller = find_identity()
    return caller.tier if caller and "tier" in g else ""


def _add_headers(response: Response) -> Response:
    tier, standing = tier_of_caller(), _standing()
    if standing is None:
        return response
    found: dict[str, str] = {}
    if tier.requests_per_minute is not None:
        found["X-RateLimit-Limit"] = str(tier.requests_per_minute)
        found["X-RateLimit-Remaining"] = str(max(0, tier.requests_per_minute - standing.requests))
        found["X-RateLimit-Reset"] = str(math.ceil(time.time() + standing.seconds_left))
    for quota, limit in tier.quotas.items():
        if quota in standing.used:
            name, ends = QUOTA_HEADERS[quota], standing.periods.end_of(quota)
            found[f"{name}-Limit"] = str(limit)
            found[f"{name}-Remaining"] = str(max(0, limit - standing.used[quota]))
            if ends is not None:
                found[f"{name}-Reset"] = str(int(ends.timestamp()))
    # Nothing has set one before: to look for each of them among all headers would cost a tenth of a millisecond.
    response.headers.extend(found)
    return response
