"""Collect what the C libraries of an opener child write to stderr: kept in a pipe, and read from it request by request.

libtiff and OpenJPEG report damaged data on stderr and nowhere else.
"""

from __future__ import annotations

import os
import re

MAX_MESSAGE_CHARACTERS = 120
"""Characters of a message that are kept."""

_PIPE_BYTES = 1 << 16
"""Bytes read from the pipe at once."""
_HARMLESS = re.compile(
    r"^\s*$|unknown (field|tag)|TIFFReadDirectory|TIFFFetch|TIFFAdvanceDirectory|ASCII value|incorrect count|Invalid (tag|type)"
    r"|iCCP|sRGB profile|EXIF|photometric|UserWarning|warnings\.warn|not in sorted order",
    re.IGNORECASE,
)
"""Messages about tags and profiles: the image is whole."""
_ROW = re.compile(r"\bat (?:line|scanline|row) (\d+)")
"""The place where a message names a row."""
_PATH = re.compile(r"(?:/[^\s:/]+)+|[^\x20-\x7e]")
"""Paths, and characters that are not printable ASCII: they are removed from messages."""

_read_end: int | None = None
"""The end of the pipe that is read; None in a process whose stderr was not redirected."""


def redirect_to_pipe(descriptor: int = 2) -> None:
    """Redirect a descriptor into a pipe of this process. What does not fit into the pipe is dropped: writing never blocks."""
    global _read_end
    _read_end, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    os.dup2(write_end, descriptor)
    os.close(write_end)


def take_messages() -> list[str]:
    """Return the messages since the last call that report damage, without paths; empty if stderr was not redirected."""
    if _read_end is None:
        return []
    written = bytearray()
    try:
        while piece := os.read(_read_end, _PIPE_BYTES):
            written += piece
            if len(piece) < _PIPE_BYTES:
                break
    except BlockingIOError:
        pass
    lines = written.decode("utf-8", "replace").splitlines()
    return [_PATH.sub("", line).strip()[:MAX_MESSAGE_CHARACTERS] for line in lines if not _HARMLESS.search(line)]


def row_of(message: str) -> int | None:
    """Return the row of an image that a message names; None if it names none."""
    found = _ROW.search(message)
    return int(found[1]) if found else None
