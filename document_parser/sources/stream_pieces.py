"""Hand out a stream piece by piece, so that neither side holds all of it. Runs in the opener child."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Protocol

from document_parser.sources.protocol import MEMBER_PIECE_BYTES


class Readable(Protocol):
    """What is read from its beginning to its end."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes; empty at the end."""

    def close(self) -> None:
        """End the reading."""


class StreamPieces:
    """The stream that is being handed out. Pieces asked for in order are read on; any other begins at the start again."""

    def __init__(self) -> None:
        """Begin without a stream."""
        self._stream: Readable | None = None
        self._place: tuple[Hashable, int] = (None, 0)

    def read(self, name: Hashable, offset: int, open_stream: Callable[[], Readable]) -> bytes:
        """Return the piece of a stream that begins at ``offset``; empty behind its end. Errors of the stream pass through."""
        if self._stream is None or self._place != (name, offset):
            self._begin(open_stream, offset)
        assert self._stream is not None
        piece = self._stream.read(MEMBER_PIECE_BYTES)
        self._place = (name, offset + len(piece))
        return piece

    def _begin(self, open_stream: Callable[[], Readable], offset: int) -> None:
        """Open a stream and pass over its first ``offset`` bytes."""
        if self._stream is not None:
            self._stream.close()
        self._stream, left = open_stream(), offset
        while left:
            passed = len(self._stream.read(min(left, MEMBER_PIECE_BYTES)))
            if not passed:
                break
            left -= passed
