"""What clients are sending right now: how slowly it may come, and how many slow ones may hold threads at once.

gunicorn's threads read from blocking sockets without a deadline, so a client that stalls, or sends a byte now and then, would
keep its thread for good, and a few of them all threads. One thread looks at everything that arrives, and shuts the reading side
of a socket whose time is over: its reader, wherever it waits, finds the end of it.
"""

from __future__ import annotations

import contextlib
import math
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

PIECE_BYTES = 1 << 16
"""What has to come within the time for one piece."""
SLOW_SECONDS = 2.0
"""What takes longer than this needs one of the places for slow ones."""
LOOK_SECONDS = 0.25

Cut = Literal["", "stalled", "too_long", "no_room"]


class Slots:
    """How many threads may be held for long; where a share of others is given, each place is one of theirs as well."""

    def __init__(self, most: int, of: Slots | None = None) -> None:
        self._free = threading.BoundedSemaphore(most)
        self._of = of

    def take(self) -> bool:
        """Whether there was one. Never waits."""
        if not self._free.acquire(blocking=False):
            return False
        if self._of is None or self._of.take():
            return True
        self._free.release()
        return False

    def give_back(self) -> None:
        if self._of is not None:
            self._of.give_back()
        self._free.release()


def slots_of(threads: int) -> Slots:
    """Those of a web worker: at least one thread, and a quarter of them, stays for what is answered at once."""
    return Slots(max(1, threads - max(1, threads // 4)))


@dataclass(eq=False, slots=True)
class Arrival:
    """One request's head or body under way. Times are those of ``time.monotonic``."""

    client: socket.socket
    began: float
    until: float
    piece_began: float = math.inf
    """Infinite while nobody waits for a piece: then it is not the client who is slow."""
    received: int = 0
    has_place: bool = False
    cut: Cut = ""
    """Why its time is over; empty while it is not."""

    def speed(self, now: float) -> float:
        """Bytes a second so far."""
        return self.received / max(now - self.began, LOOK_SECONDS)


@dataclass(eq=False)
class Arrivals:
    """All that arrives in this process. ``piece_seconds`` for each piece, ``whole_seconds`` for all of it."""

    whole_seconds: float
    piece_seconds: float = math.inf
    places: Slots | None = None
    """For those that take longer than SLOW_SECONDS; None for no bound. Where all are taken the slowest has to go."""
    _under_way: list[Arrival] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _there: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def begin(self, client: socket.socket, whole_seconds: float | None = None) -> Arrival:
        now = time.monotonic()
        arrival = Arrival(client, now, now + (whole_seconds or self.whole_seconds))
        with self._lock:
            self._under_way.append(arrival)
            if self._thread is None:
                self._thread = threading.Thread(target=self._look_on, name="arrivals", daemon=True)
                self._thread.start()
        self._there.set()
        return arrival

    def end(self, arrival: Arrival) -> None:
        """It has come, or is waited for no more. Further calls do nothing."""
        with self._lock:
            if arrival in self._under_way:
                self._under_way.remove(arrival)
                self._leave_place(arrival)

    @contextlib.contextmanager
    def piece(self, arrival: Arrival) -> Iterator[None]:
        """While a piece is waited for."""
        arrival.piece_began = time.monotonic()
        try:
            yield
        finally:
            arrival.piece_began = math.inf

    def look(self, now: float) -> None:
        """Cut off whatever is over its time, and the slowest where there are too many slow ones."""
        with self._lock:
            for arrival in self._under_way:
                self._judge(arrival, now)

    def _judge(self, arrival: Arrival, now: float) -> None:
        if arrival.cut:
            return
        if now >= arrival.until:
            self._cut(arrival, "too_long")
        elif now - arrival.piece_began >= self.piece_seconds:
            self._cut(arrival, "stalled")
        elif self.places is not None and not arrival.has_place and now - arrival.began >= SLOW_SECONDS:
            self._find_place(arrival, self.places, now)

    def _find_place(self, arrival: Arrival, places: Slots, now: float) -> None:
        slowest = min((other for other in self._under_way if other.has_place), key=lambda other: other.speed(now), default=None)
        arrival.has_place = places.take()
        if arrival.has_place:
            return
        if slowest is None or arrival.speed(now) <= slowest.speed(now):
            self._cut(arrival, "no_room")
        else:
            # Its place goes on to the faster one.
            slowest.has_place, arrival.has_place = False, True
            self._cut(slowest, "no_room")

    def _cut(self, arrival: Arrival, why: Cut) -> None:
        arrival.cut = why
        self._leave_place(arrival)
        with contextlib.suppress(OSError):  # it has hung up
            arrival.client.shutdown(socket.SHUT_RD)

    def _leave_place(self, arrival: Arrival) -> None:
        if arrival.has_place and self.places is not None:
            arrival.has_place = False
            self.places.give_back()

    def _look_on(self) -> None:
        while self._there.wait():
            time.sleep(LOOK_SECONDS)
            self.look(time.monotonic())
            with self._lock:
                if not self._under_way:
                    self._there.clear()
