"""Find out whether an answer has reached its client whole, and delete what was to be kept only until then.

Complete is a GET that was answered 200 with a whole result in any format, whose last byte the client's machine has
acknowledged. Answers to requests with ``Range``, single tables, single pages and broken transfers are none.
"""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
import termios
import time
from collections.abc import Callable, Iterable, Iterator

from flask import Response, request

from document_parser.api.services import Services
from document_parser.jobs.complete_reads import note_read, tree_of
from document_parser.jobs.records import record
from document_parser.jobs.records.job import Job
from document_parser.jobs.redis.connection import RedisError
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

ACKNOWLEDGE_SECONDS = 10.0
"""How long a client's machine may take to acknowledge what was sent, after all of it was."""
POLL_SECONDS = 0.005
"""The pause between two looks at the connection."""
_WHOLE_STATES = (1, 8)
"""States of TCP in which everything has arrived: ESTABLISHED, and CLOSE_WAIT after the client has ended in order."""


def end_with_read(response: Response, services: Services, job: Job, *, appended: bool = False) -> Response:
    """Return the response, and let its job end with it if that was asked for and all of it arrives.

    ``appended``: the documents inside are in the response too. A job does not end while values are extracted from it.
    """
    if not job.card.options.ends_with_read or record.load(services.redis, job.card.job_id).pending_extractions:
        return response
    return on_arrival(response, lambda: tree_of(services.redis, services.storage, job) if appended else [job], services)


def end_batch_with_read(response: Response, services: Services, job_ids: list[str]) -> Response:
    """Return the response, and let the jobs end with it whose ids are in the list by then, as ``end_with_read`` does."""
    return on_arrival(response, lambda: record.load_many(services.redis, job_ids) if job_ids else [], services)


def on_arrival(response: Response, read: Callable[[], Iterable[Job]], services: Services) -> Response:
    """Return the response, and note the jobs as read once it has arrived."""
    if request.method != "GET" and request.method != "POST":
        return response
    if response.status_code != 200 or "Range" in request.headers:
        return response
    client, sent = request.environ.get("gunicorn.socket"), list[bool]()

    def finish() -> None:
        if not sent or not has_arrived(client):
            return
        try:
            note_read(services.redis, services.ledger, services.storage, read())
        except RedisError as error:
            # The result stays until it is read again, or expires.
            log.warning("read_not_noted", error=type(error).__name__)

    response.response = _noting_the_end(response.iter_encoded(), sent)
    response.call_on_close(finish)
    return response


def _noting_the_end(pieces: Iterator[bytes], sent: list[bool]) -> Iterator[bytes]:
    """Yield the pieces, and note when the server asks for more behind the last one: it has sent all of them by then."""
    yield from pieces
    sent.append(True)


def has_arrived(client: socket.socket | None) -> bool:
    """Return whether the client's machine has acknowledged all that was sent to it, within ACKNOWLEDGE_SECONDS.

    None, of a server that does not show its sockets, counts as arrived.
    """
    if client is None:
        return True
    deadline = time.monotonic() + ACKNOWLEDGE_SECONDS
    with contextlib.suppress(OSError):
        while _is_whole(client):
            (unacknowledged,) = struct.unpack("i", fcntl.ioctl(client.fileno(), termios.TIOCOUTQ, b"\0" * 4))
            if not unacknowledged:
                return _is_whole(client)
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_SECONDS)
    return False


def _is_whole(client: socket.socket) -> bool:
    """Return whether a connection has no fault. Raises OSError."""
    if client.family == socket.AF_UNIX:
        return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    return client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in _WHOLE_STATES
