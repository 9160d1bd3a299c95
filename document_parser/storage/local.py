"""Store files in a local folder.

A durable write is on the disk when it returns: the file is synced before it is renamed, and its folder afterwards. A rename
alone is atomic for other processes, but after a power cut the file may be empty or torn.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import stat
import time
import uuid
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

from document_parser.errors import StorageUnavailable
from document_parser.storage.base import CHUNK_BYTES, NOT_REMOVED, Storage, StoredFileMissing
from document_parser.storage.growing import SYNC_BYTES, GrowingFile, Grown
from document_parser.storage.os_errors import StoredFile, storage_errors

MAX_PLACE_TRIES = 100
"""How often a file is moved into a folder that another process deletes at the same time."""
_CANNOT_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP})
"""The errors of file systems that cannot sync a folder (some network and FUSE ones)."""
_CANNOT_LINK = frozenset({errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS, errno.EACCES})
"""The errors of file systems that have no hard links, or no more of them for this file."""


SYNC_SECONDS = 0.5
"""A growing file is synced at least this often while bytes come: what a killed server makes a client send again is bounded."""


class LocalStorage(Storage):
    """Stores files below one folder. A file is written in ``staging`` and then renamed to its path."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.staging = root / "staging"
        self._unsynced: dict[Path, list[Path]] = {}
        """Folders in which a folder was created, to be synced with the next durable write into that one, which is the key."""

    def put(self, key: str, data: bytes, *, durable: bool = True) -> None:
        """Write bytes to a new file and rename it to the key's path; sync both if ``durable``."""
        with storage_errors():
            part = self._new_part()
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
        """Sync a local file and rename it to the key's path; sync the folder too unless ``followed``."""
        with storage_errors():
            _sync(path)
            self._place(path, key, durable=not followed)

    def open(self, key: str) -> BinaryIO:
        """Open the file of a key for reading. Raises StoredFileMissing; reading raises StorageUnavailable."""
        with storage_errors(key):
            return io.BufferedReader(StoredFile(self._path(key)))

    def exists(self, key: str) -> bool:
        """Return whether the key's path is a regular file."""
        try:
            with storage_errors(key):
                return stat.S_ISREG(self._path(key).stat().st_mode)
        except StoredFileMissing:
            return False

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys of all files below a folder; none if the folder does not exist."""
        with storage_errors():
            for folder, _, names in os.walk(self._path(prefix), onerror=_raise_unless_gone):
                for name in names:
                    yield str((Path(folder) / name).relative_to(self.root))

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield the keys of all files below a folder with their sizes; those that are deleted meanwhile are left out."""
        for key in self.keys(prefix):
            with contextlib.suppress(StoredFileMissing):
                with storage_errors(key):
                    size = self._path(key).stat().st_size
                yield key, size

    def delete(self, key: str) -> None:
        """Delete the file of a key; nothing happens if it is missing."""
        with storage_errors():
            self._path(key).unlink(missing_ok=True)

    def delete_all(self, prefix: str) -> int:
        """Delete a folder with all files in it, also those that are stored meanwhile. Return the number of deleted files.

        Raises StorageUnavailable if some could not be removed; all others are deleted then.
        """
        self._unsynced.pop(self._path(prefix.rstrip("/")), None)
        with storage_errors():
            return _remove_tree(self._path(prefix))

    @contextlib.contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """Give the path of the stored file itself. Raises StoredFileMissing."""
        if not self.exists(key):
            raise StoredFileMissing(key)
        yield self._path(key)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a path in ``staging`` for a new file; a file that is still there afterwards is removed."""
        with storage_errors():
            part = self._new_part()
        try:
            yield part
        finally:
            with storage_errors():
                part.unlink(missing_ok=True)

    def folders(self, prefix: str) -> Iterator[str]:
        """Yield the names of the folders directly below a folder, sorted; none if it does not exist."""
        with storage_errors():
            try:
                names = sorted(entry.name for entry in self._path(prefix).iterdir() if entry.is_dir())
            except FileNotFoundError:
                names = []
        yield from names

    def chunks(self, key: str) -> Iterator[bytes]:
        """Yield a file in pieces. Raises StoredFileMissing; reading raises StorageUnavailable."""
        with self.open(key) as stream:
            while piece := stream.read(CHUNK_BYTES):
                yield piece

    def duplicate(self, key: str, to: str, *, followed: bool = False) -> None:
        """Link the file to a second path; where the file system has no hard links, copy it. Raises StoredFileMissing."""
        with storage_errors(key):
            part = self._new_part()
            try:
                try:
                    os.link(self._path(key), part)
                except OSError as error:
                    if error.errno not in _CANNOT_LINK:
                        raise
                    shutil.copyfile(self._path(key), part)
                    _sync(part)
                self._place(part, to, durable=not followed)
            finally:
                part.unlink(missing_ok=True)

    def grow(self, key: str, grown: Grown) -> GrowingFile:
        """Open the key's own path at the end of what is durable."""
        return _LocalGrowingFile(self._path(key), grown)

    def discard_grown(self, key: str, grown: Grown) -> None:
        """Delete the file."""
        self.delete(key)

    def _path(self, key: str) -> Path:
        """Return the path of a key. Raises ValueError for a key that would leave the folder."""
        if ".." in key.split("/"):
            raise ValueError(f"not a storage key: {key!r}")
        return self.root / key

    def _new_part(self) -> Path:
        self.staging.mkdir(parents=True, exist_ok=True)
        return self.staging / uuid.uuid4().hex

    def _place(self, part: Path, key: str, *, durable: bool) -> None:
        """Move a file to its key's path, again and again if the folder is deleted meanwhile. Raises OSError."""
        place = self._path(key)
        for _ in range(MAX_PLACE_TRIES - 1):
            # A deletion of the job may remove the folder again, between the steps and during the first.
            with contextlib.suppress(FileNotFoundError, FileExistsError):
                self._move(part, place, durable=durable)
                return
        self._move(part, place, durable=durable)

    def _move(self, part: Path, place: Path, *, durable: bool) -> None:
        """Create the folder, rename the file into it, and sync the folders if ``durable``. Raises OSError."""
        made = list(takewhile(lambda folder: not folder.exists(), place.parents))
        place.parent.mkdir(parents=True, exist_ok=True)
        part.replace(place)
        grown = [folder.parent for folder in made]
        if not durable:
            if grown:
                self._unsynced[place.parent] = grown
        else:
            # Also the folders in which a folder was created, or the whole branch may be lost.
            for folder in dict.fromkeys([place.parent, *grown, *self._unsynced.pop(place.parent, [])]):
                # Deleted meanwhile: there is nothing to keep.
                with contextlib.suppress(FileNotFoundError):
                    _sync(folder)


