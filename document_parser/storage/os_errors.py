"""Errors of the operating system that are met in a store, as errors of the product."""

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
    """What the operating system says, in our words. With a ``key`` that is read, an absent file is StoredFileMissing."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        if key is not None:
            raise StoredFileMissing(key) from None
        raise StorageFull.of(error) from error
    except OSError as error:
        raise StorageFull.of(error) from error


class StoredFile(io.FileIO):
    """A file whose reads and writes raise StorageUnavailable, or StorageFull, instead of OSError."""

    def readinto(self, buffer: Any) -> int | None:
        with storage_errors():
            return super().readinto(buffer)

    def readall(self) -> bytes:
        with storage_errors():
            return super().readall()

    def write(self, data: Any) -> int:
        with storage_errors():
            return super().write(data)


def open_scratch(path: Path) -> BinaryIO:
    """A new file at a path of ``Storage.scratch``, to write and to read again. Raises StorageFull, StorageUnavailable.

    Only what this file itself cannot do becomes an error of the store; other errors of whoever writes it stay what they are.
    """
    with storage_errors():
        return io.BufferedRandom(StoredFile(path, "xb+"))
