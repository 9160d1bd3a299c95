"""Continuous batching, simulated: running sequences share a total of tokens a second, the others wait their turn.

One ticker moves all sequences, so that sixty streams cost no more timers than one.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from tests.support.vllm_wire import usage_of


@dataclass(frozen=True)
class Speed:
    """How fast the simulated server is. Tokens a second, seconds, and tokens a chunk."""

    tokens_per_second: float = 2500.0
    per_sequence: float = 120.0
    sequences: int = 64
    first_token: float = 0.2
    chunk_tokens: int = 16
    tick: float = 0.01


UNHURRIED = Speed(tokens_per_second=300, per_sequence=100, first_token=0.05)
"""Pages take long enough for something to happen meanwhile."""
FAST = Speed(tokens_per_second=1e6, per_sequence=1e6, first_token=0.0, tick=0.002)
"""Answers come at once."""


@dataclass(eq=False)
class Sequence:
    """One answer on its way. Its pieces come out of ``chunks``; None is the end. ``prompt`` is in tokens."""

    pieces: list[str]
    slowness: float = 1.0
    prompt: int = 0
    finish: Literal["stop", "length"] = "stop"
    said: int = 0
    credit: float = 0.0
    starts_at: float = 0.0
    chunks: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)

    def told(self) -> bool:
        """Whether all its text has been taken out of ``chunks``: the last piece and the end are put there in one go."""
        return self.said == len(self.pieces) and self.chunks.qsize() == 1

    def usage(self) -> dict[str, int]:
        """Tokens. The one that ends an answer counts, though it is not shown."""
        return usage_of(self.prompt, len(self.pieces) + (self.finish == "stop"))


class Batch:
    """The running and the waiting sequences of one server."""

    def __init__(self, speed: Speed) -> None:
        self.speed = speed
        self.running: list[Sequence] = []
        self.waiting: deque[Sequence] = deque()
        self.most_running = 0
        self._work = asyncio.Event()

    def add(self, sequence: Sequence) -> None:
        self.waiting.append(sequence)
        self._admit()
        self._work.set()

    def remove(self, sequence: Sequence) -> None:
        """Forget a sequence, wherever it is; its place goes to the next one waiting."""
        if sequence in self.running:
            self.running.remove(sequence)
        elif sequence in self.waiting:
            self.waiting.remove(sequence)
        self._admit()

    async def run(self) -> None:
        """Move all sequences, for ever."""
        while True:
            if not self.running:
                self._work.clear()
                await self._work.wait()
            before = time.monotonic()
            await asyncio.sleep(self.speed.tick)
            self._advance(time.monotonic() - before)

    def _admit(self) -> None:
        while self.waiting and len(self.running) < self.speed.sequences:
            sequence = self.waiting.popleft()
            sequence.starts_at = time.monotonic() + self.speed.first_token
            self.running.append(sequence)
        self.most_running = max(self.most_running, len(self.running))

    def _advance(self, seconds: float) -> None:
        now = time.monotonic()
        speaking = [sequence for sequence in self.running if sequence.starts_at <= now]
        rate = min(self.speed.per_sequence, self.speed.tokens_per_second / max(1, len(speaking)))
        for sequence in speaking:
            sequence.credit += rate * seconds / sequence.slowness
            self._speak(sequence)

    def _speak(self, sequence: Sequence) -> None:
        while True:
            left = len(sequence.pieces) - sequence.said
            size = min(self.speed.chunk_tokens, left)
            if left and sequence.credit < size:
                return
            if not left:
                sequence.chunks.put_nowait(None)
                self.remove(sequence)
                return
            sequence.credit -= size
            sequence.chunks.put_nowait("".join(sequence.pieces[sequence.said : sequence.said + size]))
            sequence.said += size
