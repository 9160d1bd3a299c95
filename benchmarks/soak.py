"""Read hundreds of documents of every kind and fate, and measure what grows and what is left behind."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from redis import Redis
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer

from benchmarks.leaks import Belongings, belongings
from benchmarks.mixture import Case, cases, live_through
from benchmarks.report import Report, is_trial, progress
from benchmarks.servers import ModelServers
from benchmarks.usage import Measure, Memory
from tests.support.receiver import receiving
from tests.support.service import API, Service, redis_url_of, wait_until
from tests.support.vllm_batching import Speed

DOCUMENTS, TRIAL_DOCUMENTS = 500, 60
WARMING = 36
"""Documents before anything is compared: every kind has come three times."""
CALLERS = 4
FAST = Speed(tokens_per_second=50_000, per_sequence=2_000, first_token=0.05)
LIFE_SECONDS = 15
QUIET_SECONDS = 40
LASTING = ("web", "supervisor", "pool", "worker", "zygote", "sweep", "drawer", "Valkey")
PASSING = ("task", "opener")
MOST_GROWTH = 1.10
MIB = 1 << 20


@dataclass
class Soak:
    """A service that has been soaked: what it held, when it was idle before and after, how the documents ended."""

    memory: Memory
    before: Belongings
    after: Belongings
    ends: Counter[str]
    seconds: float
    retired: int


def main() -> None:
    trial = is_trial(__doc__)
    count = TRIAL_DOCUMENTS if trial else DOCUMENTS
    report(soak(count), count).publish(trial=trial)


def soak(count: int, warming: int = WARMING, life_seconds: float = LIFE_SECONDS) -> Soak:
    """Put so many documents through two workers, and wait until the service is idle again."""
    answers = [200, 500, 410] * (count + warming)
    with (
        tempfile.TemporaryDirectory(prefix="soak-") as name,
        receiving(*answers) as receiver,
        ModelServers(Path(name) / "servers", FAST) as servers,
        _service(Path(name), life_seconds, servers.settings()) as service,
        Redis.from_url(redis_url_of(service)) as redis,
    ):
        memory, folder = Memory(service, 0.5), Path(name)

        def held() -> Belongings:
            _quiet(redis, memory)
            return belongings(memory, redis, service.data_dir, folder / "tmp")

        with memory:
            progress(f"{warming} documents to warm up")
            _live_through_all(service, memory, folder, list(cases(warming, receiver.url)), 0)
            before, started = held(), time.monotonic()
            progress(f"{count} documents by {CALLERS} callers at once")
            ends = _live_through_all(service, memory, folder, list(cases(count, receiver.url)), warming)
            seconds = time.monotonic() - started
            progress(f"until all have expired ({seconds:.0f} s so far)")
            after = held()
        assert '"task_error"' not in service.log, service.log[-4000:]
        assert not failures(redis), failures(redis)
        return Soak(memory, before, after, ends, seconds, service.log.count('"worker_retires"'))


@contextmanager
def _service(folder: Path, life_seconds: float, models: dict[str, Any]) -> Iterator[Service]:
    (folder / "tmp").mkdir()
    settings = {
        **models,
        "TMPDIR": folder / "tmp",
        "JOB_TTL_HOURS": life_seconds / 3600,
        "CACHE_HOURS": life_seconds / 3600,
        "TOMBSTONE_DAYS": 1 / 86_400,
        "WORKER_MAX_JOBS": 0,  # or what grows would be hidden
        "WEBHOOK_ALLOW_HOSTS": '["127.0.0.1"]',
        "WEBHOOK_RETRY_SECONDS": "[0.2, 0.2]",
        "WEB_WORKERS": 1,
    }
    with Service(folder / "service", API, preloaded=False, **settings) as service:
        yield service


def _live_through_all(service: Service, memory: Memory, folder: Path, given: list[Case], first: int) -> Counter[str]:
    ends: Counter[str] = Counter()
    with (
        httpx2.Client(base_url=service.client.base_url, timeout=120, auth=service.client.auth) as client,
        ThreadPoolExecutor(CALLERS) as callers,
    ):

        def live(number: int) -> str:
            return live_through(service, client, given[number], folder, first + number)

        for ended in callers.map(live, range(len(given))):
            ends[ended] += 1
            memory.page = first + ends.total()
    return ends


def _quiet(redis: Redis, memory: Memory) -> None:
    """Wait until every job has expired and nothing is at work; what is there all the same is left behind, and told."""
    for gone in (
        lambda: not any(redis.scan_iter("job:*", count=1000)),
        lambda: not redis.exists("jobs:expiring", "cache:expiring"),
        lambda: not memory.living().keys() & set(PASSING),
    ):
        with contextlib.suppress(AssertionError):
            wait_until(gone, QUIET_SECONDS, "quiet")


def failures(redis: Redis) -> list[str]:
    """Tasks that ended with an exception, and what that was."""
    names = [key.decode() for key in redis.scan_iter("rq:failed:*")]
    tasks = [task.decode() for name in names for task in redis.zrange(name, 0, -1)]
    found = RqJob.fetch_many(tasks, redis, JSONSerializer)
    return [str(task.latest_result().exc_string) for task in found if task is not None and task.latest_result() is not None]


def report(found: Soak, count: int) -> Report:
    made = Report("soak")
    ended = ", ".join(f"{number} {end}" for end, number in sorted(found.ends.items()))
    made.tell(f"{count} documents through 2 workers", f"{found.seconds:.0f} s: {ended}")
    early, late = (WARMING + round(count * share) for share in (0.15, 0.75))
    memory = found.memory
    for kind in (*LASTING, *PASSING):
        parts = [_from_to(memory, kind, measure, early, late, count) for measure in ("rss", "threads", "handles")]
        if all(parts):
            made.tell(f"{kind}: memory; threads; files and sockets", "; ".join(parts))
    grown = {
        kind: rise for kind in LASTING if kind != "Valkey" and (rise := _rise(memory, kind, early, late, count)) is not None
    }
    most = max(grown, key=grown.__getitem__)
    made.below(f"memory of what lives on, most growth ({most})", grown[most], MOST_GROWTH, "× {:.2f}")
    for what, more in found.after.beyond(found.before).items():
        made.below(f"{what} left behind" + "".join(f", {name[:40]}" for name in sorted(more)[:3]), more.total(), 1, "{:.0f}")
    made.tell("connections to Redis, before → after", f"{found.before.connections} → {found.after.connections}")
    made.notes.append(
        "Papers, scans, photographs, TIFFs, encrypted and damaged files; some are cancelled or deleted on their way, some have "
        "webhooks that fail, some are watched by their callers. Where the development corpus is there, a tenth comes from it. "
        "The first value is the most that a process of the kind held from 15 to 45 % of the documents, the second that of the "
        "last quarter; Valkey keeps what RQ shows of each task for minutes. Left behind is what an idle service holds once the "
        "last job has expired and did not hold before."
    )
    return made


def _from_to(memory: Memory, kind: str, measure: Measure, early: int, late: int, count: int) -> str:
    """Return a text such as ``68 → 69 MiB``; empty if there was no such process."""
    before = memory.peaks(early, early + round(count * 0.3), measure).get(kind)
    after = memory.peaks(late, of=measure).get(kind)
    if before is None or after is None:
        return ""
    return f"{before / MIB:.0f} → {after / MIB:.0f} MiB" if measure == "rss" else f"{before} → {after}"


def _rise(memory: Memory, kind: str, early: int, late: int, count: int) -> float | None:
    before, after = memory.peaks(early, early + round(count * 0.3)).get(kind), memory.peaks(late).get(kind)
    return after / before if before and after else None


if __name__ == "__main__":
    main()
