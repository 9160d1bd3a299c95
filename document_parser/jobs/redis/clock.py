"""The one clock of the service is the store's: those of the hosts may differ by hours, and jump.

Whatever one process writes and another compares is told by it. Within a process, time is measured by the monotonic clock.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from document_parser.jobs.redis import scripts
from document_parser.jobs.redis.connection import Redis
from document_parser.telemetry import logs

log = logs.get(__name__)

LEAST_JUMP_SECONDS = 2.0
LONGEST_LOOK_SECONDS = 0.5
"""What took longer to answer does not tell the moment well enough."""


def seconds(redis: Redis | Any) -> float:
    """Seconds since 1970. Raises RedisError."""
    return of_reply(redis.time())


def of_reply(reply: Any) -> float:
    """What Redis answers to TIME, in seconds since 1970."""
    whole, micros = reply
    return int(whole) + int(micros) / 1_000_000


def now(redis: Redis) -> datetime:
    """This moment, in UTC. Raises RedisError."""
    return datetime.fromtimestamp(seconds(redis), UTC)


@dataclass
class JumpWatch:
    """Sees the store's own clock jump, as when its host was suspended or its time was set: between two looks it should have
    gone on as the monotonic clock of this process has."""

    ahead: float | None = None

    def measure_jump(self, redis: Redis) -> float:
        """By how many seconds the clock has jumped since the last look; 0 for not at all. Raises RedisError."""
        asked = time.monotonic()
        told = seconds(redis)
        answered = time.monotonic()
        if answered - asked > LONGEST_LOOK_SECONDS:
            return 0.0
        before, self.ahead = self.ahead, told - answered
        jump = 0.0 if before is None else self.ahead - before
        return jump if abs(jump) > LEAST_JUMP_SECONDS else 0.0


def follow(redis: Redis, jump_seconds: float) -> None:
    """Move what is due at a moment of the store's clock along with it. Raises RedisError."""
    log.warning("store_clock_jumped", seconds=round(jump_seconds, 1))
    scripts.run(redis, "follow_clock", round(jump_seconds * 1000))
