"""Secrets of a service: set by the operator, or made once in DATA_DIR."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from document_parser.settings import Settings

WEBHOOK_SECRET_BYTES = 32


def own_secret(path: Path, new: Callable[[], bytes]) -> str:
    """A secret made once; whoever comes second reads what the first one wrote."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        part.touch(mode=0o600)
        part.write_bytes(new())
        try:
            os.link(part, path)
        except FileExistsError:
            pass
        finally:
            part.unlink()
    return path.read_text()


def webhook_secret(settings: Settings) -> str:
    """What webhooks are signed with: ``whsec_`` and base64."""
    return settings.webhooks.secret or own_secret(settings.data_dir / "webhook.secret", _new_webhook_secret)


def _new_webhook_secret() -> bytes:
    return b"whsec_" + base64.b64encode(secrets.token_bytes(WEBHOOK_SECRET_BYTES))
