"""Say which route a path belongs to, whatever name it was called by."""

from __future__ import annotations

from flask import request

ALIAS_PREFIX = "/api"
"""What the aliases of ``/v1`` have in front."""


def api_path() -> str:
    """Return the path of the request without the prefix of aliases."""
    return without_alias_prefix(request.path)


def without_alias_prefix(path: str) -> str:
    """Return a path, or a template of paths, without the prefix of aliases."""
    return path.removeprefix(ALIAS_PREFIX) if path.startswith(f"{ALIAS_PREFIX}/v1/") else path
