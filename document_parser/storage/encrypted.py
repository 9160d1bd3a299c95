"""Encrypt what another storage keeps. Names and sizes of files stay visible; see ``docs/privacy.md``."""

from __future__ import annotations

import contextlib
import io
import json
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from document_parser.errors import StorageKeyWrong, StoredFileDamaged
from document_parser.host.work_folders import WorkFolder
from document_parser.storage.base import CHUNK_BYTES, Storage, StoredFileMissing
from document_parser.storage.growing import GrowingFile, Grown
from document_parser.storage.os_errors import StoredFile, open_scratch, storage_errors
from document_parser.storage.sealing import (
    HEADER_BYTES,
    RECORD_OVERHEAD,
    SEGMENT_BYTES,
    KeyRing,
    SealedFile,
    key_id_of,
    open_records,
    seal,
    seal_record,
    unseal,
)

CHECK_FILE = "storage-key.json"
"""Key of an encrypted file by which a wrong STORAGE_KEY is found; it says whether files without encryption may be there."""
PREFIXES = ("jobs/", "batches/", "uploads/", "cache/")
"""The prefixes of all other files."""
GROWING = ".growing"
"""Ends the key of what has come of a file that grows."""
PLAIN_PREFIX = "plain-"
"""How the names of folders for plain bytes begin."""
RECORD_BYTES = 1 << 20
"""Bytes of a growing file that are encrypted together, at most."""


