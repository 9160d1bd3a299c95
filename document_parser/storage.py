"""Where documents, pages and results lie: a local folder, or any S3 bucket, behind one small interface.

Plain files and boto3, because task processes are forked: a client that starts threads of its own at first use deadlocks in
the fork. Keys are paths with ``/``; one job's keys all begin with ``jobs/{id}/``.

A local write is on the disk when it returns: the file is synced before it is renamed, and its folder afterwards. A rename alone
is atomic for other processes, but after a power cut the file may be empty or torn.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import stat
import tempfile
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from document_parser.errors import StorageFull, StorageUnavailable
from document_parser.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CHUNK_BYTES = 1 << 20
MOST_PLACINGS = 100
"""Tries to put a file into a folder that somebody deletes in the same moment."""


NOT_REMOVED = "Some files could not be removed. The service tries again by itself; ask again to see whether they are gone."
_NO_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP})
"""What file systems answer that cannot sync a folder (some network and FUSE ones)."""
_ALREADY_GONE = frozenset({"NoSuchKey", "404"})


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


class LocalStorage(Storage):
    """Files below one folder; written beside their place and renamed into it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.staging = root / "staging"
        self._made: dict[Path, list[Path]] = {}
        """Folders with a new folder in them, to be synced with the next write into the key of this."""

    def put(self, key: str, data: bytes, *, durable: bool = True) -> None:
        with _mapped():
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
        with _mapped():
            _sync(path)
            self._place(path, key, durable=not followed)

    def open(self, key: str) -> BinaryIO:
        with _mapped(key):
            return io.BufferedReader(_StoredFile(self._path(key)))

    def exists(self, key: str) -> bool:
        try:
            with _mapped(key):
                return stat.S_ISREG(self._path(key).stat().st_mode)
        except StoredFileMissing:
            return False

    def keys(self, prefix: str) -> Iterator[str]:
        with _mapped():
            for folder, _, names in os.walk(self._path(prefix), onerror=_unless_gone):
                for name in names:
                    yield str((Path(folder) / name).relative_to(self.root))

    def delete(self, key: str) -> None:
        with _mapped():
            self._path(key).unlink(missing_ok=True)

    def delete_all(self, prefix: str) -> int:
        self._made.pop(self._path(prefix.rstrip("/")), None)
        with _mapped():
            return _remove_tree(self._path(prefix))

    @contextlib.contextmanager
    def local(self, key: str) -> Iterator[Path]:
        if not self.exists(key):
            raise StoredFileMissing(key)
        yield self._path(key)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        with _mapped():
            part = self._part()
        try:
            yield part
        finally:
            with _mapped():
                part.unlink(missing_ok=True)

    def folders(self, prefix: str) -> Iterator[str]:
        with _mapped():
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
        for _ in range(MOST_PLACINGS - 1):
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


