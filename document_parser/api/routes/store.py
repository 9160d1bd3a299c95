"""Check whether Redis accepts writes, and whether its configuration may lose jobs."""

from __future__ import annotations

from redis import RedisError
from redis.exceptions import AuthenticationError, NoPermissionError, OutOfMemoryError, ReadOnlyError, ResponseError

from document_parser.jobs.redis.connection import NO_CLUSTER, Redis, is_cluster

REDIS_PROBE_KEY = "health:probe"
"""Redis key that is written to check Redis."""
PROBE_TTL_SECONDS = 60
"""Lifetime of that key in seconds."""
NEARLY_FULL_SHARE = 0.9
"""Share of maxmemory above which a warning is given."""
MIN_FREE_BYTES = 64 << 10
"""Minimum free bytes below maxmemory: about the size of a job's record and the clients' buffers."""

FULL = (
    "Redis is full (maxmemory) and accepts nothing: no documents and no pages. Raise maxmemory, "
    "delete jobs, or shorten JOB_TTL_HOURS and CACHE_HOURS."
)
"""Trouble of a Redis that has reached maxmemory."""
NO_DISK = (
    "Redis cannot write its own files and accepts nothing (MISCONF). Free space on its disk, or correct the folder's "
    "permissions; its log names the problem."
)
"""Trouble of a Redis that cannot write to its disk."""
READ_ONLY = "This Redis is a replica that only reads. Set REDIS_URL to its master, or to the Sentinels."
"""Trouble of a replica."""
FORBIDDEN = (
    "Redis refuses the user or the password of REDIS_URL, or forbids this user to write. Correct "
    "REDIS_URL, or the user's rights."
)
"""Trouble of wrong credentials or missing rights."""


def redis_trouble(redis: Redis) -> str:
    """Return why Redis accepts no jobs; empty if it does. Writes a key that expires after PROBE_TTL_SECONDS."""
    try:
        if is_cluster(redis):
            return NO_CLUSTER
        redis.set(REDIS_PROBE_KEY, "", ex=PROBE_TTL_SECONDS)
        if _is_full(redis):
            return FULL
    except RedisError as error:
        return _reason(error)
    return ""


def _is_full(redis: Redis) -> bool:
    """Return whether so little memory is left that the next upload would be refused, although a small key was accepted."""
    facts = redis.info("memory")
    used, most = int(facts.get("used_memory", 0)), int(facts.get("maxmemory", 0))
    return bool(most) and most - used < MIN_FREE_BYTES


def _reason(error: RedisError) -> str:
    """Return what an error of Redis means, and what to do."""
    match error:
        case OutOfMemoryError():
            return FULL
        case ReadOnlyError():
            return READ_ONLY
        case AuthenticationError() | NoPermissionError():
            return FORBIDDEN
        case ResponseError() if str(error).startswith("MISCONF"):
            return NO_DISK
        case ResponseError():
            return f"Redis refuses to write: {error}"
    return f"Redis does not answer ({type(error).__name__})."


def redis_warnings(redis: Redis) -> list[str]:
    """Return warnings about a Redis configuration that may lose jobs, and about memory that is nearly full."""
    try:
        policy = redis.config_get("maxmemory-policy").get("maxmemory-policy")
        append_only = redis.config_get("appendonly").get("appendonly")
    except RedisError:
        hidden = [
            "Redis does not show its configuration; make sure that it never evicts keys and that it keeps an append-only file."
        ]
        return hidden + _memory_warnings(redis)
    found = []
    if policy != "noeviction":
        found.append(f"Redis may evict jobs: set maxmemory-policy to noeviction (it is {policy}).")
    if append_only != "yes":
        found.append("Redis keeps no append-only file: a restart loses the queue. Set appendonly yes.")
    return found + _memory_warnings(redis)


def _memory_warnings(redis: Redis) -> list[str]:
    try:
        facts = redis.info("memory")
    except RedisError:
        return []
    used, most = int(facts.get("used_memory", 0)), int(facts.get("maxmemory", 0))
    if not most or used < NEARLY_FULL_SHARE * most:
        return []
    return [f"Redis uses {100 * used // most} % of its maxmemory. It accepts nothing when it is full. Raise maxmemory."]
