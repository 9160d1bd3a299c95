"""Find out who sends a request, and check that the caller may do what it asks.

Proofs are an API key, a token of the login provider, the operator token of DATA_DIR or ADMIN_TOKEN, each as a bearer token or
in X-API-Key, and of a browser the session of a login or of a one-time link (``docparse operator-link``). The dashboard also
accepts one of them as the password that a browser asks for.
The caller's address is no proof: a proxy on this host has a local one.

With AUTH_MODE=off everything belongs to the owner ``public``, and only the operator's routes need a proof.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from flask import Flask, Response, redirect, request
from itsdangerous import BadSignature, TimestampSigner

from document_parser.accounts.identity import SCOPES, Identity
from document_parser.accounts.oidc.tokens import looks_like_token
from document_parser.accounts.secret_keys import hash_of, is_well_formed, looks_like_key
from document_parser.api import ownership
from document_parser.api.middleware import cors, rate_limits, tier_limits, wires
from document_parser.api.middleware.access import Access, access_of, is_dashboard
from document_parser.api.middleware.identity import set_identity
from document_parser.api.middleware.login_cookie import read_cookie
from document_parser.api.services import Services, get_services
from document_parser.errors import (
    DatabaseUnavailable,
    DocumentParserError,
    Forbidden,
    KeyExpired,
    KeyInvalid,
    KeyRequired,
    KeyRevoked,
    LinkUsed,
    LoginRequired,
    ScopeMissing,
    TokenExpired,
    TokenInvalid,
)
from document_parser.jobs.records import passwords, sessions
from document_parser.jobs.records.job import PUBLIC
from document_parser.jobs.redis.connection import Redis, RedisError
from document_parser.settings import Settings
from document_parser.settings.operator_access import LINK_PATH, operator_token, redeem_link
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

SESSION_SECONDS = 7 * 24 * 3600
"""Lifetime of an operator session in seconds."""
DEFAULT_PORTS = {"http": ":80", "https": ":443"}
"""Ports that an origin of these schemes leaves out."""

OPERATOR = Identity(PUBLIC, "operator", frozenset(SCOPES))
"""The operator of the service."""
ANYONE = Identity(PUBLIC, "anyone", frozenset({"process", "read", "extract"}))
"""Every caller while AUTH_MODE=off."""
ANONYMOUS_PREFIX = "address-"
"""How the owners of what callers without a key send begin; a keyed hash of their address follows."""
KEY_ERRORS: tuple[type[DocumentParserError], ...] = (KeyInvalid, KeyExpired, KeyRevoked)
"""Errors of an API key that does not work."""
CALLER_ERRORS: tuple[type[DocumentParserError], ...] = (*KEY_ERRORS, TokenInvalid, TokenExpired)
"""Errors of an API key, or of a token of the login provider, that does not work."""
PROOF_ERRORS: tuple[type[DocumentParserError], ...] = (LoginRequired, *CALLER_ERRORS)
"""Errors of a wrong proof."""


def register(app: Flask) -> None:
    """Find out who sends a request before anything else of it is read, and serve one-time links."""
    app.before_request(_guard)
    app.add_url_rule(LINK_PATH, "operator_link", _open_session, methods=["GET"])


def needs_operator(method: str, rule: str) -> bool:
    """Return whether a route is for the operator while AUTH_MODE=off, given its method and its template."""
    return access_of(method, rule).operator_when_off


def _guard() -> None:
    """Note who sends the request, and refuse what the caller may not do.

    The dashboard has a guard of its own, which asks for a password. Raises KeyRequired, LoginRequired, the errors in
    CALLER_ERRORS, ScopeMissing, TierUnknown, Forbidden, RateLimited, RateLimitExceeded, JobNotFound, BatchNotFound,
    UploadNotFound, DatabaseUnavailable, LoginProviderUnavailable, RedisError.
    """
    rule, services = request.url_rule, get_services()
    if rule is None or request.method == "OPTIONS":
        _show_standing(services)
        return
    if is_dashboard(rule.rule):
        return
    access = wires.access_of_request(rule.rule)
    if not services.settings.accounts.needs_key:
        set_identity(_require_admin() if access.operator_when_off else ANYONE)
    elif access.scope is not None:
        proof = _prove(_credentials(), given=_is_given()) or Proof(_anonymous(services.settings, access))
        tier_limits.count_request(services.settings, services.redis, proof.caller)
        # Before what may refuse the request: the audit has refused attempts of known callers too.
        set_identity(proof.caller, proof.is_valid)
        if not proof.caller.may(access.scope):
            raise ScopeMissing.for_scope(access.scope, proof.caller.scopes)
        ownership.check_path(services.redis, proof.caller)


def _show_standing(services: Services) -> None:
    """Let an answer that no route gives say what its caller has left, if a program has sent its key or token.

    It is the same answer for all, so nothing is counted or refused.
    """
    if not services.settings.accounts.needs_key or not _is_given():
        return
    with contextlib.suppress(DocumentParserError, RedisError):
        if (proof := _prove(_credentials(), given=True)) is not None:
            tier_limits.count_request(services.settings, services.redis, proof.caller, requests=0)


def _anonymous(settings: Settings, access: Access) -> Identity:
    """Return a caller without a key, if a tier is for such callers. Raises KeyRequired.

    What it sends belongs to its address. Others may share the address, so nothing is listed or deleted for it.
    """
    tier = settings.accounts.anonymous_tier
    if not tier or access.operator_when_off or access.scope == "admin":
        raise KeyRequired()
    owner = ANONYMOUS_PREFIX + passwords.fingerprint(settings, rate_limits.caller())[:32]
    return Identity(owner, "anyone", frozenset({"process", "read"}), tier=tier)


def _require_admin() -> Identity:
    """Return the caller if it proves to be the operator, or has the scope ``admin``.

    Raises LoginRequired if an Authorization header came that is no token of this service, because its sender must learn that.
    Raises Forbidden if no proof came, ScopeMissing, the errors in CALLER_ERRORS, RateLimited after too many wrong tokens, and
    RedisError. A Basic header does not count as proof: browsers send the dashboard's password on their own.
    """
    proof = _prove(_credentials(), given=_is_given())
    if proof is None:
        raise Forbidden()
    return _check_admin(proof.caller)


def check_admin_or_password() -> None:
    """Let the request pass as ``_require_admin`` does, or with a proof as the Basic password. For the dashboard.

    Raises LoginRequired if the proof is wrong or missing, the errors in CALLER_ERRORS, TierUnknown, RateLimitExceeded,
    ScopeMissing, RateLimited, RedisError.
    """
    proof = _prove(_credentials() or _password(), given=bool(_scheme()) or _is_given())
    if proof is None:
        raise LoginRequired()
    services = get_services()
    tier_limits.count_request(services.settings, services.redis, proof.caller)
    _check_admin(proof.caller)


def _check_admin(caller: Identity) -> Identity:
    """Return the caller, and note who it is even if it is refused. Raises ScopeMissing."""
    set_identity(caller)
    if not caller.is_admin:
        raise ScopeMissing.for_scope("admin", caller.scopes)
    return caller


@dataclass(frozen=True, slots=True)
class Proof:
    """Who a caller is, and whether what proved it is still good, which answers that last for long ask."""

    caller: Identity
    is_valid: Callable[[], bool] = lambda: True


def _prove(credentials: str, *, given: bool) -> Proof | None:
    """Return who the caller proves to be; None if no proof came.

    Raises LoginRequired for a wrong token, the errors in CALLER_ERRORS, RateLimited, DatabaseUnavailable,
    LoginProviderUnavailable, RedisError.
    """
    services = get_services()
    if looks_like_key(credentials):
        if not is_well_formed(credentials):
            raise KeyInvalid()
        return holder_of(hash_of(credentials))
    if services.accounts.tokens is not None and looks_like_token(credentials):
        caller = services.accounts.tokens.identify(credentials)
        return Proof(caller, partial(_is_before, caller.valid_until))
    if given:
        if not _is_token(services.settings, credentials):
            raise LoginRequired()
        return Proof(OPERATOR)
    return Proof(OPERATOR) if _has_session(services.settings) else logged_in()


def holder_of(key_hash: str) -> Proof:
    """Return the caller that an API key stands for, given the key's hash, and note that it was used.

    Raises the errors in KEY_ERRORS, DatabaseUnavailable, RedisError.
    """
    services, now = get_services(), datetime.now(UTC)
    key = services.accounts.key_cache.find_by_hash(key_hash)
    if key is None:
        raise KeyInvalid()
    match key.state(now):
        case "revoked":
            raise KeyRevoked()
        case "expired":
            raise KeyExpired()
    services.accounts.key_uses.note(key.id, now)
    return Proof(key.to_identity(), partial(_is_valid_key, services, key_hash))


def logged_in() -> Proof | None:
    """Return who this browser is logged in as; None if it is not, or if another site's page made it send the request.

    Raises the errors in KEY_ERRORS if the key of the login has ended, DatabaseUnavailable, RedisError.
    """
    secret = read_cookie("session")
    if not secret or not _is_own_page():
        return None
    services = get_services()
    session = sessions.find_session(services.redis, secret)
    if session is None:
        return None
    if session.kind == "key":
        return holder_of(session.key_hash)
    caller = Identity(session.owner, "user", frozenset(session.scopes), tier=session.tier)
    return Proof(caller, partial(_is_open_session, services.redis, secret))


def browser_caller() -> Identity | None:
    """Return the operator or who is logged in; None if nobody is, the key of the login has ended, or it cannot be found out."""
    try:
        proof = Proof(OPERATOR) if _has_session(get_services().settings) else logged_in()
    except (DocumentParserError, RedisError):
        return None
    return proof.caller if proof else None


def _is_valid_key(services: Services, key_hash: str) -> bool:
    """Return whether a key still works. What cannot be found out ends no answer that has begun."""
    try:
        key = services.accounts.key_cache.find_by_hash(key_hash)
    except (DatabaseUnavailable, RedisError):
        return True
    return key is not None and key.state(datetime.now(UTC)) == "active"


def _is_open_session(redis: Redis, secret: str) -> bool:
    """Return whether a login has not ended. What cannot be found out ends no answer that has begun."""
    try:
        return sessions.find_session(redis, secret) is not None
    except RedisError:
        return True


def _is_before(moment: float | None) -> bool:
    return moment is None or time.time() < moment


def _credentials() -> str:
    """Return the proof that a program sent: a bearer token, X-API-Key, or where a facade's clients send it. Empty without."""
    return _bearer() or request.headers.get("X-API-Key", "").strip() or wires.sent_key()


