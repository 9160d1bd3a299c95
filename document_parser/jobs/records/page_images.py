"""Pictures of pages for people to look at: asked for here, drawn by the drawer (``drawer.py``), kept in storage.

A request is an item of the list ``pictures``; what came of it stands for a minute in a key of its own.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal, Self

from document_parser.jobs.records import storage_keys
from document_parser.jobs.redis.connection import Redis, text

WANTED = "pictures"
ASKED_SECONDS = 10
"""A request that nobody answers for so long is made again: its drawer may have died."""
ANSWER_SECONDS = 60
POLL_SECONDS = 0.05

Answer = Literal["drawn", "refused", "pending"]


@dataclass(frozen=True, slots=True)
class PictureRequest:
    """A page of a job, turned clockwise by 0, 90, 180 or 270 degrees from what a viewer shows."""

    job_id: str
    number: int
    turn: int = 0

    @classmethod
    def parse(cls, item: bytes | str) -> Self:
        job_id, number, turn = text(item).split("|")
        return cls(job_id, int(number), int(turn))

    def __str__(self) -> str:
        return f"{self.job_id}|{self.number}|{self.turn}"

    @property
    def file(self) -> str:
        return storage_keys.picture(self.job_id, self.number, self.turn)

    @property
    def _answer(self) -> str:
        return f"{WANTED}:{self}"

    def wait(self, redis: Redis, seconds: float) -> Answer:
        """Have the picture drawn, and wait so long for it. It may be asked for by many at once, and is drawn once."""
        deadline = time.monotonic() + seconds
        while True:
            if redis.set(self._answer, "asked", ex=ASKED_SECONDS, nx=True):
                redis.rpush(WANTED, str(self))
            answer = text(redis.get(self._answer) or b"")
            if answer in ("drawn", "refused"):
                return "drawn" if answer == "drawn" else "refused"
            if time.monotonic() > deadline:
                return "pending"
            time.sleep(POLL_SECONDS)

    def answer(self, redis: Redis, answer: Answer) -> None:
        """Tell those who wait."""
        redis.set(self._answer, answer, ex=ANSWER_SECONDS)


def next_request(redis: Redis, seconds: int) -> PictureRequest | None:
    """The request that waits longest; None where none comes within so many seconds."""
    found = redis.blpop([WANTED], timeout=seconds)
    return PictureRequest.parse(found[1]) if found else None
