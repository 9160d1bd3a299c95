"""Receive resumable uploads piece by piece, join them, and hand their documents to jobs.

The routes of tus, the simple routes beside it and every process call work with the functions of this module.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import IO

from document_parser.api.intake.arrivals import PIECE_BYTES
from document_parser.api.intake.tus import Checksum, filename_of
from document_parser.api.middleware import rate_limits, tier_limits
from document_parser.api.middleware.identity import identity
from document_parser.api.ownership import check_upload
from document_parser.api.services import Services
from document_parser.errors import (
    OffsetMismatch,
    ServerBusy,
    StorageUnavailable,
    UploadCutOff,
    UploadGone,
    UploadIncomplete,
    UploadInterrupted,
    UploadIsFinal,
    UploadTooLong,
    UploadTooSlow,
)
from document_parser.ingest.sniff import HEAD_BYTES
from document_parser.jobs.records import storage_keys, uploads
from document_parser.jobs.records.uploads import Hold, Upload
from document_parser.jobs.redis.connection import RedisError
from document_parser.jobs.scheduling import disk_space
from document_parser.storage import GrowingFile, StoredFileMissing
from document_parser.telemetry import logs

log = logs.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FinishedUpload:
    """The document of a complete resumable upload, as ``StagedFile`` is that of a request."""

    upload_id: str
    filename: str
    """The name in its metadata; empty if it has none."""
    size: int
    head: bytes
    sha256: str


def max_bytes(services: Services) -> int:
    """Return the largest size of an upload in bytes."""
    return tier_limits.max_file_bytes(services.settings)


def load(services: Services, upload_id: str) -> Upload:
    """Return an upload of the caller's owner. Raises UploadNotFound, UploadGone, RedisError."""
    check_upload(services.redis, identity(), upload_id)
    return uploads.load(services.redis, upload_id)


def create(services: Services, length: int | None, *, metadata: str = "", concat: str = "") -> Upload:
    """Create an upload of this length, None if it comes later.

    Raises FileTooLarge, StorageFull, TooManyUploads, BadRequest for malformed metadata, RedisError, StorageUnavailable.
    """
    filename_of(metadata)
    _check_length(services, length)
    disk_space.check(services.settings.store, length or 0)
    upload = uploads.create(
        services.redis,
        services.settings,
        rate_limits.caller(),
        length,
        owner=identity().owner,
        metadata=metadata,
        concat=concat,
    )
    log.info("upload_created", upload_id=upload.upload_id, length=length)
    if length == 0:
        return _finish(services, upload.upload_id)
    return upload


def join(services: Services, parts: list[str], *, metadata: str = "", concat: str = "") -> Upload:
    """Create an upload that has the bytes of others, one after the other. They stay until they expire or are deleted.

    Raises UploadIncomplete if one of them is not complete, UploadNotFound, UploadGone, and as ``create``.
    """
    found = [_complete(services, upload_id) for upload_id in parts]
    upload = create(services, sum(part.offset for part in found), metadata=metadata, concat=concat)
    if upload.finished:
        return upload
    with _held(services, upload.upload_id) as hold:
        with _writing(services, hold) as writer:
            for part in found:
                for piece in services.storage.chunks(storage_keys.upload(part.upload_id)):
                    writer.write(piece)
            writer.store()
        return hold.upload


def append(
    services: Services,
    upload_id: str,
    offset: int,
    body: IO[bytes],
    *,
    length: int | None = None,
    announced: int | None = None,
    checksum: Checksum | None = None,
) -> Upload:
    """Append a request's body to an upload at its offset. Whatever has come by the end of the request is kept.

    ``length`` is that of the whole upload, if the request announces it; ``announced`` that of the body. Raises UploadLocked,
    OffsetMismatch, UploadTooLong, FileTooLarge, UploadIsFinal, ChecksumMismatch (then nothing of the body is kept),
    UploadInterrupted, StorageFull, StorageUnavailable, TooManyUploads, UploadNotFound, UploadGone, RedisError.
    """
    with _held(services, upload_id) as hold:
        _check_piece(services, hold, offset, length, announced)
        if not hold.upload.finished:
            with _writing(services, hold, saves=checksum is None) as writer:
                _receive(services, writer, body, checksum)
        return hold.upload


