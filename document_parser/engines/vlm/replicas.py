"""Several servers of one model: each request goes to the least loaded one that answers and does not keep failing."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from document_parser.balancing.breaker import BreakerStore, Thresholds, record_answer, record_fault, start_probe
from document_parser.balancing.in_flight import Candidate
from document_parser.engines.base import Engine, Watch
from document_parser.engines.vlm.client import VisionEngine
from document_parser.engines.vlm.server import ModelServer
from document_parser.errors import EngineError, EngineRefused, EngineUnavailable
from document_parser.models import Block, EngineName, PageImage, PageImageSpec, PageKind, Reading

Server = TypeVar("Server", bound=ModelServer)
Answered = TypeVar("Answered")
NEVER = float("-inf")
"""The time of a refresh that has not happened."""


@dataclass
class Replica(Generic[Server]):
    """One server of a model.

    ``reported_load`` is how many requests it reported running and waiting when last asked. ``counted_at`` is how many requests
    were counted there at that time; None until that is known. ``refreshed_at`` is in seconds of the monotonic clock.
    """

    server: str
    client: Server
    reported_load: float = 0.0
    counted_at: int | None = 0
    refreshed_at: float = NEVER

    @property
    def candidate(self) -> Candidate:
        """Return the server as a candidate for the next request."""
        return Candidate(self.server, self.reported_load, self.counted_at)

    async def refresh_load(self) -> None:
        """Ask the server for its load. If it does not report one, only the counted requests are known."""
        self.refreshed_at = time.monotonic()
        load = await self.client.load()
        self.reported_load, self.counted_at = (0.0, 0) if load is None else (load, None)

    def note_count(self, requests: int) -> None:
        """Record how many requests were counted just after the load was refreshed."""
        if self.counted_at is None:
            self.counted_at = requests


class Replicas(Generic[Server]):
    """A model on one server or several, each with a circuit breaker."""

    def __init__(self, servers: dict[str, Server], board: BreakerStore, thresholds: Thresholds, refresh_seconds: float) -> None:
        """Keep the servers by name.

        ``refresh_seconds`` is the maximum age of a server's reported load.
        """
        self.replicas = [Replica(name, client) for name, client in servers.items()]
        self._board = board
        self._thresholds = thresholds
        self._refresh_seconds = refresh_seconds

    async def is_available(self) -> bool:
        """Return whether a server that its breaker admits answers."""
        return bool(await self._available_of(self._admitted_replicas()))

    async def ask(self, request: Callable[[Server], Awaitable[Answered]]) -> Answered:
        """Send a request to the least loaded server; to the next one if that cannot be reached.

        Raises EngineError, EngineRefused, EngineTimeout, EngineUnavailable, ContextExceeded.
        """
        name = uuid.uuid4().hex
        try:
            fault = EngineUnavailable("The model server has failed repeatedly and is not used for a while.")
            for replica in self._order_by_load(name, await self._choose_candidates()):
                if not self._try_enter(replica):
                    continue
                self._board.in_flight.move(name, replica.server)
                try:
                    return await self._ask_one(replica, request)
                except EngineUnavailable as error:
                    fault = error
            raise fault
        finally:
            self._board.in_flight.leave(name)

    async def aclose(self) -> None:
        """Close the connections to all servers."""
        await asyncio.gather(*(replica.client.aclose() for replica in self.replicas))

    async def _ask_one(self, replica: Replica[Server], request: Callable[[Server], Awaitable[Answered]]) -> Answered:
        """Send a request to this server, and record the outcome with its breaker."""
        try:
            answer = await request(replica.client)
        except EngineError as error:
            self._record_outcome(replica, well=not _is_fault(error))
            raise
        self._record_outcome(replica, well=True)
        return answer

    def _try_enter(self, replica: Replica[Server]) -> bool:
        """Return whether the server may be asked, and claim the probe in the same step if its breaker is half open."""
        if self._board.get(replica.server).state(self._board.now()) == "closed":
            return True
        before, after = self._board.change(replica.server, start_probe(self._thresholds))
        return before != after or after.state(self._board.now()) == "closed"

    def _record_outcome(self, replica: Replica[Server], *, well: bool) -> None:
        """Report to the server's breaker whether the request went well."""
        if not well:
            self._board.change(replica.server, record_fault(self._thresholds))
        elif self._board.get(replica.server).faults:
            self._board.change(replica.server, record_answer)

    def _admitted_replicas(self) -> list[Replica[Server]]:
        """Return the servers that their breakers admit."""
        now = self._board.now()
        return [replica for replica in self.replicas if self._board.get(replica.server).admits(now)]

    async def _available_of(self, replicas: Sequence[Replica[Server]]) -> list[Replica[Server]]:
        """Return which of these servers answer."""
        answers = await asyncio.gather(*(replica.client.is_available() for replica in replicas))
        return [replica for replica, answer in zip(replicas, answers, strict=True) if answer]

    async def _choose_candidates(self) -> list[Replica[Server]]:
        """Return the servers that may be asked, in any order.

        If none is known to answer, return all that are admitted: what is known may be out of date.
        """
        admitted = self._admitted_replicas()
        if len(self.replicas) == 1:
            return admitted
        found = await self._available_of(admitted) or admitted
        old = time.monotonic() - self._refresh_seconds
        await asyncio.gather(*(replica.refresh_load() for replica in found if replica.refreshed_at <= old))
        random.shuffle(found)
        return found

    def _order_by_load(self, request: str, found: list[Replica[Server]]) -> list[Replica[Server]]:
        """Return the servers from the least loaded on. The request is counted at the first of them."""
        if not found:
            return []
        counts = self._board.in_flight.enter(request, [replica.candidate for replica in found])
        ordered = sorted(found, key=lambda replica: replica.candidate.load(counts[replica.server]))
        for replica in found:
            replica.note_count(counts[replica.server])
        return ordered