def _is_given() -> bool:
    """Return whether the caller sent what must be a proof. A Basic header may be of a browser or of a proxy in front."""
    return "X-API-Key" in request.headers or _scheme() not in ("", "basic") or bool(wires.sent_key())


def _is_token(settings: Settings, credentials: str) -> bool:
    """Return whether the credentials are a token of the operator.

    After too many wrong ones ADMIN_TOKEN is not compared any more. The operator token always is: 256 random bits cannot be
    guessed, and guesses must not lock its holder out. Raises RateLimited, RedisError.
    """
    if _is_same_secret(credentials, _token_of_data_dir(settings)):
        return True
    return rate_limits.compare_secret(get_services().redis, lambda: _is_same_secret(credentials, settings.api.admin_token))


def _token_of_data_dir(settings: Settings) -> str:
    """Return the operator token; empty if it can be neither read nor created. No credentials equal an empty token."""
    try:
        return operator_token(settings)
    except OSError as error:
        log.warning("operator_token_out_of_reach", error=type(error).__name__)
        return ""


def make_operator_token(settings: Settings) -> None:
    """Create the operator token if there is none, so that local programs can read it before the first request."""
    _token_of_data_dir(settings)


def _is_same_secret(given: str, token: str) -> bool:
    return bool(token) and hmac.compare_digest(given.encode(), token.encode())