class EncryptedStorage(Storage):
    """A storage whose files are encrypted. Plain bytes touch the disk only in the folder ``plain``, while they are needed."""

    def __init__(self, inner: Storage, ring: KeyRing, plain: Path) -> None:
        self.inner = inner
        self._ring = ring
        self._plain = plain
        self._lock = threading.Lock()
        self._takes_plain: bool | None = None
        self._folder: WorkFolder | None = None

    def check(self) -> None:
        """Check that the storage was encrypted with one of the keys; a new one is marked as encrypted with the newest.

        Raises StorageKeyWrong, StoredFileDamaged, StorageUnavailable.
        """
        try:
            self._read_check()
        except StoredFileMissing:
            # Files that are there already were stored before there was a key.
            self.write_check(takes_plain=any(next(self.inner.keys(prefix), None) for prefix in PREFIXES))

    def write_check(self, *, takes_plain: bool) -> None:
        """Write the file by which keys are checked, with the newest key. Raises StorageUnavailable."""
        content = json.dumps({"takes_plain": takes_plain}).encode()
        self.inner.put(CHECK_FILE, b"".join(seal(self._ring, CHECK_FILE, [content])))
        self._takes_plain = takes_plain

    def _read_check(self) -> None:
        sealed = self.inner.get(CHECK_FILE)
        self._takes_plain = bool(json.loads(b"".join(unseal(self._ring, CHECK_FILE, [sealed])))["takes_plain"])

    @property
    def takes_plain(self) -> bool:
        """Return whether files that are not encrypted are read: those from before the first key, until ``rekey``."""
        with self._lock:
            if self._takes_plain is None:
                self.check()
            return bool(self._takes_plain)

    def put(self, key: str, data: bytes, *, durable: bool = True) -> None:
        """Encrypt bytes and store them."""
        self.inner.put(key, b"".join(seal(self._ring, key, [data])), durable=durable)

    def put_file(self, key: str, path: Path, *, followed: bool = False) -> None:
        """Encrypt a local file into the store, then delete it."""
        with storage_errors(), io.BufferedReader(StoredFile(path)) as stream:
            self._put_pieces(key, iter(lambda: stream.read(CHUNK_BYTES), b""), followed=followed)
        with storage_errors():
            path.unlink()

    def _put_pieces(self, key: str, pieces: Iterable[bytes], *, followed: bool = False) -> None:
        with self.inner.scratch() as sealed:
            with open_scratch(sealed) as out:
                for piece in seal(self._ring, key, pieces):
                    out.write(piece)
            self.inner.put_file(key, sealed, followed=followed)

    def open(self, key: str) -> BinaryIO:
        """Open a stored file for reading from any place."""
        stream = self.inner.open(key)
        with contextlib.ExitStack() as undo:
            undo.enter_context(stream)
            head = stream.read(HEADER_BYTES)
            stream.seek(0)
            opened: BinaryIO = stream
            if not self._is_plain(head):
                opened = io.BufferedReader(SealedFile(self._ring, key, stream), SEGMENT_BYTES)
            undo.pop_all()
            return opened

    def _is_plain(self, head: bytes) -> bool:
        """Return whether a file is not encrypted and may be so. Raises StoredFileDamaged for one that may not."""
        if key_id_of(head) is not None:
            return False
        if not self.takes_plain:
            raise StoredFileDamaged()
        return True

    def chunks(self, key: str) -> Iterator[bytes]:
        """Yield the bytes of a stored file as they come."""
        pieces = self.inner.chunks(key)
        first = next(pieces, b"")
        if self._is_plain(first[:HEADER_BYTES]):
            yield from _and_then(first, pieces)
        else:
            yield from unseal(self._ring, key, _and_then(first, pieces))

    def exists(self, key: str) -> bool:
        """Return whether a file is stored under the key."""
        return self.inner.exists(key)

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield all keys that begin with the prefix."""
        return self.inner.keys(prefix)

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield all keys that begin with the prefix, with the sizes of the encrypted files."""
        return self.inner.sizes(prefix)

    def delete(self, key: str) -> None:
        """Delete one key."""
        self.inner.delete(key)

    def delete_all(self, prefix: str) -> int:
        """Delete every key that begins with the prefix."""
        return self.inner.delete_all(prefix)

    def folders(self, prefix: str) -> Iterator[str]:
        """Yield the names of the folders directly below the prefix."""
        return self.inner.folders(prefix)

    @contextlib.contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """Give the path of a decrypted copy, which is deleted afterwards."""
        with self.scratch() as path:
            with open_scratch(path) as out:
                for piece in self.chunks(key):
                    out.write(piece)
            yield path

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a path in a folder of this process, which is deleted by others if the process is killed."""
        path = self._own_folder() / uuid.uuid4().hex
        try:
            yield path
        finally:
            with storage_errors():
                path.unlink(missing_ok=True)

    def _own_folder(self) -> Path:
        with self._lock, storage_errors():
            if self._folder is None:
                self._plain.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._folder = WorkFolder(PLAIN_PREFIX, self._plain)
            return self._folder.path

    def duplicate(self, key: str, to: str, *, followed: bool = False) -> None:
        """Encrypt the file once more, for its second name: one that is copied into the place of another does not decrypt."""
        self._put_pieces(to, self.chunks(key), followed=followed)

    def grow(self, key: str, grown: Grown) -> GrowingFile:
        """Open a file for writing at its end."""
        return _EncryptedGrowingFile(self, self._ring, key, grown)

    def discard_grown(self, key: str, grown: Grown) -> None:
        """Delete a growing file, finished or not."""
        self.inner.discard_grown(key + GROWING, grown.sealed or Grown())
        self.inner.delete(key)

    def rekey(self) -> tuple[int, int]:
        """Encrypt every file with the newest key that is not. Return how many were, and how many files are still growing.

        After it nothing that is not encrypted is read. The service must be stopped: a file that it deletes meanwhile could come
        back. Raises StoredFileDamaged, StorageKeyWrong, StorageUnavailable; the call can be repeated.
        """
        self.check()
        changed = growing = 0
        for key in (key for prefix in PREFIXES for key in self.inner.keys(prefix)):
            if GROWING in key:
                growing += 1
                continue
            with contextlib.suppress(StoredFileMissing):
                with self.inner.open(key) as stream:
                    head = stream.read(HEADER_BYTES)
                if key_id_of(head) != self._ring.newest:
                    self._put_pieces(key, self.chunks(key))
                    changed += 1
        self.write_check(takes_plain=False)
        return changed, growing


class _EncryptedGrowingFile(GrowingFile):
    """A file that grows by encrypted records, and is encrypted as any other when it is whole."""

    def __init__(self, storage: EncryptedStorage, ring: KeyRing, key: str, grown: Grown) -> None:
        self.grown = grown
        self._storage, self._ring, self._key = storage, ring, key
        self._inner = storage.inner.grow(key + GROWING, grown.sealed or Grown())
        self._held = bytearray()
        self._size = grown.size

    def will_store(self, size: int) -> bool:
        """Return whether writing so many bytes makes them durable."""
        return self._inner.will_store(len(self._held) + size + RECORD_OVERHEAD)

    def write(self, data: bytes) -> None:
        """Append bytes. They are encrypted when there are enough of them, or when it is time to make them durable."""
        self._held += data
        if len(self._held) >= RECORD_BYTES or self.will_store(0):
            self._seal_held()

    def _seal_held(self) -> None:
        if self._held:
            record = seal_record(self._ring, self._key, self._size, bytes(self._held))
            self._size += len(self._held)
            self._held.clear()
            self._note(lambda: self._inner.write(record))

    def _note(self, store: Callable[[], None]) -> None:
        """Do what may make all records durable, and note whether it has."""
        before = self._inner.grown
        store()
        if self._inner.grown != before:
            self.grown = Grown(size=self._size, sealed=self._inner.grown)

    def sync(self) -> None:
        """Make everything durable that was written."""
        self._seal_held()
        self._note(self._inner.sync)

    def finish(self) -> None:
        """Encrypt the whole under its key, and delete the records. Once it is there, only they are deleted."""
        self.sync()
        growing = self._key + GROWING
        if not self._storage.exists(self._key):
            self._inner.finish()
            self._storage._put_pieces(self._key, open_records(self._ring, self._key, self._storage.inner.chunks(growing)))
        self._storage.inner.discard_grown(growing, self._inner.grown)
        self.grown = Grown(size=self._size)

    def close(self) -> None:
        """Close the file."""
        self._inner.close()


def _and_then(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def check_not_encrypted(storage: Storage) -> None:
    """Refuse a storage that was encrypted, since there is no STORAGE_KEY. Raises StorageKeyWrong, StorageUnavailable."""
    if storage.exists(CHECK_FILE):
        raise StorageKeyWrong()
