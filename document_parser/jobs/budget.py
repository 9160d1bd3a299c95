"""How much processor time opening documents takes of each owner, and what goes to the lane ``batch`` for it.

Counted in windows of an hour, in Redis, from what the opener children say they used; of one that was killed, the time for which
it was waited. A document that takes minutes to open or draw does no harm in the lane of those that may wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from document_parser.jobs import scripts
from document_parser.jobs.connection import Redis
from document_parser.settings import QueueSettings

if TYPE_CHECKING:
    from document_parser.pipeline.source import Source  # web processes load no reading library

WINDOW_SECONDS = 3600
CHARGED_AT_ONCE = 0.5
"""Seconds. Less is not worth a call to Redis before the end of a document."""


def spent(redis: Redis, owner: str) -> float:
    """Return the processor seconds of this owner in the present window. Raises RedisError."""
    return float(redis.get(f"spent:{owner}") or 0)


def is_spent(redis: Redis, owner: str, settings: QueueSettings) -> bool:
    """Whether the owner's documents go to the lane ``batch`` now. Raises RedisError."""
    return 0 < settings.owner_processor_seconds < spent(redis, owner)


def charge(redis: Redis, settings: QueueSettings, job_id: str, source: Source, least: float = 0.0) -> None:
    """Charge the job's owner what the document has used since the last time, from ``least`` seconds on.

    Beyond the budget the job and its ready pages move to the lane ``batch``. Raises RedisError.
    """
    if seconds := source.take_processor_seconds(least):
        most, window = settings.owner_processor_seconds, WINDOW_SECONDS * 1000
        scripts.run(redis, "charge", job_id, f"{seconds:.6f}", most, window)