def _scheme() -> str:
    """Return the first word of the Authorization header in lower case; empty if there is no header."""
    header = request.headers.get("Authorization")
    return "" if header is None else (header.split() or ["malformed"])[0].lower()


def _bearer() -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _password() -> str:
    """Return the password of a Basic header; empty if there is none or the header is malformed."""
    try:
        found = request.authorization
    except ValueError:  # werkzeug passes on the error of base64 at characters that are not ASCII
        return ""
    return (found.password or "") if found else ""


# --- sessions ---------------------------------------------------------------------------------------------------------


def _open_session() -> Response:
    """Redeem a one-time link and give the browser an operator session of SESSION_SECONDS. Raises LinkUsed."""
    settings = get_services().settings
    if request.method == "HEAD":  # sent by a program that previews links, which must not use the link up
        return Response(status=204)
    if not redeem_link(settings, request.args.get("code", "")):
        raise LinkUsed()
    response: Response = redirect("/", 303)  # type: ignore[assignment]
    response.headers["Cache-Control"] = "no-store"
    signer, name = _sessions(_token_of_data_dir(settings))
    response.set_cookie(
        name,
        signer.sign("operator").decode(),
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="Strict",
        secure=request.is_secure,
    )
    return response


def _has_session(settings: Settings) -> bool:
    """Return whether a valid session came from a page of this service.

    Other ports of the host are other services, to which a browser sends the same cookies.
    """
    token = _token_of_data_dir(settings)
    if not token:
        return False
    signer, name = _sessions(token)
    try:
        signer.unsign(request.cookies.get(name, ""), max_age=SESSION_SECONDS)
    except BadSignature:
        return False
    return _is_own_page()


