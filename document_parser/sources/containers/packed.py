"""Files packed by a method of compression alone: gzip, bzip2, xz, Zstandard. Their content is a stream within bounds."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from document_parser.sources.base import OpenerLimits
from document_parser.sources.containers.zip_members import check_unpacked_size

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_MAX_ZSTD_WINDOW_LOG = 27
"""Binary logarithm of the memory in bytes for which a Zstandard file may ask: 128 MiB, the library's own limit for streams."""
_BUFFER_BYTES = 1 << 16


def open_packed(path: Path, limits: OpenerLimits) -> io.BufferedReader | None:
    """Return the content of a packed file as a stream; None if it is packed by no known method.

    The stream raises TooLargeUnpacked as soon as it has given more than the limits allow, and what the libraries raise.
    """
    with path.open("rb") as file:
        head = file.read(6)
    begin = next((begin for magic, begin in _METHODS if head.startswith(magic)), None)
    if begin is None:
        return None
    return io.BufferedReader(_Unpacking(lambda: begin(path), path.stat().st_size, limits), _BUFFER_BYTES)


def _open_zstd(path: Path) -> io.BufferedIOBase:
    """Return the content of a Zstandard file."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _MAX_ZSTD_WINDOW_LOG}
    return zstd.ZstdFile(path, options=options)


_METHODS: tuple[tuple[bytes, Callable[[Path], io.BufferedIOBase]], ...] = (
    (b"\x1f\x8b", gzip.GzipFile),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\x00", lzma.LZMAFile),
    (b"\x28\xb5\x2f\xfd", _open_zstd),
)
"""How the files of each method begin, and what opens them."""


class _Unpacking(io.RawIOBase):
    """The content of a packed file. Going back unpacks it again from its start."""

    def __init__(self, begin: Callable[[], io.BufferedIOBase], packed: int, limits: OpenerLimits) -> None:
        self._begin = begin
        self._packed = packed
        self._limits = limits
        self._stream = begin()
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self._stream.read1(len(view))  # what comes before the fault of a damaged file
        view[: len(data)] = data
        self._place += len(data)
        check_unpacked_size(1, self._place, self._packed, self._limits)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place counted from the start or from here; behind the end is the end."""
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation("the length is not known")
        target = offset + (self._place if whence == io.SEEK_CUR else 0)
        if target < self._place:
            self._stream.close()
            self._stream, self._place = self._begin(), 0
        buffer = bytearray(_BUFFER_BYTES)
        while (left := target - self._place) and self.readinto(memoryview(buffer)[:left]):
            pass
        return self._place

    def close(self) -> None:
        self._stream.close()
        super().close()
