"""Files that are received in pieces, by many requests and by whichever process gets them.

A growing file is described by ``Grown``: what of it is durable, and what the next process needs to go on. Whoever writes keeps
the description outside of the store; bytes that came after it are dropped when the file is opened again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

from pydantic import BaseModel

SYNC_BYTES = 8 << 20
"""Bytes after which what was written is made durable: what a killed server loses of an upload at most.

It is also the least size of a part in S3, which demands 5 MiB.
"""


class Grown(BaseModel):
    """What is durable of a growing file."""

    size: int = 0
    """Bytes from the start that are durable."""
    multipart_id: str = ""
    """S3 only: the id of the multipart upload; empty until there is a part."""
    parts: list[str] = []
    """S3 only: the ETags of the parts."""
    tail: int = 0
    """S3 only: how many of the bytes are behind the last part, in an object of their own."""
    sealed: Grown | None = None
    """With encryption: what is durable of the encrypted file. ``size`` counts the bytes before encryption."""


class GrowingFile(ABC):
    """A file that is open for writing at its end. Close it, or use it as a context manager.

    Every method raises StorageUnavailable if the store does not answer, and StorageFull if it has no space.
    """

    grown: Grown
    """What is durable so far. It changes with ``write`` at every SYNC_BYTES, on a slow line sooner, and with ``sync``."""

    @abstractmethod
    def will_store(self, size: int) -> bool:
        """Return whether writing so many bytes makes them durable, which may take long."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Append bytes."""

    @abstractmethod
    def sync(self) -> None:
        """Make everything durable that was written."""

    @abstractmethod
    def finish(self) -> None:
        """Make the file readable as a whole under its key. Nothing can be appended afterwards."""

    @abstractmethod
    def close(self) -> None:
        """Close the file. What was written since the last change of ``grown`` may be lost."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
