"""Keep the claims of a running task: report that it is alive, and find out which of its claims were taken away."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextvars import copy_context
from types import TracebackType
from typing import Self

from document_parser.errors import StorageUnavailable
from document_parser.jobs.records.ledger import Claim, Ledger
from document_parser.jobs.redis.connection import RedisError
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

draining = threading.Event()
"""Set when this process was asked to stop: pages in flight are finished, and nothing more is claimed."""


NOTICE_SECONDS = 0.5
"""How often a task checks whether jobs were cancelled, deleted or failed. Its requests for them end within a second."""


class Heartbeat:
    """Reports every few seconds from a thread of its own that a task is alive, so that long work is not taken for a crash."""

    def __init__(
        self,
        ledger: Ledger,
        on_lost: Callable[[Claim], None] | None = None,
        on_beat: Callable[[], object] | None = None,
    ) -> None:
        """Start no thread yet. It will call ``on_lost`` with each lost claim, and ``on_beat`` at every beat."""
        self.name = f"{socket.gethostname()}.{os.getpid()}.{uuid.uuid4().hex[:8]}"
        self.ledger = ledger
        self.on_lost = on_lost or (lambda _: None)
        self.on_beat = on_beat or (lambda: None)
        self._claims: dict[str, Claim] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=copy_context().run, args=(self._beat_repeatedly,), name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self.ledger.heartbeat(self.name, [])
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        # Claims that a failing task still holds keep a name that no longer beats: the sweep releases them.
        if not self._claims:
            self.ledger.sign_off(self.name)

    def hold(self, claim: Claim) -> None:
        """Keep a claim alive from now on."""
        with self._lock:
            self._claims[claim.token] = claim

    def drop(self, claim: Claim) -> None:
        """Stop keeping a claim alive; the ledger is not changed."""
        with self._lock:
            self._claims.pop(claim.token, None)

    def beat(self) -> None:
        """Report once that the task is alive, and call ``on_lost`` for each lost claim. Raises RedisError."""
        with self._lock:
            held = list(self._claims.values())
        for claim in self.ledger.heartbeat(self.name, held):
            self.on_lost(claim)
        self.on_beat()

    def _beat_repeatedly(self) -> None:
        """Beat at every interval, and as soon as a job was cancelled, deleted or failed."""
        seconds = self.ledger.settings.workers.heartbeat_seconds
        last, endings = time.monotonic(), -1
        while not self._ended.wait(min(seconds, NOTICE_SECONDS)):
            try:
                now, before = time.monotonic(), endings
                endings = self.ledger.endings()
                if endings != before or now - last >= seconds:
                    last = now
                    self.beat()
            except RedisError as error:
                log.warning("heartbeat_missed", error=type(error).__name__)


@contextlib.contextmanager
def release_on_storage_error(ledger: Ledger, claim: Claim, actor: Heartbeat | None = None) -> Iterator[None]:
    """Release a claim uncharged if this block raises StorageUnavailable, and raise it again.

    A store that is away or full is not the document's fault; the sweep enqueues the work again. Raises RedisError.
    """
    try:
        yield
    except StorageUnavailable as fault:
        log.warning("given_back", code=fault.code, job_id=claim.job_id, what=claim.what)
        ledger.release(claim, crashed=False)
        if actor is not None:
            actor.drop(claim)
        raise
