"""Measure what a scrape cannot: the GPUs of this host, the model servers, and the database. The sweeper's process does it.

Every host reports its own GPUs. The rest is the same from everywhere, so only the sweeper that leads asks. Reports expire by
themselves: what is not measured any more is not shown.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from document_parser.accounts.database import Database
from document_parser.errors import DatabaseNotUpgraded, DatabaseUnavailable
from document_parser.host.gpus import load_nvml, read_gpus
from document_parser.jobs.redis import counters
from document_parser.jobs.redis.connection import Redis, RedisError, connect
from document_parser.models import ModelServerName
from document_parser.settings import Settings
from document_parser.telemetry import logs
from document_parser.telemetry.metrics import sample_name

if TYPE_CHECKING:
    from document_parser.engines.vlm.server import ServerLoad

log = logs.get_logger(__name__)

MEASURE_SECONDS = 5.0
"""Pause between two measurements."""
REPORT_SECONDS = 30.0
"""For how long a measurement is shown."""


def measure_repeatedly(settings: Settings, leads: Callable[[], bool]) -> None:
    """Measure and report every MEASURE_SECONDS, in a thread beside the sweep. It may stop anywhere.

    ``leads`` tells whether the sweeper of this process is the one that leads.
    """
    redis, database, nvml = connect(settings), Database(settings), load_nvml()
    while True:
        try:
            report_gpus(redis, nvml)
            if leads():
                report_shared_parts(settings, redis, database)
        except RedisError as error:
            log.debug("measurements_lost", error=type(error).__name__)
        time.sleep(MEASURE_SECONDS)


def report_gpus(redis: Redis, nvml: Any | None) -> None:
    """Report the GPUs of this host; nothing if it has none. Raises RedisError."""
    host = socket.gethostname()
    samples: dict[str, float] = {}
    for gpu in read_gpus(nvml) if nvml is not None else ():
        labels = (host, str(gpu.index))
        if gpu.utilization is not None:
            samples[sample_name("gpu_utilization_ratio", *labels)] = gpu.utilization
        samples[sample_name("gpu_memory_used_bytes", *labels)] = gpu.memory_used
        samples[sample_name("gpu_memory_size_bytes", *labels)] = gpu.memory_size
    if samples:
        counters.report(redis, f"gpus {host}", samples, REPORT_SECONDS)


def report_shared_parts(settings: Settings, redis: Redis, database: Database) -> None:
    """Report the database and the model servers. Raises RedisError."""
    samples: dict[str, float] = {"database_up": float(_answers(database))}
    if settings.engines.inference_mode != "cpu":
        samples |= asyncio.run(_samples_of_servers(settings))
    counters.report(redis, "shared parts", samples, REPORT_SECONDS)


def _answers(database: Database) -> bool:
    try:
        database.ping()
    except (DatabaseUnavailable, DatabaseNotUpgraded):
        return False
    return True


async def _samples_of_servers(settings: Settings) -> dict[str, float]:
    """Return the gauges of all model servers. They are numbered in the order of their addresses, which are not shown."""
    names: list[ModelServerName] = (
        [*settings.reading_models, "extract"] if settings.asks_extract_model else [*settings.reading_models]
    )
    places = [(name, number, url) for name in names for number, url in enumerate(settings.model_server(name).urls, start=1)]
    found = await asyncio.gather(*(_load_of(settings, name, url) for name, _, url in places))
    return {
        sample: value
        for (name, number, _), load in zip(places, found, strict=True)
        for sample, value in _samples_of_server(name, str(number), load)
    }


async def _load_of(settings: Settings, name: ModelServerName, url: str) -> ServerLoad | None:
    """Return the load of a server, empty if it does not tell; None if it does not serve its model."""
    from document_parser.engines.vlm.server import ModelServer, ServerLoad  # no host without model servers loads it

    engines = settings.engines.model_copy(update={"vllm_api_key": settings.key_of(name)})
    server = ModelServer(engines, url, settings.model_server(name).model)
    try:
        return await server.report() or ServerLoad() if await server.is_available() else None
    finally:
        await server.aclose()


def _samples_of_server(name: str, number: str, load: ServerLoad | None) -> Iterable[tuple[str, float]]:
    yield sample_name("model_server_up", name, number), float(load is not None)
    if load is None:
        return
    for state, requests in (("running", load.running), ("waiting", load.waiting)):
        if requests is not None:
            yield sample_name("model_server_requests", name, number, state), requests
    if load.cache_usage is not None:
        yield sample_name("model_server_cache_usage_ratio", name, number), load.cache_usage
