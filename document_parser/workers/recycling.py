"""When a process that has served long makes room for a fresh one: whatever a library leaks ends with it."""

from __future__ import annotations

import random

from document_parser.host.processes import resident_bytes
from document_parser.settings import Settings

JITTER = 0.1
"""Workers that were started together do not retire together."""


def over_memory_limit(settings: Settings) -> bool:
    """Whether this process holds more memory than it may keep (WORKER_MAX_RSS_MB)."""
    most = settings.workers.worker_max_rss_mb << 20
    return bool(most) and resident_bytes() > most


def jobs_until_retirement(settings: Settings) -> int | None:
    """After how many tasks a worker that starts now retires; None for never."""
    most = settings.workers.worker_max_jobs
    return round(most * random.uniform(1, 1 + JITTER)) if most else None
