"""Collect the metrics from Redis: the counters, and the gauges of this moment."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from document_parser.jobs import queue
from document_parser.jobs.redis import breakers, scripts
from document_parser.jobs.redis.connection import Redis, text
from document_parser.jobs.redis.counters import METRICS_KEY, REPORTS_KEY
from document_parser.jobs.scheduling.forecast import ASSUMED_PACE
from document_parser.telemetry.metrics import sample_name

REDIS_FACTS = {
    "connected_clients": "redis_clients",
    "maxclients": "redis_max_clients",
    "used_memory": "redis_memory_bytes",
    "maxmemory": "redis_max_memory_bytes",
}
"""Facts of Redis' INFO, and the metrics that show them."""


def samples(redis: Redis) -> dict[str, float]:
    """Return all samples that Redis has, by name. Raises RedisError."""
    facts, counted = scripts.run_script(redis, "scrape", METRICS_KEY, REPORTS_KEY, *queue.document_keys(redis))
    names, values = counted[::2], counted[1::2]
    left_alone = Counter(server.partition(" ")[0] for server in breakers.states(redis))
    gauges = {sample_name("model_servers_left_alone", engine): float(count) for engine, count in left_alone.items()}
    counters = {text(name): float(value) for name, value in zip(names, values, strict=True)}
    return _gauges(json.loads(facts)) | _of_redis(redis) | gauges | counters


def _of_redis(redis: Redis) -> dict[str, float]:
    """Return what Redis says of itself."""
    facts = redis.info("clients") | redis.info("memory")
    return {name: float(facts[fact]) for fact, name in REDIS_FACTS.items() if fact in facts}


def _gauges(facts: dict[str, Any]) -> dict[str, float]:
    """Return the gauges from the reply of ``scrape.lua``."""
    found: dict[str, float] = facts["numbers"]
    queued, unfinished = found.pop("queued"), found.pop("open")
    found |= {sample_name("jobs", "queued"): queued, sample_name("jobs", "processing"): max(0, unfinished - queued)}
    found[sample_name("documents_waiting", queue.FINISH)] = found.pop("finishing")
    found["pages_per_second"] = facts["pace"]
    for lane, waiting in facts["lanes"].items():
        found |= _of_lane(lane, waiting, facts["pace"] or ASSUMED_PACE)
    # Lua encodes an empty list as an empty JSON object.
    for server, requests in facts["in_flight"] or ():
        name = sample_name("model_requests_in_flight", server.partition(" ")[0])
        found[name] = found.get(name, 0) + requests
    states = Counter("busy" if state == "busy" else "idle" for state in _states_of_living(facts["workers"] or ()))
    found |= {sample_name("workers", state): states[state] for state in ("busy", "idle")}
    return found | _sum_of_reports(facts["reports"] or ())


def _of_lane(lane: str, waiting: Mapping[str, float], pace: float) -> dict[str, float]:
    """Return the gauges of a lane. A document counts as one page until it has been opened."""
    work = waiting["documents"] + waiting["pages"] + waiting["suspects"]
    return {
        sample_name("documents_waiting", lane): waiting["documents"],
        sample_name("pages_ready", lane): waiting["pages"],
        sample_name("queue_age_seconds", lane): waiting["age"],
        sample_name("work_seconds", lane): work / pace,
    }


def _sum_of_reports(reports: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Return the gauges that processes have reported. Gauges of several reports are added up."""
    found: Counter[str] = Counter({sample_name("http_requests_in_progress"): 0})
    for report in reports:
        found.update(report)
    return dict(found)


def _states_of_living(workers: Any) -> list[str]:
    """Return the states of the workers that sent a heartbeat lately.

    A worker is (milliseconds until its key expires, its time of death, its state).
    """
    return [state or "" for left, (death, state) in workers if queue.is_alive(left, death or "")]
