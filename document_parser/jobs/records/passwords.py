"""Store document passwords: encrypted, in a Redis key of their own, which is deleted when the job ends."""

from __future__ import annotations

import base64
import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken

from document_parser.host.files import load_or_create_secret
from document_parser.jobs.redis.connection import Redis
from document_parser.settings import Settings
from document_parser.settings.secrets import secret_key_file


def seal(settings: Settings, password: str) -> bytes:
    """Encrypt a password for storage in Redis. Raises OSError if the secret key cannot be read or made."""
    return _fernet(settings).encrypt(password.encode())


def unseal(settings: Settings, redis: Redis, job_id: str) -> str | None:
    """Return the password of a job, None if it has none or it was encrypted with another SECRET_KEY.

    Raises RedisError, and OSError if the secret key cannot be read or made.
    """
    return open_token(settings, redis.get(f"job:{job_id}:password"))


def open_token(settings: Settings, token: object) -> str | None:
    """Return the text that ``seal`` encrypted; None if there is none, or another SECRET_KEY encrypted it. Raises OSError."""
    if not isinstance(token, bytes) or not token:
        return None
    try:
        return _fernet(settings).decrypt(token).decode()
    except InvalidToken:
        return None


def fingerprint(settings: Settings, password: str) -> str:
    """Return a keyed hash that distinguishes passwords and reveals nothing of them without the secret key. Raises OSError."""
    return hmac.new(_secret(settings), password.encode(), hashlib.sha256).hexdigest()


def _fernet(settings: Settings) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_secret(settings)))


def _secret(settings: Settings) -> bytes:
    secret = settings.api.secret_key or load_or_create_secret(secret_key_file(settings), Fernet.generate_key)
    return hashlib.sha256(secret.encode()).digest()
