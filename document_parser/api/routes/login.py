"""Log people in on the page: at an OpenID Connect provider, or with an API key."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any, Literal
from urllib.parse import urlencode

from flask import Response, redirect, request
from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel

from document_parser.accounts.secret_keys import hash_of
from document_parser.api import openapi
from document_parser.api.auth import check_own_origin, holder_of, logged_in
from document_parser.api.middleware import responses
from document_parser.api.middleware.identity import identity, set_identity
from document_parser.api.middleware.login_cookie import clear_cookie, read_cookie, set_cookie
from document_parser.api.schemas import Caller, LoginKey
from document_parser.api.services import get_services
from document_parser.errors import (
    DocumentParserError,
    Forbidden,
    InvalidOption,
    KeyExpired,
    KeyInvalid,
    KeyRevoked,
    LoginFailed,
    LoginOff,
    LoginProviderUnavailable,
    TokenExpired,
    TokenInvalid,
)
from document_parser.jobs.records import sessions
from document_parser.jobs.records.sessions import Login, Session

routes = APIBlueprint("login", __name__, abp_tags=[Tag(name="login", description="Who the caller is, and logins of browsers.")])
"""The routes of logins."""

CALLBACK_PATH = "/login/callback"
"""Where the provider sends a browser back to. It must know this address of the service."""
SCOPE = "openid profile email"
"""What is asked of the provider (OpenID Connect Core 1.0, section 5.4)."""
SECRET_BYTES = 32
"""Random bytes of a nonce and of a verifier."""


class BeginQuery(BaseModel):
    """Where a login leads to."""

    to: Literal["", "admin"] = ""


class CallbackQuery(BaseModel):
    """What the provider sends with the browser."""

    code: str = ""
    state: str = ""
    error: str = ""


@routes.get(
    "/v1/me",
    summary="Tell the caller who it is",
    responses=openapi.responses({200: Caller}),
    operation_id="read_caller",
)
def me() -> Response:
    """Return whose documents the caller sees, and what it may do."""
    caller = identity()
    return responses.to_response(
        Caller(
            owner=caller.owner,
            actor=caller.actor,
            scopes=sorted(caller.scopes),
            tier=caller.tier or None,
            key_id=caller.key_id or None,
        )
    )


@routes.get("/login/provider", doc_ui=False)
def begin(query: BeginQuery) -> Response:
    """Send the browser to the provider: the authorization code flow with PKCE (RFC 6749, section 4.1, and RFC 7636)."""
    services = get_services()
    settings, provider = services.settings.accounts, services.accounts.provider
    if provider is None or not settings.has_login:
        raise LoginOff()
    metadata = provider.metadata()
    if not metadata.authorization_endpoint or not metadata.token_endpoint:
        raise LoginProviderUnavailable()
    login = Login(nonce=secrets.token_urlsafe(SECRET_BYTES), verifier=secrets.token_urlsafe(SECRET_BYTES), page=f"/{query.to}")
    state = sessions.begin_login(services.redis, login)
    asked = {
        "response_type": "code",
        "client_id": settings.oidc_client_id,
        "redirect_uri": _callback_address(),
        "scope": SCOPE,
        "state": state,
        "nonce": login.nonce,
        "code_challenge": _challenge(login.verifier),
        "code_challenge_method": "S256",
    }
    separator = "&" if "?" in metadata.authorization_endpoint else "?"
    response: Any = redirect(f"{metadata.authorization_endpoint}{separator}{urlencode(asked)}", 303)
    set_cookie(response, "login", state)
    return response  # type: ignore[no-any-return]


@routes.get(CALLBACK_PATH, doc_ui=False)
def end(query: CallbackQuery) -> Response:
    """Take a browser back from the provider. The page says what went wrong, because a person waits for it."""
    login = _take_login(query.state)
    path = login.page if login else "/"
    try:
        secret = _log_in(query.code, login)
    except (LoginFailed, LoginOff, LoginProviderUnavailable, TokenInvalid, TokenExpired) as error:
        response = _go_on(f"{path}?{urlencode({'login': error.code})}")
    else:
        response = _go_on(path)
        set_cookie(response, "session", secret)
    clear_cookie(response, "login")
    return response


@routes.post(
    "/login",
    summary="Log a browser in with an API key",
    description="For the page: sets a cookie that no script can read, for twelve hours. Programs send their key with each "
    "request.",
    responses=openapi.responses(
        {204: openapi.answer(None, "The cookie of the login is set.")},
        InvalidOption,
        Forbidden,
        KeyInvalid,
        KeyExpired,
        KeyRevoked,
    ),
    operation_id="log_in",
)
def log_in(body: LoginKey) -> Response:
    """Open a session for the holder of a key."""
    check_own_origin()
    proof = holder_of(hash_of(body.key.strip()))
    set_identity(proof.caller)
    session = Session(kind="key", owner=proof.caller.owner, key_hash=hash_of(body.key.strip()))
    response = Response(status=204)
    set_cookie(response, "session", sessions.open_session(get_services().redis, session))
    return response


@routes.post(
    "/logout",
    summary="Log a browser out",
    responses=openapi.responses({204: openapi.answer(None, "This browser is logged in no more.")}, Forbidden),
    operation_id="log_out",
)
def log_out() -> Response:
    """End the session of this browser, on every host."""
    check_own_origin()
    redis, response = get_services().redis, Response(status=204)
    try:
        proof = logged_in()
    except DocumentParserError:  # its key has ended; the session shall too
        proof = None
    if proof is not None:
        set_identity(proof.caller)
    if secret := read_cookie("session"):
        sessions.end_session(redis, secret)
    clear_cookie(response, "session")
    return response


def _take_login(state: str) -> Login | None:
    """Return the login that this browser began; None if there is none of this state. Raises RedisError."""
    begun = read_cookie("login")
    if not begun or not secrets.compare_digest(state.encode(), begun.encode()):
        return None
    return sessions.take_login(get_services().redis, begun)


def _log_in(code: str, login: Login | None) -> str:
    """Return the secret of a new session.

    Raises LoginFailed, LoginOff, LoginProviderUnavailable, TokenInvalid, TokenExpired, RedisError.
    """
    services = get_services()
    accounts = services.accounts
    if accounts.provider is None or accounts.tokens is None:
        raise LoginOff()
    if login is None or not code:
        raise LoginFailed()
    token = accounts.provider.redeem(code, login.verifier, _callback_address())
    if not token:
        raise LoginFailed()
    caller = accounts.tokens.identify_login(token, login.nonce)
    set_identity(caller)
    scopes = tuple(sorted(caller.scopes))
    return sessions.open_session(services.redis, Session(kind="user", owner=caller.owner, tier=caller.tier, scopes=scopes))


def _go_on(path: str) -> Response:
    """Return a page that leads on to another one.

    A redirect would be a part of the provider's navigation, with which a browser sends no ``SameSite=Strict`` cookie.
    """
    return Response(f'<!DOCTYPE html><title>Logging in</title><meta http-equiv="refresh" content="0; url={path}">', 200)


def _callback_address() -> str:
    return request.url_root.rstrip("/") + CALLBACK_PATH


def _challenge(verifier: str) -> str:
    """Return the challenge of a verifier: its SHA-256 in base64url without padding (RFC 7636, section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
