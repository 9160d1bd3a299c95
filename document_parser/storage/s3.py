"""Store files in an S3 bucket.

It uses boto3 rather than an asynchronous client: task processes are forked, and a client that starts threads of its own at its
first use deadlocks in the fork.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from document_parser.errors import StorageUnavailable
from document_parser.ingest.s3 import make_client
from document_parser.storage.base import CHUNK_BYTES, NOT_REMOVED, Storage, StoredFileMissing
from document_parser.storage.os_errors import storage_errors

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ALREADY_GONE = frozenset({"NoSuchKey", "404"})


class S3Storage(Storage):
    """Stores files as objects below a prefix of one bucket. The client is created at the first use in each process."""

    def __init__(self, bucket: str, prefix: str, endpoint_url: str | None) -> None:
        self.bucket = bucket
        self.prefix = prefix.strip("/") + "/" if prefix.strip("/") else ""
        self.endpoint_url = endpoint_url
        self._client: S3Client | None = None
        self._pid = 0

    @property
    def client(self) -> S3Client:
        """Return the client of this process."""
        if self._client is None or self._pid != os.getpid():
            self._client = make_client(self.endpoint_url or "")
            self._pid = os.getpid()
        return self._client

    def put(self, key: str, data: bytes, *, durable: bool = True) -> None:
        """Store bytes as an object. S3 keeps every object durably."""
        with self._storage_errors_of(key):
            self.client.put_object(Bucket=self.bucket, Key=self.prefix + key, Body=data)

    def put_file(self, key: str, path: Path, *, followed: bool = False) -> None:
        """Upload a local file, then delete it."""
        with self._storage_errors_of(key):
            self.client.upload_file(str(path), self.bucket, self.prefix + key)
        with storage_errors():
            path.unlink()

    def open(self, key: str) -> BinaryIO:
        """Download an object to a temporary file, in memory while it is small, and open that. Raises StoredFileMissing."""
        with self._storage_errors_of(key), storage_errors():
            body: Any = self.client.get_object(Bucket=self.bucket, Key=self.prefix + key)["Body"]
            return _spool(body)

    def exists(self, key: str) -> bool:
        """Return whether the object exists."""
        try:
            with self._storage_errors_of(key):
                self.client.head_object(Bucket=self.bucket, Key=self.prefix + key)
        except StoredFileMissing:
            return False
        return True

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys of all objects that begin with the prefix."""
        with self._storage_errors_of(prefix):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix + prefix)
            for page in pages:
                for entry in page.get("Contents", []):
                    yield entry["Key"].removeprefix(self.prefix)

    def delete(self, key: str) -> None:
        """Delete an object; nothing happens if it is missing."""
        with self._storage_errors_of(key):
            self.client.delete_object(Bucket=self.bucket, Key=self.prefix + key)

    def delete_all(self, prefix: str) -> int:
        """Delete all objects that begin with the prefix. Return how many there were.

        Raises StorageUnavailable if some could not be removed; all others are deleted then.
        """
        found, refused = list(self.keys(prefix)), []
        for start in range(0, len(found), 1000):
            with self._storage_errors_of(prefix):
                chunk = [{"Key": self.prefix + key} for key in found[start : start + 1000]]
                reply = self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": chunk, "Quiet": True})  # type: ignore[typeddict-item]
            # S3 answers 200 and lists the objects that it did not delete.
            refused += [error for error in reply.get("Errors", []) if error.get("Code") not in _ALREADY_GONE]
        if refused:
            raise StorageUnavailable(NOT_REMOVED, reason=refused[0].get("Code", ""), files=len(refused))
        return len(found)

    @contextlib.contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """Download an object to a temporary file and give its path. Raises StoredFileMissing."""
        with self.scratch() as path:
            with self._storage_errors_of(key), storage_errors():
                self.client.download_file(self.bucket, self.prefix + key, str(path))
            yield path

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a path in a temporary folder for a new file; the folder is removed afterwards."""
        with storage_errors():
            folder = tempfile.TemporaryDirectory(prefix="docparse-")
        try:
            yield Path(folder.name) / "file"
        finally:
            with storage_errors():
                folder.cleanup()

    def folders(self, prefix: str) -> Iterator[str]:
        """Yield the names of the common prefixes directly below the prefix."""
        with self._storage_errors_of(prefix):
            paginator = self.client.get_paginator("list_objects_v2")
            for page in paginator.paginate(Bucket=self.bucket, Prefix=self.prefix + prefix, Delimiter="/"):
                for entry in page.get("CommonPrefixes", []):
                    yield entry["Prefix"].removeprefix(self.prefix + prefix).rstrip("/")

    @contextlib.contextmanager
    def _storage_errors_of(self, key: str) -> Iterator[None]:
        """Raise StoredFileMissing or StorageUnavailable instead of the block's errors of boto3."""
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


def _spool(body: Any) -> BinaryIO:
    """Copy the body of an S3 object into a file that can be read in pieces; it is on disk if it is large."""
    spool: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=8 * CHUNK_BYTES)  # noqa: SIM115 - closed by the caller
    shutil.copyfileobj(body, spool, CHUNK_BYTES)
    spool.seek(0)
    return spool  # type: ignore[return-value]
