"""Hand out a file inside a container piece by piece, so that neither side holds all of it. Runs in the opener child."""

from __future__ import annotations

from typing import IO

from document_parser.errors import PageUnreadable
from document_parser.sources.base import Container
from document_parser.sources.containers.faults import member_faults
from document_parser.sources.protocol import MEMBER_PIECE_BYTES


class MemberPieces:
    """The member that is being handed out. Pieces asked for in order are read on; any other begins at the start again."""

    def __init__(self) -> None:
        """Begin without a member."""
        self._stream: IO[bytes] | None = None
        self._place = (-1, 0)

    def read(self, opened: object, index: int, offset: int) -> bytes:
        """Return the piece of a member that begins at ``offset``; empty behind its end. Raises PageUnreadable."""
        if not isinstance(opened, Container):
            raise PageUnreadable("The document holds no other files.")
        with member_faults():
            if self._stream is None or self._place != (index, offset):
                self._begin(opened, index, offset)
            assert self._stream is not None
            piece = self._stream.read(MEMBER_PIECE_BYTES)
        self._place = (index, offset + len(piece))
        return piece

    def _begin(self, opened: Container, index: int, offset: int) -> None:
        """Open a member and pass over its first ``offset`` bytes."""
        if self._stream is not None:
            self._stream.close()
        self._stream, left = opened.open_member(index), offset
        while left:
            passed = len(self._stream.read(min(left, MEMBER_PIECE_BYTES)))
            if not passed:
                break
            left -= passed
