"""Requests in flight at model servers: the next page goes to the least loaded server.

An ``InFlight`` counts them: in Redis (``jobs/redis/in_flight.py``) for all processes on all hosts of a service, in this process
for ``docparse parse``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Candidate:
    """A server that may be asked.

    ``reported_load`` is how many requests it reported when last asked, and ``counted_at`` how many requests were counted there
    at that time; None if that was just now.
    """

    server: str
    reported_load: float = 0.0
    counted_at: int | None = 0

    def load(self, counted: int) -> float:
        """Return the server's load in requests as far as it is known.

        This is what it reported, plus the requests sent and minus those answered since.
        """
        return self.reported_load if self.counted_at is None else self.reported_load - self.counted_at + counted


class InFlight(Protocol):
    """Counts requests by server. No method except ``renew`` raises."""

    def enter(self, request: str, candidates: Sequence[Candidate]) -> dict[str, int]:
        """Count a request at the least loaded of the candidates, the first if several are equal.

        Returns how many requests each candidate had before.
        """

    def move(self, request: str, server: str) -> None:
        """Count the request at another server from now on."""

    def leave(self, request: str) -> None:
        """Count the request no more: it is answered or given up."""

    def renew(self) -> None:
        """Record that the requests are still waited for. A store that shares its counts may raise RedisError."""

    def close(self) -> None:
        """Report the requests answered since the last call: there will be no further request."""


class LocalInFlight:
    """The requests in flight of one process."""

    def __init__(self) -> None:
        """Start without requests."""
        self.held: dict[str, str] = {}

    def enter(self, request: str, candidates: Sequence[Candidate]) -> dict[str, int]:
        """Count a request at the least loaded candidate, and return how many requests each candidate had before."""
        counts = Counter(self.held.values())
        self.held[request] = least_loaded(candidates, counts)
        return {candidate.server: counts[candidate.server] for candidate in candidates}

    def move(self, request: str, server: str) -> None:
        """Count the request at another server from now on."""
        self.held[request] = server

    def leave(self, request: str) -> None:
        """Count the request no more: it is answered or given up."""
        self.held.pop(request, None)

    def renew(self) -> None:
        """Do nothing: no other process counts these requests."""

    close = renew


def least_loaded(candidates: Sequence[Candidate], counts: dict[str, int]) -> str:
    """Return the least loaded of the candidates, the first if several are equal."""
    return min(candidates, key=lambda candidate: candidate.load(counts.get(candidate.server, 0))).server
