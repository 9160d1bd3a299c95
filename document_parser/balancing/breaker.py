"""Circuit breakers: a model server that fails again and again is left alone for a while, then tried with one page.

A breaker is a value; the steps between its states are pure functions. Where it is kept, so that all processes of all hosts know
of it, is a ``BreakerStore``'s business: in Redis for a service (``jobs/breakers.py``), in this process for ``docparse parse``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from document_parser.balancing.in_flight import InFlight, LocalInFlight

State = Literal["closed", "open", "half_open"]
LONGEST_PAUSES = 3
"""The pause doubles at each failed probe, so many times."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """After so many faults in a row a server is left alone; a probe that says nothing for so long is forgotten. In seconds."""

    faults: int
    pause_seconds: float
    probe_seconds: float


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known of one server. Moments are seconds on the switchboard's clock; 0 for none."""

    faults: int = 0
    openings: int = 0
    open_until: float = 0.0
    probe_until: float = 0.0

    def state(self, now: float) -> State:
        if not self.open_until:
            return "closed"
        return "open" if now < self.open_until else "half_open"

    def admits(self, now: float) -> bool:
        """Whether the server may be asked: never while open, one at a time while half open."""
        state = self.state(now)
        return state == "closed" or (state == "half_open" and now >= self.probe_until)


Step = Callable[[Breaker, float], Breaker]


def entering(rule: Thresholds) -> Step:
    """Somebody is about to ask the server: at a half-open breaker that is the probe."""

    def step(breaker: Breaker, now: float) -> Breaker:
        if breaker.state(now) == "half_open" and breaker.admits(now):
            return replace(breaker, probe_until=now + rule.probe_seconds)
        return breaker

    return step


def after_fault(rule: Thresholds) -> Step:
    """The server has failed. What was asked before the breaker opened and fails later changes nothing any more."""

    def step(breaker: Breaker, now: float) -> Breaker:
        faults = breaker.faults + 1
        if breaker.state(now) == "open" or faults < rule.faults:
            return replace(breaker, faults=faults)
        pause = rule.pause_seconds * 2 ** min(breaker.openings, LONGEST_PAUSES)
        return Breaker(faults, breaker.openings + 1, now + pause)

    return step


def after_answer(breaker: Breaker, now: float) -> Breaker:
    """The server has answered as it should."""
    del breaker, now
    return Breaker()


class BreakerStore(Protocol):
    """Keeps the breakers of all servers, and what is in flight there. Steps are atomic; none of the methods raises."""

    @property
    def in_flight(self) -> InFlight:
        """The requests that they are answering."""

    def now(self) -> float:
        """The clock of the breakers."""

    def look(self, server: str) -> Breaker:
        """How the breaker stands; may be a second old."""

    def change(self, server: str, step: Step) -> tuple[Breaker, Breaker]:
        """Take a step. The breaker before and after it."""


class LocalBreakers:
    """The breakers of one process, by a clock that nobody sets."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._breakers: dict[str, Breaker] = {}
        self._clock = clock
        self.in_flight: InFlight = LocalInFlight()

    def now(self) -> float:
        return self._clock()

    def look(self, server: str) -> Breaker:
        return self._breakers.get(server, Breaker())

    def change(self, server: str, step: Step) -> tuple[Breaker, Breaker]:
        before = self.look(server)
        after = self._breakers[server] = step(before, self.now())
        return before, after
