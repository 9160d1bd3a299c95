"""Count in Redis, so that all processes on all hosts count together and a work horse's counts outlive it.

Changes of the ledger are counted by its own scripts, in the step that makes the change: a page counts once, however often its
reader died.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

from document_parser.errors import EngineError
from document_parser.jobs.redis.connection import Redis
from document_parser.jobs.redis.scripts import run_script
from document_parser.models import Page
from document_parser.telemetry.metrics import observation, sample_name

METRICS_KEY = "metrics"
"""The Redis hash of all samples that are counted."""
REPORTS_KEY = "metrics:reports"
"""The Redis hash of gauges that processes have measured, with the time until which each report counts."""
NO_ENGINE = "none"
"""The label of pages that no engine read."""


def count(redis: Redis, name: str, *labels: str, by: float = 1) -> None:
    """Add ``by`` to the counter ``name`` with these label values. Raises RedisError, KeyError for an unknown metric."""
    redis.hincrbyfloat(METRICS_KEY, sample_name(name, *labels), by)


def add(redis: Redis, changes: Mapping[str, float]) -> None:
    """Add to several samples in one round trip. Raises RedisError."""
    with redis.pipeline(transaction=True) as pipe:
        for name, value in changes.items():
            pipe.hincrbyfloat(METRICS_KEY, name, value)
        pipe.execute()


def report(redis: Redis, name: str, samples: Mapping[str, float], seconds: float) -> None:
    """Keep gauges that only this process can measure, under a name of their own, for so many seconds. Raises RedisError.

    Gauges of the same name and labels from several reports are added up.
    """
    run_script(redis, "report", REPORTS_KEY, name, int(seconds * 1000), json.dumps(dict(samples)))


def samples_of_file(size: int, kind: str) -> dict[str, float]:
    """Return how much an accepted document of ``size`` bytes adds to each sample; ``kind`` is its type."""
    return observation("file_size_bytes", size, kind)


def samples_of_page(page: Page) -> dict[str, float]:
    """Return how much a finished page adds to each sample."""
    engine = page.engine or NO_ENGINE
    changes: Counter[str] = Counter([sample_name("pages", engine, page.status)])
    if page.is_cached:
        # Its attempts were counted when they were made.
        changes[sample_name("pages_cached", engine)] += 1
        return dict(changes)
    changes.update(sample_name("page_attempts", attempt.engine, attempt.outcome) for attempt in page.attempts)
    changes.update(sample_name("guard_rejections", attempt.engine, attempt.guard) for attempt in page.attempts if attempt.guard)
    changes.update(
        sample_name("engine_errors", attempt.engine, attempt.code or EngineError.code)
        for attempt in page.attempts
        if attempt.outcome == "error"
    )
    changes.update(sample_name("page_warnings", code) for code in {warning.code for warning in page.warnings})
    if page.error is not None:
        changes[sample_name("page_errors", page.error.code)] += 1
    found: dict[str, float] = dict(changes)
    if page.attempts:
        seconds = sum(attempt.milliseconds for attempt in page.attempts) / 1000
        found |= observation("page_duration_seconds", seconds, engine)
    return found
