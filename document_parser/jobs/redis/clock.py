"""Read the one clock of the service: that of Redis. The clocks of the hosts may differ by hours, and jump.

Every time that one process writes and another compares is on this clock. Within a process, the monotonic clock is used.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from document_parser.jobs.redis import scripts
from document_parser.jobs.redis.connection import Redis
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

MIN_JUMP_SECONDS = 2.0
"""A smaller difference between the two clocks is not treated as a jump."""
MAX_REPLY_SECONDS = 0.5
"""A reply that took longer does not give the time precisely enough."""


def seconds(redis: Redis | Any) -> float:
    """Return the time on Redis' clock in seconds since 1970. Raises RedisError."""
    return seconds_of_reply(redis.time())


def seconds_of_reply(reply: Any) -> float:
    """Return the reply to Redis' TIME command as seconds since 1970."""
    whole, micros = reply
    return int(whole) + int(micros) / 1_000_000


def now(redis: Redis) -> datetime:
    """Return the time on Redis' clock in UTC. Raises RedisError."""
    return datetime.fromtimestamp(seconds(redis), UTC)


@dataclass
class JumpWatch:
    """Detects jumps of Redis' clock, as when its host was suspended or its time was set.

    Between two measurements, Redis' clock should advance as much as the monotonic clock of this process.
    """

    ahead: float | None = None
    """Seconds by which Redis' clock was ahead of the monotonic clock when it was last measured; None before that."""

    def measure_jump(self, redis: Redis) -> float:
        """Return the seconds by which Redis' clock has jumped since the last measurement, 0 for no jump. Raises RedisError.

        Also 0 if Redis took longer than ``MAX_REPLY_SECONDS`` to answer; the next measurement then compares with the one
        before.
        """
        sent_at = time.monotonic()
        store_seconds = seconds(redis)
        received_at = time.monotonic()
        if received_at - sent_at > MAX_REPLY_SECONDS:
            return 0.0
        before, self.ahead = self.ahead, store_seconds - received_at
        jump = 0.0 if before is None else self.ahead - before
        return jump if abs(jump) > MIN_JUMP_SECONDS else 0.0


def shift_times(redis: Redis, jump_seconds: float) -> None:
    """Shift all deadlines and due times in Redis by the seconds its clock has jumped. Raises RedisError."""
    log.warning("store_clock_jumped", seconds=round(jump_seconds, 1))
    scripts.run_script(redis, "follow_clock", round(jump_seconds * 1000))
