"""Forecast when each job will have been read, from the pages left in all jobs, the order of turns and the recent pace.

Every few seconds the sweep measures everything that has not ended and writes the hash ``forecast``: the seconds and the queue
position of each job, and the pace. The status of a job shows these values.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from document_parser.jobs.redis import scripts
from document_parser.jobs.redis.connection import Redis, text
from document_parser.jobs.scheduling.lanes import LANES, TURNS_PER_ROUND, order
from document_parser.models import Lane

FORECAST_KEY = "forecast"
"""The Redis hash of the forecast: ``SECONDS|POSITION`` by job id, and ``#pace`` and ``#lanes``."""
LAST_PACE = "pace:last"
"""The Redis key of the pace that was measured last, in pages a second."""
LAST_PACE_SECONDS = 3600
"""How long a measured pace is used while too few pages wait to measure it again."""
ASSUMED_PACE = 1.0
"""Pages a second that are assumed for work that waits before a pace was ever measured."""
STALE_SECONDS = 15
"""How long a forecast is kept. Without a sweeper there is none; wherever there are workers, there is a sweeper."""
BUCKET_SECONDS = 5
"""The time span of one count of finished pages, as PACE_MILLISECONDS of the scripts."""
BUCKETS = 24
"""The pace is measured over this many buckets, two minutes, or over the time for which pages have been waiting."""
MIN_BUCKETS = 2
"""With fewer buckets no pace is measured."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A job that has not ended. ``left`` is the number of pages to read, None until the document has been opened."""

    job_id: str
    lane: Lane
    owner: str
    left: int | None
    queued: bool = False
    waits_for: str = ""
    """The id of the job that reads the same document meanwhile; empty if there is none."""


@dataclass(frozen=True, slots=True)
class LoadSnapshot:
    """All jobs that have not ended, oldest first, and the numbers of pages finished by bucket of time.

    ``busy_since`` and ``now`` are seconds on Redis' clock; ``busy_since`` is 0 while no page waits.
    """

    jobs: list[Unfinished]
    pace: Mapping[int, int]
    busy_since: float
    now: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """Seconds until a job has been read, and its position (from 1) among the jobs that have not started; None if unknown."""

    seconds: float | None = None
    position: int | None = None


