"""Collect the metrics from Redis: the counters, and the gauges of this moment."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from document_parser.jobs import queue
from document_parser.jobs.redis import breakers, scripts
from document_parser.jobs.redis.connection import Redis, text
from document_parser.jobs.redis.counters import METRICS_KEY
from document_parser.telemetry.metrics import sample_name


def samples(redis: Redis) -> dict[str, float]:
    """Return all samples that Redis has, by name. Raises RedisError."""
    facts, counted = scripts.run_script(redis, "scrape", METRICS_KEY, *queue.document_keys(redis))
    names, values = counted[::2], counted[1::2]
    left_alone = Counter(server.partition(" ")[0] for server in breakers.states(redis))
    gauges = {sample_name("model_servers_left_alone", engine): float(count) for engine, count in left_alone.items()}
    counters = {text(name): float(value) for name, value in zip(names, values, strict=True)}
    return _gauges(json.loads(facts)) | gauges | counters


def _gauges(facts: dict[str, Any]) -> dict[str, float]:
    """Return the gauges from the reply of ``scrape.lua``."""
    found: dict[str, float] = facts["numbers"]
    queued, unfinished = found.pop("queued"), found.pop("open")
    found |= {sample_name("jobs", "queued"): queued, sample_name("jobs", "processing"): max(0, unfinished - queued)}
    # Lua encodes an empty list as an empty JSON object.
    for server, requests in facts["in_flight"] or ():
        name = sample_name("model_requests_in_flight", server.partition(" ")[0])
        found[name] = found.get(name, 0) + requests
    states = Counter("busy" if state == "busy" else "idle" for state in _states_of_living(facts["workers"] or ()))
    return found | {sample_name("workers", state): states[state] for state in ("busy", "idle")}


def _states_of_living(workers: Any) -> list[str]:
    """Return the states of the workers that sent a heartbeat lately.

    A worker is (milliseconds until its key expires, its time of death, its state).
    """
    return [state or "" for left, (death, state) in workers if queue.is_alive(left, death or "")]
