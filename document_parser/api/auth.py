"""Who may touch what, while nobody has keys."""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import urlsplit

from flask import request

from document_parser.api import factory
from document_parser.errors import Forbidden

FORWARDING_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")
LOCAL_NAMES = {"localhost", "127.0.0.1", "::1"}


def require_operator() -> None:
    """Let the person at the machine pass, or the holder of the admin token. Raises Forbidden."""
    if not (_is_token(_bearer(), factory.services().settings.api.admin_token) or at_the_machine()):
        raise Forbidden()


def holds_token(admin_token: str) -> bool:
    """Whether the admin token came along: as Bearer, or as the password that a browser asks for."""
    password = request.authorization.password if request.authorization else None
    return _is_token(_bearer(), admin_token) or _is_token(password or "", admin_token)


def at_the_machine() -> bool:
    """Whether the server listens on a loopback address only and the caller sits beside it."""
    return _bound_to_loopback() and not _forwarded() and _local_host()


def check_origin() -> None:
    """A page of another site may not make a browser send this, unless CORS_ORIGINS lists it. Raises Forbidden."""
    if request.headers.get("Origin", "").lower() not in factory.services().settings.api.cors_origins:
        check_own_origin()


def check_own_origin() -> None:
    """The same without exceptions. Raises Forbidden."""
    origin = request.headers.get("Origin")
    if origin and origin.partition("://")[2] != request.host:
        raise Forbidden("This came from a page of another site.")


def _is_token(given: str, admin_token: str) -> bool:
    return bool(admin_token) and hmac.compare_digest(given.encode(), admin_token.encode())


def _bearer() -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _bound_to_loopback() -> bool:
    return _is_loopback(request.environ.get("SERVER_NAME", "")) and _is_loopback(request.remote_addr or "")


def _forwarded() -> bool:
    return any(name in request.headers for name in FORWARDING_HEADERS)


def _local_host() -> bool:
    """A name that somebody else's DNS points here is not local, though the connection is."""
    return (urlsplit(f"//{request.host}").hostname or "") in LOCAL_NAMES


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
