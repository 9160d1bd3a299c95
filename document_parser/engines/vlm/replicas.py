"""Several servers of one model: each page goes to the one with the least to do, around those that are away or keep failing."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from document_parser.balancing.breaker import BreakerStore, Thresholds, after_answer, after_fault, entering
from document_parser.balancing.in_flight import Candidate
from document_parser.engines.base import Engine, Watch
from document_parser.engines.vlm.client import VisionEngine
from document_parser.errors import EngineError, EngineRefused, EngineUnavailable
from document_parser.models import Block, EngineName, PageImage, PageKind, PictureSpec, Reading

NEVER = float("-inf")


@dataclass
class Replica:
    """One server. ``load`` is what it had running and waiting when it was last looked at, ``then`` how many requests were
    note_count there at that time; None until that is known."""

    server: str
    engine: VisionEngine
    reported_load: float = 0.0
    counted_at: int | None = 0
    refreshed_at: float = NEVER

    @property
    def candidate(self) -> Candidate:
        return Candidate(self.server, self.reported_load, self.counted_at)

    async def refresh_load(self) -> None:
        """Ask the server for its load. Of one that does not say the note_count requests are all that is known."""
        self.refreshed_at = time.monotonic()
        load = await self.engine.load()
        self.reported_load, self.counted_at = (0.0, 0) if load is None else (load, None)

    def note_count(self, requests: int) -> None:
        """How many were note_count just after the refresh_load."""
        if self.counted_at is None:
            self.counted_at = requests


class ReplicatedEngine(Engine):
    """A model behind one server or several, each with a circuit breaker."""

    name: EngineName  # type: ignore[misc]  # that of the model

    def __init__(self, engines: dict[str, VisionEngine], board: BreakerStore, rule: Thresholds, refresh_seconds: float) -> None:
        self.replicas = [Replica(server, engine) for server, engine in engines.items()]
        self._first = self.replicas[0].engine
        self._board = board
        self._rule = rule
        self._refresh_seconds = refresh_seconds
        self.name = self._first.name

    @property
    def picture(self) -> PictureSpec:  # type: ignore[override]
        return self._first.picture

    def picture_for(self, kind: PageKind) -> PictureSpec:
        return self._first.picture_for(kind)

    def parse(self, text: str) -> list[Block]:
        return self._first.parse(text)

    async def available(self) -> bool:
        return bool(await self._available_of(self._admitted_replicas()))

    async def read(self, page: PageImage, *, temperature: float | None = None, watch: Watch | None = None) -> Reading:
        """Read the picture on the server with the least to do; on the next one where it is away. Raises EngineError."""
        request = uuid.uuid4().hex
        try:
            fault = EngineUnavailable("The model server has failed again and again. It is left alone for a while.")
            for replica in self._order_by_load(request, await self._choose_candidates()):
                if not self._try_enter(replica):
                    continue
                self._board.in_flight.move(request, replica.server)
                try:
                    return await self._read_on(replica, page, temperature, watch)
                except EngineUnavailable as error:
                    fault = error
            raise fault
        finally:
            self._board.in_flight.leave(request)

    async def aclose(self) -> None:
        await asyncio.gather(*(replica.engine.aclose() for replica in self.replicas))

    async def _read_on(self, replica: Replica, page: PageImage, temperature: float | None, watch: Watch | None) -> Reading:
        try:
            reading = await replica.engine.read(page, temperature=temperature, watch=watch)
        except EngineError as error:
            self._record_outcome(replica, well=not _is_fault(error))
            raise
        self._record_outcome(replica, well=True)
        return reading

    def _try_enter(self, replica: Replica) -> bool:
        """Whether we may ask; taken together with the right to be the probe."""
        if self._board.look(replica.server).state(self._board.now()) == "closed":
            return True
        before, after = self._board.change(replica.server, entering(self._rule))
        return before != after or after.state(self._board.now()) == "closed"

    def _record_outcome(self, replica: Replica, *, well: bool) -> None:
        if not well:
            self._board.change(replica.server, after_fault(self._rule))
        elif self._board.look(replica.server).faults:
            self._board.change(replica.server, after_answer)

    def _admitted_replicas(self) -> list[Replica]:
        now = self._board.now()
        return [replica for replica in self.replicas if self._board.look(replica.server).admits(now)]

    async def _available_of(self, replicas: Sequence[Replica]) -> list[Replica]:
        answers = await asyncio.gather(*(replica.engine.available() for replica in replicas))
        return [replica for replica, answer in zip(replicas, answers, strict=True) if answer]

    async def _choose_candidates(self) -> list[Replica]:
        """Those to ask, in any order. Where none is known to be there, all: a refresh_load may be out of date."""
        admitted = self._admitted_replicas()
        if len(self.replicas) == 1:
            return admitted
        found = await self._available_of(admitted) or admitted
        old = time.monotonic() - self._refresh_seconds
        await asyncio.gather(*(replica.refresh_load() for replica in found if replica.refreshed_at <= old))
        random.shuffle(found)
        return found

    def _order_by_load(self, request: str, found: list[Replica]) -> list[Replica]:
        """Those to ask, the one first at which the request is note_count, which has the least to do."""
        if not found:
            return []
        counts = self._board.in_flight.enter(request, [replica.candidate for replica in found])
        ordered = sorted(found, key=lambda replica: replica.candidate.load(counts[replica.server]))
        for replica in found:
            replica.note_count(counts[replica.server])
        return ordered


def _is_fault(error: EngineError) -> bool:
    """Whether it is the server's: a refusal is the page's, unless the server says that it broke itself."""
    return not isinstance(error, EngineRefused) or error.details.get("server_status", 0) >= 500
