"""Remember looked-up keys for a while in this process, so that few requests ask the database.

A key is looked up once a minute at most. A version that changes with every change of a key is compared every second or two, so
that a key that was revoked on any host ends within five seconds on all.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from document_parser.accounts.records import ApiKey
from document_parser.accounts.secret_keys import hash_of
from document_parser.errors import DatabaseNotUpgraded, DatabaseUnavailable

FRESH_SECONDS = 60.0
"""A key is looked up again after this time."""
STALE_SECONDS = 3600.0
"""While the database is away, a key that was looked up this recently goes on working, unless any key was changed since."""
COMPARE_SECONDS = 2.0
"""Interval at which the version is compared. With the time that a request may take, revocation takes less than five seconds."""
MAX_KEYS = 10_000
"""Keys that are remembered, unknown ones included; the one that was used longest ago is forgotten first. 4 MB."""


@dataclass(frozen=True, slots=True)
class _Known:
    key: ApiKey | None
    looked_up_at: float
    """On the monotonic clock of the process, in seconds."""


class KeyCache:
    """Looked-up keys by the hash of their secret. Threads may use it at the same time.

    ``find`` looks the hash of a secret up in the database; ``version`` returns the version of all keys. ``clock`` is a
    monotonic one, in seconds.
    """

    def __init__(
        self,
        find: Callable[[str], ApiKey | None],
        version: Callable[[], bytes],
        *,
        clock: Callable[[], float] = time.monotonic,
        max_keys: int = MAX_KEYS,
    ) -> None:
        self._find, self._read_version, self._clock, self._max_keys = find, version, clock, max_keys
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lock = threading.Lock()
        self._version: bytes | None = None
        self._compared_at = -COMPARE_SECONDS

    def find(self, secret: str) -> ApiKey | None:
        """Return the key that has this secret, whether it works or not; None if there is none.

        Raises DatabaseUnavailable if it is not known well enough and the database is away, and the errors of ``version``.
        """
        return self.find_by_hash(hash_of(secret))

    def find_by_hash(self, name: str) -> ApiKey | None:
        """Return the key whose secret has this hash, as ``find`` does."""
        self._compare_version()
        with self._lock:
            known = self._known.get(name)
            if known is not None:
                self._known.move_to_end(name)
            seen = self._version
        if known is not None and self._age(known) < FRESH_SECONDS:
            return known.key
        try:
            found = self._find(name)
        except DatabaseUnavailable:
            if known is not None and known.key is not None and self._age(known) < STALE_SECONDS:
                return known.key
            raise
        self._remember(name, found, seen)
        return found

    def _age(self, known: _Known) -> float:
        return self._clock() - known.looked_up_at

    def _compare_version(self) -> None:
        """Forget all keys if any was changed since the last comparison."""
        with self._lock:
            if self._clock() - self._compared_at < COMPARE_SECONDS:
                return
        compared_at, version = self._clock(), self._read_version()
        with self._lock:
            self._compared_at = compared_at
            if version != self._version:
                self._known.clear()
                self._version = version

    def _remember(self, name: str, found: ApiKey | None, seen: bytes | None) -> None:
        """Remember a key, unless keys were changed while it was looked up."""
        with self._lock:
            if seen != self._version:
                return
            self._known[name] = _Known(found, self._clock())
            self._known.move_to_end(name)
            while len(self._known) > self._max_keys:
                self._known.popitem(last=False)


class KeyOrigins:
    """The origins of all keys that work, as a preflight asks for them: it comes without a key.

    ``read`` reads them from the database, ``version`` returns the version of all keys. They are read once a minute at most, and
    again when any key was changed.
    """

    def __init__(
        self,
        read: Callable[[], frozenset[str]],
        version: Callable[[], bytes],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read, self._read_version, self._clock = read, version, clock
        self._lock = threading.Lock()
        self._known: frozenset[str] = frozenset()
        self._version: bytes | None = None
        self._read_at = self._compared_at = -FRESH_SECONDS

    def __call__(self) -> frozenset[str]:
        """Return the origins; those that were known last while the database is away. Raises the errors of ``version``."""
        with self._lock:
            if self._clock() - self._compared_at < COMPARE_SECONDS:
                return self._known
            self._compared_at = self._clock()
            version = self._read_version()
            if version != self._version or self._clock() - self._read_at >= FRESH_SECONDS:
                with contextlib.suppress(DatabaseUnavailable, DatabaseNotUpgraded):
                    self._known, self._version, self._read_at = self._read(), version, self._clock()
            return self._known
