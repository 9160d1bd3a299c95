"""Keep logins of browsers, and logins that have begun. Only hashes of what a browser holds are kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel

from document_parser.accounts.identity import Scope
from document_parser.jobs.redis.connection import Redis, text

SESSION_SECONDS = 12 * 3600
"""Lifetime of a login in seconds: a working day."""
LOGIN_SECONDS = 600
"""Time for a login at the provider, in seconds."""
SECRET_BYTES = 32
"""Random bytes of what a browser holds: 256 bits cannot be guessed."""


KEYS_PER_STEP = 500
"""Keys of Redis that are looked at in one round trip."""


class Session(BaseModel):
    """Who a browser is logged in as: a user of the login provider, or the holder of an API key."""

    kind: Literal["user", "key"]
    owner: str
    tier: str = ""
    scopes: tuple[Scope, ...] = ()
    key_hash: str = ""
    """Hash of the key's secret. Tier and scopes are asked of the key at each request, because it may end."""


class Login(BaseModel):
    """A login that has begun at the provider."""

    nonce: str
    """Ties the ID token to this login."""
    verifier: str
    """Ties the authorization code to this service (PKCE, RFC 7636)."""
    page: str = "/"
    """The path of the page that it began on, and leads back to."""


def begin_login(redis: Redis, login: Login) -> str:
    """Keep a login that begins. Return its state, which the browser and the provider bring back. Raises RedisError."""
    return _keep(redis, "login", login, LOGIN_SECONDS)


def take_login(redis: Redis, state: str) -> Login | None:
    """Return the login of a state, once; None if there is none. Raises RedisError."""
    found = redis.getdel(_name("login", state))
    return Login.model_validate_json(found) if isinstance(found, bytes) else None


def open_session(redis: Redis, session: Session) -> str:
    """Keep a session. Return the secret that the browser holds. Raises RedisError."""
    return _keep(redis, "session", session, SESSION_SECONDS)


def find_session(redis: Redis, secret: str) -> Session | None:
    """Return the session of a browser; None if it has ended. Raises RedisError."""
    found = redis.get(_name("session", secret))
    return Session.model_validate_json(found) if isinstance(found, bytes) else None


def end_session(redis: Redis, secret: str) -> None:
    """End a session on every host. Raises RedisError."""
    redis.delete(_name("session", secret))


def keys_of(redis: Redis, owner: str) -> Iterator[str]:
    """Yield the Redis keys of an owner's sessions. Raises RedisError."""
    for name in redis.scan_iter(match="session:*", count=KEYS_PER_STEP):
        found = redis.get(name)
        if isinstance(found, bytes) and Session.model_validate_json(found).owner == owner:
            yield text(name)


def _keep(redis: Redis, kind: str, record: BaseModel, seconds: int) -> str:
    secret = secrets.token_urlsafe(SECRET_BYTES)
    redis.set(_name(kind, secret), record.model_dump_json(), ex=seconds)
    return secret


def _name(kind: str, secret: str) -> str:
    return f"{kind}:{hashlib.sha256(secret.encode()).hexdigest()}"
