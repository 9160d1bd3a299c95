"""Requests in flight at model servers, by all who ask them: the next page goes to the server with the least to do.

Where they are counted, so that all processes of all hosts know of them, is an ``InFlight``'s business: in Redis for a service
(``jobs/in_flight.py``), in this process for ``docparse parse``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Candidate:
    """A server that may be asked. ``told`` is what it said that it had to do when it was last looked at, and ``then`` how many
    requests were counted there at that time; None where that was just now."""

    server: str
    reported_load: float = 0.0
    counted_at: int | None = 0

    def load(self, counted: int) -> float:
        """What it has to do, as far as is known: its own word, and what was sent or came back since."""
        return self.reported_load if self.counted_at is None else self.reported_load - self.counted_at + counted


class InFlight(Protocol):
    """Counts requests by server. None of the methods raises, but for ``renew``."""

    def enter(self, request: str, candidates: Sequence[Candidate]) -> dict[str, int]:
        """Count a request at the server with the least to do, the first of several. How many each had before."""

    def move(self, request: str, server: str) -> None:
        """It is asked of another server."""

    def leave(self, request: str) -> None:
        """It is answered, or given up."""

    def renew(self) -> None:
        """Say that whoever asked still waits. Where counts are shared it may raise RedisError."""

    def close(self) -> None:
        """Tell what has been answered: nobody will ask any more."""


class LocalInFlight:
    """The requests of one process."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}

    def enter(self, request: str, candidates: Sequence[Candidate]) -> dict[str, int]:
        counts = Counter(self.held.values())
        self.held[request] = least(candidates, counts)
        return {candidate.server: counts[candidate.server] for candidate in candidates}

    def move(self, request: str, server: str) -> None:
        self.held[request] = server

    def leave(self, request: str) -> None:
        self.held.pop(request, None)

    def renew(self) -> None:
        """Nobody else counts them."""

    close = renew


def least(candidates: Sequence[Candidate], counts: dict[str, int]) -> str:
    """The server with the least to do."""
    return min(candidates, key=lambda candidate: candidate.load(counts.get(candidate.server, 0))).server
