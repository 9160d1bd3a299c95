"""Fetch what an OpenID Connect provider says of itself, and its keys."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Generic, TypeVar, cast

import httpx2
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from document_parser.errors import LoginProviderUnavailable
from document_parser.settings import AccountSettings
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

METADATA_PATH = "/.well-known/openid-configuration"
"""Where a provider describes itself, below its issuer (OpenID Connect Discovery 1.0, section 4)."""
FETCH_SECONDS = 5.0
"""Deadline of each step of a request to the provider, in seconds."""
FRESH_SECONDS = 3600.0
"""Time for which keys and metadata are used before they are fetched again, in seconds."""
STALE_SECONDS = 24 * 3600.0
"""While the provider is away, keys that were fetched this recently go on working."""
RETRY_SECONDS = 10.0
"""Minimum time between two fetches: a key id that nobody knows, or a provider that is away, causes no more."""
MAX_ANSWER_BYTES = 1 << 20
"""Maximum size of an answer of the provider in bytes. A set of keys has some thousands."""


T = TypeVar("T")


class Metadata(BaseModel):
    """What a provider says of itself."""

    issuer: str
    jwks_uri: str
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


@dataclass
class _Fetched(Generic[T]):
    """A value of the provider, fetched at most once in RETRY_SECONDS, and kept while the provider is away."""

    fetch: Callable[[], T]
    clock: Callable[[], float]
    value: T | None = None
    fetched_at: float = 0.0
    tried_at: float | None = None
    is_away: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, is_enough: Callable[[T], bool] = lambda _: True) -> T:
        """Return the value, fetched again if it is old or not enough. Raises LoginProviderUnavailable."""
        with self.lock:
            now = self.clock()
            if not self._is_good(now, FRESH_SECONDS, is_enough) and (
                self.tried_at is None or now - self.tried_at >= RETRY_SECONDS
            ):
                self._fetch(now)
            if self.value is None or (self.is_away and not self._is_good(now, STALE_SECONDS, is_enough)):
                raise LoginProviderUnavailable()
            return self.value

    def _is_good(self, now: float, seconds: float, is_enough: Callable[[T], bool]) -> bool:
        return self.value is not None and now - self.fetched_at < seconds and is_enough(self.value)

    def _fetch(self, now: float) -> None:
        self.tried_at = now
        try:
            self.value, self.fetched_at, self.is_away = self.fetch(), now, False
        except LoginProviderUnavailable:
            self.is_away = True


class Provider:
    """The provider of OIDC_ISSUER. Threads may use it at the same time. ``clock`` is a monotonic one, in seconds."""

    def __init__(self, settings: AccountSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._metadata = _Fetched(self._fetch_metadata, clock)
        self._keys = _Fetched(self._fetch_keys, clock)

    def metadata(self) -> Metadata:
        """Return what the provider says of itself. Raises LoginProviderUnavailable."""
        return self._metadata.get()

    def find_key(self, key_id: str | None, algorithm: str) -> Key | None:
        """Return the key that signed a token, given the ``kid`` and ``alg`` of its head; None if the provider has none.

        A token without a ``kid`` has a key only if one alone fits. An unknown ``kid`` makes the keys be fetched again, because
        a provider changes its keys at any time. Raises LoginProviderUnavailable.
        """
        found = self._keys.get(lambda keys: bool(_fitting(keys, key_id, algorithm)))
        fitting = _fitting(found, key_id, algorithm)
        return fitting[0] if len(fitting) == 1 else None

    def redeem(self, code: str, verifier: str, redirect_uri: str) -> str:
        """Return the ID token that an authorization code stands for; empty if the provider refuses the code.

        The client proves itself by OIDC_CLIENT_SECRET, if there is one, and by the ``verifier`` of PKCE (RFC 7636). Raises
        LoginProviderUnavailable.
        """
        metadata, client = self.metadata(), self._settings
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "redirect_uri": redirect_uri}
        form["client_id"] = client.oidc_client_id
        auth = None
        if client.oidc_client_secret:
            if "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
                auth = httpx2.BasicAuth(client.oidc_client_id, client.oidc_client_secret)
            else:
                form["client_secret"] = client.oidc_client_secret
        status, answer = _ask("POST", metadata.token_endpoint, data=form, auth=auth)
        if status >= 500:
            raise LoginProviderUnavailable()
        token = answer.get("id_token")
        if status != 200 or not isinstance(token, str):
            log.warning("login_code_refused", status=status, error=str(answer.get("error", ""))[:64])
            return ""
        return token

    def _fetch_metadata(self) -> Metadata:
        issuer = self._settings.oidc_issuer
        metadata = _parse(Metadata, _get(issuer.removesuffix("/") + METADATA_PATH))
        if metadata.issuer != issuer:
            log.error("login_provider_has_another_name", issuer=metadata.issuer[:200])
            raise LoginProviderUnavailable()
        addresses = (metadata.jwks_uri, metadata.authorization_endpoint, metadata.token_endpoint)
        if not all(is_confidential(address) for address in addresses if address):
            log.error("login_provider_without_tls")
            raise LoginProviderUnavailable()
        return metadata

    def _fetch_keys(self) -> KeySet:
        answer = _get(self._settings.oidc_jwks_url or self.metadata().jwks_uri)
        keys = answer.get("keys")
        if not isinstance(keys, list):
            log.error("login_provider_without_keys")
            raise LoginProviderUnavailable()
        return KeySet([key for data in keys if (key := _import_key(data)) is not None])


def is_confidential(address: str) -> bool:
    """Return whether nobody on the way can read or change what is fetched: HTTPS, or HTTP on this machine."""
    url = httpx2.URL(address)
    return url.scheme == "https" or (url.scheme == "http" and _is_loopback(url.host))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _import_key(data: object) -> Key | None:
    """Return a key of a set; None for one of an unknown kind, which must not spoil the others (RFC 7517, section 5)."""
    try:
        return KeySet.import_key_set(cast(Any, {"keys": [data]})).keys[0]
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _fitting(keys: KeySet, key_id: str | None, algorithm: str) -> list[Key]:
    """Return the keys that may have signed a token with this head."""
    return [
        key
        for key in keys.keys
        if (key_id is None or key.kid == key_id)
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and key.key_type == KEY_TYPES.get(algorithm[:2])
    ]


KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
"""Type of the keys of an algorithm, by the algorithm's first two letters."""


def _get(address: str) -> dict[str, Any]:
    """Return the JSON object at an address. Raises LoginProviderUnavailable."""
    status, answer = _ask("GET", address)
    if status != 200:
        log.warning("login_provider_away", status=status)
        raise LoginProviderUnavailable()
    return answer


def _ask(method: str, address: str, **sent: Any) -> tuple[int, dict[str, Any]]:
    """Return status and JSON object of an answer; an empty object if it has none. Raises LoginProviderUnavailable."""
    try:
        with httpx2.stream(method, address, timeout=FETCH_SECONDS, headers={"Accept": "application/json"}, **sent) as answer:
            body = bytearray()
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    raise LoginProviderUnavailable()
            status = answer.status_code
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        log.warning("login_provider_away", error=type(error).__name__)
        raise LoginProviderUnavailable() from error
    try:
        found = from_json(bytes(body))
    except ValueError:
        found = None
    return status, found if isinstance(found, dict) else {}


def _parse(model: type[Metadata], answer: dict[str, Any]) -> Metadata:
    try:
        return model.model_validate(answer)
    except ValidationError as error:
        log.error("login_provider_not_understood")
        raise LoginProviderUnavailable() from error
