"""The error tree. Each class knows its code, its HTTP status and whether trying again can help."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import Any, ClassVar


class DocumentParserError(Exception):
    """Root of every error a user can meet.

    ``message`` is a sentence that says what to do; ``details`` are facts a program can use.
    """

    code: ClassVar[str] = "INTERNAL_ERROR"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    message: str = "Something broke on our side. The request_id finds it in the logs."

    def __init__(self, message: str | None = None, **details: Any) -> None:
        self.message = message or self.message
        self.details = details
        super().__init__(self.message)


def tree_of(kind: type[DocumentParserError]) -> Iterator[type[DocumentParserError]]:
    """Yield this class of errors and all below it."""
    yield kind
    for child in kind.__subclasses__():
        yield from tree_of(child)


def error_class(code: str) -> type[DocumentParserError] | None:
    """Return the class of errors with this code; None if there is none."""
    return next((kind for kind in tree_of(DocumentParserError) if kind.code == code), None)


# --- the request ------------------------------------------------------------------------------------------------------


class BadRequest(DocumentParserError):
    code = "BAD_REQUEST"
    status = 400
    message = "The request could not be understood."


class InvalidOption(DocumentParserError):
    code = "INVALID_OPTION"
    status = 422
    message = "An option is unknown or has a value that is not allowed."

    NAMED = 5
    """How many fields the message names; ``details`` have all."""

    @classmethod
    def of(cls, *fields: dict[str, Any]) -> InvalidOption:
        """Return one error for these fields. Each has ``field``, ``problem``, and facts such as ``allowed`` or ``known``."""
        named = "; ".join(": ".join(filter(None, (field["field"], field["problem"]))) for field in fields[: cls.NAMED])
        known: list[str] = next((field["known"] for field in fields if "known" in field), [])
        sentence = named if named.endswith("?") else f"{named}."
        return cls(f"Not understood: {sentence}" + (f" Known here: {', '.join(known)}." if known else ""), fields=list(fields))


class FileMissing(DocumentParserError):
    code = "FILE_MISSING"
    status = 400
    message = "Send the document as the multipart field 'file', or as the raw body of the request."


class EmptyFile(DocumentParserError):
    code = "EMPTY_FILE"
    status = 400
    message = "The file has no bytes. Upload the document itself."


class UploadCutOff(DocumentParserError):
    code = "UPLOAD_CUT_OFF"
    status = 400
    retryable = True
    message = "The request ended before all that it announced had come. Nothing of it was kept: send it again."


class UploadTooSlow(DocumentParserError):
    code = "UPLOAD_TOO_SLOW"
    status = 408
    retryable = True
    message = (
        "The request came too slowly and was cut off: 64 KiB must come within CLIENT_STALL_SECONDS, all of it within "
        "UPLOAD_SECONDS. Nothing of it was kept: send it again."
    )


class FileTooLarge(DocumentParserError):
    code = "FILE_TOO_LARGE"
    status = 413
    message = "The file is larger than this server accepts (MAX_UPLOAD_MB)."

    @classmethod
    def of(cls, limit_mb: int, *, announced: int | None = None, received: int | None = None) -> FileTooLarge:
        """Return the error with the limit in MiB and the bytes the request announced, or the file has, if that is known."""
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


class UnsupportedFormat(DocumentParserError):
    code = "UNSUPPORTED_FORMAT"
    status = 415
    message = "This kind of file is not read. Send one of the supported formats."


class ContentMismatch(DocumentParserError):
    code = "CONTENT_MISMATCH"
    status = 415
    message = "The file's name and its content disagree. Rename it to what it is."


class NotFound(DocumentParserError):
    code = "NOT_FOUND"
    status = 404
    message = "There is nothing at this address. /docs lists the routes."


class MethodNotAllowed(DocumentParserError):
    code = "METHOD_NOT_ALLOWED"
    status = 405
    message = "This address does not take that method. /docs lists the routes."


class JobNotFound(DocumentParserError):
    code = "JOB_NOT_FOUND"
    status = 404
    message = "No job has this id."


class TableNotFound(DocumentParserError):
    code = "TABLE_NOT_FOUND"
    status = 404
    message = "The document has no such table. Ask for format=csv without table, or format=tables, to see which it has."

    @classmethod
    def of(cls, count: int) -> TableNotFound:
        """The error for a document with ``count`` tables."""
        if not count:
            return cls("The document has no table.", tables=0)
        has = f"{count} tables" if count > 1 else "one table"
        return cls(f"The document has {has}: choose one from 1 to {count}.", tables=count)


class JobExpired(DocumentParserError):
    code = "JOB_EXPIRED"
    status = 410
    message = "This job has expired and its files are gone. Submit the document again."


class JobNotComplete(DocumentParserError):
    code = "JOB_NOT_COMPLETE"
    status = 409
    retryable = True
    message = "The job has not ended yet. Ask for its status, or wait with ?wait=30."


class JobEnded(DocumentParserError):
    code = "JOB_ENDED"
    status = 409
    message = "The job has already ended."


class Forbidden(DocumentParserError):
    code = "FORBIDDEN"
    status = 403
    message = (
        "This is for the operator. Programs send 'Authorization: Bearer' with ADMIN_TOKEN or the token that "
        "`docparse operator-token` prints on the machine; a browser opens the link that `docparse operator-link` prints there."
    )


class LoginRequired(DocumentParserError):
    code = "LOGIN_REQUIRED"
    status = 401
    message = (
        "What came as Authorization, if anything, is not a token of this service. Send ADMIN_TOKEN, or the token that "
        "`docparse operator-token` prints on the machine, as a bearer token or as the dashboard's password."
    )


class LinkUsed(DocumentParserError):
    code = "LINK_USED"
    status = 410
    message = (
        "This link was used already, or is too old. `docparse operator-link` prints a new one, on the machine and as the "
        "service's user."
    )


class DashboardReadOnly(DocumentParserError):
    code = "DASHBOARD_READ_ONLY"
    status = 403
    message = "The dashboard only shows. Set DASHBOARD_WRITES=true to act from it."


class RateLimited(DocumentParserError):
    code = "RATE_LIMITED"
    status = 429
    retryable = True
    message = "Too many requests from this address. Retry-After says when to go on."


class PageNotFound(DocumentParserError):
    code = "PAGE_NOT_FOUND"
    status = 404
    message = "The document has no such page, or page_range left it out."


class PageBeingRead(DocumentParserError):
    code = "PAGE_BEING_READ"
    status = 409
    retryable = True
    message = "This page is being read again already. The job's stage says so; ask once more when that is over."


class PasswordGone(DocumentParserError):
    code = "PASSWORD_GONE"
    status = 409
    message = "The document's password went when its job ended. Send it in the field 'password' to have a page read again."


class EngineAbsent(DocumentParserError):
    code = "ENGINE_ABSENT"
    status = 409
    message = (
        "This engine is not set up on this server, or does not answer. Choose another, or leave the choice to the service."
    )


class FigureNotFound(DocumentParserError):
    code = "FIGURE_NOT_FOUND"
    status = 404
    message = "The result has no figure of this name, or the job was asked for figures=none."


class PicturePending(DocumentParserError):
    code = "PICTURE_PENDING"
    status = 409
    retryable = True
    message = "The picture of this page is being drawn. Ask again shortly."


class PictureUnavailable(DocumentParserError):
    code = "PICTURE_UNAVAILABLE"
    status = 422
    message = "The picture of this page cannot be drawn. An encrypted document's can only be while its job runs."


class WebhookRefused(DocumentParserError):
    code = "WEBHOOK_REFUSED"
    status = 422
    message = "webhook_url must be an http or https address of a public host. WEBHOOK_ALLOW_HOSTS names exceptions."


class WebhookNotResolved(DocumentParserError):
    code = "WEBHOOK_NOT_RESOLVED"
    status = 503
    retryable = True
    message = (
        "The name servers did not answer in time for the host of webhook_url. Send it again shortly; if it stays so, check the "
        "name."
    )


class WebhookMissing(DocumentParserError):
    code = "NO_WEBHOOK"
    status = 404
    message = "This job was submitted without webhook_url: there is nothing to deliver."


class ServerBusy(DocumentParserError):
    code = "SERVER_BUSY"
    status = 503
    retryable = True
    message = "As many requests wait as may. Try again shortly."


class QueueUnavailable(DocumentParserError):
    code = "QUEUE_UNAVAILABLE"
    status = 503
    retryable = True
    message = "The job store does not answer at the moment. Try again shortly."


class QueueFull(DocumentParserError):
    code = "QUEUE_FULL"
    status = 503
    retryable = True
    message = "As much waits as this server holds at once. Retry-After says when to send it again; details show the capacity."


class IdempotencyKeyReused(DocumentParserError):
    code = "IDEMPOTENCY_KEY_REUSED"
    status = 409
    message = "This Idempotency-Key came with another document or other options before. Send a new key with a new request."


class StorageUnavailable(DocumentParserError):
    code = "STORAGE_UNAVAILABLE"
    status = 503
    retryable = True
    message = "The document store does not take files at the moment. Try again shortly."


class StorageFull(StorageUnavailable):
    code = "STORAGE_FULL"
    status = 507
    message = "The document store is full. Nothing was taken in; free space on the server, then send it again."

    NUMBERS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

    @classmethod
    def of(cls, error: OSError) -> StorageUnavailable:
        """What an error of the operating system means: a full disk, a quota or a limit, or else a store that is away."""
        kind = cls if error.errno in cls.NUMBERS else StorageUnavailable
        return kind(reason=os.strerror(error.errno or 0))


# --- the document -----------------------------------------------------------------------------------------------------


class DocumentError(DocumentParserError):
    """What only opening the file can show. Fails the whole job."""

    code = "UNREADABLE_DOCUMENT"
    status = 422
    message = "The document cannot be opened."


class DamagedDocument(DocumentError):
    code = "DAMAGED_DOCUMENT"
    message = "The file is damaged or cut off and cannot be opened. Upload it again, or repair it."


class SourceMissing(DocumentError):
    code = "SOURCE_MISSING"
    message = "The uploaded document is no longer in storage. Send it again."


class EncryptedDocument(DocumentError):
    code = "ENCRYPTED_DOCUMENT"
    message = "The document is encrypted. Send its password in the field 'password'."


class WrongPassword(DocumentError):
    code = "WRONG_PASSWORD"
    message = "The password does not open the document."


class OversizedPicture(DocumentError):
    code = "PICTURE_TOO_LARGE"
    message = "The picture has more pixels than this server accepts (MAX_IMAGE_MEGAPIXELS, MAX_IMAGE_MEMORY_MB)."

    @classmethod
    def of(cls, megapixels: float, limit: float, setting: str = "MAX_IMAGE_MEGAPIXELS") -> OversizedPicture:
        return cls(_too_many_pixels("The picture", megapixels, limit, setting), megapixels=megapixels, limit_megapixels=limit)


class TooManyPages(DocumentError):
    code = "TOO_MANY_PAGES"
    message = "The document has more pages than this server reads at once (MAX_PAGES). Choose some with page_range."

    @classmethod
    def of(cls, pages: int, limit: int) -> TooManyPages:
        """``pages`` is the number of pages that were to be read."""
        return cls(
            f"{pages} pages of the document are to be read; this server reads at most {limit} at once (MAX_PAGES). "
            "Choose some with page_range.",
            pages=pages,
            limit=limit,
        )


class NoSuchPages(DocumentError):
    code = "PAGE_RANGE_EMPTY"
    message = "page_range selects no page of this document."

    @classmethod
    def of(cls, page_range: str, pages: int) -> NoSuchPages:
        """``pages`` is the number of pages that the document has."""
        have = "1 page" if pages == 1 else f"{pages} pages"
        return cls(
            f"page_range {page_range!r} selects no page: the document has {have}. Choose from them, or leave page_range out.",
            pages=pages,
            page_range=page_range,
        )


class OpenerCrashed(DocumentError):
    """The child that opens documents died or ran out of its limits."""

    code = "DOCUMENT_CRASHES_PARSER"
    message = "Opening this document exhausted its limits or crashed the parser, twice. It is not read."


class WorkerCrashed(DocumentError):
    code = "WORKER_CRASHED"
    message = "Reading killed its worker twice. It is not tried again."


# --- one page ---------------------------------------------------------------------------------------------------------


class PageUnreadable(DocumentParserError):
    """One page cannot be read; the rest of the document goes on."""

    code = "PAGE_UNREADABLE"
    status = 422
    message = "This page cannot be read."


class PageCrashed(PageUnreadable):
    code = "PAGE_CRASHES_PARSER"
    message = "Rendering this page exhausted its limits or crashed the parser."


class OversizedPage(PageUnreadable):
    code = "PAGE_TOO_LARGE"
    message = "The picture of this page has more pixels than this server accepts (MAX_IMAGE_MEGAPIXELS, MAX_IMAGE_MEMORY_MB)."
    setting = ""

    @classmethod
    def of(cls, megapixels: float, limit: float, setting: str = "MAX_IMAGE_MEGAPIXELS") -> OversizedPage:
        """``setting`` is where the limit comes from, for a picture of this kind."""
        message = _too_many_pixels("The picture of this page", megapixels, limit, setting)
        error = cls(message, megapixels=megapixels, limit_megapixels=limit)
        error.setting = setting
        return error


class PageDamaged(PageUnreadable):
    code = "PAGE_DAMAGED"
    message = "The data of this page is damaged, and nothing on it could be read. Upload an undamaged file."


class PageInDoubt(PageUnreadable):
    code = "PAGE_IN_DOUBT"
    message = "The reading of this page is in doubt, and on_low_quality=fail was asked for. Ask for flag to see what was read."


class PageNotRead(PageUnreadable):
    code = "PAGE_NOT_READ"
    message = "The job was cancelled before this page was read. Submit the document again, with page_range for this page alone."


class PagesLost(PageUnreadable):
    """Pages that were read, and whose files are gone or torn."""

    code = "PAGES_LOST"
    message = "The stored reading of a page is damaged or gone. Have the page read again, or send the document again."

    @property
    def pages(self) -> list[int]:
        found: list[int] = self.details["pages"]
        return found

    @classmethod
    def of(cls, pages: list[int]) -> PagesLost:
        named = ", ".join(map(str, pages[:10])) + (" …" if len(pages) > 10 else "")
        what = f"The stored reading of page {named} is" if len(pages) == 1 else f"The stored readings of pages {named} are"
        again = "it" if len(pages) == 1 else "them"
        return cls(f"{what} damaged or gone. Have {again} read again, or send the document again.", pages=pages)


class FormatFailed(DocumentParserError):
    """A format of a result that was asked for after the end of its job could not be written."""

    code = "FORMAT_FAILED"
    status = 500
    message = "This format could not be written. Ask for another one; the request_id finds the reason in the logs."


class PageTimeout(PageUnreadable):
    code = "PAGE_TIMEOUT"
    message = "This page was not read within its deadline."


class NoEngine(PageUnreadable):
    code = "NO_ENGINE"
    retryable = True
    message = "No engine could read this page: no model server answers and no CPU engine is allowed or installed."


# --- engines ----------------------------------------------------------------------------------------------------------


class EngineError(DocumentParserError):
    """An engine gave no reading. The page goes on down the ladder."""

    code = "ENGINE_ERROR"
    status = 502
    message = "The engine failed."


class EngineUnavailable(EngineError):
    code = "ENGINE_UNAVAILABLE"
    retryable = True
    message = "The engine cannot be reached."


class EngineRefused(EngineError):
    """The engine will not read this picture, however often it is asked."""

    code = "ENGINE_REFUSED"
    message = "The engine refused the page."


class ContextExceeded(EngineRefused):
    """Picture and answer do not fit into the model's context: ask with a smaller picture or fewer tokens."""

    code = "CONTEXT_EXCEEDED"
    message = "The page does not fit into the model's context."


