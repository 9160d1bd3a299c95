"""Secrets of a service: set by the operator, or made once in DATA_DIR."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from document_parser import logs
from document_parser.atomic import atomic_write, own_secret
from document_parser.settings import Settings

log = logs.get(__name__)

WEBHOOK_SECRET_BYTES = 32


def webhook_secrets(settings: Settings) -> tuple[str, ...]:
    """What webhooks are signed with, newest first: ``whsec_`` and base64 each. A file is read anew each time.

    Where there is none it is made. Raises OSError.
    """
    return settings.webhooks.secrets or tuple(own_secret(webhook_secret_file(settings), _new_webhook_secret).split())


def kept_webhook_secrets(settings: Settings) -> tuple[str, ...]:
    """Those of the file; none where nobody has made it. Raises OSError where it cannot be read."""
    try:
        return tuple(webhook_secret_file(settings).read_text().split())
    except FileNotFoundError:
        return ()


def make_webhook_secret(settings: Settings) -> None:
    """Make the secret where there is none, so that receivers can be told it before the first webhook is sent."""
    try:
        webhook_secrets(settings)
    except OSError as error:
        log.warning("webhook_secret_not_made", error=type(error).__name__)


def rotate_webhook_secret(settings: Settings) -> tuple[str, ...]:
    """Sign with a new secret as well, which comes first from now on. Of a file only; the new ones, newest first."""
    kept = (new_webhook_secret(), *webhook_secrets(settings))
    _keep_webhook_secrets(settings, kept)
    return kept


def retire_webhook_secrets(settings: Settings) -> tuple[str, ...]:
    """Sign with the newest secret only. Of a file only; what is left."""
    kept = webhook_secrets(settings)[:1]
    _keep_webhook_secrets(settings, kept)
    return kept


def new_webhook_secret() -> str:
    return _new_webhook_secret().decode()


def _new_webhook_secret() -> bytes:
    return b"whsec_" + base64.b64encode(secrets.token_bytes(WEBHOOK_SECRET_BYTES))


def webhook_secret_file(settings: Settings) -> Path:
    return settings.data_dir / "webhook.secret"


def _keep_webhook_secrets(settings: Settings, lines: tuple[str, ...]) -> None:
    with atomic_write(webhook_secret_file(settings)) as out:
        os.fchmod(out.fileno(), 0o600)
        out.write("\n".join(lines).encode())
