"""Limit how slowly clients may send, and how many slow ones may hold threads at once.

gunicorn's threads read from blocking sockets without a deadline. A client that stalls, or sends single bytes now and then,
would hold its thread for ever, and a few such clients all threads. One thread checks everything that is being received and
shuts down the reading side of a socket that exceeds its time. The reader of that socket then finds the end of the stream.
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
"""Bytes that must come within the time for one piece."""
SLOW_SECONDS = 2.0
"""A request that takes longer than this, in seconds, needs a slot for slow ones."""
CHECK_SECONDS = 0.25
"""Interval of the checks in seconds."""

CutReason = Literal["", "stalled", "too_long", "no_room"]
"""Why a request is cut off; empty if it is not."""


class Slots:
    """Bound how many threads may be held for long.

    With ``of``, every slot also takes one of the slots of that object.
    """

    def __init__(self, most: int, of: Slots | None = None) -> None:
        self._free = threading.BoundedSemaphore(most)
        self._of = of

    def take(self) -> bool:
        """Take a slot. Return whether there was a free one. Never waits."""
        if not self._free.acquire(blocking=False):
            return False
        if self._of is None or self._of.take():
            return True
        self._free.release()
        return False

    def release(self) -> None:
        """Free a slot that was taken."""
        if self._of is not None:
            self._of.release()
        self._free.release()


def slots_for_threads(threads: int) -> Slots:
    """Return the slots of a web worker with this many threads.

    At least one thread, and a quarter of them, stays free for requests that are answered at once.
    """
    return Slots(max(1, threads - max(1, threads // 4)))


@dataclass(eq=False, slots=True)
class Arrival:
    """The head or body of one request that is being received. Times are those of ``time.monotonic``, in seconds."""

    client: socket.socket
    began: float
    until: float
    piece_began: float = math.inf
    """Start of the wait for the current piece.

    Infinite while no thread waits for a piece: then the client is not the slow part.
    """
    received: int = 0
    has_slot: bool = False
    cut: CutReason = ""
    """Why the request is cut off; empty if it is not."""

    def speed(self, now: float) -> float:
        """Return the bytes per second received so far."""
        return self.received / max(now - self.began, CHECK_SECONDS)


@dataclass(eq=False)
class Arrivals:
    """Watch everything that this process receives.

    ``piece_seconds`` limits each piece of PIECE_BYTES, ``whole_seconds`` the whole request.
    """

    whole_seconds: float
    piece_seconds: float = math.inf
    slots: Slots | None = None
    """Slots for requests that take longer than SLOW_SECONDS; None for no bound.

    If all are taken, the slowest request is cut off.
    """
    _under_way: list[Arrival] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _there: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def begin(self, client: socket.socket, whole_seconds: float | None = None) -> Arrival:
        """Watch what comes from this client from now on, for ``whole_seconds`` or the default."""
        now = time.monotonic()
        arrival = Arrival(client, now, now + (whole_seconds or self.whole_seconds))
        with self._lock:
            self._under_way.append(arrival)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="arrivals", daemon=True)
                self._thread.start()
        self._there.set()
        return arrival

    def end(self, arrival: Arrival) -> None:
        """Stop watching: the request has come or is not waited for any more. Further calls do nothing."""
        with self._lock:
            if arrival in self._under_way:
                self._under_way.remove(arrival)
                self._free_slot(arrival)

    @contextlib.contextmanager
    def timed_piece(self, arrival: Arrival) -> Iterator[None]:
        """Limit the time of a piece while the block waits for it."""
        arrival.piece_began = time.monotonic()
        try:
            yield
        finally:
            arrival.piece_began = math.inf

    def cut_off_slow(self, now: float) -> None:
        """Cut off all requests that exceed their time, and the slowest if there are too many slow ones."""
        with self._lock:
            for arrival in self._under_way:
                self._check(arrival, now)

    def _check(self, arrival: Arrival, now: float) -> None:
        """Cut one request off if it exceeds its time, or find a slot for it once it is slow."""
        if arrival.cut:
            return
        if now >= arrival.until:
            self._cut_off(arrival, "too_long")
        elif now - arrival.piece_began >= self.piece_seconds:
            self._cut_off(arrival, "stalled")
        elif self.slots is not None and not arrival.has_slot and now - arrival.began >= SLOW_SECONDS:
            self._find_slot(arrival, self.slots, now)

    def _find_slot(self, arrival: Arrival, places: Slots, now: float) -> None:
        """Give a slow request a free slot, or the slot of the slowest request, which is cut off; else cut this one off."""
        slowest = min((other for other in self._under_way if other.has_slot), key=lambda other: other.speed(now), default=None)
        arrival.has_slot = places.take()
        if arrival.has_slot:
            return
        if slowest is None or arrival.speed(now) <= slowest.speed(now):
            self._cut_off(arrival, "no_room")
        else:
            # The faster request takes its slot.
            slowest.has_slot, arrival.has_slot = False, True
            self._cut_off(slowest, "no_room")

    def _cut_off(self, arrival: Arrival, why: CutReason) -> None:
        arrival.cut = why
        self._free_slot(arrival)
        with contextlib.suppress(OSError):  # the client has closed the connection
            arrival.client.shutdown(socket.SHUT_RD)

    def _free_slot(self, arrival: Arrival) -> None:
        if arrival.has_slot and self.slots is not None:
            arrival.has_slot = False
            self.slots.release()

    def _watch(self) -> None:
        """Check all requests every CHECK_SECONDS while there are any."""
        while self._there.wait():
            time.sleep(CHECK_SECONDS)
            self.cut_off_slow(time.monotonic())
            with self._lock:
                if not self._under_way:
                    self._there.clear()