def end_upload(services: Services, upload_id: str) -> None:
    """Let an upload whose length was to come later be complete as it is. Nothing happens if it has a length.

    Raises UploadLocked, UploadNotFound, UploadGone, RedisError.
    """
    if load(services, upload_id).length is None:
        with _held(services, upload_id) as hold:
            hold.save(replace(hold.upload, length=hold.upload.offset))


def delete(services: Services, upload_id: str) -> None:
    """Delete an upload. A request that is sending to it fails.

    Raises UploadNotFound, UploadGone, StorageUnavailable, RedisError.
    """
    uploads.delete(services.redis, services.settings, services.storage, load(services, upload_id))
    log.info("upload_deleted", upload_id=upload_id)


def finished_upload(services: Services, upload_id: str) -> FinishedUpload:
    """Return the document of an upload. Its hash is computed at the first call.

    Raises UploadIncomplete, UploadNotFound, UploadGone, StorageUnavailable, RedisError.
    """
    upload = _complete(services, upload_id)
    key = storage_keys.upload(upload_id)
    try:
        with contextlib.closing(services.storage.chunks(key)) as pieces:  # type: ignore[type-var]  # a generator
            if upload.sha256:
                first, sha256 = next(pieces, b""), upload.sha256
            else:
                first, sha256 = _hash(pieces)
                uploads.note_hash(services.redis, upload_id, sha256)
    except StoredFileMissing:
        raise _lost_files(services, upload) from None
    return FinishedUpload(upload_id, filename_of(upload.metadata), upload.offset, first[:HEAD_BYTES], sha256)


def _hash(pieces: Iterator[bytes]) -> tuple[bytes, str]:
    """Return the first piece of a file, and the hash of all."""
    hashed, first = hashlib.sha256(), b""
    for piece in pieces:
        first = first or piece
        hashed.update(piece)
    return first, hashed.hexdigest()


def _complete(services: Services, upload_id: str) -> Upload:
    """Return an upload whose file is whole. Raises UploadIncomplete, UploadNotFound, UploadGone, RedisError."""
    upload = load(services, upload_id)
    if not upload.is_complete:
        raise UploadIncomplete(upload_id=upload_id, offset=upload.offset, length=upload.length)
    if not upload.finished:
        # The process that received the last byte was killed before it finished the file.
        return _finish(services, upload_id)
    return upload


def _finish(services: Services, upload_id: str) -> Upload:
    """Make the file of a complete upload whole. Raises UploadLocked, UploadGone, StorageUnavailable, RedisError."""
    with _held(services, upload_id) as hold:
        with _writing(services, hold) as writer:
            writer.finish()
        return hold.upload


@contextlib.contextmanager
def _held(services: Services, upload_id: str) -> Iterator[Hold]:
    """Hold an upload. Raises UploadLocked, UploadNotFound, UploadGone, RedisError."""
    check_upload(services.redis, identity(), upload_id)
    hold = Hold.take(services.redis, services.settings, upload_id)
    try:
        yield hold
    finally:
        # Without Redis the lease ends by itself.
        with contextlib.suppress(RedisError):
            hold.release()


def _check_length(services: Services, length: int | None) -> None:
    if length is not None and length > max_bytes(services):
        raise tier_limits.too_large(services.settings, announced=length)


