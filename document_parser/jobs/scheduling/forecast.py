"""When each job will have been read: from what is left of all of them, whose turn it is, and the pace of late.

The sweep weighs everything that has not ended every few seconds and writes the hash ``forecast``: a job's seconds and its
place in the queue, and the pace. The state of a job is shown with what stands there.
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
from document_parser.jobs.scheduling.lanes import LANES, ROUND, order
from document_parser.models import Lane

KEY = "forecast"
LAST_PACE = "pace:last"
LAST_PACE_SECONDS = 3600
"""How long a pace counts that has been measured once: whenever too little waits to measure it anew."""
STALE_SECONDS = 15
"""Without a sweeper, which there is wherever there are workers, nothing is foretold."""
BUCKET_SECONDS = 5
"""As PACE_MILLISECONDS of the scripts."""
BUCKETS = 24
"""The pace is that of the last two minutes, or of as long as pages have been waiting."""
FEWEST_BUCKETS = 2


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A job that has not ended. ``left`` is None until the document has been opened."""

    job_id: str
    lane: Lane
    owner: str
    left: int | None
    queued: bool = False
    waits_for: str = ""
    """The job that reads the same document meanwhile."""


@dataclass(frozen=True, slots=True)
class LoadSnapshot:
    """Everything that has not ended, oldest first, and pages finished by bucket of time. Times are in seconds."""

    jobs: list[Unfinished]
    pace: Mapping[int, int]
    busy_since: float
    now: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """Seconds until a job has been read, and its place among those that nobody has begun (from 1)."""

    seconds: float | None = None
    position: int | None = None


