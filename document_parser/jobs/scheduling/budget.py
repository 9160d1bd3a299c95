"""Limit the processor time that the documents of each owner may take, and move what exceeds it to the lane ``batch``.

The time is counted in Redis in windows of an hour. It is what the opener children report; for one that was killed, the time
spent waiting for it. A document that takes minutes to open or draw does no harm in the lane of jobs that may wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from document_parser.jobs.redis import scripts
from document_parser.jobs.redis.connection import Redis
from document_parser.settings import QueueSettings

if TYPE_CHECKING:
    from document_parser.sources.source import Source  # web processes load no reading library

WINDOW_SECONDS = 3600
"""The window in which an owner's processor time is counted."""
MIN_CHARGE_SECONDS = 0.5
"""Seconds. Less is not worth a call to Redis before the end of a document."""


def spent_seconds(redis: Redis, owner: str) -> float:
    """Return the processor seconds that this owner has used in the present window. Raises RedisError."""
    return float(redis.get(f"spent:{owner}") or 0)


def is_spent(redis: Redis, owner: str, settings: QueueSettings) -> bool:
    """Return whether the owner's budget is used up, so that its documents go to the lane ``batch``. Raises RedisError."""
    return exceeds(spent_seconds(redis, owner), settings)


def exceeds(spent: float, settings: QueueSettings) -> bool:
    """Return whether so many processor seconds are more than an owner's budget; 0 in the settings is no budget."""
    return 0 < settings.owner_processor_seconds < spent


def charge(redis: Redis, settings: QueueSettings, job_id: str, source: Source, least: float = 0.0) -> None:
    """Charge the job's owner for the processor time that the document has used since the last call.

    Less than ``least`` seconds are left for the next call. Beyond the budget, the job and its ready pages move to the lane
    ``batch``. Raises RedisError.
    """
    if seconds := source.take_processor_seconds(least):
        most, window = settings.owner_processor_seconds, WINDOW_SECONDS * 1000
        scripts.run_script(redis, "charge", job_id, f"{seconds:.6f}", most, window)
