"""Request page images for people to view. ``workers/draw_pages.py`` draws them, and storage keeps them.

A request is an item of the Redis list ``pictures``; its outcome is kept for a minute in a key of its own.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Literal, Self

from document_parser.jobs.records import storage_keys
from document_parser.jobs.redis.connection import Redis, text

REQUESTS = "pictures"
"""The Redis list of requests."""
ASKED_SECONDS = 10
"""A request without an answer after this time is made again: the process that took it may have died."""
ANSWER_SECONDS = 60
"""How long the outcome of a request is kept in Redis."""
POLL_SECONDS = 0.05
"""The pause between two checks for the outcome, in seconds."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""
Answer = Literal["drawn", "refused", "pending"]
"""The outcome of a request; ``refused`` if the page cannot be drawn, ``pending`` if it has not been drawn yet."""


@dataclass(frozen=True, slots=True)
class PageImageRequest:
    """A page of a job, turned clockwise by 0, 90, 180 or 270 degrees from what a viewer shows.

    ``marks`` are boxes to draw on it, in fractions of the upright page; the image is a PNG then. None draws a plain JPEG.
    """

    job_id: str
    number: int
    turn: int = 0
    marks: tuple[Box, ...] | None = None

    @classmethod
    def parse(cls, item: bytes | str) -> Self:
        """Parse an item of the list. Raises ValueError if it has another form."""
        job_id, number, turn, *marks = text(item).split("|")
        return cls(job_id, int(number), int(turn), tuple(map(_parse_box, marks[0].split())) if marks else None)

    def __str__(self) -> str:
        plain = f"{self.job_id}|{self.number}|{self.turn}"
        return plain if self.marks is None else f"{plain}|{self._written_marks}"

    @property
    def _written_marks(self) -> str:
        return " ".join(",".join(map(str, box)) for box in self.marks or ())

    @property
    def file(self) -> str:
        """Return the key of the image in storage."""
        if self.marks is None:
            return storage_keys.page_image(self.job_id, self.number, self.turn)
        return storage_keys.marked_image(self.job_id, self.number, self.turn, self._name_of_marks)

    @property
    def _name_of_marks(self) -> str:
        """Return a name for the marks, of always the same length."""
        return hashlib.sha256(self._written_marks.encode()).hexdigest()[:32]

    @property
    def _answer_key(self) -> str:
        plain = f"{REQUESTS}:{self.job_id}|{self.number}|{self.turn}"
        return plain if self.marks is None else f"{plain}|{self._name_of_marks}"

    def wait(self, redis: Redis, seconds: float) -> Answer:
        """Request the image and wait up to ``seconds`` for it. Raises RedisError.

        Simultaneous requests for the same image are drawn once.
        """
        deadline = time.monotonic() + seconds
        while True:
            if redis.set(self._answer_key, "asked", ex=ASKED_SECONDS, nx=True):
                redis.rpush(REQUESTS, str(self))
            answer = text(redis.get(self._answer_key) or b"")
            if answer in ("drawn", "refused"):
                return "drawn" if answer == "drawn" else "refused"
            if time.monotonic() > deadline:
                return "pending"
            time.sleep(POLL_SECONDS)

    def answer(self, redis: Redis, answer: Answer) -> None:
        """Publish the outcome to all who wait for it. Raises RedisError."""
        redis.set(self._answer_key, answer, ex=ANSWER_SECONDS)


def _parse_box(written: str) -> Box:
    """Return a box as it is written in a request. Raises ValueError if it is no box."""
    left, top, right, bottom = map(float, written.split(","))
    return left, top, right, bottom


def next_request(redis: Redis, seconds: int) -> PageImageRequest | None:
    """Take the request that has waited longest; None if there is none within ``seconds``. Raises RedisError."""
    found = redis.blpop([REQUESTS], timeout=seconds)
    return PageImageRequest.parse(found[1]) if found else None