class S3Storage(Storage):
    """Objects below a prefix of one bucket. The client is made at the first use in each process."""

    def __init__(self, bucket: str, prefix: str, endpoint_url: str | None) -> None:
        self.bucket = bucket
        self.prefix = prefix.strip("/") + "/" if prefix.strip("/") else ""
        self.endpoint_url = endpoint_url
        self._client: S3Client | None = None
        self._pid = 0

    @property
    def client(self) -> S3Client:
        if self._client is None or self._pid != os.getpid():
            import boto3
            from botocore.config import Config

            config = Config(retries={"max_attempts": 4, "mode": "standard"}, connect_timeout=5, read_timeout=60)
            self._client = boto3.session.Session().client("s3", endpoint_url=self.endpoint_url, config=config)
            self._pid = os.getpid()
        return self._client

    def put(self, key: str, data: bytes, *, durable: bool = True) -> None:
        with self._asking(key):
            self.client.put_object(Bucket=self.bucket, Key=self.prefix + key, Body=data)

    def put_file(self, key: str, path: Path, *, followed: bool = False) -> None:
        with self._asking(key):
            self.client.upload_file(str(path), self.bucket, self.prefix + key)
        with _mapped():
            path.unlink()

    def open(self, key: str) -> BinaryIO:
        with self._asking(key), _mapped():
            body: Any = self.client.get_object(Bucket=self.bucket, Key=self.prefix + key)["Body"]
            return _spooled(body)

    def exists(self, key: str) -> bool:
        try:
            with self._asking(key):
                self.client.head_object(Bucket=self.bucket, Key=self.prefix + key)
        except StoredFileMissing:
            return False
        return True

    def keys(self, prefix: str) -> Iterator[str]:
        with self._asking(prefix):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix + prefix)
            for page in pages:
                for entry in page.get("Contents", []):
                    yield entry["Key"].removeprefix(self.prefix)

    def delete(self, key: str) -> None:
        with self._asking(key):
            self.client.delete_object(Bucket=self.bucket, Key=self.prefix + key)

    def delete_all(self, prefix: str) -> int:
        found, refused = list(self.keys(prefix)), []
        for start in range(0, len(found), 1000):
            with self._asking(prefix):
                chunk = [{"Key": self.prefix + key} for key in found[start : start + 1000]]
                reply = self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": chunk, "Quiet": True})  # type: ignore[typeddict-item]
            # S3 answers 200 and lists here what it did not delete.
            refused += [error for error in reply.get("Errors", []) if error.get("Code") not in _ALREADY_GONE]
        if refused:
            raise StorageUnavailable(NOT_REMOVED, reason=refused[0].get("Code", ""), files=len(refused))
        return len(found)

    @contextlib.contextmanager
    def local(self, key: str) -> Iterator[Path]:
        with self.scratch() as path:
            with self._asking(key), _mapped():
                self.client.download_file(self.bucket, self.prefix + key, str(path))
            yield path

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        with _mapped():
            folder = tempfile.TemporaryDirectory(prefix="docparse-")
        try:
            yield Path(folder.name) / "file"
        finally:
            with _mapped():
                folder.cleanup()

    def folders(self, prefix: str) -> Iterator[str]:
        with self._asking(prefix):
            paginator = self.client.get_paginator("list_objects_v2")
            for page in paginator.paginate(Bucket=self.bucket, Prefix=self.prefix + prefix, Delimiter="/"):
                for entry in page.get("CommonPrefixes", []):
                    yield entry["Prefix"].removeprefix(self.prefix + prefix).rstrip("/")

    @contextlib.contextmanager
    def _asking(self, key: str) -> Iterator[None]:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in {"404", "NoSuchKey", "NotFound"}:
                raise StoredFileMissing(key) from None
            raise StorageUnavailable(reason=error.response.get("Error", {}).get("Code", "")) from error
        except (BotoCoreError, Boto3Error) as error:
            raise StorageUnavailable(reason=type(error).__name__) from error


class _StoredFile(io.FileIO):
    """A file whose reads and writes raise StorageUnavailable, or StorageFull, instead of OSError."""

    def readinto(self, buffer: Any) -> int | None:
        with _mapped():
            return super().readinto(buffer)

    def readall(self) -> bytes:
        with _mapped():
            return super().readall()

    def write(self, data: Any) -> int:
        with _mapped():
            return super().write(data)


def open_scratch(path: Path) -> BinaryIO:
    """A new file at a path of ``Storage.scratch``, to write and to read again. Raises StorageFull, StorageUnavailable.

    Only what this file itself cannot do becomes an error of the store; other errors of whoever writes it stay what they are.
    """
    with _mapped():
        return io.BufferedRandom(_StoredFile(path, "xb+"))


@contextlib.contextmanager
def _mapped(key: str | None = None) -> Iterator[None]:
    """What the operating system says, in our words. With a ``key`` that is read, an absent file is StoredFileMissing."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        if key is not None:
            raise StoredFileMissing(key) from None
        raise StorageFull.of(error) from error
    except OSError as error:
        raise StorageFull.of(error) from error


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
    for _ in range(MOST_PLACINGS):
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


def _spooled(body: Any) -> BinaryIO:
    """The body of an S3 object as a file that can be read in pieces, on disk once it is large."""
    spool: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=8 * CHUNK_BYTES)  # noqa: SIM115 - closed by the caller
    shutil.copyfileobj(body, spool, CHUNK_BYTES)
    spool.seek(0)
    return spool  # type: ignore[return-value]


def make_storage(settings: Settings) -> Storage:
    """The storage these settings name. Opens nothing yet. Raises ValueError for an address of another kind."""
    url = settings.store.storage_url
    if not url:
        return LocalStorage(settings.data_dir)
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError(f"STORAGE_URL has the form s3://bucket/prefix, not {url!r}")
    return S3Storage(parts.netloc, parts.path, settings.store.s3_endpoint_url or None)
