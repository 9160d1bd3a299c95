"""Create and check what proves that a caller is the operator: a token in DATA_DIR, and one-time links.

Only the service's user and root can read DATA_DIR. Programs on the machine read the token on their own. A link gives a browser
a session, as in Jupyter. Both can be made while the service does not run.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import time
from pathlib import Path

from document_parser.host.files import load_or_create_secret
from document_parser.settings import Settings

TOKEN_BYTES = 32
"""Random bytes in a token or link code: 256 bits cannot be guessed."""
LINK_SECONDS = 24 * 3600
"""Lifetime of an unused link in seconds.

The bound protects against links in the scrollback of a terminal, not against guesses.
"""
LINK_PATH = "/operator"
"""Path of the route that redeems links."""


def operator_token(settings: Settings) -> str:
    """Return the operator token of this DATA_DIR and create it if there is none. Raises OSError."""
    return load_or_create_secret(settings.operator_token_file, lambda: secrets.token_urlsafe(TOKEN_BYTES).encode()).strip()


def read_operator_token(settings: Settings) -> str:
    """Return the token of this DATA_DIR; empty if there is none or this user may not read it."""
    try:
        return settings.operator_token_file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def create_link(settings: Settings, base_url: str) -> str:
    """Return a URL below ``base_url`` that makes one browser the operator's, once, within LINK_SECONDS.

    Only the hash of its code is stored, as the name of an empty file. Expired links are removed. Raises OSError.
    """
    operator_token(settings)
    folder = _links(settings)
    folder.mkdir(mode=0o700, exist_ok=True)
    for link in folder.iterdir():
        if _is_expired(link):
            link.unlink(missing_ok=True)
    code = secrets.token_urlsafe(TOKEN_BYTES)
    (folder / _name(code)).touch(mode=0o600)
    return f"{base_url.rstrip('/')}{LINK_PATH}?code={code}"


def redeem_link(settings: Settings, code: str) -> bool:
    """Return whether the code is that of an unused, unexpired link, and use the link up.

    Of several simultaneous requests with the same code only one succeeds.
    """
    link = _links(settings) / _name(code)
    with contextlib.suppress(OSError):
        fresh = not _is_expired(link)
        link.unlink()
        return fresh
    return False


def _links(settings: Settings) -> Path:
    return settings.data_dir / "operator-links"


def _name(code: str) -> str:
    return hashlib.sha256(code.encode(errors="replace")).hexdigest()


def _is_expired(link: Path) -> bool:
    return time.time() - link.stat().st_mtime > LINK_SECONDS
