"""Turn errors of the operating system in a store into StorageUnavailable, StorageFull and StoredFileMissing."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from document_parser.errors import StorageFull
from document_parser.storage.base import StoredFileMissing


@contextlib.contextmanager
def storage_errors(key: str | None = None) -> Iterator[None]:
    """Raise StorageFull or StorageUnavailable instead of the block's OSError.

    With the ``key`` of a file that is read, StoredFileMissing is raised if the file does not exist.
    """
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        if key is not None:
            raise StoredFileMissing(key) from None
        raise StorageFull.from_os_error(error) from error
    except OSError as error:
        raise StorageFull.from_os_error(error) from error


class StoredFile(io.FileIO):
    """A file whose reads and writes raise StorageUnavailable, or StorageFull, instead of OSError."""

    def readinto(self, buffer: Any) -> int | None:
        """Read into a buffer. Raises StorageUnavailable."""
        with storage_errors():
            return super().readinto(buffer)

    def readall(self) -> bytes:
        """Read to the end. Raises StorageUnavailable."""
        with storage_errors():
            return super().readall()

    def write(self, data: Any) -> int:
        """Write bytes. Raises StorageFull, StorageUnavailable."""
        with storage_errors():
            return super().write(data)


def open_scratch(path: Path) -> BinaryIO:
    """Create a file at a path of ``Storage.scratch``, for writing and reading. Raises StorageFull, StorageUnavailable.

    Only errors of this file itself become errors of the store; other errors of the code that writes it are not changed.
    """
    with storage_errors():
        return io.BufferedRandom(StoredFile(path, "xb+"))
