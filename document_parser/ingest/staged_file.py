"""Receive a file on the disk from which storage takes it over: counted, hashed, with its first bytes at hand."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import IO

from document_parser.errors import StorageFull
from document_parser.ingest.sniff import HEAD_BYTES


class StagedFile:
    """Receive a file: count and hash it while it is written, and delete it on close unless storage took it.

    ``head`` has its first HEAD_BYTES. Bytes beyond ``max_bytes`` are counted and not kept.
    """

    def __init__(self, folder: Path, max_bytes: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix="upload-")
        self.path = Path(name)
        self._file: IO[bytes] = os.fdopen(handle, "w+b", buffering=0)
        self._hash = hashlib.sha256()
        self._max_bytes = max_bytes
        self.size = 0
        self.head = b""

    def write(self, data: bytes) -> int:
        """Append data. Raises StorageFull if the disk is full, StorageUnavailable for other errors of the disk."""
        if self._max_bytes is None or self.size + len(data) <= self._max_bytes:
            try:
                self._file.write(data)
            except OSError as error:
                raise StorageFull.from_os_error(error) from error
        if len(self.head) < HEAD_BYTES:
            self.head += bytes(data[: HEAD_BYTES - len(self.head)])
        self._hash.update(data)
        self.size += len(data)
        return len(data)

    def restart(self) -> None:
        """Forget all data, to receive the file from its start. Raises StorageUnavailable."""
        try:
            self._file.seek(0)
            self._file.truncate()
        except OSError as error:
            raise StorageFull.from_os_error(error) from error
        self._hash, self.size, self.head = hashlib.sha256(), 0, b""

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of the data so far, in hexadecimal."""
        return self._hash.hexdigest()

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to an offset in bytes."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the current offset in bytes."""
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        """Read up to ``size`` bytes; all if negative."""
        return self._file.read(size)

    def finish(self) -> None:
        """Close the file and keep it: a form may have more files than a process may have open."""
        self._file.close()

    def close(self) -> None:
        """Close and delete the file. Storage may have moved it away before."""
        self._file.close()
        self.path.unlink(missing_ok=True)
