"""A store in an S3 bucket.

boto3 rather than an asynchronous client: task processes are forked, and a client that starts threads of its own at first use
deadlocks in the fork.
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
from document_parser.storage.base import CHUNK_BYTES, NOT_REMOVED, Storage, StoredFileMissing
from document_parser.storage.os_errors import storage_errors

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ALREADY_GONE = frozenset({"NoSuchKey", "404"})


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
        with storage_errors():
            path.unlink()

    def open(self, key: str) -> BinaryIO:
        with self._asking(key), storage_errors():
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
            with self._asking(key), storage_errors():
                self.client.download_file(self.bucket, self.prefix + key, str(path))
            yield path

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        with storage_errors():
            folder = tempfile.TemporaryDirectory(prefix="docparse-")
        try:
            yield Path(folder.name) / "file"
        finally:
            with storage_errors():
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


def _spooled(body: Any) -> BinaryIO:
    """The body of an S3 object as a file that can be read in pieces, on disk once it is large."""
    spool: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=8 * CHUNK_BYTES)  # noqa: SIM115 - closed by the caller
    shutil.copyfileobj(body, spool, CHUNK_BYTES)
    spool.seek(0)
    return spool  # type: ignore[return-value]