def pages_per_second(snapshot: LoadSnapshot) -> float | None:
    """Return the pace at which pages are read, None if it is not known yet.

    Only full buckets count in which pages were waiting, starting with the first in which a page was finished.
    """
    last = int(snapshot.now // BUCKET_SECONDS)
    first = max(last - BUCKETS, math.ceil(snapshot.busy_since / BUCKET_SECONDS)) if snapshot.busy_since else last
    counts = [snapshot.pace.get(bucket, 0) for bucket in range(first, last)]
    while counts and not counts[0]:
        counts.pop(0)
    # The first page's bucket is left out: the pages in flight before it finish all at once.
    counts = counts[1:] if len(counts) > MIN_BUCKETS else counts
    if len(counts) < MIN_BUCKETS or not sum(counts):
        return None
    return sum(counts) / (len(counts) * BUCKET_SECONDS)


def is_stalled(snapshot: LoadSnapshot) -> bool:
    """Return whether pages have waited for the whole time of measurement and none was finished; no pace is valid then."""
    busy = bool(snapshot.busy_since) and snapshot.now - snapshot.busy_since >= BUCKETS * BUCKET_SECONDS
    return busy and not sum(snapshot.pace.values())


def forecast(jobs: Sequence[Unfinished], pace: float | None) -> dict[str, Forecast]:
    """Return the forecast of each job by its id. Lanes, owners and documents take turns, and all pages are read at this pace.

    ``pace`` is in pages a second; if it is None, only positions are given.
    """
    line = [job for lane in LANES for job in jobs if job.queued and job.lane == lane and not job.waits_for]
    positions = {job.job_id: place for place, job in enumerate(line, start=1)}
    seconds = _seconds_of_jobs([job for job in jobs if not job.waits_for], pace) if pace else {}
    seconds |= {job.job_id: seconds[job.waits_for] for job in jobs if job.waits_for in seconds}
    return {job.job_id: Forecast(seconds.get(job.job_id), positions.get(job.job_id)) for job in jobs}


class _Line:
    """Several amounts of work that take turns, in pages."""

    def __init__(self, amounts: Sequence[float]) -> None:
        self._amounts = sorted(amounts)
        self._sums = [0.0, *accumulate(self._amounts)]

    @property
    def total_work(self) -> float:
        return self._sums[-1]

    def work_done(self, each: float) -> float:
        """Return the total work done when each has received ``each`` pages, or all that it needed."""
        done = bisect_right(self._amounts, each)
        return self._sums[done] + each * (len(self._amounts) - done)


def _seconds_of_jobs(jobs: Sequence[Unfinished], pace: float) -> dict[str, float]:
    """Return the seconds until each opened job has been read. Unopened ones count as the average of the opened ones."""
    known = [job.left for job in jobs if job.left is not None]
    usual = sum(known) / len(known) if known else 1.0
    amounts: dict[Lane, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for job in jobs:
        amounts[job.lane][job.owner].append(usual if job.left is None else job.left)
    documents = {lane: {owner: _Line(lefts) for owner, lefts in owners.items()} for lane, owners in amounts.items()}
    owners = {lane: _Line([line.total_work for line in lines.values()]) for lane, lines in documents.items()}
    work = {lane: line.total_work for lane, line in owners.items()}
    found = {}
    for job in jobs:
        if job.left is not None:
            of_owner = documents[job.lane][job.owner].work_done(job.left)
            found[job.job_id] = _total_work_until(job.lane, owners[job.lane].work_done(of_owner), work) / pace
    return found


def _total_work_until(lane: Lane, needed: float, work: Mapping[Lane, float]) -> float:
    """Return the work that all lanes together have done when this lane has received the work it needs, in pages."""
    left, total = {name: amount for name, amount in work.items() if amount > 0}, 0.0
    while needed > 0:
        shares = _shares_of_turns(left)
        step = min([needed / shares[lane], *(left[name] / share for name, share in shares.items() if name != lane)])
        total += step
        needed -= step * shares[lane]
        left = {name: rest for name in left if (rest := left[name] - step * shares[name]) > 1e-9 or name == lane}
    return total


def _shares_of_turns(lanes: Mapping[Lane, float]) -> dict[Lane, float]:
    """Return the share of turns that each of these lanes gets, 0 to 1."""
    turns = Counter(next(lane for lane in order(turn) if lane in lanes) for turn in range(TURNS_PER_ROUND))
    return {lane: turns[lane] / TURNS_PER_ROUND for lane in lanes}


# --- in Redis ---------------------------------------------------------------------------------------------------------


def measure_load(redis: Redis) -> LoadSnapshot:
    """Measure everything that has not ended, and correct the load that bounds the queue. Raises RedisError."""
    found = json.loads(scripts.run_script(redis, "measure_load", BUCKETS))
    # Lua encodes an empty list as an empty JSON object.
    jobs = [
        Unfinished(job_id, lane, owner, None if left < 0 else int(left), at == "queued", waits_for)
        for job_id, lane, owner, left, at, waits_for in found["jobs"] or ()
    ]
    pace = {int(bucket): int(pages) for bucket, pages in found["pace"].items()}
    return LoadSnapshot(jobs, pace, found["busy_since"] / 1000, found["now"] / 1000)


def publish_forecast(redis: Redis) -> None:
    """Recompute every unfinished job's ETA and queue position and replace the ``forecast`` hash in one transaction.

    Called by the sweep. Raises RedisError.
    """
    snapshot = measure_load(redis)
    pace = pages_per_second(snapshot)
    if pace:
        redis.set(LAST_PACE, repr(pace), ex=LAST_PACE_SECONDS)
    elif not is_stalled(snapshot):
        pace = float(redis.get(LAST_PACE) or 0) or None
    fields: dict[Any, Any] = {job_id: _format(one) for job_id, one in forecast(snapshot.jobs, pace).items()}
    fields["#pace"] = repr(pace or 0.0)
    fields["#lanes"] = json.dumps(_by_lane(snapshot.jobs))
    with redis.pipeline(transaction=True) as pipe:
        pipe.delete(FORECAST_KEY)
        pipe.hset(FORECAST_KEY, mapping=fields)
        pipe.expire(FORECAST_KEY, STALE_SECONDS)
        pipe.execute()


def _by_lane(jobs: Sequence[Unfinished]) -> dict[Lane, dict[str, int]]:
    """Count by lane the unfinished jobs, those of them that have not started, and the pages left."""
    found = {lane: {"jobs": 0, "queued": 0, "pages": 0} for lane in LANES}
    for job in jobs:
        found[job.lane]["jobs"] += 1
        found[job.lane]["queued"] += job.queued
        found[job.lane]["pages"] += job.left or 0
    return found


def load_by_lane(redis: Redis) -> dict[Lane, dict[str, int]]:
    """Return by lane the unfinished jobs, those of them that have not started, and the pages left. Raises RedisError.

    The numbers are those of the last forecast, or measured now if there was none lately.
    """
    stored = redis.hget(FORECAST_KEY, "#lanes")
    return json.loads(stored) if isinstance(stored, bytes) else _by_lane(measure_load(redis).jobs)


def _format(one: Forecast) -> str:
    return f"{'' if one.seconds is None else round(one.seconds, 1)}|{one.position or ''}"


def parse(field: bytes | str | None) -> Forecast:
    """Parse a job's field of the hash; an absent field gives an empty forecast."""
    seconds, _, position = text(field or b"").partition("|")
    return Forecast(float(seconds) if seconds else None, int(position) if position else None)
