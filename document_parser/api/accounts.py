"""Hold what the web processes use of accounts: keys, and what of them was used."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from document_parser.accounts.audit import Audit
from document_parser.accounts.database import Database
from document_parser.accounts.erasure import Erasure
from document_parser.accounts.history import History
from document_parser.accounts.key_cache import KeyCache, KeyOrigins
from document_parser.accounts.keys import Keys
from document_parser.accounts.oidc.provider import Provider
from document_parser.accounts.oidc.tokens import Tokens
from document_parser.accounts.usage import Usage
from document_parser.jobs.records import key_changes
from document_parser.jobs.redis.connection import Redis
from document_parser.settings import Settings

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
class Accounts:
    """The accounts as the views of one app share them. Connects to nothing before its first use."""

    database: Database
    keys: Keys
    key_cache: KeyCache
    key_origins: KeyOrigins
    key_uses: KeyUses
    usage: Usage
    audit: Audit
    history: History
    erasure: Erasure
    provider: Provider | None
    """The login provider, if there is one."""
    tokens: Tokens | None
    """Tokens of the login provider."""

    @classmethod
    def make(cls, settings: Settings, redis: Redis) -> Accounts:
        """Return the accounts of these settings."""
        database = Database(settings)
        keys = Keys(database, settings.accounts.tiers)
        version = partial(key_changes.version, redis)
        cache = KeyCache(keys.find_by_hash, version)
        origins = KeyOrigins(lambda: keys.origins(datetime.now(UTC)), version)
        provider = Provider(settings.accounts) if settings.accounts.has_tokens else None
        tokens = Tokens(settings.accounts, provider) if provider else None
        return cls(
            database=database,
            keys=keys,
            key_cache=cache,
            key_origins=origins,
            key_uses=KeyUses(redis),
            usage=Usage(database),
            audit=Audit(database),
            history=History(database),
            erasure=Erasure(database),
            provider=provider,
            tokens=tokens,
        )
