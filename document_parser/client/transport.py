"""Send requests to one service, with retries where a repeated request does no harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from ipaddress import ip_address
from typing import Any, BinaryIO, TypeVar

import httpx2
from pydantic import ValidationError
from pydantic_settings import SettingsError
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_before_delay, wait_exponential

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
NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
"""Errors after which the request has certainly not reached the server."""
CONNECTION_LOST = (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError)
"""Errors of a connection that existed. It is unknown how much of the request the server has processed."""

_T = TypeVar("_T")


class Service:
    """Send requests to one service. Use it from any number of threads. Times are in seconds, as in ``Client``."""

    def __init__(self, base_url: str, token: str, timeout: float, patience: float, sleep: Callable[[float], None]) -> None:
        """Prepare requests to ``base_url``. Raises ValueError if the address is invalid."""
        address = _address(base_url)
        self._http = httpx2.Client(
            base_url=address,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=timeout,
        )
        self._operator = not token and is_on_this_machine(address)
        self._retry = Retrying(
            retry=retry_if_exception_type(RetryLater),
            wait=_pause_seconds,
            stop=stop_before_delay(patience),
            sleep=sleep,
            reraise=True,
        )
        self._has_answered = False

    def ask(self, method: str, path: str, **request: Any) -> bytes:
        """Return the body of a successful response.

        Raises the server's error, ServerUnreachable, or UnexpectedAnswer.
        """
        return self._with_retries(lambda: self._attempt(method, path, httpx2.Response.read, **request))

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

        def write(answer: httpx2.Response) -> str:
            out.seek(0)
            out.truncate()
            for chunk in answer.iter_bytes(CHUNK_BYTES):
                out.write(chunk)
            return str(answer.headers.get("Content-Type", "")).partition(";")[0].strip()

        return self._with_retries(lambda: self._attempt("GET", path, write, params=query, headers={"Accept": accept}))

    @contextmanager
    def events(self, path: str, last_event_id: str) -> Iterator[httpx2.EventSource]:
        """Open a stream of events behind that of an id. Errors while it is read are those of httpx2; raises as ``ask``."""
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last_event_id} if last_event_id else {})}
        with ExitStack() as stack:
            answer = self._with_retries(lambda: self._open(stack, "GET", path, headers=headers))
            yield httpx2.EventSource(answer)

    def _with_retries(self, attempt: Callable[[], _T]) -> _T:
        """Call ``attempt`` until it returns or raises another error than RetryLater, or the patience ends."""
        try:
            return self._retry(attempt)
        except RetryLater as last:
            raise last.error from last.__cause__

    def _attempt(self, method: str, path: str, take: Callable[[httpx2.Response], _T], **request: Any) -> _T:
        """Return what ``take`` makes of a successful response. Raises RetryLater if a retry does no harm."""
        with ExitStack() as stack, self._named_faults():
            return take(self._open(stack, method, path, **request))

    def _open(self, stack: ExitStack, method: str, path: str, **request: Any) -> httpx2.Response:
        """Return a successful response before its body is read. Raises as ``_attempt``."""
        with self._named_faults():
            answer = stack.enter_context(self._http.stream(method, path, **request))
            self._has_answered = True
            if answer.is_success:
                return answer
            answer.read()
        raise error_from_response(answer)

    @contextmanager
    def _named_faults(self) -> Iterator[None]:
        """Raise ServerUnreachable for what happens to a connection, in RetryLater if a retry does no harm."""
        try:
            yield
        except httpx2.RequestError as error:
            unreachable = ServerUnreachable(reason=type(error).__name__)
            there = self._has_answered or isinstance(error, CONNECTION_LOST)
            if there and (is_repeatable(error.request) or isinstance(error, NOT_SENT)):
                raise RetryLater(unreachable) from error
            raise unreachable from error

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


_backoff = wait_exponential(multiplier=FIRST_PAUSE_SECONDS, max=MAX_PAUSE_SECONDS)


def _pause_seconds(state: RetryCallState) -> float:
    """Return the pause before the next attempt: the backoff, or what the server asks for if that is longer."""
    error = state.outcome.exception() if state.outcome else None
    return max(_backoff(state), error.seconds if isinstance(error, RetryLater) else 0.0)


def is_on_this_machine(address: httpx2.URL) -> bool:
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


def _address(base_url: str) -> httpx2.URL:
    """Return the service's address; http if it has no scheme. Raises ValueError if it is invalid."""
    try:
        url = httpx2.URL(base_url if "://" in base_url else f"http://{base_url}")
    except httpx2.InvalidURL:
        raise ValueError("The server's address must have the form http://host:port.") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("The server's address must have the form http://host:port.")
    return url
