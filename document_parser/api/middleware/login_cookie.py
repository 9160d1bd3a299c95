"""Set and read the cookies of a login. They hold random secrets, whose hashes Redis knows."""

from __future__ import annotations

import hashlib
from typing import Literal

from flask import Response, request

from document_parser.jobs.records.sessions import LOGIN_SECONDS, SESSION_SECONDS

Kind = Literal["session", "login"]
"""A login, or one that has begun at the provider."""


def read_cookie(kind: Kind) -> str:
    """Return what the browser holds; empty if it holds nothing."""
    return request.cookies.get(_name(kind), "")


def set_cookie(response: Response, kind: Kind, secret: str) -> None:
    """Let the browser hold a secret. No script can read it.

    A session is sent with requests of this service's own pages only. The state of a login must come along when the provider
    sends the browser back.
    """
    response.headers["Cache-Control"] = "no-store"
    response.set_cookie(
        _name(kind),
        secret,
        max_age=SESSION_SECONDS if kind == "session" else LOGIN_SECONDS,
        httponly=True,
        samesite="Strict" if kind == "session" else "Lax",
        secure=request.is_secure,
    )


def clear_cookie(response: Response, kind: Kind) -> None:
    """Let the browser forget a secret."""
    response.delete_cookie(
        _name(kind), httponly=True, samesite="Strict" if kind == "session" else "Lax", secure=request.is_secure
    )


def _name(kind: Kind) -> str:
    """Return the name of a cookie. A browser sends it to all ports of a host, which may be other services."""
    return f"docparse-{kind}-{hashlib.sha256(request.host.encode()).hexdigest()[:12]}"
