"""One signed POST to a server that a caller or the operator named: what is sent, and what came of it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2
from standardwebhooks import Webhook as Signer

from document_parser.settings import Settings
from document_parser.settings.secrets import webhook_secrets
from document_parser.ssrf import AddressRefused, PinnedTransport
from document_parser.version import __version__

CONNECT_SECONDS = 4.0
"""For each address of a host, so that one that swallows packets leaves time for the next."""
MOST_ANSWER_BYTES = 4096
USER_AGENT = f"document-parser/{__version__}"


@dataclass(frozen=True, slots=True)
class Message:
    """What is posted. The id is the message's, however often it is tried."""

    url: str
    id: str
    body: str

    @property
    def host(self) -> str:
        return httpx2.URL(self.url).host


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one try: the HTTP status, or what went wrong before there was one."""

    status: int | None = None
    error: str | None = None
    retry_after: float = 0.0

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


async def post(settings: Settings, message: Message, transport: PinnedTransport, now: datetime) -> Answer:
    """Post once, within the deadline, as at this moment. Redirects are not followed; a bounded piece of the answer is read."""
    answer, deadlines = Answer(error="timeout"), httpx2.Timeout(None, connect=CONNECT_SECONDS)
    headers = signed_headers(webhook_secrets(settings), message.id, message.body, now)
    try:
        async with (
            asyncio.timeout(settings.webhooks.timeout_seconds),
            httpx2.AsyncClient(transport=transport, trust_env=False, timeout=deadlines) as client,
            client.stream("POST", message.url, content=message.body, headers=headers, follow_redirects=False) as response,
        ):
            answer = Answer(response.status_code, retry_after=retry_after_seconds(response.headers))
            await _read_a_little(response)
    except TimeoutError:
        return answer
    except AddressRefused as refusal:
        return Answer(error=refusal.reason)
    except httpx2.TransportError as fault:
        # What comes after the status changes nothing about it.
        return answer if answer.status else Answer(error=_name(fault))
    return answer


def signed_headers(secrets: Sequence[str], message_id: str, body: str, now: datetime) -> dict[str, str]:
    """The headers of one try. Each secret signs, so that a receiver may know the newest or one before it."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Signer(secret).sign(message_id, now, body) for secret in secrets),
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "connection": "close",
    }


async def _read_a_little(response: httpx2.Response) -> None:
    """Let the server finish its answer, if that is short; the content is not looked at."""
    read = 0
    async for chunk in response.aiter_raw():
        read += len(chunk)
        if read >= MOST_ANSWER_BYTES:
            return


def retry_after_seconds(headers: Mapping[str, str]) -> float:
    """What a Retry-After header asks for: a number, or a date, which counts from the answer's own. 0 where it is neither."""
    asked = headers.get("retry-after", "")
    try:
        if asked.isdigit():
            return float(asked)
        until, since = _moment(asked), _moment(headers.get("date", ""))
    except ValueError:
        return 0.0
    return max(0.0, (until - since).total_seconds())


def _moment(header: str) -> datetime:
    """Raises ValueError where it is no date."""
    moment = parsedate_to_datetime(header)
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def _name(fault: BaseException) -> str:
    """What is told of a fault: never its text, which may quote the address."""
    if isinstance(fault, httpx2.TimeoutException):
        return "timeout"
    cause: BaseException | None = fault
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "tls_failed"
        cause = cause.__cause__ or cause.__context__
    return "connect_failed" if isinstance(fault, httpx2.ConnectError) else "connection_broken"
