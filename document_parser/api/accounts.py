"""Hold what the web processes use of accounts: keys, and what of them was used."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from document_parser.accounts.key_cache import KeyCache, KeyOrigins
from document_parser.accounts.oidc.provider import Provider
from document_parser.accounts.oidc.tokens import Tokens
from document_parser.jobs.records import key_changes
from document_parser.jobs.redis.connection import Redis
from document_parser.settings import Settings

if TYPE_CHECKING:
    from document_parser.accounts.audit import Audit
    from document_parser.accounts.database import Database
    from document_parser.accounts.documents import Documents
    from document_parser.accounts.erasure import Erasure
    from document_parser.accounts.history import History
    from document_parser.accounts.keys import Keys
    from document_parser.accounts.usage import Usage

USE_INTERVAL = timedelta(minutes=1)
"""How exactly it is known when a key was last used: a process notes it this often."""


@dataclass
class KeyUses:
    """Notes in Redis when keys are used, for the flush to write."""

    redis: Redis
    _noted: dict[str, datetime] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, key_id: str, now: datetime) -> None:
        """Note that a key is used now, unless that was noted within USE_INTERVAL. Raises RedisError."""
        with self._lock:
            before = self._noted.get(key_id)
            if before is not None and timedelta() <= now - before < USE_INTERVAL:
                return
            self._noted = {other: at for other, at in self._noted.items() if abs(now - at) < USE_INTERVAL} | {key_id: now}
        key_changes.note_used(self.redis, key_id, now)


@dataclass(frozen=True)
class Tables:
    """The tables of the database as views use them. Connects to nothing before its first use."""

    database: Database
    keys: Keys
    usage: Usage
    audit: Audit
    history: History
    documents: Documents
    erasure: Erasure

    @classmethod
    def make(cls, settings: Settings) -> Tables:
        """Return the tables of the database of these settings. Loads SQLAlchemy, which takes most of a second."""
        from document_parser.accounts.audit import Audit
        from document_parser.accounts.database import Database
        from document_parser.accounts.documents import Documents
        from document_parser.accounts.erasure import Erasure
        from document_parser.accounts.history import History
        from document_parser.accounts.keys import Keys
        from document_parser.accounts.usage import Usage

        database = Database(settings)
        keys = Keys(database, settings.accounts.tiers)
        history, documents = History(database), Documents(database)
        return cls(database, keys, Usage(database), Audit(database), history, documents, Erasure(database))


class Accounts:
    """The accounts as the views of one app share them. Connects to nothing before its first use."""

    def __init__(self, settings: Settings, redis: Redis) -> None:
        self._settings, self._lock = settings, threading.Lock()
        self._tables: Tables | None = None
        version = partial(key_changes.version, redis)
        self.key_cache = KeyCache(lambda wanted: self.tables.keys.find_by_hash(wanted), version)
        self.key_origins = KeyOrigins(lambda: self.tables.keys.origins(datetime.now(UTC)), version)
        self.key_uses = KeyUses(redis)
        self.provider = Provider(settings.accounts) if settings.accounts.has_tokens else None
        """The login provider, if there is one."""
        self.tokens = Tokens(settings.accounts, self.provider) if self.provider else None
        """Tokens of the login provider."""

    @property
    def tables(self) -> Tables:
        """Return the tables. The first use makes them: where no keys are asked for, most processes need none."""
        with self._lock:
            if self._tables is None:
                self._tables = Tables.make(self._settings)
            return self._tables
