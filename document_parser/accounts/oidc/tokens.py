"""Check tokens of an OpenID Connect provider, and say which caller they stand for."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Collection, Container, Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import GuestProtocol

from document_parser.accounts.identity import SCOPES, Identity, Scope, is_owner_name
from document_parser.accounts.oidc.provider import Provider
from document_parser.errors import TokenExpired, TokenInvalid
from document_parser.settings import AccountSettings

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Algorithms that a provider may sign with. A shared secret is none: who can check such a token can make one."""
MAX_TOKEN_CHARACTERS = 16_384
"""Maximum length of a token. Servers in front refuse longer headers."""
TOKEN_FORM = re.compile(r"[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]*")
"""The compact form of a signed token (RFC 7515, section 7.1)."""
SCOPE_NAME = re.compile(rf"docparse[:./_-]({'|'.join(SCOPES)})")
"""How a provider names our scopes, among roles of other programs."""
OPERATORS_OWNER = "public"
"""The owner of what was sent without a key: no claim may name it."""


def looks_like_token(text: str) -> bool:
    """Return whether a text has the form of a signed token. API keys and operator tokens have no dots."""
    return bool(TOKEN_FORM.fullmatch(text))


class Tokens:
    """The tokens of one provider. ``clock`` returns seconds since 1970."""

    def __init__(self, settings: AccountSettings, provider: Provider, *, clock: Callable[[], float] = time.time) -> None:
        self._settings, self._provider, self._clock = settings, provider, clock

    def identify(self, token: str) -> Identity:
        """Return the caller that a bearer token stands for.

        The token is an access token (RFC 9068) or an ID token that names one of OIDC_AUDIENCE. Raises TokenInvalid,
        TokenExpired, LoginProviderUnavailable.
        """
        return self._to_identity(self._claims(token, self._settings.audiences))

    def identify_login(self, token: str, nonce: str) -> Identity:
        """Return who has logged in, given the ID token that came for an authorization code and the login's nonce.

        Raises TokenInvalid, TokenExpired, LoginProviderUnavailable.
        """
        claims = self._claims(token, (self._settings.oidc_client_id,))
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise TokenInvalid.because("it belongs to another login")
        if claims.get("azp", self._settings.oidc_client_id) != self._settings.oidc_client_id:
            raise TokenInvalid.because("it was made for another client")
        return self._to_identity(claims)

    def _claims(self, token: str, audiences: tuple[str, ...]) -> dict[str, Any]:
        """Return the claims of a token whose signature, issuer, audience and times are right."""
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise TokenInvalid.because(f"it has more than {MAX_TOKEN_CHARACTERS} characters")
        try:
            found = jwt.decode(token, self._find_key, algorithms=ALGORITHMS)
        except (JoseError, ValueError, TypeError) as error:
            raise TokenInvalid.because("its signature is not the provider's") from error
        return self._checked(found.claims, audiences)

    def _checked(self, claims: dict[str, Any], audiences: tuple[str, ...]) -> dict[str, Any]:
        now, skew = int(self._clock()), self._settings.oidc_clock_skew_seconds
        if claims.get("iss") != self._settings.oidc_issuer:
            raise TokenInvalid.because("another issuer made it")
        named = claims.get("aud")
        if not set(audiences).intersection([named] if isinstance(named, str) else named if isinstance(named, list) else []):
            raise TokenInvalid.because("it was made for another service (aud)")
        registry = jwt.JWTClaimsRegistry(now, skew, exp={"essential": True}, sub={"essential": True})
        try:
            registry.validate(claims)
        except ExpiredTokenError as error:
            raise TokenExpired() from error
        except JoseError as error:
            raise TokenInvalid.because("its claims exp, nbf, iat or sub are missing or not right") from error
        return claims

    def _find_key(self, token: GuestProtocol) -> Any:
        head = token.headers()
        key = self._provider.find_key(head.get("kid"), str(head.get("alg")))
        if key is None:
            raise TokenInvalid.because("the provider has no key of its name and algorithm")
        return key

    def _to_identity(self, claims: Mapping[str, Any]) -> Identity:
        """Return the caller that claims describe. Raises TokenInvalid if a claim that must name the owner does not."""
        settings = self._settings
        return Identity(
            owner=_owner(claims, settings.oidc_owner_claim),
            actor="user",
            scopes=_scopes(claims, settings.oidc_scopes_claim, settings.token_scopes),
            tier=_tier(claims, settings.oidc_tier_claim, settings.tiers, settings.oidc_tier),
            valid_until=float(claims["exp"]) + settings.oidc_clock_skew_seconds,
        )


def _owner(claims: Mapping[str, Any], claim: str) -> str:
    """Return the owner of a caller.

    A subject is any text, so its owner is named by a hash of issuer and subject; no subject can take an owner's name that keys
    have. Another claim is one by which the operator means owners: it must be such a name.
    """
    if claim == "sub":
        return "oidc-" + hashlib.sha256(f"{claims['iss']}\n{claims['sub']}".encode()).hexdigest()[:32]
    name = _find(claims, claim)
    owner = name.lower() if isinstance(name, str) else ""
    if not is_owner_name(owner) or owner == OPERATORS_OWNER:
        raise TokenInvalid.because(f"its claim {claim} names no owner")
    return owner


def _tier(claims: Mapping[str, Any], claim: str, tiers: Container[str], default: str) -> str:
    name = _find(claims, claim) if claim else None
    return name if isinstance(name, str) and name in tiers else default


def _scopes(claims: Mapping[str, Any], claim: str, default: Collection[str]) -> frozenset[Scope]:
    """Return the scopes of a caller: those that the claim names, or the default if no claim is asked or the token lacks it."""
    found = _find(claims, claim) if claim else None
    if found is None:
        return frozenset(scope for scope in SCOPES if scope in default)
    names = found.split() if isinstance(found, str) else found if isinstance(found, list) else []
    matches = [SCOPE_NAME.fullmatch(name) for name in names if isinstance(name, str)]
    held = {match[1] for match in matches if match}
    return frozenset(scope for scope in SCOPES if scope in held)


def _find(claims: Mapping[str, Any], name: str) -> Any:
    """Return a claim; dots in the name go into objects, as in ``realm_access.roles``. A claim of the whole name comes first."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
