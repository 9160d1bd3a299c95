"""A store in a local folder.

A write is on the disk when it returns: the file is synced before it is renamed, and its folder afterwards. A rename alone is
atomic for other processes, but after a power cut the file may be empty or torn.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
import uuid
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

from document_parser.errors import StorageUnavailable
from document_parser.storage.base import NOT_REMOVED, Storage, StoredFileMissing
from document_parser.storage.os_errors import StoredFile, storage_errors

MAX_PLACE_TRIES = 100
"""Tries to put a file into a folder that somebody deletes in the same moment."""
_NO_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP})
"""What file systems answer that cannot sync a folder (some network and FUSE ones)."""


class LocalStorage(Storage):
    """Files below one folder; written beside their place and renamed into it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.staging = root / "staging"
        self._made: dict[Path, list[Path]] = {}
        """Folders with a new folder in them, to be synced with the next write into the key of this."""

    def put(self, key: str, data: bytes, *, durable: bool = True) -> None:
        with storage_errors():
            part = self._part()
            try:
                with part.open("xb") as out:
                    out.write(data)
                    out.flush()
                    if durable:
                        os.fsync(out.fileno())
                self._place(part, key, durable=durable)
            finally:
                part.unlink(missing_ok=True)

    def put_file(self, key: str, path: Path, *, followed: bool = False) -> None:
        with storage_errors():
            _sync(path)
            self._place(path, key, durable=not followed)

    def open(self, key: str) -> BinaryIO:
        with storage_errors(key):
            return io.BufferedReader(StoredFile(self._path(key)))

    def exists(self, key: str) -> bool:
        try:
            with storage_errors(key):
                return stat.S_ISREG(self._path(key).stat().st_mode)
        except StoredFileMissing:
            return False

    def keys(self, prefix: str) -> Iterator[str]:
        with storage_errors():
            for folder, _, names in os.walk(self._path(prefix), onerror=_unless_gone):
                for name in names:
                    yield str((Path(folder) / name).relative_to(self.root))

    def delete(self, key: str) -> None:
        with storage_errors():
            self._path(key).unlink(missing_ok=True)

    def delete_all(self, prefix: str) -> int:
        self._made.pop(self._path(prefix.rstrip("/")), None)
        with storage_errors():
            return _remove_tree(self._path(prefix))

    @contextlib.contextmanager
    def local(self, key: str) -> Iterator[Path]:
        if not self.exists(key):
            raise StoredFileMissing(key)
        yield self._path(key)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        with storage_errors():
            part = self._part()
        try:
            yield part
        finally:
            with storage_errors():
                part.unlink(missing_ok=True)

    def folders(self, prefix: str) -> Iterator[str]:
        with storage_errors():
            try:
                names = sorted(entry.name for entry in self._path(prefix).iterdir() if entry.is_dir())
            except FileNotFoundError:
                names = []
        yield from names

    def _path(self, key: str) -> Path:
        if ".." in key.split("/"):
            raise ValueError(f"not a storage key: {key!r}")
        return self.root / key

    def _part(self) -> Path:
        self.staging.mkdir(parents=True, exist_ok=True)
        return self.staging / uuid.uuid4().hex

    def _place(self, part: Path, key: str, *, durable: bool) -> None:
        place = self._path(key)
        for _ in range(MAX_PLACE_TRIES - 1):
            # A deletion of the job may take the folder away again, between the steps and within the first.
            with contextlib.suppress(FileNotFoundError, FileExistsError):
                self._move(part, place, durable=durable)
                return
        self._move(part, place, durable=durable)

    def _move(self, part: Path, place: Path, *, durable: bool) -> None:
        made = list(takewhile(lambda folder: not folder.exists(), place.parents))
        place.parent.mkdir(parents=True, exist_ok=True)
        part.replace(place)
        grown = [folder.parent for folder in made]
        if not durable:
            if grown:
                self._made[place.parent] = grown
        else:
            # Also the folders that have got a new folder, or the whole branch may be gone.
            for folder in dict.fromkeys([place.parent, *grown, *self._made.pop(place.parent, [])]):
                # Deleted meanwhile: there is nothing to keep.
                with contextlib.suppress(FileNotFoundError):
                    _sync(folder)


def _sync(path: Path) -> None:
    """Have a file, or a folder's list of names, on the disk. Raises OSError: what was written may be lost."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(handle)


def _unless_gone(error: OSError) -> None:
    """What ``os.walk`` meets: a folder that was deleted meanwhile is none."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _remove_tree(top: Path) -> int:
    """Remove a folder with all that is in it, also what is put into it meanwhile. Return the number of files that went.

    Raises StorageUnavailable if something could not be removed; all that could be is gone then.
    """
    removed, failed = 0, dict[str, OSError]()
    for _ in range(MAX_PLACE_TRIES):
        failed = {}
        for folder, folders, names in os.walk(top, topdown=False, onerror=_unless_gone):
            for path in (os.path.join(folder, name) for name in (*names, *folders, "")):  # noqa: PTH118 - may be 100,000
                try:
                    removed += _remove(path)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    failed[path] = error
        # Somebody who did not know of the deletion has stored one more file.
        if not failed or any(error.errno != errno.ENOTEMPTY for error in failed.values()):
            break
    if failed:
        raise _not_removed(list(failed.values()))
    return removed


def _not_removed(errors: list[OSError]) -> StorageUnavailable:
    """The error for what stayed; a folder that only is not empty is not counted."""
    stayed = [error for error in errors if error.errno != errno.ENOTEMPTY] or errors
    return StorageUnavailable(NOT_REMOVED, reason=os.strerror(stayed[0].errno or 0), files=len(stayed))


def _remove(path: str) -> bool:
    """Remove a file or an empty folder. Return whether it was a file. Raises OSError."""
    try:
        os.unlink(path)  # noqa: PTH108 - as above
    except IsADirectoryError:
        os.rmdir(path)  # noqa: PTH106 - as above
        return False
    return True
