"""Clients that send files as fast as they are answered: a closed loop, one request after the other each."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

NEVER_FULL = {"RATE_LIMIT_UPLOADS": "1000000/minute", "RATE_LIMIT_READS": "1000000/minute", "CACHE_HOURS": "24"}
"""Limits that are counted, since counting costs time, and never reached; and a cache that is asked and has nothing."""

BOUNDARY = "benchmark-7f3a9c51"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


@dataclass
class Outcome:
    """What came of some requests. Latencies are of the answered ones, in seconds."""

    latencies: list[float] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    failures: int = 0
    seconds: float = 0.0

    def add(self, other: Outcome) -> None:
        self.latencies += other.latencies
        self.answers += other.answers
        self.failures += other.failures
        self.seconds += other.seconds

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    @property
    def p50_milliseconds(self) -> float:
        return statistics.median(self.latencies) * 1000


def multipart(filename: str, content: bytes) -> bytes:
    """The body of an upload form with one file."""
    disposition = f'Content-Disposition: form-data; name="file"; filename="{filename}"'
    head = f"--{BOUNDARY}\r\n{disposition}\r\nContent-Type: application/octet-stream\r\n\r\n"
    return b"".join((head.encode(), content, f"\r\n--{BOUNDARY}--\r\n".encode()))


def send_all(
    url: str, bodies: Iterable[bytes], clients: int, content_type: str = MULTIPART, headers: Mapping[str, str] | None = None
) -> Outcome:
    """Post each body once, by so many clients at a time."""
    return asyncio.run(_send_all(url, bodies, clients, {"Content-Type": content_type, **(headers or {})}))


async def _send_all(url: str, bodies: Iterable[bytes], clients: int, headers: dict[str, str]) -> Outcome:
    outcome, waiting = Outcome(), iter(bodies)
    connector = aiohttp.TCPConnector(limit=clients)
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers) as session:

        async def send_on() -> None:
            for body in waiting:
                await _send(session, url, body, outcome)

        started = time.perf_counter()
        await asyncio.gather(*(send_on() for _ in range(clients)))
        outcome.seconds = time.perf_counter() - started
    return outcome


async def _send(session: aiohttp.ClientSession, url: str, body: bytes, outcome: Outcome) -> None:
    started = time.perf_counter()
    try:
        async with session.post(url, data=body) as response:
            answer = await response.json()
            if response.status not in (200, 202):
                raise ValueError(answer)
    except (aiohttp.ClientError, TimeoutError, ValueError):
        outcome.failures += 1
        return
    outcome.latencies.append(time.perf_counter() - started)
    outcome.answers.append(answer)