class ReplicatedEngine(Engine):
    """An engine that is a model on one server or several."""

    name: EngineName  # type: ignore[misc]  # the name of the model's engine
    """The name of the model's engine."""

    def __init__(
        self, engines: dict[str, VisionEngine], board: BreakerStore, thresholds: Thresholds, refresh_seconds: float
    ) -> None:
        """Keep the engines by server name; see Replicas."""
        self._servers = Replicas(engines, board, thresholds, refresh_seconds)
        self._first = self._servers.replicas[0].client
        self.name = self._first.name

    @property
    def image_spec(self) -> PageImageSpec:  # type: ignore[override]
        """Return the page image that the model wants of an ordinary page."""
        return self._first.image_spec

    def image_spec_for(self, kind: PageKind) -> PageImageSpec:
        """Return the page image that the model wants of a page of this kind."""
        return self._first.image_spec_for(kind)

    def parse(self, text: str, page: PageImage | None = None) -> list[Block]:
        """Return the blocks of an answer or of its beginning. Never raises."""
        return self._first.parse(text, page)

    async def is_available(self) -> bool:
        """Return whether a server that its breaker admits answers."""
        return await self._servers.is_available()

    async def read(self, page: PageImage, *, temperature: float | None = None, watch: Watch | None = None) -> Reading:
        """Read a page on the least loaded server; on the next one if that cannot be reached.

        Raises EngineError, EngineRefused, EngineTimeout, EngineUnavailable, ContextExceeded.
        """
        return await self._servers.ask(lambda engine: engine.read(page, temperature=temperature, watch=watch))

    async def aclose(self) -> None:
        """Close the engines of all servers."""
        await self._servers.aclose()


def _is_fault(error: EngineError) -> bool:
    """Return whether the error is the server's fault.

    A refusal is about the page, unless the server reports an error of its own.
    """
    return not isinstance(error, EngineRefused) or error.details.get("server_status", 0) >= 500
