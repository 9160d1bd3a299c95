"""Send requests to one service, with retries where a repeated request does no harm."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, BinaryIO, TypeVar

import httpx
from pydantic import ValidationError
from pydantic_settings import SettingsError

from document_parser.client.errors import RetryLater, error_from_response, is_repeatable
from document_parser.errors import ServerUnreachable
from document_parser.settings import load_settings
from document_parser.settings.operator_access import read_operator_token

FIRST_PAUSE_SECONDS = 0.5
"""Pause before the first retry, in seconds; it doubles at each retry."""
MAX_PAUSE_SECONDS = 8.0
"""Longest pause between retries, in seconds, if the server does not ask for a longer one."""
CHUNK_BYTES = 1 << 16
"""Size of the pieces in which files are copied, in bytes."""
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Errors after which the request has certainly not reached the server."""
CONNECTION_LOST = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
"""Errors of a connection that existed. It is unknown how much of the request the server has processed."""

_T = TypeVar("_T")


class Service:
    """Send requests to one service. Use it from any number of threads. Times are in seconds, as in ``Client``."""

    def __init__(self, base_url: str, token: str, timeout: float, patience: float, pause: Callable[[float], object]) -> None:
        """Prepare requests to ``base_url``. Raises ValueError if the address is invalid."""
        address = _address(base_url)
        self._http = httpx.Client(
            base_url=address,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=timeout,
        )
        self._operator = not token and is_on_this_machine(address)
        self._patience = patience
        self._pause = pause
        self._has_answered = False

    def ask(self, method: str, path: str, **request: Any) -> bytes:
        """Return the body of a successful response.

        Raises the server's error, ServerUnreachable, or UnexpectedAnswer.
        """
        return self._with_retries(lambda: self._attempt(method, path, httpx.Response.read, **request))

    def ask_as_operator(self, method: str, path: str, **request: Any) -> bytes:
        """Return the body of a successful response to an operator's request.

        Without a token of its own the client sends that of this machine's service, and only to that service. Raises as
        ``ask``.
        """
        token = read_operator_token(load_settings()) if self._operator else ""
        return self.ask(method, path, headers={"Authorization": f"Bearer {token}"} if token else None, **request)

    def fetch(self, path: str, query: dict[str, Any], out: BinaryIO, accept: str = "*/*") -> str:
        """Write the body of a successful response to ``out`` and return its media type without parameters.

        Each attempt writes from the start. Raises OSError, and as ``ask``.
        """

        def write(answer: httpx.Response) -> str:
            out.seek(0)
            out.truncate()
            for chunk in answer.iter_bytes(CHUNK_BYTES):
                out.write(chunk)
            return str(answer.headers.get("Content-Type", "")).partition(";")[0].strip()

        return self._with_retries(lambda: self._attempt("GET", path, write, params=query, headers={"Accept": accept}))

    def _with_retries(self, attempt: Callable[[], _T]) -> _T:
        """Call ``attempt`` until it returns or raises another error than RetryLater, or the patience ends."""
        until, pause = time.monotonic() + self._patience, FIRST_PAUSE_SECONDS
        while True:
            try:
                return attempt()
            except RetryLater as again:
                seconds = max(pause, again.seconds)
                if time.monotonic() + seconds > until:
                    raise again.error from again.__cause__
            self._pause(seconds)
            pause = min(pause * 2, MAX_PAUSE_SECONDS)

    def _attempt(self, method: str, path: str, take: Callable[[httpx.Response], _T], **request: Any) -> _T:
        """Return what ``take`` makes of a successful response. Raises RetryLater if a retry does no harm."""
        try:
            with self._http.stream(method, path, **request) as answer:
                self._has_answered = True
                if answer.is_success:
                    return take(answer)
                answer.read()
        except httpx.RequestError as error:
            unreachable = ServerUnreachable(reason=type(error).__name__)
            there = self._has_answered or isinstance(error, CONNECTION_LOST)
            if there and (is_repeatable(error.request) or isinstance(error, NOT_SENT)):
                raise RetryLater(unreachable) from error
            raise unreachable from error
        raise error_from_response(answer)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def is_on_this_machine(address: httpx.URL) -> bool:
    """Return whether the address is that of the service which this process's settings describe.

    Only then may DATA_DIR hold a token for it.
    """
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
    """Return the service's address; http if it has no scheme. Raises ValueError if it is invalid."""
    try:
        url = httpx.URL(base_url if "://" in base_url else f"http://{base_url}")
    except httpx.InvalidURL:
        raise ValueError("The server's address has the form http://host:port.") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("The server's address has the form http://host:port.")
    return url