class _LocalGrowingFile(GrowingFile):
    """A file that is appended to at its own path. Syncing it makes durable what was written."""

    def __init__(self, path: Path, grown: Grown) -> None:
        self.grown = grown
        with storage_errors():
            new = not path.exists()
            path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.ftruncate(self._handle, grown.size)
                os.lseek(self._handle, grown.size, os.SEEK_SET)
                if new:
                    # The file's name, that of its folder, and that of the folder of all such files.
                    for folder in (path.parent, path.parent.parent, path.parent.parent.parent):
                        _sync(folder)
            except OSError:
                os.close(self._handle)
                raise
        self._size = grown.size
        self._synced_at = time.monotonic()

    def will_store(self, size: int) -> bool:
        """Return whether the file is synced after so many bytes: every SYNC_BYTES, and every SYNC_SECONDS of a slow line."""
        late = time.monotonic() - self._synced_at >= SYNC_SECONDS
        return late or self._size + size - self.grown.size >= SYNC_BYTES

    def write(self, data: bytes) -> None:
        """Append bytes, and sync at every SYNC_BYTES and every SYNC_SECONDS."""
        syncs = self.will_store(len(data))
        with storage_errors():
            view = memoryview(data)
            while view:
                view = view[os.write(self._handle, view) :]
        self._size += len(data)
        if syncs:
            self.sync()

    def sync(self) -> None:
        """Sync the file to the disk."""
        if self._size > self.grown.size:
            with storage_errors():
                os.fsync(self._handle)
            self.grown = Grown(size=self._size)
        self._synced_at = time.monotonic()

    def finish(self) -> None:
        """Sync. The file is at its path already."""
        self.sync()

    def close(self) -> None:
        """Close the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _sync(path: Path) -> None:
    """Sync a file, or a folder's list of names, to the disk. Raises OSError: what was written may be lost then."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
    finally:
        os.close(handle)


def _raise_unless_gone(error: OSError) -> None:
    """Raise an error of ``os.walk`` again, unless the folder was deleted meanwhile."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _remove_tree(top: Path) -> int:
    """Remove a folder with all files in it, also those that are stored meanwhile. Return the number of removed files.

    Raises StorageUnavailable if some could not be removed; all others are removed then.
    """
    removed, failed = 0, dict[str, OSError]()
    for _ in range(MAX_PLACE_TRIES):
        failed = {}
        for folder, folders, names in os.walk(top, topdown=False, onerror=_raise_unless_gone):
            for path in (os.path.join(folder, name) for name in (*names, *folders, "")):  # noqa: PTH118 - may be 100,000
                try:
                    removed += _remove(path)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    failed[path] = error
        # A process that did not know of the deletion has stored one more file.
        if not failed or any(error.errno != errno.ENOTEMPTY for error in failed.values()):
            break
    if failed:
        raise _removal_error(list(failed.values()))
    return removed


def _removal_error(errors: list[OSError]) -> StorageUnavailable:
    """Return the error for files that could not be removed. Folders are not counted if they are only not empty."""
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
