"""Send one signed HTTP POST to a server that a caller or the operator named, and report the outcome.

Source: the Standard Webhooks specification, for the headers and signatures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2
from standardwebhooks import Webhook as Signer

from document_parser.settings import Settings
from document_parser.settings.secrets import webhook_secrets
from document_parser.ssrf import AddressRefused, PinnedTransport, is_tls_failure
from document_parser.telemetry import tracing
from document_parser.version import __version__

CONNECT_SECONDS = 4.0
"""The time to connect to each address of a host, so that one that drops packets leaves time for the next."""
MAX_ANSWER_BYTES = 4096
"""At most about this much of an answer's content is read."""
USER_AGENT = f"document-parser/{__version__}"
"""The User-Agent header."""


@dataclass(frozen=True, slots=True)
class Message:
    """The message that is posted. Every try of the same message has the same id."""

    url: str
    id: str
    body: str

    @property
    def host(self) -> str:
        """Return the host of the URL."""
        return httpx2.URL(self.url).host


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of one try: the HTTP status, or the code of the error that came before it."""

    status: int | None = None
    error: str | None = None
    retry_after: float = 0.0
    """The seconds that the server asks to wait, 0 if it asks for none."""

    @property
    def is_delivered(self) -> bool:
        """Return whether the server accepted the message, with a status from 200 to 299."""
        return self.status is not None and 200 <= self.status < 300


async def post(settings: Settings, message: Message, transport: PinnedTransport, now: datetime) -> Answer:
    """Post a message once, within the deadline of the settings, signed with the time ``now``.

    Redirects are not followed, and only a bounded part of the answer is read. An error of the connection, a timeout and a
    refused address are returned as the answer's ``error``. Raises OSError if the signing secret cannot be read.
    """
    answer, deadlines = Answer(error="timeout"), httpx2.Timeout(None, connect=CONNECT_SECONDS)
    headers = signed_headers(webhook_secrets(settings), message.id, message.body, now) | tracing.headers()
    try:
        async with (
            asyncio.timeout(settings.webhooks.timeout_seconds),
            httpx2.AsyncClient(transport=transport, trust_env=False, timeout=deadlines) as client,
            client.stream("POST", message.url, content=message.body, headers=headers, follow_redirects=False) as response,
        ):
            answer = Answer(response.status_code, retry_after=retry_after_seconds(response.headers))
            await _read_short_answer(response)
    except TimeoutError:
        return answer
    except AddressRefused as refusal:
        return Answer(error=refusal.reason)
    except httpx2.TransportError as fault:
        # An error after the status does not change the outcome.
        return answer if answer.status else Answer(error=_error_code(fault))
    return answer


def signed_headers(secrets: Sequence[str], message_id: str, body: str, now: datetime) -> dict[str, str]:
    """Return the headers of one try. Every secret signs, so that a receiver may know the newest one or an earlier one."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Signer(secret).sign(message_id, now, body) for secret in secrets),
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "connection": "close",
    }


async def _read_short_answer(response: httpx2.Response) -> None:
    """Read a short answer to its end and ignore the content."""
    read = 0
    async for chunk in response.aiter_raw():
        read += len(chunk)
        if read >= MAX_ANSWER_BYTES:
            return


def retry_after_seconds(headers: Mapping[str, str]) -> float:
    """Return the seconds that a Retry-After header asks to wait; 0 if it is neither a number nor a date.

    A date counts from the answer's own Date header.
    """
    asked = headers.get("retry-after", "")
    try:
        if asked.isdigit():
            return float(asked)
        until, since = _parse_date(asked), _parse_date(headers.get("date", ""))
    except ValueError:
        return 0.0
    return max(0.0, (until - since).total_seconds())


def _parse_date(header: str) -> datetime:
    """Parse a date of a header; without a time zone it is in UTC. Raises ValueError if it is no date."""
    moment = parsedate_to_datetime(header)
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def _error_code(fault: BaseException) -> str:
    """Return the error code of a fault. Its text is never shown, since it may quote the address."""
    if isinstance(fault, httpx2.TimeoutException):
        return "timeout"
    if is_tls_failure(fault):
        return "tls_failed"
    return "connect_failed" if isinstance(fault, httpx2.ConnectError) else "connection_broken"