def _check_piece(services: Services, hold: Hold, offset: int, length: int | None, announced: int | None) -> None:
    """Refuse a piece that does not fit; note the length of the whole if it comes with the piece."""
    upload = hold.upload
    if upload.is_final:
        raise UploadIsFinal(upload_id=upload.upload_id)
    if offset != upload.offset:
        raise OffsetMismatch(upload_id=upload.upload_id, offset=upload.offset, sent=offset)
    if length is not None and length != upload.length:
        _check_length(services, length)
        if upload.length is not None or length < upload.offset:
            raise UploadTooLong(
                "Upload-Length differs from the one announced before, or is less than what has come. Create a new upload.",
                length=upload.length,
                offset=upload.offset,
            )
        hold.save(replace(upload, length=length))
    _check_end(services, hold.upload, offset + (announced or 0))
    disk_space.check(services.settings.store, announced or 0)


def _check_end(services: Services, upload: Upload, end: int) -> None:
    """Refuse bytes behind the announced end, or behind the largest size. Raises UploadTooLong, FileTooLarge."""
    if upload.length is not None and end > upload.length:
        raise UploadTooLong(upload_id=upload.upload_id, offset=upload.offset, length=upload.length)
    if end > max_bytes(services):
        raise tier_limits.too_large(services.settings, received=end)


class _Writer:
    """Write to the end of an upload while its lease holds. With ``saves``, what is durable is written down as it grows."""

    def __init__(self, services: Services, hold: Hold, *, saves: bool = True) -> None:
        self.hold, self._saves = hold, saves
        self.file: GrowingFile = services.storage.grow(storage_keys.upload(hold.upload.upload_id), hold.upload.grown)

    def write(self, piece: bytes) -> None:
        """Write one piece. Raises UploadLocked if another request has taken the upload meanwhile."""
        if not self.file.will_store(len(piece)):
            self.hold.renew(at_once=False)
            self.file.write(piece)
            return
        with self.hold.kept():
            self.file.write(piece)
        if self._saves:
            self._save()

    def store(self) -> None:
        """Make durable and write down what has come. If that is all, make the file whole."""
        with self.hold.kept():
            self.file.sync()
        self._save()
        if self.hold.upload.is_complete:
            self.finish()

    def finish(self) -> None:
        """Make the file of a complete upload whole, and write that down."""
        with self.hold.kept():
            self.file.finish()
        self._save(finished=True)
        log.info("upload_complete", upload_id=self.hold.upload.upload_id, size=self.hold.upload.offset)

    def _save(self, *, finished: bool = False) -> None:
        self.hold.save(replace(self.hold.upload, grown=self.file.grown, finished=finished))


@contextlib.contextmanager
def _writing(services: Services, hold: Hold, *, saves: bool = True) -> Iterator[_Writer]:
    """Open an upload for writing. Raises UploadGone if storage has lost its bytes."""
    try:
        writer = _Writer(services, hold, saves=saves)
        with writer.file:
            yield writer
    except StoredFileMissing:
        raise _lost_files(services, hold.upload) from None


def _receive(services: Services, writer: _Writer, body: IO[bytes], checksum: Checksum | None) -> None:
    """Write a body to the end of an upload. What has come is written down, whatever ends the body.

    With a checksum only a whole body counts.
    """
    hashed, end = checksum.start() if checksum else None, writer.hold.upload.offset
    try:
        while piece := body.read(PIECE_BYTES):
            end += len(piece)
            _check_end(services, writer.hold.upload, end)
            if hashed is not None:
                hashed.update(piece)
            writer.write(piece)
    except (UploadCutOff, UploadTooSlow, ServerBusy) as error:
        if checksum is None:
            writer.store()
        upload = writer.hold.upload
        raise UploadInterrupted(upload_id=upload.upload_id, offset=upload.offset) from error
    if checksum is not None:
        checksum.check(hashed)
    writer.store()


def _lost_files(services: Services, upload: Upload) -> UploadGone:
    """Return the error for an upload whose bytes storage has lost, and forget the upload."""
    log.warning("upload_lost", upload_id=upload.upload_id)
    with contextlib.suppress(StorageUnavailable):
        uploads.delete(services.redis, services.settings, services.storage, upload)
    return UploadGone()
