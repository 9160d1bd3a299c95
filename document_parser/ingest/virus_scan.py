"""Scan files for viruses with clamd, ClamAV's daemon, before anything reads them. Off unless CLAMD_URL is set.

Every way in calls ``check_file`` with the file as it was received: uploads, files inside documents, fetched files. A file that
could not be scanned is never taken for a clean one.

Source: clamd(8), commands INSTREAM and PING.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from document_parser.errors import InfectedFile, VirusScanUnavailable
from document_parser.settings import VirusScanSettings
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

PROBE_SECONDS = 2.0
"""Deadline of a check whether clamd answers."""
_CHUNK_BYTES = 1 << 18
"""Bytes of a file that are sent at once."""
_MAX_ANSWER_BYTES = 4096
_LIMIT_SIGNATURE = "Heuristics.Limits.Exceeded"
"""How names of findings begin that only mean that clamd did not look at all of the file (its setting AlertExceedsMax)."""


def check_file(settings: VirusScanSettings, path: Path) -> None:
    """Check a file on this machine. Raises as ``check``."""
    if settings.url:
        check(settings, _pieces_of(path))


def check(settings: VirusScanSettings, pieces: Iterable[bytes]) -> None:
    """Return if scanning is off, or clamd finds nothing in the file that these pieces make.

    Raises InfectedFile with the name of what was found; VirusScanUnavailable if clamd is away, too slow, fails, or refuses a
    file of this size.
    """
    if not settings.url:
        return
    answer = _scan(settings, pieces)
    verdict = answer.removeprefix("stream: ")
    if verdict == "OK":
        return
    if "size limit exceeded" in verdict or verdict.startswith(_LIMIT_SIGNATURE):
        message = (
            "The virus scanner does not scan files of this size. Ask the operator to raise the limits of clamd "
            "(StreamMaxLength, MaxFileSize, MaxScanSize), or send a smaller file."
        )
        _refuse(VirusScanUnavailable.too_large, message)
    if verdict.endswith(" FOUND"):
        signature = verdict.removesuffix(" FOUND")
        log.warning("infected_file", signature=signature)
        raise InfectedFile(signature=signature)
    _refuse("scan_failed")


def version_of(settings: VirusScanSettings) -> str:
    """Return what clamd says of itself and its database. Raises VirusScanUnavailable if it does not answer."""
    with _connection(settings.url, time.monotonic() + PROBE_SECONDS) as clamd:
        clamd.send(b"zVERSION\0")
        return clamd.answer()


def _pieces_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_CHUNK_BYTES):
            yield piece


def _scan(settings: VirusScanSettings, pieces: Iterable[bytes]) -> str:
    """Return clamd's answer to a file that is streamed to it. Raises VirusScanUnavailable."""
    with _connection(settings.url, time.monotonic() + settings.timeout_seconds) as clamd:
        try:
            clamd.send(b"zINSTREAM\0")
            for piece in pieces:
                clamd.send(struct.pack("!L", len(piece)) + piece)
            clamd.send(struct.pack("!L", 0))
        except (BrokenPipeError, ConnectionResetError):
            pass  # it closes the connection at its limit of size: its answer says so
        return clamd.answer()


class _Connection:
    """A connection to clamd, every use of which ends by a deadline on the monotonic clock."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._socket = sock
        self._deadline = deadline

    def _hurry(self) -> None:
        """Let the next call wait no longer than the deadline. Raises TimeoutError if it has passed."""
        if (left := self._deadline - time.monotonic()) <= 0:
            raise TimeoutError
        self._socket.settimeout(left)

    def send(self, data: bytes) -> None:
        """Send data. Raises OSError."""
        self._hurry()
        self._socket.sendall(data)

    def answer(self) -> str:
        """Return an answer, which ends with a NUL. Raises OSError."""
        found = b""
        while b"\0" not in found and len(found) < _MAX_ANSWER_BYTES:
            self._hurry()
            if not (piece := self._socket.recv(_MAX_ANSWER_BYTES)):
                break
            found += piece
        return found.partition(b"\0")[0].decode("utf-8", "replace").strip()


@contextmanager
def _connection(url: str, deadline: float) -> Iterator[_Connection]:
    """Give a connection to clamd. Raises VirusScanUnavailable, also for errors of the connection in the block."""
    try:
        with _connect(url, max(0.1, deadline - time.monotonic())) as sock:
            yield _Connection(sock, deadline)
    except TimeoutError:
        _refuse("timeout")
    except OSError as error:
        _refuse("away", error=type(error).__name__)


def _connect(url: str, seconds: float) -> socket.socket:
    """Return a socket that is connected to clamd. Raises OSError."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.settimeout(seconds)
            sock.connect(parts.path)
        except OSError:
            sock.close()
            raise
        return sock
    return socket.create_connection((parts.hostname or "", parts.port or 0), seconds)


def _refuse(reason: str, message: str | None = None, **facts: str) -> NoReturn:
    """Log why a file was not scanned, and raise VirusScanUnavailable."""
    log.warning("not_scanned", reason=reason, **facts)
    raise VirusScanUnavailable(message, reason=reason)