def _is_own_page() -> bool:
    """Return whether a page of this service sent the request, or a person by typing its address.

    Only then a cookie proves anything: a browser sends it whoever made it send the request.
    """
    return request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin") and _is_own_origin()


@functools.lru_cache(maxsize=4)
def _sessions(token: str) -> tuple[TimestampSigner, str]:
    """Return the signer of sessions and the name of their cookie.

    Both depend on the token: a new token ends all sessions, and another token belongs to another service.
    """
    name = f"docparse-{hashlib.sha256(token.encode()).hexdigest()[:12]}"
    return TimestampSigner(token, salt="operator-session", digest_method=hashlib.sha256), name


# --- pages of other sites ---------------------------------------------------------------------------------------------


def check_origin() -> None:
    """Refuse requests that a page of another site made a browser send, unless the caller's key or CORS_ORIGINS lists the site.

    Raises Forbidden.
    """
    listed = frozenset(get_services().settings.api.cors_origins)
    if request.headers.get("Origin", "").lower() not in cors.caller_origins(listed):
        check_own_origin()


def check_own_origin() -> None:
    """Refuse requests from pages of any other site. Raises Forbidden."""
    if not _is_own_origin():
        raise Forbidden(
            "The request came from a page of another site. If it did not, check the proxy in front: it must pass "
            "Host on unchanged and set X-Forwarded-Proto, and TRUSTED_PROXIES must count it."
        )


def _is_own_origin() -> bool:
    """Return whether the page that sent the request has this service's scheme, host and port, or no page sent it."""
    origin = request.headers.get("Origin", "").lower()
    return not origin or _without_default_port(origin) == _without_default_port(f"{request.scheme}://{request.host}".lower())


def _without_default_port(origin: str) -> str:
    """Return an origin without the default port of its scheme."""
    return origin.removesuffix(DEFAULT_PORTS.get(origin.partition("://")[0], ""))
