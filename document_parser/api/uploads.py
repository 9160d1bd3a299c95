"""Uploads, streamed to where storage takes them over: never whole in memory, never copied twice."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from flask import Request, current_app, request
from werkzeug.datastructures import FileStorage

from document_parser.errors import BadRequest, FileMissing, StorageFull
from document_parser.ingest.sniff import HEAD_BYTES

CHUNK_BYTES = 1 << 16
LONGEST_UPLOAD_SECONDS = 6 * 3600
MULTIPART = "multipart/form-data"
FORM = "application/x-www-form-urlencoded"


class StagedFile:
    """A file being received: counted and hashed while it is written, gone on close unless storage took it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix="upload-")
        self.path = Path(name)
        self._file: IO[bytes] = os.fdopen(handle, "w+b", buffering=0)
        self._hash = hashlib.sha256()
        self.size = 0
        self.head = b""

    def write(self, data: bytes) -> int:
        """Raises StorageFull where the disk is full."""
        try:
            self._file.write(data)
        except OSError as error:
            raise StorageFull.of(error) from error
        if len(self.head) < HEAD_BYTES:
            self.head += bytes(data[: HEAD_BYTES - len(self.head)])
        self._hash.update(data)
        self.size += len(data)
        return len(data)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def close(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)


class UploadRequest(Request):
    """A request whose file parts are staged beside their later place."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> Any:
        return StagedFile(staging_folder())


def tidy_staging(folder: Path) -> None:
    """Remove what uploads cut off by a power cut have left; none lasts this long."""
    old = time.time() - LONGEST_UPLOAD_SECONDS
    for path in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < old:
                path.unlink()


def staging_folder() -> Path:
    """A folder on the file system of the local store, so that taking a file over is a rename."""
    folder: Path = current_app.extensions["document_parser"].settings.data_dir / "staging"
    return folder


@contextlib.contextmanager
def receive() -> Iterator[tuple[StagedFile, str, dict[str, str]]]:
    """The uploaded file, the name it came with, and the other fields.

    Multipart with a field ``file``, or the document as the raw body with the fields in the query. Raises FileMissing.
    """
    if request.mimetype == MULTIPART:
        with contextlib.closing(_part()) as part:
            yield part.stream, part.filename or "", request.form.to_dict()  # type: ignore[misc]
    elif request.mimetype == FORM:
        raise FileMissing()
    else:
        with contextlib.closing(StagedFile(staging_folder())) as staged:
            _fill(staged)
            fields = request.args.to_dict()
            yield staged, fields.pop("filename", ""), fields


def _part() -> FileStorage:
    parts = request.files.getlist("file")
    if not parts:
        raise FileMissing()
    if len(parts) > 1 or len(request.files) > 1:
        raise BadRequest("Send one file to a request, in the field 'file'.")
    return parts[0]


def _fill(staged: StagedFile) -> None:
    while chunk := request.stream.read(CHUNK_BYTES):
        staged.write(chunk)