class EngineTimeout(EngineError):
    code = "ENGINE_TIMEOUT"
    retryable = True
    message = "The engine did not answer within its deadline."


# --- the command and the client ---------------------------------------------------------------------------------------


class FileUnreadable(DocumentParserError):
    code = "FILE_UNREADABLE"
    status = 400
    message = "The file cannot be read from the disk."


class OutputUnwritable(DocumentParserError):
    code = "OUTPUT_UNWRITABLE"
    message = "The result cannot be written where it was asked for."


class SeveralTables(OutputUnwritable):
    code = "SEVERAL_TABLES"
    status = 409
    message = "The document has several tables, and a CSV file holds one."


class ServerUnreachable(DocumentParserError):
    """No answer came from the service, however often it was asked."""

    code = "SERVER_UNREACHABLE"
    status = 503
    retryable = True
    message = "The server does not answer. Check its address, and that it runs."


class UnexpectedAnswer(DocumentParserError):
    """Something answered, but not as this service would: a proxy, or another service."""

    code = "UNEXPECTED_ANSWER"
    status = 502
    message = "The answer is not one of this service. Check the server's address."


def _too_many_pixels(what: str, megapixels: float, limit: float, setting: str) -> str:
    return (
        f"{what} has {megapixels:g} million pixels; this server accepts at most {limit:g} ({setting}). "
        "Scan it at a lower resolution."
    )
