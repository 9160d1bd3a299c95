"""Where documents, pages and results lie: a local folder, or any S3 bucket, behind one small interface.

Plain files and boto3, because task processes are forked: a client that starts threads of its own at first use deadlocks in
the fork. Keys are paths with ``/``; one job's keys all begin with ``jobs/{id}/``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
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


class StoredFileMissing(KeyError):
    """Nothing is stored under this key."""


class Storage(ABC):
    """Whole files under keys. A write is seen whole or not at all. Raises StorageUnavailable where the store is away."""

    @abstractmethod
    def put(self, key: str, data: bytes) -> None:
        """Store these bytes."""

    @abstractmethod
    def put_file(self, key: str, path: Path) -> None:
        """Store a local file, which is gone afterwards."""

    @abstractmethod
    def open(self, key: str) -> BinaryIO:
        """A stream of the stored bytes. Raises StoredFileMissing."""

    @abstractmethod
    def exists(self, key: str) -> bool:
        """Whether something is stored under the key."""

    @abstractmethod
    def keys(self, prefix: str) -> Iterator[str]:
        """All keys that begin with the prefix, which ends with a slash."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Delete one key; nothing happens where it is missing."""

    @abstractmethod
    def delete_all(self, prefix: str) -> int:
        """Delete every key that begins with the prefix. The number of files that went."""

    @abstractmethod
    def local(self, key: str) -> contextlib.AbstractContextManager[Path]:
        """A local path of the stored file for as long as the context lasts. Raises StoredFileMissing."""

    @abstractmethod
    def scratch(self) -> contextlib.AbstractContextManager[Path]:
        """A local path to write a file to before ``put_file``; what is still there afterwards is removed."""

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

    def put(self, key: str, data: bytes) -> None:
        with _storing():
            part = self._part()
            try:
                part.write_bytes(data)
                self._place(part, key)
            finally:
                part.unlink(missing_ok=True)

    def put_file(self, key: str, path: Path) -> None:
        with _storing():
            self._place(path, key)

    def open(self, key: str) -> BinaryIO:
        try:
            return self._path(key).open("rb")
        except (FileNotFoundError, NotADirectoryError):
            raise StoredFileMissing(key) from None

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def keys(self, prefix: str) -> Iterator[str]:
        for folder, _, names in os.walk(self._path(prefix)):
            for name in names:
                yield str((Path(folder) / name).relative_to(self.root))

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def delete_all(self, prefix: str) -> int:
        count = sum(1 for _ in self.keys(prefix))
        shutil.rmtree(self._path(prefix), ignore_errors=True)
        return count

    @contextlib.contextmanager
    def local(self, key: str) -> Iterator[Path]:
        if not self.exists(key):
            raise StoredFileMissing(key)
        yield self._path(key)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        with _storing():
            part = self._part()
            try:
                yield part
            finally:
                part.unlink(missing_ok=True)

    def folders(self, prefix: str) -> Iterator[str]:
        with contextlib.suppress(FileNotFoundError), os.scandir(self._path(prefix)) as entries:
            yield from (entry.name for entry in entries if entry.is_dir())

    def _path(self, key: str) -> Path:
        if ".." in key.split("/"):
            raise ValueError(f"not a storage key: {key!r}")
        return self.root / key

    def _part(self) -> Path:
        self.staging.mkdir(parents=True, exist_ok=True)
        return self.staging / uuid.uuid4().hex

    def _place(self, part: Path, key: str) -> None:
        place = self._path(key)
        for _ in range(MOST_PLACINGS - 1):
            # A deletion of the job may take the folder away again, between the two steps and within the first.
            with contextlib.suppress(FileNotFoundError, FileExistsError):
                place.parent.mkdir(parents=True, exist_ok=True)
                part.replace(place)
                return
        place.parent.mkdir(parents=True, exist_ok=True)
        part.replace(place)


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

    def put(self, key: str, data: bytes) -> None:
        with self._asking(key):
            self.client.put_object(Bucket=self.bucket, Key=self.prefix + key, Body=data)

    def put_file(self, key: str, path: Path) -> None:
        with self._asking(key):
            self.client.upload_file(str(path), self.bucket, self.prefix + key)
        path.unlink()

    def open(self, key: str) -> BinaryIO:
        with self._asking(key):
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
        found = list(self.keys(prefix))
        for start in range(0, len(found), 1000):
            with self._asking(prefix):
                chunk = [{"Key": self.prefix + key} for key in found[start : start + 1000]]
                self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": chunk, "Quiet": True})  # type: ignore[typeddict-item]
        return len(found)

    @contextlib.contextmanager
    def local(self, key: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="docparse-") as folder:
            path = Path(folder) / "file"
            with self._asking(key):
                self.client.download_file(self.bucket, self.prefix + key, str(path))
            yield path

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        with _storing(), tempfile.TemporaryDirectory(prefix="docparse-") as folder:
            yield Path(folder) / "file"

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


@contextlib.contextmanager
def _storing() -> Iterator[None]:
    """What the disk says while something is written, in our words."""
    try:
        yield
    except OSError as error:
        raise StorageFull.of(error) from error


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
