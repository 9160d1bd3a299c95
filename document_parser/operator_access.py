"""How the operator of a service proves to be one: a token in DATA_DIR, and one-time links made there.

Only the service's user (and root) can read DATA_DIR. The token is for programs on the machine, which read it by themselves; a
link gives a browser a session, as Jupyter does it. Neither needs the service to run when it is made.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import time
from pathlib import Path

from document_parser.atomic import own_secret
from document_parser.settings import Settings

TOKEN_BYTES = 32
LINK_SECONDS = 24 * 3600
"""A link opens one session within this time. The bound is for terminals that are scrolled back, not against guesses."""
LINK_PATH = "/operator"


def operator_token(settings: Settings) -> str:
    """Return the token of this DATA_DIR; it is made if there is none. Raises OSError."""
    return own_secret(settings.operator_token_file, lambda: secrets.token_urlsafe(TOKEN_BYTES).encode()).strip()


def kept_operator_token(settings: Settings) -> str:
    """Return the token of this DATA_DIR, or an empty text if there is none or this user may not read it."""
    try:
        return settings.operator_token_file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def create_link(settings: Settings, base_url: str) -> str:
    """Return an address below ``base_url`` that makes one browser the operator's, once, within LINK_SECONDS.

    Only the code's hash is stored, as the name of an empty file. Raises OSError.
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
    """Whether the code is that of an unused link, which is used up by this. Of many that come at once one is let in."""
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
