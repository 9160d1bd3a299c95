"""Who may touch what, while nobody has keys."""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import urlsplit

from flask import request

from document_parser.api import factory
from document_parser.errors import Forbidden, LoginRequired

FORWARDING_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")
LOCAL_NAMES = {"localhost", "127.0.0.1", "::1"}


def require_operator() -> None:
    """Let the holder of the admin token pass, and the person at the machine.

    Raises LoginRequired if an Authorization header came and is not the token, also at the machine: its sender must learn that
    it is wrong. Raises Forbidden if none came. Basic counts as none: a browser sends the dashboard's password on its own.
    """
    if _scheme() not in ("", "basic"):
        if not _is_token(_bearer(), admin_token := factory.services().settings.api.admin_token):
            raise wrong_token(admin_token)
    elif not at_the_machine():
        raise Forbidden()


def check_operator_or_password() -> None:
    """The same for the dashboard, which takes the token as the password that a browser asks for as well.

    Raises LoginRequired also if nothing came and there is a token to ask for.
    """
    admin_token = factory.services().settings.api.admin_token
    if _scheme():
        if not _holds_token(admin_token):
            raise wrong_token(admin_token)
    elif not at_the_machine():
        raise LoginRequired() if admin_token else Forbidden()


def wrong_token(admin_token: str) -> LoginRequired:
    """Return the error for credentials that are not the admin token, or if there is none."""
    if admin_token:
        return LoginRequired(
            "What came as Authorization is not the admin token. Send 'Authorization: Bearer' with ADMIN_TOKEN."
        )
    return LoginRequired(
        "This server has no ADMIN_TOKEN, so that no token is right. Send no Authorization on the machine itself, or set one."
    )


def _scheme() -> str:
    """The first word of the Authorization header in lower case, empty if there is no header."""
    header = request.headers.get("Authorization")
    return "" if header is None else (header.split() or ["malformed"])[0].lower()


def _holds_token(admin_token: str) -> bool:
    return _is_token(_bearer(), admin_token) or _is_token(_password(), admin_token)


def _password() -> str:
    """The password of a Basic header, empty if there is none or the header is malformed."""
    try:
        found = request.authorization
    except ValueError:  # werkzeug lets through what base64 says of letters that are not ASCII
        return ""
    return (found.password or "") if found else ""


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