def pages_per_second(weighed: LoadSnapshot) -> float | None:
    """The pace at which pages are read, None where it is not known yet.

    Only full buckets count in which pages were waiting, from the first in which one was finished.
    """
    last = int(weighed.now // BUCKET_SECONDS)
    first = max(last - BUCKETS, math.ceil(weighed.busy_since / BUCKET_SECONDS)) if weighed.busy_since else last
    counts = [weighed.pace.get(bucket, 0) for bucket in range(first, last)]
    while counts and not counts[0]:
        counts.pop(0)
    # The first page's bucket is left out: what was in flight before came all at once.
    counts = counts[1:] if len(counts) > FEWEST_BUCKETS else counts
    if len(counts) < FEWEST_BUCKETS or not sum(counts):
        return None
    return sum(counts) / (len(counts) * BUCKET_SECONDS)


def is_stalled(weighed: LoadSnapshot) -> bool:
    """Whether pages have been waiting for as long as the pace is taken from, and none was finished: no pace holds any more."""
    busy = bool(weighed.busy_since) and weighed.now - weighed.busy_since >= BUCKETS * BUCKET_SECONDS
    return busy and not sum(weighed.pace.values())


def forecast(jobs: Sequence[Unfinished], pace: float | None) -> dict[str, Forecast]:
    """What to tell of each job. Pages are read by lane, owners and documents in turn, all at this pace."""
    line = [job for lane in LANES for job in jobs if job.queued and job.lane == lane and not job.waits_for]
    positions = {job.job_id: place for place, job in enumerate(line, start=1)}
    seconds = _seconds([job for job in jobs if not job.waits_for], pace) if pace else {}
    seconds |= {job.job_id: seconds[job.waits_for] for job in jobs if job.waits_for in seconds}
    return {job.job_id: Forecast(seconds.get(job.job_id), positions.get(job.job_id)) for job in jobs}


class _Line:
    """Several amounts of work, served in turn."""

    def __init__(self, amounts: Sequence[float]) -> None:
        self._amounts = sorted(amounts)
        self._sums = [0.0, *accumulate(self._amounts)]

    @property
    def whole(self) -> float:
        return self._sums[-1]

    def served(self, each: float) -> float:
        """The work done in all when each has got so much, or all that it needed."""
        done = bisect_right(self._amounts, each)
        return self._sums[done] + each * (len(self._amounts) - done)


def _seconds(jobs: Sequence[Unfinished], pace: float) -> dict[str, float]:
    known = [job.left for job in jobs if job.left is not None]
    usual = sum(known) / len(known) if known else 1.0
    amounts: dict[Lane, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for job in jobs:
        amounts[job.lane][job.owner].append(usual if job.left is None else job.left)
    documents = {lane: {owner: _Line(lefts) for owner, lefts in owners.items()} for lane, owners in amounts.items()}
    owners = {lane: _Line([line.whole for line in lines.values()]) for lane, lines in documents.items()}
    work = {lane: line.whole for lane, line in owners.items()}
    found = {}
    for job in jobs:
        if job.left is not None:
            of_owner = documents[job.lane][job.owner].served(job.left)
            found[job.job_id] = _all_served(job.lane, owners[job.lane].served(of_owner), work) / pace
    return found


def _all_served(lane: Lane, needed: float, work: Mapping[Lane, float]) -> float:
    """The work of all lanes that is done when this lane has got what is needed."""
    left, total = {name: amount for name, amount in work.items() if amount > 0}, 0.0
    while needed > 0:
        shares = _shares(left)
        step = min([needed / shares[lane], *(left[name] / share for name, share in shares.items() if name != lane)])
        total += step
        needed -= step * shares[lane]
        left = {name: rest for name in left if (rest := left[name] - step * shares[name]) > 1e-9 or name == lane}
    return total


def _shares(lanes: Mapping[Lane, float]) -> dict[Lane, float]:
    """What part of the turns each of these lanes gets."""
    turns = Counter(next(lane for lane in order(turn) if lane in lanes) for turn in range(ROUND))
    return {lane: turns[lane] / ROUND for lane in lanes}


# --- in Redis ---------------------------------------------------------------------------------------------------------


def measure_load(redis: Redis) -> LoadSnapshot:
    """Look at everything that has not ended; what is weighed bounds the queue, too."""
    found = json.loads(scripts.run(redis, "measure_load", BUCKETS))
    # An empty list of Lua's is an empty object of JSON's.
    jobs = [
        Unfinished(job_id, lane, owner, None if left < 0 else int(left), at == "queued", waits_for)
        for job_id, lane, owner, left, at, waits_for in found["jobs"] or ()
    ]
    pace = {int(bucket): int(pages) for bucket, pages in found["pace"].items()}
    return LoadSnapshot(jobs, pace, found["busy_since"] / 1000, found["now"] / 1000)


def publish_forecast(redis: Redis) -> None:
    """Weigh, and write what is foretold in one step."""
    weighed = measure_load(redis)
    pace = pages_per_second(weighed)
    if pace:
        redis.set(LAST_PACE, repr(pace), ex=LAST_PACE_SECONDS)
    elif not is_stalled(weighed):
        pace = float(redis.get(LAST_PACE) or 0) or None
    told: dict[Any, Any] = {job_id: _text(one) for job_id, one in forecast(weighed.jobs, pace).items()}
    told["#pace"] = repr(pace or 0.0)
    told["#lanes"] = json.dumps(_by_lane(weighed.jobs))
    with redis.pipeline(transaction=True) as pipe:
        pipe.delete(KEY)
        pipe.hset(KEY, mapping=told)
        pipe.expire(KEY, STALE_SECONDS)
        pipe.execute()


def _by_lane(jobs: Sequence[Unfinished]) -> dict[Lane, dict[str, int]]:
    """Unfinished jobs, those of them that nobody has begun, and pages left, by lane."""
    found = {lane: {"jobs": 0, "queued": 0, "pages": 0} for lane in LANES}
    for job in jobs:
        found[job.lane]["jobs"] += 1
        found[job.lane]["queued"] += job.queued
        found[job.lane]["pages"] += job.left or 0
    return found


def lanes(redis: Redis) -> dict[Lane, dict[str, int]]:
    """The same as of the last weighing, or as of now where there was none of late."""
    told = redis.hget(KEY, "#lanes")
    return json.loads(told) if isinstance(told, bytes) else _by_lane(measure_load(redis).jobs)


def _text(one: Forecast) -> str:
    return f"{'' if one.seconds is None else round(one.seconds, 1)}|{one.position or ''}"


def parse(told: bytes | str | None) -> Forecast:
    """What stands in the hash for a job."""
    seconds, _, position = text(told or b"").partition("|")
    return Forecast(float(seconds) if seconds else None, int(position) if position else None)
