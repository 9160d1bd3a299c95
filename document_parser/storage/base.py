"""Define the interface of a store of whole files under keys.

Keys are paths with ``/``; all keys of one job begin with ``jobs/{id}/``.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from document_parser.storage.growing import GrowingFile, Grown

CHUNK_BYTES = 1 << 20
"""The size of the pieces in which files are copied."""
NOT_REMOVED = (
    "Some files could not be removed. The service tries again later. Repeat the request to see whether they are removed."
)
"""The message of StorageUnavailable when a deletion is not complete."""


class StoredFileMissing(KeyError):
    """Nothing is stored under this key."""


class Storage(ABC):
    """Stores whole files under keys. A write is visible completely or not at all.

    Every method raises StorageUnavailable if the store does not answer, and StorageFull, a kind of it, if it has no space.
    """

    @abstractmethod
    def put(self, key: str, data: bytes, *, durable: bool = True) -> None:
        """Store bytes under a key. Without ``durable`` they may be lost or torn in a power cut; readers must expect that."""

    @abstractmethod
    def put_file(self, key: str, path: Path, *, followed: bool = False) -> None:
        """Move a local file into the store.

        ``followed`` says that another file is stored in the same folder right after it; the sync of that one covers both.
        """

    @abstractmethod
    def open(self, key: str) -> BinaryIO:
        """Open a stored file for reading. Raises StoredFileMissing; reading raises StorageUnavailable."""

    @abstractmethod
    def exists(self, key: str) -> bool:
        """Return whether a file is stored under the key."""

    @abstractmethod
    def keys(self, prefix: str) -> Iterator[str]:
        """Yield all keys that begin with the prefix, which ends with a slash."""

    @abstractmethod
    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield all keys that begin with the prefix, as ``keys`` does, each with the bytes that are stored under it."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Delete one key; nothing happens if it is missing. Raises StorageUnavailable if it could not be deleted."""

    @abstractmethod
    def delete_all(self, prefix: str) -> int:
        """Delete every key that begins with the prefix. Return the number of deleted files.

        Raises StorageUnavailable if some could not be removed; all others are deleted then.
        """

    @abstractmethod
    def local(self, key: str) -> contextlib.AbstractContextManager[Path]:
        """Give a local path of the stored file, valid within the context. Raises StoredFileMissing."""

    @abstractmethod
    def scratch(self) -> contextlib.AbstractContextManager[Path]:
        """Give a local path for a new file before ``put_file``; a file that is still there afterwards is removed.

        Only errors of the path itself become StorageUnavailable: write the file through ``open_scratch``.
        """

    @abstractmethod
    def folders(self, prefix: str) -> Iterator[str]:
        """Yield the names of the folders directly below the prefix, which ends with a slash."""

    @abstractmethod
    def chunks(self, key: str) -> Iterator[bytes]:
        """Yield a stored file in pieces of at most CHUNK_BYTES, as they come. Raises StoredFileMissing."""

    @abstractmethod
    def duplicate(self, key: str, to: str, *, followed: bool = False) -> None:
        """Store a file under a second key as well, without moving its bytes through this process where the store can do that.

        ``followed`` is that of ``put_file``. Raises StoredFileMissing.
        """

    @abstractmethod
    def grow(self, key: str, grown: Grown) -> GrowingFile:
        """Open a file for writing at its end, of which ``grown`` is durable; what came after that is dropped.

        Only one process may do so at a time.
        """

    @abstractmethod
    def discard_grown(self, key: str, grown: Grown) -> None:
        """Delete a growing file, finished or not."""

    def get(self, key: str) -> bytes:
        """Return the stored bytes. Raises StoredFileMissing, StorageUnavailable."""
        with self.open(key) as stream:
            return stream.read()
