"""What the C libraries of an opener child write to stderr: kept in a pipe, and read from there request by request.

libtiff and OpenJPEG tell of damaged data there and nowhere else.
"""

from __future__ import annotations

import os
import re

MAX_LENGTH = 120
"""Characters of a message that are kept."""

_PIPE_BYTES = 1 << 16
_HARMLESS = re.compile(
    r"^\s*$|unknown (field|tag)|TIFFReadDirectory|TIFFFetch|TIFFAdvanceDirectory|ASCII value|incorrect count|Invalid (tag|type)"
    r"|iCCP|sRGB profile|EXIF|photometric|UserWarning|warnings\.warn|not in sorted order",
    re.IGNORECASE,
)
"""Messages about tags and profiles: the picture is whole."""
_ROW = re.compile(r"\bat (?:line|scanline|row) (\d+)")
_PLACE = re.compile(r"(?:/[^\s:/]+)+|[^\x20-\x7e]")

_reading: int | None = None


def redirect(descriptor: int = 2) -> None:
    """Lead this descriptor into a pipe of this process's own. What does not fit into it is dropped: writing never blocks."""
    global _reading
    _reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    os.dup2(writing, descriptor)
    os.close(writing)


def take() -> list[str]:
    """The messages since the last call that tell of damage, without paths; none in a process whose stderr is its own."""
    if _reading is None:
        return []
    written = bytearray()
    try:
        while piece := os.read(_reading, _PIPE_BYTES):
            written += piece
            if len(piece) < _PIPE_BYTES:
                break
    except BlockingIOError:
        pass
    lines = written.decode("utf-8", "replace").splitlines()
    return [_PLACE.sub("", line).strip()[:MAX_LENGTH] for line in lines if not _HARMLESS.search(line)]


def row_of(message: str) -> int | None:
    """The row of a picture that a message names."""
    found = _ROW.search(message)
    return int(found[1]) if found else None
