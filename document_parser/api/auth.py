"""Decide which routes need the operator, and check the proof of a caller.

Proofs are the operator token of DATA_DIR or ADMIN_TOKEN as a bearer token, and the session of a one-time link (``docparse
operator-link``). The dashboard also accepts one of the tokens as the password that a browser asks for. The caller's address is
no proof: a proxy on this host has a local one.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
from typing import Literal

from flask import Flask, Response, redirect, request
from itsdangerous import BadSignature, TimestampSigner

from document_parser.api.middleware import rate_limits
from document_parser.api.middleware.paths import without_alias_prefix
from document_parser.api.services import get_services
from document_parser.errors import Forbidden, LinkUsed, LoginRequired
from document_parser.settings import Settings
from document_parser.settings.operator_access import LINK_PATH, operator_token, redeem_link
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

DASHBOARD = "/dashboard"
"""Path of the dashboard; everything below it is for the operator."""
OPERATOR_ROUTES = frozenset(
    {
        ("GET", "/v1/jobs"),
        ("DELETE", "/v1/jobs/<job_id>"),
        ("DELETE", "/v1/batches/<batch_id>"),
        ("GET", "/v1/webhooks/deliveries"),
        ("POST", "/v1/webhooks/deliveries/replay"),
        ("POST", "/v1/jobs/<job_id>/webhook/replay"),
        ("POST", "/v1/webhooks/ping"),
    }
)
"""Method and template of all routes for the operator outside DASHBOARD."""

SESSION_SECONDS = 7 * 24 * 3600
"""Lifetime of an operator session in seconds."""
DEFAULT_PORTS = {"http": ":80", "https": ":443"}
"""Ports that an origin of these schemes leaves out."""

Proof = Literal["token", "session", "wrong", "none"]
"""What a request proves about its caller."""


def register(app: Flask) -> None:
    """Check the operator's routes before anything else of a request is read, and serve one-time links."""
    app.before_request(_guard)
    app.add_url_rule(LINK_PATH, "operator_link", _open_session, methods=["GET"])


def needs_operator(method: str, rule: str) -> bool:
    """Return whether a route is for the operator, given its method and its template, such as ``/v1/jobs/<job_id>``.

    An alias is for whom its route is for.
    """
    return is_dashboard(rule) or ("GET" if method == "HEAD" else method, without_alias_prefix(rule)) in OPERATOR_ROUTES


def is_dashboard(path: str) -> bool:
    """Return whether a path belongs to the dashboard."""
    return f"{path}/".startswith(f"{DASHBOARD}/")


def _guard() -> None:
    """Require the operator on the operator's routes.

    The dashboard has a guard of its own, which asks for a password.
    """
    rule = request.url_rule
    if rule is not None and not is_dashboard(rule.rule) and needs_operator(request.method, rule.rule):
        require_operator()


def require_operator() -> None:
    """Let the request pass if its caller proves to be the operator.

    Raises LoginRequired if an Authorization header came that is no token of this service, because its sender must learn that.
    Raises Forbidden if no proof came, RateLimited after too many wrong tokens, and RedisError. A Basic header does not count
    as proof: browsers send the dashboard's password on their own.
    """
    credentials = "" if _scheme() == "basic" else _bearer()
    match _proof(credentials, given=_scheme() not in ("", "basic")):
        case "wrong":
            raise LoginRequired()
        case "none":
            raise Forbidden()


def check_operator_or_password() -> None:
    """Let the request pass as ``require_operator`` does, or with a token as the Basic password. For the dashboard.

    Raises LoginRequired if the proof is wrong or missing, RateLimited, RedisError.
    """
    if _proof(_bearer() or _password(), given=bool(_scheme())) in ("wrong", "none"):
        raise LoginRequired()


def _proof(credentials: str, *, given: bool) -> Proof:
    """Return what a request proves. Raises RateLimited, RedisError."""
    settings = get_services().settings
    if given:
        return "token" if _is_token(settings, credentials) else "wrong"
    return "session" if _has_session(settings) else "none"


def _is_token(settings: Settings, credentials: str) -> bool:
    """Return whether the credentials are a token of this service.

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
    """Refuse requests that a page of another site made a browser send, unless CORS_ORIGINS lists the site.

    Raises Forbidden.
    """
    if request.headers.get("Origin", "").lower() not in get_services().settings.api.cors_origins:
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
