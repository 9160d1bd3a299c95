"""Document passwords at rest: encrypted, in a key of their own, gone when the job ends."""

from __future__ import annotations

import base64
import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken

from document_parser.atomic import own_secret
from document_parser.jobs.connection import Redis
from document_parser.settings import Settings


def seal(settings: Settings, password: str) -> bytes:
    return _fernet(settings).encrypt(password.encode())


def unseal(settings: Settings, redis: Redis, job_id: str) -> str | None:
    """The password of a job, None where it has none or another SECRET_KEY sealed it."""
    token = redis.get(f"job:{job_id}:password")
    if not isinstance(token, bytes):
        return None
    try:
        return _fernet(settings).decrypt(token).decode()
    except InvalidToken:
        return None


def fingerprint(settings: Settings, password: str) -> str:
    """Tells two passwords apart, and tells nobody who has not our secret what they are."""
    return hmac.new(_secret(settings), password.encode(), hashlib.sha256).hexdigest()


def _fernet(settings: Settings) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_secret(settings)))


def _secret(settings: Settings) -> bytes:
    secret = settings.api.secret_key or own_secret(settings.data_dir / "secret.key", Fernet.generate_key)
    return hashlib.sha256(secret.encode()).digest()
