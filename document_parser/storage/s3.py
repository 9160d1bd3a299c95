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
from document_parser.storage.growing import SYNC_BYTES, GrowingFile, Grown
from document_parser.storage.os_errors import storage_errors

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ALREADY_GONE = frozenset({"NoSuchKey", "404"})
_MAX_PARTS = 10_000
"""The largest number of parts of a multipart upload. S3 sets it."""


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
        return (key for key, _ in self.sizes(prefix))

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield the keys of all objects that begin with the prefix, with their sizes."""
        with self._storage_errors_of(prefix):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix + prefix)
            for page in pages:
                for entry in page.get("Contents", []):
                    yield entry["Key"].removeprefix(self.prefix), entry.get("Size", 0)

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

    def chunks(self, key: str) -> Iterator[bytes]:
        """Yield an object in pieces as they come. Raises StoredFileMissing."""
        with self._storage_errors_of(key), storage_errors():
            body: Any = self.client.get_object(Bucket=self.bucket, Key=self.prefix + key)["Body"]
            with contextlib.closing(body):
                yield from body.iter_chunks(CHUNK_BYTES)

    def duplicate(self, key: str, to: str, *, followed: bool = False) -> None:
        """Let S3 copy the object, in several parts if it is large. Raises StoredFileMissing."""
        source: Any = {"Bucket": self.bucket, "Key": self.prefix + key}
        with self._storage_errors_of(key):
            self.client.copy(source, self.bucket, self.prefix + to)

    def grow(self, key: str, grown: Grown) -> GrowingFile:
        """Open a multipart upload at the end of what is durable."""
        return _S3GrowingFile(self, key, grown)

    def discard_grown(self, key: str, grown: Grown) -> None:
        """Delete the object, its tail and the parts of an upload that was not finished."""
        if grown.multipart_id:
            with contextlib.suppress(StoredFileMissing), self._storage_errors_of(key):
                self.client.abort_multipart_upload(Bucket=self.bucket, Key=self.prefix + key, UploadId=grown.multipart_id)
        self.delete_all(key)

    @contextlib.contextmanager
    def _storage_errors_of(self, key: str) -> Iterator[None]:
        """Raise StoredFileMissing or StorageUnavailable instead of the block's errors of boto3."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in {"404", "NoSuchKey", "NotFound", "NoSuchUpload"}:
                raise StoredFileMissing(key) from None
            raise StorageUnavailable(reason=error.response.get("Error", {}).get("Code", "")) from error
        except (BotoCoreError, Boto3Error) as error:
            raise StorageUnavailable(reason=type(error).__name__) from error


