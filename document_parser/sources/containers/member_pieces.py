"""Hand out a file inside a container piece by piece. Runs in the opener child."""

from __future__ import annotations

from document_parser.errors import PageUnreadable
from document_parser.sources.base import Container
from document_parser.sources.containers.faults import member_faults
from document_parser.sources.stream_pieces import StreamPieces


class MemberPieces:
    """The member that is being handed out, as in StreamPieces."""

    def __init__(self) -> None:
        """Begin without a member."""
        self._pieces = StreamPieces()

    def read(self, opened: object, index: int, offset: int) -> bytes:
        """Return the piece of a member that begins at ``offset``; empty behind its end. Raises PageUnreadable."""
        if not isinstance(opened, Container):
            raise PageUnreadable("The document holds no other files.")
        with member_faults():
            return self._pieces.read(index, offset, lambda: opened.open_member(index))
