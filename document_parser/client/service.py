"""Requests to one service, asked again where that is harmless: a busy server, or one that answered before."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, BinaryIO, TypeVar

import httpx
from pydantic import ValidationError
from pydantic_settings import SettingsError

from document_parser.client.refusals import AskAgain, refusal, repeatable
from document_parser.errors import ServerUnreachable
from document_parser.operator_access import kept_operator_token
from document_parser.settings import load_settings

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 8.0
CHUNK_BYTES = 1 << 16
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
LOST = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
"""Somebody was there, and nobody knows how far it came."""

_T = TypeVar("_T")


class Service:
    """One service at an address. May be used by many threads. Times are in seconds, as those of ``Client``."""

    def __init__(self, base_url: str, token: str, timeout: float, patience: float, pause: Callable[[float], object]) -> None:
        """Raises ValueError where the address is none."""
        address = _address(base_url)
        self._http = httpx.Client(
            base_url=address,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=timeout,
        )
        self._operator = not token and is_on_this_machine(address)
        self._patience = patience
        self._pause = pause
        self._met = False

    def ask(self, method: str, path: str, **request: Any) -> bytes:
        """The body of a good answer."""
        return self._patiently(lambda: self._once(method, path, httpx.Response.read, **request))

    def ask_as_operator(self, method: str, path: str, **request: Any) -> bytes:
        """The same for what only the operator may. Without a token of its own the client takes that of this machine's service,
        and sends it to no other.
        """
        token = kept_operator_token(load_settings()) if self._operator else ""
        return self.ask(method, path, headers={"Authorization": f"Bearer {token}"} if token else None, **request)

    def fetch(self, path: str, query: dict[str, Any], out: BinaryIO, accept: str = "*/*") -> str:
        """Write the body of a good answer, from the start at each try. Return its media type without parameters."""

        def write(answer: httpx.Response) -> str:
            out.seek(0)
            out.truncate()
            for chunk in answer.iter_bytes(CHUNK_BYTES):
                out.write(chunk)
            return str(answer.headers.get("Content-Type", "")).partition(";")[0].strip()

        return self._patiently(lambda: self._once("GET", path, write, params=query, headers={"Accept": accept}))

    def _patiently(self, attempt: Callable[[], _T]) -> _T:
        until, pause = time.monotonic() + self._patience, FIRST_PAUSE_SECONDS
        while True:
            try:
                return attempt()
            except AskAgain as again:
                seconds = max(pause, again.seconds)
                if time.monotonic() + seconds > until:
                    raise again.error from again.__cause__
            self._pause(seconds)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _once(self, method: str, path: str, take: Callable[[httpx.Response], _T], **request: Any) -> _T:
        """What ``take`` makes of a good answer. Raises AskAgain where it is harmless to ask again."""
        try:
            with self._http.stream(method, path, **request) as answer:
                self._met = True
                if answer.is_success:
                    return take(answer)
                answer.read()
        except httpx.RequestError as error:
            unreachable = ServerUnreachable(reason=type(error).__name__)
            there = self._met or isinstance(error, LOST)
            if there and (repeatable(error.request) or isinstance(error, NOT_SENT)):
                raise AskAgain(unreachable) from error
            raise unreachable from error
        raise refusal(answer)

    def close(self) -> None:
        self._http.close()


def is_on_this_machine(address: httpx.URL) -> bool:
    """Whether the settings of this process are of the service at the address, so that its DATA_DIR may have a token for it."""
    host = address.host
    with suppress(ValidationError, SettingsError):
        port = load_settings().api.api_port
        return (address.port or 80) == port and (host == "localhost" or (_is_ip(host) and ip_address(host).is_loopback))
    return False


def _is_ip(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


def _address(base_url: str) -> httpx.URL:
    """The service's address, over http where it does not say. Raises ValueError where it is none."""
    try:
        url = httpx.URL(base_url if "://" in base_url else f"http://{base_url}")
    except httpx.InvalidURL:
        raise ValueError("The server's address has the form http://host:port.") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("The server's address has the form http://host:port.")
    return url
