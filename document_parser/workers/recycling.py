"""Decide when a long-running process ends so that a fresh one takes its place: memory that libraries leak is freed with it."""

from __future__ import annotations

import random

from document_parser.host.processes import resident_bytes
from document_parser.settings import Settings

JITTER_SHARE = 0.1
"""The share by which the number of tasks varies, so that workers that were started together do not retire together."""


def over_memory_limit(settings: Settings) -> bool:
    """Return whether this process holds more memory than WORKER_MAX_RSS_MB allows."""
    most = settings.workers.worker_max_rss_mb << 20
    return bool(most) and resident_bytes() > most


def jobs_until_retirement(settings: Settings) -> int | None:
    """Return after how many tasks a worker that starts now retires, None for never."""
    most = settings.workers.worker_max_jobs
    return round(most * random.uniform(1, 1 + JITTER_SHARE)) if most else None
