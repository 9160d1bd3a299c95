"""Unpack the Content-Encoding of an answer piece by piece, so that a small answer never becomes a large one in memory.

``identity`` is asked for, but some servers compress all the same.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from document_parser.errors import FetchCutOff, FetchEncoding

MAX_PIECE_BYTES = 1 << 18
"""Maximum size of an unpacked piece in bytes."""
_GZIP_WINDOW = 31
"""zlib's number for data with a gzip header."""


class ContentDecoder:
    """Unpacks the pieces of one answer."""

    def __init__(self, encoding: str) -> None:
        """Create a decoder of a Content-Encoding header. Raises FetchEncoding if it is unknown."""
        names = [name.strip().lower() for name in encoding.split(",")]
        names = [name for name in names if name not in ("", "identity")]
        if len(names) > 1 or not {*names} <= {"gzip", "x-gzip", "deflate"}:
            raise FetchEncoding(encoding=encoding[:100])
        self._encoding = names[0] if names else ""
        self._unpacker = self._new_unpacker() if names else None

    @property
    def is_identity(self) -> bool:
        """Return whether the content is not compressed."""
        return self._unpacker is None

    def _new_unpacker(self) -> zlib._Decompress:
        return zlib.decompressobj(zlib.MAX_WBITS if self._encoding == "deflate" else _GZIP_WINDOW)

    def unpack(self, data: bytes) -> Iterator[bytes]:
        """Yield the unpacked content in pieces of at most MAX_PIECE_BYTES. Raises FetchEncoding if it is damaged."""
        if self._unpacker is None:
            yield data
            return
        try:
            while data:
                if self._unpacker.eof:
                    self._unpacker = self._new_unpacker()  # gzip files may be joined
                yield self._unpacker.decompress(data, MAX_PIECE_BYTES)
                data = self._unpacker.unconsumed_tail or self._unpacker.unused_data
        except zlib.error:
            raise FetchEncoding(encoding=self._encoding) from None

    def finish(self) -> None:
        """Check that the content is complete. Raises FetchCutOff."""
        if self._unpacker is not None and not self._unpacker.eof:
            raise FetchCutOff()
