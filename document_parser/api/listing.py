"""Lists that are read page by page, newest first, with a filter that looks at a bounded number of jobs."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import TypeVar

from document_parser.errors import InvalidOption
from document_parser.jobs import record
from document_parser.jobs.connection import Redis
from document_parser.jobs.record import Job

MOST_LOOKED_AT = 2000
Shown = TypeVar("Shown")


def page_of_jobs(
    redis: Redis,
    newest: Callable[[float | None, int], list[tuple[str, float]]],
    show: Callable[[Job], Shown | None],
    cursor: str,
    limit: int,
) -> tuple[list[Shown], str | None]:
    """What is shown of the next jobs, and the cursor of the page after; None at the end. Raises InvalidOption.

    ``newest`` gives ids with descending scores below a score; ``show`` gives None for what the caller did not ask for. Where
    few are of interest a page may have less than ``limit``, and goes on at its cursor.
    """
    found: list[Shown] = []
    before, looked_at = _score(cursor), 0
    while len(found) < limit and looked_at < MOST_LOOKED_AT:
        ids = newest(before, limit)
        jobs = {job.card.job_id: job for job in record.load_many(redis, [job_id for job_id, _ in ids])}
        for job_id, score in ids:
            before, looked_at = score, looked_at + 1
            if (job := jobs.get(job_id)) is not None and (shown := show(job)) is not None:
                found.append(shown)
            if len(found) == limit:
                break
        if len(ids) < limit:
            return found, None if len(found) < limit else repr(before)
    return found, repr(before)


def _score(cursor: str) -> float | None:
    with contextlib.suppress(ValueError):
        score = float(cursor) if cursor else None
        if score is None or not math.isnan(score):
            return score
    raise InvalidOption("Not understood: cursor: use next_cursor of the answer before.")
