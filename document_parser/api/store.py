"""Whether the job store takes what is written to it, and what of its configuration may lose jobs."""

from __future__ import annotations

from redis import RedisError
from redis.exceptions import AuthenticationError, NoPermissionError, OutOfMemoryError, ReadOnlyError, ResponseError

from document_parser.jobs.connection import NO_CLUSTER, Redis, is_cluster

PROBE_KEY = "health:probe"
PROBE_SECONDS = 60
NEARLY_FULL = 0.9
"""Of maxmemory."""
LEAST_FREE_BYTES = 64 << 10
"""Of maxmemory: about what the record of a job and the buffers of the clients take."""

FULL = (
    "Redis is full (maxmemory) and takes nothing in: no document, no page that was read. Raise maxmemory, "
    "delete jobs, or shorten JOB_TTL_HOURS and CACHE_HOURS."
)
NO_DISK = (
    "Redis cannot write its own files and takes nothing in (MISCONF). Free space on its disk, or mend the folder's "
    "permissions; its log says which."
)
READ_ONLY = "This Redis is a replica that only reads. Set REDIS_URL to its master, or to the Sentinels."
FORBIDDEN = "Redis refuses the user or the password of REDIS_URL, or forbids this user to write."


def redis_trouble(redis: Redis) -> str:
    """Why the job store takes nothing in; empty where it does. A key is written, which lives for a minute."""
    try:
        if is_cluster(redis):
            return NO_CLUSTER
        redis.set(PROBE_KEY, "", ex=PROBE_SECONDS)
        if _is_full(redis):
            return FULL
    except RedisError as error:
        return _reason(error)
    return ""


def _is_full(redis: Redis) -> bool:
    """Whether so little room is left that the next upload would be refused, although a key of a few bytes was not."""
    facts = redis.info("memory")
    used, most = int(facts.get("used_memory", 0)), int(facts.get("maxmemory", 0))
    return bool(most) and most - used < LEAST_FREE_BYTES


def _reason(error: RedisError) -> str:
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
    """What of a Redis' configuration may lose jobs, and whether it is nearly full."""
    try:
        policy = redis.config_get("maxmemory-policy").get("maxmemory-policy")
        append_only = redis.config_get("appendonly").get("appendonly")
    except RedisError:
        hidden = ["Redis does not show its configuration; see to it that it never evicts and keeps an append-only file."]
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
    if not most or used < NEARLY_FULL * most:
        return []
    return [f"Redis holds {100 * used // most} % of its maxmemory: full, it takes nothing in. Raise maxmemory."]
