"""What needs the operator, and how a caller proves to be one. Never told from an address: a proxy beside us has a local one.

Proofs: the operator token of DATA_DIR or ADMIN_TOKEN as a bearer token; the session of a one-time link (``docparse
operator-link``); for the dashboard also one of the tokens as the password that a browser asks for.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
from typing import Literal

from flask import Flask, Response, redirect, request
from itsdangerous import BadSignature, TimestampSigner

from document_parser import logs
from document_parser.api import factory, limits
from document_parser.errors import Forbidden, LinkUsed, LoginRequired
from document_parser.operator_access import LINK_PATH, operator_token, redeem_link
from document_parser.settings import Settings

log = logs.get(__name__)

DASHBOARD = "/dashboard"
OPERATOR_ROUTES = frozenset(
    {
        ("GET", "/v1/jobs"),
        ("DELETE", "/v1/jobs/<job_id>"),
        ("GET", "/v1/webhooks/deliveries"),
        ("POST", "/v1/webhooks/deliveries/replay"),
        ("POST", "/v1/jobs/<job_id>/webhook/replay"),
        ("POST", "/v1/webhooks/ping"),
    }
)
"""All that needs the operator, beside everything below DASHBOARD."""

SESSION_SECONDS = 7 * 24 * 3600
DEFAULT_PORTS = {"http": ":80", "https": ":443"}

Proof = Literal["token", "session", "wrong", "none"]


def register(app: Flask) -> None:
    """Guard the operator's routes before anything of a request is looked at, and take one-time links."""
    app.before_request(_guard)
    app.add_url_rule(LINK_PATH, "operator_link", _open_session, methods=["GET"])


def needs_operator(method: str, rule: str) -> bool:
    """Whether a route is the operator's, by its method and its template like ``/v1/jobs/<job_id>``."""
    return is_dashboard(rule) or ("GET" if method == "HEAD" else method, rule) in OPERATOR_ROUTES


def is_dashboard(path: str) -> bool:
    return f"{path}/".startswith(f"{DASHBOARD}/")


def _guard() -> None:
    """The dashboard has a guard of its own, which asks for a password."""
    rule = request.url_rule
    if rule is not None and not is_dashboard(rule.rule) and needs_operator(request.method, rule.rule):
        require_operator()


def require_operator() -> None:
    """Let callers pass who prove to be the operator.

    Raises LoginRequired if an Authorization header came and is no token of this service: its sender must learn that.
    Raises Forbidden if no proof came, RateLimited if too many wrong ones did. Basic counts as none: a browser sends the
    dashboard's password on its own.
    """
    credentials = "" if _scheme() == "basic" else _bearer()
    match _proof(credentials, given=_scheme() not in ("", "basic")):
        case "wrong":
            raise LoginRequired()
        case "none":
            raise Forbidden()


def check_operator_or_password() -> None:
    """The same for the dashboard, which takes a token as the password that a browser asks for as well.

    Raises LoginRequired also if nothing came.
    """
    if _proof(_bearer() or _password(), given=bool(_scheme())) in ("wrong", "none"):
        raise LoginRequired()


def _proof(credentials: str, *, given: bool) -> Proof:
    """What a request proves. Raises RateLimited."""
    settings = factory.services().settings
    if given:
        return "token" if _is_token(settings, credentials) else "wrong"
    return "session" if _has_session(settings) else "none"


def _is_token(settings: Settings, credentials: str) -> bool:
    """Whether these are a token of the service. After too many that are not, ADMIN_TOKEN is not compared any more.

    The operator token is compared always: 256 random bits cannot be guessed, and guesses must not lock its holder out. Raises
    RateLimited.
    """
    if _same(credentials, _token_of_data_dir(settings)):
        return True
    return limits.guess(lambda: _same(credentials, settings.api.admin_token))


def _token_of_data_dir(settings: Settings) -> str:
    """The operator token; empty if it can neither be read nor made, and then nothing is equal to it."""
    try:
        return operator_token(settings)
    except OSError as error:
        log.warning("operator_token_out_of_reach", error=type(error).__name__)
        return ""


def make_operator_token(settings: Settings) -> None:
    """Make the token if there is none, so that programs on the machine can read it before the first request."""
    _token_of_data_dir(settings)


def _same(given: str, token: str) -> bool:
    return bool(token) and hmac.compare_digest(given.encode(), token.encode())


def _scheme() -> str:
    """The first word of the Authorization header in lower case, empty if there is no header."""
    header = request.headers.get("Authorization")
    return "" if header is None else (header.split() or ["malformed"])[0].lower()


def _bearer() -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _password() -> str:
    """The password of a Basic header, empty if there is none or the header is malformed."""
    try:
        found = request.authorization
    except ValueError:  # werkzeug lets through what base64 says of letters that are not ASCII
        return ""
    return (found.password or "") if found else ""


# --- sessions ---------------------------------------------------------------------------------------------------------


def _open_session() -> Response:
    """Take a one-time link: the browser that opened it is the operator's for SESSION_SECONDS. Raises LinkUsed."""
    settings = factory.services().settings
    if request.method == "HEAD":  # of a program that looks ahead, which is not to use the link up
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
    """Whether a valid session came, from a page of this service: other ports of the host are other services, to which a browser
    sends the same cookies.
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
    """What signs sessions, and the name of their cookie: another token is another service, and ends all sessions."""
    name = f"docparse-{hashlib.sha256(token.encode()).hexdigest()[:12]}"
    return TimestampSigner(token, salt="operator-session", digest_method=hashlib.sha256), name


# --- pages of other sites ---------------------------------------------------------------------------------------------


def check_origin() -> None:
    """A page of another site may not make a browser send this, unless CORS_ORIGINS lists it. Raises Forbidden."""
    if request.headers.get("Origin", "").lower() not in factory.services().settings.api.cors_origins:
        check_own_origin()


def check_own_origin() -> None:
    """The same without exceptions. Raises Forbidden."""
    if not _is_own_origin():
        raise Forbidden(
            "This came from a page of another site. If it did not: a proxy in front has to pass Host on as it came and to set "
            "X-Forwarded-Proto, and TRUSTED_PROXIES has to count it."
        )


def _is_own_origin() -> bool:
    """Whether scheme, host and port of the page that sent this are ours; also if no page says that it did."""
    origin = request.headers.get("Origin", "").lower()
    return not origin or _plain(origin) == _plain(f"{request.scheme}://{request.host}".lower())


def _plain(origin: str) -> str:
    """An origin without the port that its scheme has anyway."""
    return origin.removesuffix(DEFAULT_PORTS.get(origin.partition("://")[0], ""))