class _S3GrowingFile(GrowingFile):
    """An object that grows by parts of a multipart upload.

    A part has at least 5 MiB. What is behind the last one, the tail, is collected on the disk of this machine and, when it must
    be durable, stored as an object of its own, so that any other machine can go on.
    """

    def __init__(self, storage: S3Storage, key: str, grown: Grown) -> None:
        self.grown = grown
        self._storage, self._key = storage, key
        self._object: Any = {"Bucket": storage.bucket, "Key": storage.prefix + key}
        with storage_errors():
            self._tail: IO[bytes] = tempfile.TemporaryFile(prefix="docparse-")  # noqa: SIM115 - closed by close()
        self._tail_bytes = 0
        self._is_fetched = not grown.tail

    def _fetch_tail(self) -> None:
        """Fetch the stored tail, if it is not here. One that was stored later may be longer; it begins alike."""
        size = self.grown.tail
        if self._is_fetched:
            return
        for piece in self._storage.chunks(self._tail_key):
            self._append(piece[: size - self._tail_bytes])
        if self._tail_bytes < size:
            raise StoredFileMissing(self._tail_key)
        self._is_fetched = True

    @property
    def _tail_key(self) -> str:
        """Return the key of the tail. It names the part before it: the tail of an earlier description is never overwritten."""
        return f"{self._key}.tail.{len(self.grown.parts)}"

    def _append(self, data: bytes) -> None:
        with storage_errors():
            self._tail.write(data)
        self._tail_bytes += len(data)

    def will_store(self, size: int) -> bool:
        """Return whether so many bytes complete a part."""
        return (self._tail_bytes if self._is_fetched else self.grown.tail) + size >= self._part_bytes()

    def write(self, data: bytes) -> None:
        """Collect bytes, and upload a part at every SYNC_BYTES."""
        self._fetch_tail()
        self._append(data)
        if self.will_store(0):
            self._upload_part()

    def _part_bytes(self) -> int:
        """Return the size of the next part: parts grow with the object, so that their number is never exhausted."""
        return SYNC_BYTES << (len(self.grown.parts) * 8 // _MAX_PARTS)

    def sync(self) -> None:
        """Store the tail, if it has changed."""
        if not self._is_fetched or self._tail_bytes == self.grown.tail:
            return
        with self._storage._storage_errors_of(self._key), storage_errors():
            self._tail.seek(0)
            self._storage.client.put_object(
                Bucket=self._storage.bucket, Key=self._storage.prefix + self._tail_key, Body=self._tail
            )
            self._tail.seek(0, os.SEEK_END)
        more = self._tail_bytes - self.grown.tail
        self.grown = self.grown.model_copy(update={"size": self.grown.size + more, "tail": self._tail_bytes})

    def _upload_part(self) -> None:
        """Upload the tail as a part. The description of the file is the new one only when it is there."""
        multipart_id = self.grown.multipart_id
        with self._storage._storage_errors_of(self._key), storage_errors():
            if not multipart_id:
                multipart_id = self._storage.client.create_multipart_upload(**self._object)["UploadId"]
            self._tail.seek(0)
            reply = self._storage.client.upload_part(
                **self._object, UploadId=multipart_id, PartNumber=len(self.grown.parts) + 1, Body=self._tail
            )
            self._tail.seek(0)
            self._tail.truncate()
        size = self.grown.size - self.grown.tail + self._tail_bytes
        parts = [*self.grown.parts, reply["ETag"]]
        self.grown, self._tail_bytes = Grown(size=size, multipart_id=multipart_id, parts=parts), 0

    def finish(self) -> None:
        """Complete the object: of its parts, or of the tail alone if it is small. Once it is there, nothing happens."""
        try:
            self._fetch_tail()
            size = self.grown.size - self.grown.tail + self._tail_bytes
            self._complete() if self.grown.parts else self._put_small()
        except StoredFileMissing:
            # Another process has completed the upload, and could not write that down any more.
            if not self._storage.exists(self._key):
                raise
            size = self.grown.size
        self._storage.delete_all(f"{self._key}.tail.")
        self.grown = Grown(size=size)

    def _complete(self) -> None:
        if self._tail_bytes:
            self._upload_part()
        parts: Any = [{"ETag": tag, "PartNumber": number} for number, tag in enumerate(self.grown.parts, 1)]
        with self._storage._storage_errors_of(self._key):
            self._storage.client.complete_multipart_upload(
                **self._object, UploadId=self.grown.multipart_id, MultipartUpload={"Parts": parts}
            )

    def _put_small(self) -> None:
        with self._storage._storage_errors_of(self._key), storage_errors():
            self._tail.seek(0)
            self._storage.client.put_object(**self._object, Body=self._tail)

    def close(self) -> None:
        """Delete what was collected on this machine."""
        self._tail.close()


def _spool(body: Any) -> BinaryIO:
    """Copy the body of an S3 object into a file that can be read in pieces; it is on disk if it is large."""
    spool: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=8 * CHUNK_BYTES)  # noqa: SIM115 - closed by the caller
    shutil.copyfileobj(body, spool, CHUNK_BYTES)
    spool.seek(0)
    return spool  # type: ignore[return-value]
