"""Many clients of one owner send as fast as they can until the day's quota is used up, while its jobs are read."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from document_parser.jobs.records.ledger import Ledger
from document_parser.jobs.redis.connection import connect, text
from document_parser.models import JobState
from document_parser.settings import Settings, StoreSettings
from tests.support.ledger_jobs import read_blank

PAUSE_SECONDS = 0.05
"""Pause of a client after an answer that allows no more at this moment."""


@dataclass
class Storm:
    """What came of it. ``most`` is the largest number of jobs that had not ended at once."""

    answers: Counter[str] = field(default_factory=Counter)
    most: int = 0
    created: int = 0
    """Jobs of the owner that there are afterwards."""


class Reading:
    """Reads the jobs of a service without workers, one page each, and watches how many there are at once."""

    def __init__(self, data_dir: Path, redis_url: str, storm: Storm) -> None:
        self.settings = Settings(store=StoreSettings(data_dir=data_dir, redis_url=redis_url))
        self.storm, self.stopping = storm, threading.Event()
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self._watch, self._read)]

    def __enter__(self) -> Reading:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _watch(self) -> None:
        with connect(self.settings) as redis:
            while not self.stopping.wait(0.001):
                self.storm.most = max(self.storm.most, redis.zcard("jobs:active"))

    def _read(self) -> None:
        with connect(self.settings) as redis:
            ledger = Ledger(redis, self.settings)
            while not self.stopping.wait(0.005):
                for job_id in map(text, redis.zrange("jobs:active", 0, -1)):
                    read_blank(ledger, job_id, 1)
                    ledger.end(job_id, JobState.COMPLETED)


def storm(
    data_dir: Path,
    redis_url: str,
    ports: Sequence[int],
    key: str,
    owner: str,
    clients: int,
    meanwhile: Callable[[], None],
    *,
    seconds: float = 60,
) -> Storm:
    """Send from so many clients until each is told that nothing more is allowed. Raises TimeoutError after ``seconds``."""
    found = Storm()
    with Reading(data_dir, redis_url, found) as reading:
        asyncio.run(asyncio.wait_for(_send_all(ports, key, clients, found, meanwhile), seconds))
        with connect(reading.settings) as redis:
            found.created = redis.zcard(f"jobs:{owner}")
    return found


async def _send_all(ports: Sequence[int], key: str, clients: int, found: Storm, meanwhile: Callable[[], None]) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers={"X-API-Key": key}) as session:

        async def client(number: int) -> None:
            url = f"http://127.0.0.1:{ports[number % len(ports)]}/v1/process/async?filename=a.txt"
            while (code := await _send(session, url)) != "QUOTA_EXCEEDED":
                found.answers[code] += 1
                await asyncio.sleep(0 if code == "accepted" else PAUSE_SECONDS)
            found.answers[code] += 1

        async with asyncio.TaskGroup() as group:
            for number in range(clients):
                group.create_task(client(number))
            group.create_task(asyncio.to_thread(meanwhile))


async def _send(session: aiohttp.ClientSession, url: str) -> str:
    with suppress(aiohttp.ClientError, TimeoutError):
        async with session.post(url, data=b"A sentence.\n", headers={"Content-Type": "text/plain"}) as answer:
            body = await answer.json()
            return "accepted" if answer.status == 202 else str(body["error"]["code"])
    return "connection lost"
