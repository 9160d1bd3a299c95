"""Stream uploads to where storage takes them over, never whole in memory and never copied twice."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import time
from collections.abc import Iterator
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from flask import Request, current_app, request
from gunicorn.http.errors import ParseException
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from document_parser.api.intake.arrivals import PIECE_BYTES, Arrival, Arrivals, CutReason
from document_parser.api.intake.draining import drain_request
from document_parser.api.intake.form_parser import MULTIPART, FormParser
from document_parser.errors import (
    BadRequest,
    BatchTooLarge,
    DocumentParserError,
    FileMissing,
    InvalidOption,
    ServerBusy,
    TooManyFiles,
    UploadCutOff,
    UploadTooSlow,
)
from document_parser.ingest.staged_file import StagedFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

FORM = "application/x-www-form-urlencoded"
"""Media type of URL-encoded forms."""
JSON = "application/json"
"""Media type of JSON, which is a document, or the fields of a request that names a resumable upload."""
MAX_JSON_BYTES = 1 << 16
"""Maximum size of the fields of a request in JSON, in bytes. A longer body is a document."""


class WholeBody(io.RawIOBase):
    """Read the body of a request to its announced end.

    Reading raises UploadCutOff if the body ends earlier or inside a broken chunk: gunicorn ends a body quietly if its sender
    disconnects, and half a document would pass for a whole one. It raises UploadTooSlow if the body comes too slowly, and
    ServerBusy if too many bodies do.
    """

    def __init__(self, stream: IO[bytes], announced: int | None, arrivals: Arrivals, client: socket.socket | None) -> None:
        self._stream = stream
        self._announced = announced is not None
        self._left = announced or 0
        self._arrivals = arrivals
        self._client = client
        self._arrival: Arrival | None = None
        self._over = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read up to ``size`` bytes, at most PIECE_BYTES at once; the whole body if negative.

        Raises UploadCutOff, UploadTooSlow, ServerBusy.
        """
        if size < 0:
            return self.readall()
        size = min(size, PIECE_BYTES)
        try:
            data = self._read_piece(size)
        except (OSError, ParseException, ClientDisconnected) as error:
            raise self._error() from error
        self._left -= len(data)
        if done := (self._announced and self._left <= 0) or (size > 0 and not data):
            self.stop()
        if self._left > 0 if done else self._cut_reason():
            raise self._error()
        return data

    def _read_piece(self, size: int) -> bytes:
        """Read one piece of the body, and measure how fast it comes."""
        if self._client is None or self._over:
            return self._stream.read(size)
        if self._arrival is None:
            self._arrival = self._arrivals.begin(self._client)
        with self._arrivals.timed_piece(self._arrival):
            data = self._stream.read(size)
        self._arrival.received += len(data)
        return data

    def _cut_reason(self) -> CutReason:
        return self._arrival.cut if self._arrival is not None else ""

    def _error(self) -> DocumentParserError:
        """Return why the body is not complete."""
        self.stop()
        match self._cut_reason():
            case "":
                return UploadCutOff()
            case "no_room":
                return ServerBusy("Too many slow uploads are in progress. Try again shortly, or use a faster connection.")
        return UploadTooSlow()

    def stop(self) -> None:
        """Stop watching: the rest of the body is not waited for any more."""
        self._over = True
        if self._arrival is not None:
            self._arrivals.end(self._arrival)

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read into the buffer and return the number of bytes. Raises as ``read``."""
        room = memoryview(buffer).cast("B")
        data = self.read(len(room))
        room[: len(data)] = data
        return len(data)


class UploadRequest(Request):
    """A request whose body is read whole, and whose files are staged on the file system of the local store.

    Staged files are deleted with the request, even if the form around them broke off and no view has seen them.
    """

    form_data_parser_class = FormParser

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._staged: list[StagedFile] = []

    def close(self) -> None:
        """Stop watching the body and delete the staged files."""
        super().close()
        if isinstance(body := self.__dict__.get("stream"), WholeBody):
            body.stop()
        for staged in self._staged:
            staged.close()

    @cached_property
    def stream(self) -> IO[bytes]:
        """Return the body as a WholeBody."""
        arrivals: Arrivals = current_app.config["ARRIVALS"]
        client = self.environ.get("gunicorn.socket")
        return cast(IO[bytes], WholeBody(super().stream, self.content_length, arrivals, client))

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> Any:
        return self.stage()

    def stage(self) -> StagedFile:
        """Return a new staged file, which is deleted with the request unless storage has taken it."""
        self._staged.append(StagedFile(staging_folder(), max_bytes=current_app.config["MAX_UPLOAD_MB"] << 20))
        return self._staged[-1]


def tidy_staging(folder: Path, longest_seconds: float) -> None:
    """Remove staged files older than ``longest_seconds``, which uploads cut off by a power failure have left."""
    old = time.time() - longest_seconds
    for path in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < old:
                path.unlink()


def staging_folder() -> Path:
    """Return the folder of staged files.

    It is on the file system of the local store, so that taking a file over is a rename.
    """
    folder: Path = current_app.config["STAGING_FOLDER"]
    return folder


@contextlib.contextmanager
def receive_upload() -> Iterator[tuple[StagedFile | None, str, dict[str, Any]]]:
    """Yield the uploaded file, the name it came with, and the other fields.

    The request is multipart with a field ``file`` and the other fields in form or query, or the document as the raw body with
    the fields in the query. The file is None if the field ``upload_id`` names a resumable upload instead: in a form, in the
    query of a request without a body, or in a JSON object that is the body. Raises FileMissing, BadRequest, InvalidOption,
    UploadCutOff, UploadTooSlow, ServerBusy, StorageFull, StorageUnavailable.
    """
    if request.mimetype == MULTIPART:
        fields = _all_fields(request.form, request.args)
        if "upload_id" in fields and not request.files:
            yield None, fields.pop("filename", ""), fields
            return
        _refuse_both(fields)
        with contextlib.closing(_file_part()) as part:
            yield part.stream, part.filename or "", fields  # type: ignore[misc]
    elif request.mimetype == FORM:
        fields = _all_fields(request.form, request.args)
        if "upload_id" not in fields:
            raise FileMissing()
        yield None, fields.pop("filename", ""), fields
    else:
        with contextlib.closing(StagedFile(staging_folder())) as staged:
            _receive_raw_body(staged)
            fields = _all_fields(request.args)
            if (named := _named_upload(staged, fields)) is not None:
                yield None, named.pop("filename", ""), named
                return
            _refuse_both(fields)
            yield staged, fields.pop("filename", ""), fields


@contextlib.contextmanager
def receive_batch(max_files: int, max_mb: int) -> Iterator[tuple[list[tuple[StagedFile | None, str]], dict[str, Any]]]:
    """Yield the uploaded files, each with the name it came with, and the other fields.

    The request is multipart with a field ``files`` for each file, or one file as ``receive_upload`` takes it; the file is None
    if the field ``upload_id`` names a resumable upload instead. Raises as ``receive_upload``, and TooManyFiles, BatchTooLarge.
    """
    request.max_content_length = (max_mb << 20) + current_app.config["MAX_FORM_MEMORY_SIZE"]
    request.max_form_parts = max_files + current_app.config["MAX_FORM_PARTS"]
    try:
        if request.mimetype != MULTIPART:
            with receive_upload() as (staged, filename, fields):
                yield [(staged, filename)], fields
            return
        parts = request.files.getlist("files")
    except RequestEntityTooLarge:
        drain_request()
        raise BatchTooLarge.for_limit(max_mb, request.content_length) from None
    except BadRequest as error:
        if error.details.get("reason") == "parts":
            raise TooManyFiles.for_limit(max_files) from None
        raise
    fields = _all_fields(request.form, request.args)
    if "upload_id" in fields and not request.files:
        yield [(None, fields.pop("filename", ""))], fields
        return
    _refuse_both(fields)
    if not parts:
        raise FileMissing("Send each document as a multipart field 'files', or one archive as the raw body of the request.")
    if set(request.files) != {"files"}:
        raise BadRequest("Send all documents of a batch in fields named 'files'.")
    if len(parts) > max_files:
        raise TooManyFiles.for_limit(max_files, len(parts))
    yield [(cast(StagedFile, part.stream), part.filename or "") for part in parts], fields


def _refuse_both(fields: dict[str, str]) -> None:
    """Refuse a document beside ``upload_id``: it is unclear which of them counts. Raises InvalidOption."""
    if "upload_id" in fields:
        raise InvalidOption.for_fields({"field": "upload_id", "problem": "came beside a file; send one of them"})


def _named_upload(staged: StagedFile, fields: dict[str, str]) -> dict[str, Any] | None:
    """Return the fields of a request that names a resumable upload; None if its body is a document.

    A JSON object with ``upload_id`` is no document, unless the query has the document's ``filename``.
    """
    if not staged.size:
        return fields if "upload_id" in fields else None
    if request.mimetype != JSON or staged.size > MAX_JSON_BYTES or "filename" in fields:
        return None
    staged.seek(0)
    try:
        found = json.loads(staged.read())
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or "upload_id" not in found:
        return None
    for name in fields:
        if name in found:
            raise InvalidOption.for_fields({"field": name, "problem": "given twice"})
    return {**fields, **found}


def _all_fields(*sources: MultiDict[str, str]) -> dict[str, str]:
    """Return all fields of the form and the query.

    Raises InvalidOption if one is sent twice, because it is unclear which of them counts.
    """
    found: dict[str, str] = {}
    for name, value in chain.from_iterable(source.items(multi=True) for source in sources):
        if name in found:
            raise InvalidOption.for_fields({"field": name, "problem": "given twice"})
        found[name] = value
    return found


def _file_part() -> FileStorage:
    parts = request.files.getlist("file")
    if not parts:
        raise FileMissing()
    if len(parts) > 1 or len(request.files) > 1:
        raise BadRequest("Send one file per request, in the field 'file'.")
    return parts[0]


def _receive_raw_body(staged: StagedFile) -> None:
    while chunk := request.stream.read(PIECE_BYTES):
        staged.write(chunk)
