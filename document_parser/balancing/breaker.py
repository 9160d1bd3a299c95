"""Circuit breakers: a model server that fails repeatedly is left alone for a while, then tried with one page.

Source: the circuit breaker of Nygard, "Release It!" (2007), with pauses that double. A breaker is a value, and the steps
between its states are pure functions. A ``BreakerStore`` keeps the breakers: in Redis (``jobs/redis/breakers.py``) for all
processes on all hosts of a service, in this process for ``docparse parse``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from document_parser.balancing.in_flight import InFlight, LocalInFlight

State = Literal["closed", "open", "half_open"]
"""``closed``: the server is asked. ``open``: it is not asked. ``half_open``: one page may try it."""
MAX_PAUSE_DOUBLINGS = 3
"""How many times the pause doubles at most; it doubles at each failed probe."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a breaker opens and for how long.

    After ``faults`` faults in a row the server is left alone for ``pause_seconds``. A probe without an answer is forgotten
    after ``probe_seconds``.
    """

    faults: int
    pause_seconds: float
    probe_seconds: float


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known of one server. Times are seconds on the store's clock; 0 means none."""

    faults: int = 0
    openings: int = 0
    open_until: float = 0.0
    probe_until: float = 0.0

    def state(self, now: float) -> State:
        """Return the breaker's state at this time."""
        if not self.open_until:
            return "closed"
        return "open" if now < self.open_until else "half_open"

    def admits(self, now: float) -> bool:
        """Return whether the server may be asked: never while open, one request at a time while half open."""
        state = self.state(now)
        return state == "closed" or (state == "half_open" and now >= self.probe_until)


Step = Callable[[Breaker, float], Breaker]
"""Return the breaker after something has happened at this time."""


def start_probe(thresholds: Thresholds) -> Step:
    """Return the step for a request that is about to start. At a half-open breaker it becomes the probe."""

    def step(breaker: Breaker, now: float) -> Breaker:
        if breaker.state(now) == "half_open" and breaker.admits(now):
            return replace(breaker, probe_until=now + thresholds.probe_seconds)
        return breaker

    return step


def record_fault(thresholds: Thresholds) -> Step:
    """Return the step for a failure of the server.

    A request that began before the breaker opened and fails later changes nothing more.
    """

    def step(breaker: Breaker, now: float) -> Breaker:
        faults = breaker.faults + 1
        if breaker.state(now) == "open" or faults < thresholds.faults:
            return replace(breaker, faults=faults)
        pause = thresholds.pause_seconds * 2 ** min(breaker.openings, MAX_PAUSE_DOUBLINGS)
        return Breaker(faults, breaker.openings + 1, now + pause)

    return step


def record_answer(breaker: Breaker, now: float) -> Breaker:
    """Return a closed breaker: the server has answered correctly."""
    del breaker, now
    return Breaker()


class BreakerStore(Protocol):
    """Keeps the breakers of all servers and their requests in flight. Steps are atomic. No method raises."""

    @property
    def in_flight(self) -> InFlight:
        """Return the requests that the servers are answering."""

    def now(self) -> float:
        """Return the time in seconds on the clock of the breakers."""

    def get(self, server: str) -> Breaker:
        """Return a server's breaker, which may be a second old."""

    def change(self, server: str, step: Step) -> tuple[Breaker, Breaker]:
        """Apply a step to a server's breaker, and return the breaker before and after it."""


class LocalBreakers:
    """The breakers of one process, on a monotonic clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with all breakers closed."""
        self._breakers: dict[str, Breaker] = {}
        self._clock = clock
        self.in_flight: InFlight = LocalInFlight()

    def now(self) -> float:
        """Return the time in seconds on the clock of the breakers."""
        return self._clock()

    def get(self, server: str) -> Breaker:
        """Return a server's breaker; closed if nothing has happened."""
        return self._breakers.get(server, Breaker())

    def change(self, server: str, step: Step) -> tuple[Breaker, Breaker]:
        """Apply a step to a server's breaker, and return the breaker before and after it."""
        before = self.get(server)
        after = self._breakers[server] = step(before, self.now())
        return before, after
