"""The interface of a store of whole files under keys.

Keys are paths with ``/``; all keys of one job begin with ``jobs/{id}/``.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

CHUNK_BYTES = 1 << 20
NOT_REMOVED = "Some files could not be removed. The service tries again by itself; ask again to see whether they are gone."


class StoredFileMissing(KeyError):
    """Nothing is stored under this key."""


class Storage(ABC):
    """Whole files under keys. A write is seen whole or not at all. Raises StorageUnavailable where the store is away."""

    @abstractmethod
    def put(self, key: str, data: bytes, *, durable: bool = True) -> None:
        """Store these bytes. Not ``durable`` is what may be lost or torn in a power cut, and is read with that in mind."""

    @abstractmethod
    def put_file(self, key: str, path: Path, *, followed: bool = False) -> None:
        """Store a local file, which is gone afterwards.

        ``followed``: another file is put into the same folder at once, and it is the sync of that which counts for both.
        """

    @abstractmethod
    def open(self, key: str) -> BinaryIO:
        """A stream of the stored bytes. Raises StoredFileMissing; reading it raises StorageUnavailable."""

    @abstractmethod
    def exists(self, key: str) -> bool:
        """Whether something is stored under the key."""

    @abstractmethod
    def keys(self, prefix: str) -> Iterator[str]:
        """All keys that begin with the prefix, which ends with a slash."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Delete one key; nothing happens where it is missing. Raises StorageUnavailable if it is still there."""

    @abstractmethod
    def delete_all(self, prefix: str) -> int:
        """Delete every key that begins with the prefix. Return the number of files that went.

        Raises StorageUnavailable if something could not be removed. All that could be is gone then.
        """

    @abstractmethod
    def local(self, key: str) -> contextlib.AbstractContextManager[Path]:
        """A local path of the stored file for as long as the context lasts. Raises StoredFileMissing."""

    @abstractmethod
    def scratch(self) -> contextlib.AbstractContextManager[Path]:
        """A local path to write a file to before ``put_file``; what is still there afterwards is removed.

        Only the path's own errors become StorageUnavailable: write to it through ``open_scratch``.
        """

    @abstractmethod
    def folders(self, prefix: str) -> Iterator[str]:
        """Names of the folders right below the prefix, which ends with a slash."""

    def get(self, key: str) -> bytes:
        """The stored bytes. Raises StoredFileMissing."""
        with self.open(key) as stream:
            return stream.read()
