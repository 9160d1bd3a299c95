"""Errors of files that are uploaded."""

from __future__ import annotations

from document_parser.errors.base import DocumentParserError


class FileMissing(DocumentParserError):
    """An upload without a document."""

    code = "FILE_MISSING"
    status = 400
    message = "Send the document as the multipart field 'file', or as the raw body of the request."


class EmptyFile(DocumentParserError):
    """The uploaded file has no bytes."""

    code = "EMPTY_FILE"
    status = 400
    message = "The file has no bytes. Upload the document itself."


class UploadCutOff(DocumentParserError):
    """The request body ended before its announced end, or inside a broken chunk."""

    code = "UPLOAD_CUT_OFF"
    status = 400
    retryable = True
    message = "The request ended before its announced end. Nothing of it was stored. Send it again."


class UploadTooSlow(DocumentParserError):
    """The request body came more slowly than CLIENT_STALL_SECONDS and UPLOAD_SECONDS allow."""

    code = "UPLOAD_TOO_SLOW"
    status = 408
    retryable = True
    message = (
        "The request arrived too slowly and was cut off. Each 64 KiB must arrive within CLIENT_STALL_SECONDS, "
        "the whole request within UPLOAD_SECONDS. Nothing of it was stored. Send it again."
    )


class FileTooLarge(DocumentParserError):
    """The upload is larger than MAX_UPLOAD_MB."""

    code = "FILE_TOO_LARGE"
    status = 413
    message = "The file is larger than this server accepts (MAX_UPLOAD_MB)."

    @classmethod
    def for_size(cls, limit_mb: int, *, announced: int | None = None, received: int | None = None) -> FileTooLarge:
        """Return the error with the limit in MiB and, if known, the bytes that the request announced or that the file has."""
        known = {"announced_bytes": announced, "file_bytes": received}
        sizes = {
            "The request announced {:.2f} MiB; ": announced,
            "The file has {:.2f} MiB; ": received,
        }
        size = next(
            (text.format(count / (1 << 20)) for text, count in sizes.items() if count is not None), "The file is larger; "
        )
        return cls(
            f"{size}this server accepts files of at most {limit_mb} MiB (MAX_UPLOAD_MB). Send a smaller file, or parts of it.",
            limit_mb=limit_mb,
            **{name: count for name, count in known.items() if count is not None},
        )


class UploadNotFound(DocumentParserError):
    """No resumable upload has this id."""

    code = "UPLOAD_NOT_FOUND"
    status = 404
    message = "No upload has this id. Check the id, or create a new upload with POST /v1/uploads."


class SignedAddressInvalid(DocumentParserError):
    """The signed address of a file has expired, or was changed."""

    code = "SIGNED_ADDRESS_INVALID"
    status = 403
    message = "The signed address of this file has expired or was changed. Get a new one with GET /v1/files/ID/url."


class UploadGone(DocumentParserError):
    """The resumable upload was deleted, or nothing came for UPLOAD_EXPIRE_HOURS."""

    code = "UPLOAD_GONE"
    status = 410
    message = "This upload was deleted or has expired, and what had come of it is gone. Create a new one with POST /v1/uploads."


class UploadLocked(DocumentParserError):
    """Another request is writing to the resumable upload."""

    code = "UPLOAD_LOCKED"
    status = 423
    retryable = True
    message = "Another request is sending to this upload. Try again shortly, from the offset that a HEAD request returns then."


class UploadInterrupted(DocumentParserError):
    """A piece of a resumable upload ended early or came too slowly. What had come is stored."""

    code = "UPLOAD_INTERRUPTED"
    status = 503
    retryable = True
    message = (
        "The request ended early or came too slowly. What had come of it is stored. Ask for the offset with HEAD, and send the "
        "rest from there."
    )


class OffsetMismatch(DocumentParserError):
    """Upload-Offset is not where the resumable upload ends."""

    code = "UPLOAD_OFFSET_MISMATCH"
    status = 409
    retryable = True
    message = "Upload-Offset is not the offset of this upload. Send what follows the offset in details."


class UploadIncomplete(DocumentParserError):
    """The document of a resumable upload is asked for before all of it has come."""

    code = "UPLOAD_INCOMPLETE"
    status = 409
    message = "This upload is not complete. Send the rest of it first, from the offset in details."


class UploadIsFinal(DocumentParserError):
    """A concatenation of uploads takes no more bytes."""

    code = "UPLOAD_IS_FINAL"
    status = 403
    message = "This upload was joined from others, and takes no bytes itself. Create a new one with POST /v1/uploads."


class UploadTooLong(DocumentParserError):
    """More bytes came than Upload-Length announced."""

    code = "UPLOAD_TOO_LONG"
    status = 413
    message = "More bytes came than Upload-Length announced. Create a new upload with the right length."


class UploadContentType(DocumentParserError):
    """A piece of a resumable upload came with another media type than tus demands."""

    code = "UPLOAD_CONTENT_TYPE"
    status = 415
    message = "Send pieces of an upload with 'Content-Type: application/offset+octet-stream'."


class ChecksumMismatch(DocumentParserError):
    """A piece of a resumable upload does not have the checksum that came with it."""

    code = "CHECKSUM_MISMATCH"
    status = 460
    retryable = True
    message = "The bytes that came do not have the checksum of Upload-Checksum. Nothing of them was stored. Send them again."


class TusVersionUnsupported(DocumentParserError):
    """The request does not speak version 1.0.0 of the tus protocol."""

    code = "TUS_VERSION_UNSUPPORTED"
    status = 412
    message = "Send the header 'Tus-Resumable: 1.0.0'. This server speaks version 1.0.0 of the tus protocol."


class TooManyUploads(DocumentParserError):
    """There are too many resumable uploads that no job has used, or they have too many bytes."""

    code = "TOO_MANY_UPLOADS"
    status = 503
    retryable = True
    message = (
        "There are too many uploads that no job has used yet; details say which limit this is. Use or delete some of them, or "
        "wait until they expire."
    )


class UnsupportedFormat(DocumentParserError):
    """The content of the file is of no supported format."""

    code = "UNSUPPORTED_FORMAT"
    status = 415
    message = "The service does not read this kind of file. Send one of the supported formats."


class ContentMismatch(DocumentParserError):
    """The extension of the file's name and its content belong to different formats."""

    code = "CONTENT_MISMATCH"
    status = 415
    message = "The extension of the file's name does not match its content. Rename the file, or send another one."


class InfectedFile(DocumentParserError):
    """The virus scanner found something in the file."""

    code = "INFECTED_FILE"
    status = 422
    message = (
        "The virus scanner of this server found something in the file (details.signature), and it was not read. "
        "Remove it from the file, or send another one."
    )


class VirusScanUnavailable(DocumentParserError):
    """The file could not be scanned for viruses: clamd is away, too slow, failed, or refuses a file of this size."""

    code = "VIRUS_SCAN_UNAVAILABLE"
    status = 503
    retryable = True
    message = "The file could not be scanned for viruses at the moment, so it was not accepted. Send it again shortly."
    too_large = "file_too_large_for_scan"
    """The reason of a refusal that does not pass by itself."""

    @property
    def passes(self) -> bool:
        """Return whether the same file may be scanned later: not if the scanner refuses files of its size."""
        return self.details.get("reason") != self.too_large
