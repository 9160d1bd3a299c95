"""Keep the secrets of a service: set by the operator, or created once in DATA_DIR."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from document_parser.host.files import atomic_write, load_or_create_secret
from document_parser.settings import Settings
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

WEBHOOK_SECRET_BYTES = 32
"""Random bytes in a webhook secret."""


def webhook_secrets(settings: Settings) -> tuple[str, ...]:
    """Return the secrets that sign webhooks, newest first: each is ``whsec_`` and base64.

    WEBHOOK_SECRET comes first, else the file in DATA_DIR, which is read at each call and created if missing. Raises OSError.
    """
    return settings.webhooks.secrets or tuple(load_or_create_secret(webhook_secret_file(settings), _new_webhook_secret).split())


def read_webhook_secrets(settings: Settings) -> tuple[str, ...]:
    """Return the secrets in the file of DATA_DIR; empty if there is no file. Raises OSError if it cannot be read."""
    try:
        return tuple(webhook_secret_file(settings).read_text().split())
    except FileNotFoundError:
        return ()


def make_webhook_secret(settings: Settings) -> None:
    """Create the webhook secret if there is none, so that receivers can have it before the first webhook.

    Logs a warning if the file cannot be written.
    """
    try:
        webhook_secrets(settings)
    except OSError as error:
        log.warning("webhook_secret_not_made", error=type(error).__name__)


def rotate_webhook_secret(settings: Settings) -> tuple[str, ...]:
    """Add a new secret to the file and return all secrets, the new one first. All of them sign.

    Use this only for secrets that are kept in DATA_DIR. Raises OSError.
    """
    kept = (new_webhook_secret(), *webhook_secrets(settings))
    _write_webhook_secrets(settings, kept)
    return kept


def retire_webhook_secrets(settings: Settings) -> tuple[str, ...]:
    """Keep only the newest secret in the file and return it.

    Use this only for secrets that are kept in DATA_DIR. Raises OSError.
    """
    kept = webhook_secrets(settings)[:1]
    _write_webhook_secrets(settings, kept)
    return kept


def new_webhook_secret() -> str:
    """Return a new random webhook secret. Nothing is stored."""
    return _new_webhook_secret().decode()


def _new_webhook_secret() -> bytes:
    return b"whsec_" + base64.b64encode(secrets.token_bytes(WEBHOOK_SECRET_BYTES))


def webhook_secret_file(settings: Settings) -> Path:
    """Return the path of the file that holds the webhook secrets, newest first, one a line."""
    return settings.data_dir / "webhook.secret"


def secret_key_file(settings: Settings) -> Path:
    """Return the path of the file that stands in for SECRET_KEY if that is not set."""
    return settings.data_dir / "secret.key"


def secret_files(settings: Settings) -> list[Path]:
    """Return the paths of the files in DATA_DIR that hold secrets, whether they are there or not."""
    return [secret_key_file(settings), webhook_secret_file(settings), settings.operator_token_file]


def _write_webhook_secrets(settings: Settings, lines: tuple[str, ...]) -> None:
    with atomic_write(webhook_secret_file(settings)) as out:
        os.fchmod(out.fileno(), 0o600)
        out.write("\n".join(lines).encode())
