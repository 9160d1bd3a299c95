"""Define every error of the product as one class tree.

Each class has a stable ``code``, the HTTP ``status`` of its response, and whether trying again can help.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar


class DocumentParserError(Exception):
    """Root of every error that a user can meet.

    ``message`` is a sentence that says what to do. ``details`` are facts that a program can use.
    """

    code: ClassVar[str] = "INTERNAL_ERROR"
    status: int = 500
    retryable: ClassVar[bool] = False
    message: str = "The service failed with an internal error. Its logs have the reason under the request_id."

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
    """Return the error class that has this code; None if there is none."""
    return next((kind for kind in tree_of(DocumentParserError) if kind.code == code), None)


# --- the request ------------------------------------------------------------------------------------------------------


class BadRequest(DocumentParserError):
    """The request cannot be parsed, or one of its values is impossible."""

    code = "BAD_REQUEST"
    status = 400
    message = "The server cannot read the request. Compare it with the routes in /docs."


class InvalidOption(DocumentParserError):
    """An option, field or parameter is unknown, has a value that is not allowed, or was sent twice."""

    code = "INVALID_OPTION"
    status = 422
    message = "An option is unknown or has a value that is not allowed."

    MAX_NAMED_FIELDS = 5
    """Maximum number of fields in the message; ``details`` have all of them."""

    @classmethod
    def for_fields(cls, *fields: dict[str, Any]) -> InvalidOption:
        """Return one error for all these fields.

        Each field has ``field`` and ``problem``, and may have facts such as ``allowed`` or ``known``.
        """
        named = "; ".join(
            ": ".join(filter(None, (field["field"], field["problem"]))) for field in fields[: cls.MAX_NAMED_FIELDS]
        )
        known: list[str] = next((field["known"] for field in fields if "known" in field), [])
        sentence = named if named.endswith("?") else f"{named}."
        return cls(f"Not understood: {sentence}" + (f" Known here: {', '.join(known)}." if known else ""), fields=list(fields))


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


class NotFound(DocumentParserError):
    """No route has this address."""

    code = "NOT_FOUND"
    status = 404
    message = "There is nothing at this address. /docs lists the routes."


class MethodNotAllowed(DocumentParserError):
    """The address exists, but does not accept this HTTP method."""

    code = "METHOD_NOT_ALLOWED"
    status = 405
    message = "This address does not accept that method. /docs lists the routes."


class JobNotFound(DocumentParserError):
    """No job has this id, or the job was deleted."""

    code = "JOB_NOT_FOUND"
    status = 404
    message = "No job has this id. Check the id, or submit the document again."


class TableNotFound(DocumentParserError):
    """The document has no table with this number."""

    code = "TABLE_NOT_FOUND"
    status = 404
    message = "The document has no such table. Ask for format=csv without table, or format=tables, to see which it has."

    @classmethod
    def for_count(cls, count: int) -> TableNotFound:
        """Return the error for a document with ``count`` tables."""
        if not count:
            return cls("The document has no table.", tables=0)
        has = f"{count} tables" if count > 1 else "one table"
        return cls(f"The document has {has}: choose one from 1 to {count}.", tables=count)


class JobExpired(DocumentParserError):
    """The job and its files were removed JOB_TTL_HOURS after its end."""

    code = "JOB_EXPIRED"
    status = 410
    message = "This job has expired and its files are gone. Submit the document again."


class JobDeletedAfterRead(JobExpired):
    """The job was sent with ``retention_hours=0``, and its result has been read completely."""

    code = "JOB_DELETED_AFTER_READ"
    message = (
        "This job was deleted when its result had been read, as retention_hours=0 asks. "
        "If you need it again, submit the document again."
    )


class BatchNotFound(DocumentParserError):
    """No batch has this id, or the batch was deleted."""

    code = "BATCH_NOT_FOUND"
    status = 404
    message = "No batch has this id. Check the id, or send the files again."


class BatchExpired(DocumentParserError):
    """The batch and its files were removed JOB_TTL_HOURS after its end."""

    code = "BATCH_EXPIRED"
    status = 410
    message = "This batch has expired and its files are gone. Send the files again."


class BatchDeletedAfterRead(BatchExpired):
    """The batch was sent with ``retention_hours=0``, and all its results have been read completely."""

    code = "BATCH_DELETED_AFTER_READ"
    message = (
        "This batch was deleted when its results had been read, as retention_hours=0 asks. "
        "If you need them again, send the files again."
    )


class BatchNotComplete(DocumentParserError):
    """The batch has not ended yet."""

    code = "BATCH_NOT_COMPLETE"
    status = 409
    retryable = True
    message = "The batch has not ended yet. Ask for its status, or wait with ?wait=30."


class BatchEnded(DocumentParserError):
    """The batch has ended, so it cannot be cancelled."""

    code = "BATCH_ENDED"
    status = 409
    message = "The batch has already ended."


class TooManyFiles(DocumentParserError):
    """A batch has more files than MAX_BATCH_FILES."""

    code = "TOO_MANY_FILES"
    status = 413
    message = "The batch has more files than this server accepts (MAX_BATCH_FILES). Send them as several batches."

    @classmethod
    def for_limit(cls, limit: int, files: int | None = None) -> TooManyFiles:
        """Return the error with the limit and, if it is known, the number of files that were sent."""
        has = "The batch has more files" if files is None else f"The batch has {files} files"
        sentence = f"{has}; this server accepts at most {limit} (MAX_BATCH_FILES). Send them as several batches."
        return cls(sentence, limit_files=limit, **({} if files is None else {"files": files}))


class BatchTooLarge(DocumentParserError):
    """All files of a batch together are larger than MAX_BATCH_MB."""

    code = "BATCH_TOO_LARGE"
    status = 413
    message = "The files together are larger than this server accepts (MAX_BATCH_MB). Send them as several batches."

    @classmethod
    def for_limit(cls, limit_mb: int, announced: int | None) -> BatchTooLarge:
        """Return the error with the limit in MiB and, if it is known, the bytes that the request announced."""
        has = "The request is larger" if announced is None else f"The request announced {announced / (1 << 20):.2f} MiB"
        return cls(
            f"{has}; this server accepts batches of at most {limit_mb} MiB (MAX_BATCH_MB). Send them as several batches.",
            limit_mb=limit_mb,
            **({} if announced is None else {"announced_bytes": announced}),
        )


class NotReceived(DocumentParserError):
    """A file of a batch was not stored, because the server stopped before."""

    code = "NOT_RECEIVED"
    status = 503
    retryable = True
    message = "The server stopped before it had stored this file. Send it again."


class JobNotComplete(DocumentParserError):
    """The job has not ended yet, or the format that was asked for is still being written."""

    code = "JOB_NOT_COMPLETE"
    status = 409
    retryable = True
    message = "The job has not ended yet. Ask for its status, or wait with ?wait=30."


class JobEnded(DocumentParserError):
    """The job has ended, so it cannot be cancelled; or it did not complete, so nothing more can be asked of it."""

    code = "JOB_ENDED"
    status = 409
    message = "The job has already ended."


class Forbidden(DocumentParserError):
    """The route is for the operator and no proof came, or a page of another site sent the request."""

    code = "FORBIDDEN"
    status = 403
    message = (
        "This is for the operator. Programs send 'Authorization: Bearer' with ADMIN_TOKEN or the token that "
        "`docparse operator-token` prints on the machine; a browser opens the link that `docparse operator-link` prints there."
    )


class LoginRequired(DocumentParserError):
    """The request has a key or token that nobody made here, or the dashboard needs a password and none came."""

    code = "LOGIN_REQUIRED"
    status = 401
    message = (
        "The request has no API key and no token of this service. Send an API key, which begins with dp_live_, or as the "
        "operator ADMIN_TOKEN or what `docparse operator-token` prints on the machine, as a bearer token or as the dashboard's "
        "password."
    )


class LinkUsed(DocumentParserError):
    """A one-time operator link was used already or is older than its lifetime."""

    code = "LINK_USED"
    status = 410
    message = (
        "This link was used already, or is too old. `docparse operator-link` prints a new one, on the machine and as the "
        "service's user."
    )


class DashboardReadOnly(DocumentParserError):
    """The dashboard was asked to change something while DASHBOARD_WRITES is off."""

    code = "DASHBOARD_READ_ONLY"
    status = 403
    message = "The dashboard is read-only. Set DASHBOARD_WRITES=true to act from it."


class DatabaseUnavailable(DocumentParserError):
    """The database of keys, usage, history and audit cannot be used."""

    code = "DATABASE_UNAVAILABLE"
    status = 503
    retryable = True
    message = (
        "The database of keys and usage does not answer at the moment. Try again shortly. If the error stays, the operator "
        "checks DATABASE_URL and its server."
    )


class DatabaseNotUpgraded(DocumentParserError):
    """The tables of the database are older than this program."""

    code = "DATABASE_NOT_UPGRADED"
    status = 503
    message = "The database of keys and usage is older than this program. The operator runs `docparse db upgrade` once."


class KeyRequired(DocumentParserError):
    """AUTH_MODE=required, and the request has no API key."""

    code = "KEY_REQUIRED"
    status = 401
    message = (
        "This service needs an API key. Send it as 'Authorization: Bearer dp_live_...' or as X-API-Key. Its operator makes "
        "one with `docparse keys create`."
    )


class KeyInvalid(DocumentParserError):
    """The request has a key that this service did not make, or that was cut off while it was copied."""

    code = "KEY_INVALID"
    status = 401
    message = "This is no API key of this service. Check that all of it was copied, or ask the operator for a new one."


class KeyExpired(DocumentParserError):
    """The API key was valid until a moment that has passed."""

    code = "KEY_EXPIRED"
    status = 401
    message = "This API key has expired. Use the one that replaced it, or ask the operator for a new one."


class KeyRevoked(DocumentParserError):
    """The API key was revoked, or replaced at once by a rotation."""

    code = "KEY_REVOKED"
    status = 401
    message = "This API key was revoked. Use the one that replaced it, or ask the operator for a new one."


class TokenInvalid(DocumentParserError):
    """The request has a token that the login provider did not make for this service."""

    code = "TOKEN_INVALID"
    status = 401
    message = "This token was not made by the login provider for this service. Log in again."

    @classmethod
    def because(cls, reason: str) -> TokenInvalid:
        """Return the error with what is wrong, as a part of a sentence without a full stop."""
        return cls(f"This token is not accepted: {reason}. Ask the login provider for a new one for this service.")


class TokenExpired(DocumentParserError):
    """The token of the login provider was valid until a moment that has passed."""

    code = "TOKEN_EXPIRED"
    status = 401
    message = "This token of the login provider has expired. Ask the provider for a new one, or log in again."


class LoginProviderUnavailable(DocumentParserError):
    """The login provider does not answer, or not as one, and what is known of it is too old."""

    code = "LOGIN_PROVIDER_UNAVAILABLE"
    status = 503
    retryable = True
    message = (
        "The login provider does not answer, so the token cannot be checked. Try again later. API keys work meanwhile. The "
        "log says more."
    )


class LoginFailed(DocumentParserError):
    """A login was not begun in this browser, took too long, or the provider refused it."""

    code = "LOGIN_FAILED"
    status = 400
    message = (
        "The login did not succeed: it was not begun in this browser, took over ten minutes, or was refused. Log in again."
    )


class LoginOff(DocumentParserError):
    """No login provider is set."""

    code = "LOGIN_OFF"
    status = 404
    message = "This service has no login provider. Use an API key, or have its operator set OIDC_ISSUER and OIDC_CLIENT_ID."


class ScopeMissing(DocumentParserError):
    """The API key may not do this."""

    code = "SCOPE_MISSING"
    status = 403
    message = "This API key lacks the scope that the request needs, see details. Ask the operator for a key that has it."

    @classmethod
    def for_scope(cls, needed: str, held: Iterable[str]) -> ScopeMissing:
        """Return the error with the scope that is needed and those that the key has."""
        has = sorted(held)
        sentence = f"This request needs the scope {needed}; the API key has {', '.join(has) or 'none'}."
        return cls(f"{sentence} Ask the operator for a key that has it.", needed=needed, scopes=has)


class KeyNotFound(DocumentParserError):
    """No API key has this id."""

    code = "KEY_NOT_FOUND"
    status = 404
    message = "No API key has this id. `docparse keys list` and GET /v1/keys show the ids of all keys."


class KeyEnded(DocumentParserError):
    """A key that was revoked, replaced or has expired cannot be rotated."""

    code = "KEY_ENDED"
    status = 409
    message = "This API key was revoked, replaced or has expired, so it cannot be rotated. Create a new key."


class RateLimited(DocumentParserError):
    """One address sent more requests, or more wrong tokens, than allowed in the current window."""

    code = "RATE_LIMITED"
    status = 429
    retryable = True
    message = "Too many requests from this address. Retry-After says when to go on."


class RateLimitExceeded(RateLimited):
    """An owner sent more requests in a minute, or has more documents that have not ended, than its tier allows."""

    code = "RATE_LIMIT_EXCEEDED"
    message = "Your tier allows no more at this moment. Retry-After says when to go on."


class QuotaExceeded(DocumentParserError):
    """An owner has used up what its tier allows on a day or in a month. A tier may give it the status 402."""

    code = "QUOTA_EXCEEDED"
    status = 429
    message = "Your tier allows no more today or this month. The details say what is left, and when the count begins anew."

    @classmethod
    def for_quota(
        cls, quota: str, limit: int, used: int, wanted: int, *, resets_at: str, status: int = 429, **facts: Any
    ) -> QuotaExceeded:
        """Return the error of a quota such as documents_per_day; ``resets_at`` is a time of ISO 8601."""
        what, _, period = quota.partition("_per_")
        left = max(0, limit - used)
        error = cls(
            f"{what.capitalize()} left this {period}: {left} of {limit}; this takes {wanted}. The count ends at {resets_at}.",
            quota=quota, limit=limit, used=used, left=left, wanted=wanted, resets_at=resets_at, **facts,
        )  # fmt: skip
        error.status = status
        return error


class NotInTier(DocumentParserError):
    """The tier of the caller does not allow this mode, engine, lane or size."""

    code = "NOT_IN_TIER"
    status = 403
    message = "Your tier does not allow this. The details say what it allows."

    @classmethod
    def for_word(cls, tier: str, field: str, word: str, allowed: Iterable[str]) -> NotInTier:
        """Return the error for a value of a field, such as a mode, that is not one of those allowed."""
        words = list(allowed)
        return cls(
            f"The tier {tier} does not allow {field} {word}. It allows {', '.join(words)}.",
            tier=tier,
            field=field,
            allowed=words,
        )


class TierUnknown(DocumentParserError):
    """The tier of a key is not in the TIERS_FILE of this host."""

    code = "TIER_UNKNOWN"
    status = 403
    message = "This server does not know the tier of your key. Its operator has to add it to TIERS_FILE, or make another key."


class PageNotFound(DocumentParserError):
    """The job has no page with this number."""

    code = "PAGE_NOT_FOUND"
    status = 404
    message = "The document has no such page, or page_range leaves it out. /v1/jobs/{job_id}/pages lists the pages."


class PageBeingRead(DocumentParserError):
    """A retry of this page is already queued or running."""

    code = "PAGE_BEING_READ"
    status = 409
    retryable = True
    message = "This page is already being read again. Wait until the job's stage no longer shows it, then ask again."


class PasswordGone(DocumentParserError):
    """An encrypted document cannot be opened for a retry, because its password was deleted when the job ended."""

    code = "PASSWORD_GONE"
    status = 409
    message = "The document's password was deleted when its job ended. Send it in the field 'password' to read a page again."


class EngineAbsent(DocumentParserError):
    """The engine asked for is not allowed by the settings, or no server of its model answers."""

    code = "ENGINE_ABSENT"
    status = 409
    message = "This engine is not set up on this server, or does not answer. Choose another one, or leave out 'engine'."


class ModelNotFound(DocumentParserError):
    """A client of another system asks for a model of that system that has no counterpart here."""

    code = "MODEL_NOT_FOUND"
    status = 404
    message = "There is no model of this name. Ask for the list of models, and name one of them."


class FigureNotFound(DocumentParserError):
    """The result has no figure with this name."""

    code = "FIGURE_NOT_FOUND"
    status = 404
    message = (
        "The result has no figure of this name, or the job was submitted with figures=none. "
        "The JSON result has the names of all figures."
    )


class SpanOutOfRange(DocumentParserError):
    """A range that is asked for reaches beyond the end of the Markdown."""

    code = "SPAN_OUT_OF_RANGE"
    status = 422
    message = (
        "The range reaches beyond the end of the document's Markdown; details say how many characters it has. Spans count "
        "Unicode characters from 0, of the revision that the chunks were made of."
    )


class PageImagePending(DocumentParserError):
    """The image of the page is not drawn yet."""

    code = "PICTURE_PENDING"
    status = 409
    retryable = True
    message = "The image of this page is being drawn. Ask again shortly."


class PageImageUnavailable(DocumentParserError):
    """The image of the page cannot be drawn."""

    code = "PICTURE_UNAVAILABLE"
    status = 422
    message = "The image of this page cannot be drawn. Pages of an encrypted document can be drawn only while its job runs."


class WebhookRefused(DocumentParserError):
    """``webhook_url`` is not an address that the service may connect to."""

    code = "WEBHOOK_REFUSED"
    status = 422
    message = "webhook_url must be an http or https address of a public host. WEBHOOK_ALLOW_HOSTS names exceptions."


class WebhookNotResolved(DocumentParserError):
    """The host of ``webhook_url`` could not be resolved in time."""

    code = "WEBHOOK_NOT_RESOLVED"
    status = 503
    retryable = True
    message = (
        "The name servers did not answer in time for the host of webhook_url. Send it again shortly; if the "
        "error stays, check the name."
    )


class WebhookMissing(DocumentParserError):
    """The job has no webhook to deliver."""

    code = "NO_WEBHOOK"
    status = 404
    message = "This job was submitted without webhook_url, so it has no webhook to deliver."


class ServerBusy(DocumentParserError):
    """Too many requests wait, or too many uploads are slow, at this moment."""

    code = "SERVER_BUSY"
    status = 503
    retryable = True
    message = "Too many requests are waiting. Try again shortly."


class SyncTimeout(DocumentParserError):
    """A client of another system waits for a document that takes longer than SYNC_TIMEOUT_SECONDS. The job goes on."""

    code = "SYNC_TIMEOUT"
    status = 504
    retryable = True
    message = (
        "The document was not read within SYNC_TIMEOUT_SECONDS; the job goes on. Use the asynchronous routes, or send it again "
        "later: what was read by then comes from the cache."
    )


class NoTextFound(DocumentParserError):
    """A client that indexes text has sent a document without any."""

    code = "NO_TEXT_FOUND"
    status = 422
    message = "No extractable text was found in the document. Look at its pages: GET /v1/jobs/ID/pages says how each was read."


class NotAcceptable(DocumentParserError):
    """A client of another system accepts none of the media types that its answer has."""

    code = "NOT_ACCEPTABLE"
    status = 406
    message = "The client accepts no media type that the answer can have. Send Accept: */*, or none."


class QueueUnavailable(DocumentParserError):
    """Redis does not answer or does not accept writes."""

    code = "QUEUE_UNAVAILABLE"
    status = 503
    retryable = True
    message = "The job store does not answer at the moment. Try again shortly."


class QueueFull(DocumentParserError):
    """The queue has reached one of its bounds: jobs, pages or MiB of uploads."""

    code = "QUEUE_FULL"
    status = 503
    retryable = True
    message = "The queue of this server is full. Retry-After says when to send it again; details show the capacity."


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


class IdempotencyKeyReused(DocumentParserError):
    """The Idempotency-Key was used before with another document or other options."""

    code = "IDEMPOTENCY_KEY_REUSED"
    status = 409
    message = (
        "An earlier request had this Idempotency-Key with another document or other options. Send a new key with a new request."
    )


class DeletionIncomplete(DocumentParserError):
    """Something of an owner is still there after everything was deleted."""

    code = "DELETION_INCOMPLETE"
    status = 503
    retryable = True
    message = "Not everything could be deleted; details say what is left. Send the request again until it succeeds."


class StorageUnavailable(DocumentParserError):
    """The document store cannot be read or written."""

    code = "STORAGE_UNAVAILABLE"
    status = 503
    retryable = True
    message = "The document store cannot be read or written at the moment. Try again shortly."


class StorageKeyWrong(StorageUnavailable):
    """The stored files are encrypted with a key that STORAGE_KEY does not have."""

    code = "STORAGE_KEY_WRONG"
    status = 503
    retryable = False
    message = (
        "The stored files are encrypted with another key. Set STORAGE_KEY to the key that they were encrypted with; several "
        "keys are separated by commas, the newest first."
    )


class StoredFileDamaged(DocumentParserError):
    """A stored file was changed, moved, cut off or replaced: it does not decrypt."""

    code = "STORED_FILE_DAMAGED"
    status = 500
    message = "A stored file was changed or cut off since it was written, and cannot be used. Submit the document again."


class StorageFull(StorageUnavailable):
    """The document store has no space left."""

    code = "STORAGE_FULL"
    status = 507
    message = "The document store is full, and nothing was stored. Free space on the server, then send the request again."

    ERRNO_VALUES = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
    """``errno`` values that mean a full disk, an exceeded quota or a file size limit."""

    @classmethod
    def from_os_error(cls, error: OSError) -> StorageUnavailable:
        """Return StorageFull for a full disk, a quota or a size limit, else StorageUnavailable."""
        kind = cls if error.errno in cls.ERRNO_VALUES else StorageUnavailable
        return kind(reason=os.strerror(error.errno or 0))


# --- the document -----------------------------------------------------------------------------------------------------


class DocumentError(DocumentParserError):
    """Root of the errors that only opening the file can show. They fail the whole job."""

    code = "UNREADABLE_DOCUMENT"
    status = 422
    message = "The document cannot be opened."


class DamagedDocument(DocumentError):
    """The file is damaged or truncated and cannot be opened."""

    code = "DAMAGED_DOCUMENT"
    message = "The file is damaged or cut off and cannot be opened. Upload it again, or repair it."


class SourceMissing(DocumentError):
    """The uploaded document is not in storage any more."""

    code = "SOURCE_MISSING"
    message = "The uploaded document is no longer in storage. Send it again."


class EncryptedDocument(DocumentError):
    """The document needs a password and none was sent."""

    code = "ENCRYPTED_DOCUMENT"
    message = "The document is encrypted. Send its password in the field 'password'."


class WrongPassword(DocumentError):
    """The password that was sent does not open the document."""

    code = "WRONG_PASSWORD"
    message = "The password does not open the document. Send the right one in the field 'password'."


class OversizedImage(DocumentError):
    """An image file has more pixels than MAX_IMAGE_MEGAPIXELS or MAX_IMAGE_MEMORY_MB allow."""

    code = "PICTURE_TOO_LARGE"
    message = (
        "The image has more pixels than this server accepts (MAX_IMAGE_MEGAPIXELS, MAX_IMAGE_MEMORY_MB). Send a smaller image."
    )

    @classmethod
    def with_limit(cls, megapixels: float, limit: float, setting: str = "MAX_IMAGE_MEGAPIXELS") -> OversizedImage:
        """Return the error with the size and the limit in million pixels. ``setting`` names the setting that sets the limit."""
        return cls(_too_many_pixels("The image", megapixels, limit, setting), megapixels=megapixels, limit_megapixels=limit)


class TooLargeUnpacked(DocumentError):
    """What is in the file is more than MAX_UNPACKED_MB allow. Root of the errors of a file that unpacks to too much."""

    code = "UNPACKED_TOO_LARGE"
    message = "The file unpacks to more than this server accepts (MAX_UNPACKED_MB). Send its parts one by one."

    @classmethod
    def for_size(cls, unpacked: int, limit_mb: int) -> TooLargeUnpacked:
        """Return the error for ``unpacked`` bytes and a limit in MiB."""
        size = unpacked / (1 << 20)
        return cls(
            f"The file unpacks to {size:.0f} MiB; this server accepts at most {limit_mb} MiB (MAX_UNPACKED_MB). "
            "Send its parts one by one.",
            unpacked_mb=round(size, 1), limit_mb=limit_mb,
        )  # fmt: skip


class ExpandsTooMuch(TooLargeUnpacked):
    """The file unpacks to more than MAX_EXPANSION_RATIO times its own size."""

    code = "EXPANSION_TOO_LARGE"
    message = "The file unpacks to too many times its size (MAX_EXPANSION_RATIO). Send its parts one by one."

    @classmethod
    def for_ratio(cls, ratio: float, limit: int) -> ExpandsTooMuch:
        """Return the error for a file that unpacks to ``ratio`` times its size."""
        return cls(
            f"The file unpacks to {ratio:.0f} times its size; this server accepts at most {limit} (MAX_EXPANSION_RATIO). "
            "Send its parts one by one.",
            expansion_ratio=round(ratio, 1), limit_ratio=limit,
        )  # fmt: skip


class TooManyMembers(TooLargeUnpacked):
    """An archive, office file or mailbox has more members than MAX_MEMBERS allows."""

    code = "TOO_MANY_MEMBERS"
    message = "The file has more files inside than this server accepts (MAX_MEMBERS). Send them one by one."

    @classmethod
    def for_members(cls, members: int, limit: int) -> TooManyMembers:
        """Return the error for a file with ``members`` files or messages inside."""
        return cls(
            f"The file has {members} members; this server accepts at most {limit} (MAX_MEMBERS). Send them one by one.",
            members=members, limit_members=limit,
        )  # fmt: skip


class NestedTooDeep(DocumentError):
    """A document lies deeper inside others than MAX_NESTING_DEPTH allows."""

    code = "NESTED_TOO_DEEP"
    message = "The document lies deeper inside others than this server reads (MAX_NESTING_DEPTH). Send it by itself."

    @classmethod
    def with_limit(cls, limit: int) -> NestedTooDeep:
        """Return the error for a document that is more than ``limit`` documents deep."""
        return cls(
            f"The document lies deeper inside others than this server reads, which is {limit} deep (MAX_NESTING_DEPTH). "
            "Send it by itself.",
            limit=limit,
        )


class DeclaresEntities(DamagedDocument):
    """The XML of the document declares entities: they could expand without end, or name files and addresses."""

    code = "XML_ENTITIES"
    message = "The XML of the document declares entities, which are not read. Save it again without them, and send that."


class ProgramAbsent(DocumentError):
    """The document can be read only with a program or library of the system that is not installed where it is opened."""

    code = "PROGRAM_ABSENT"
    status = 415
    message = "Files of this kind are read with a program that is not installed on this server."

    @classmethod
    def of(cls, need: str) -> ProgramAbsent:
        """Return the error for a Need of ``models.enums``."""
        if need == "libarchive":
            return cls(
                "7z archives are read with the library libarchive, which is not installed on this server. Install it there "
                "(package libarchive13), or pack the files as ZIP or TAR, then send it."
            )
        return cls(
            "Files of this old format are read with LibreOffice, which is not installed on this server. Install it there "
            "(LIBREOFFICE_PROGRAM), or save the file in a newer format such as DOCX, PPTX or PDF, then send it."
        )


class TooManyPages(DocumentError):
    """More pages were selected than MAX_PAGES allows."""

    code = "TOO_MANY_PAGES"
    message = "The document has more pages than this server reads at once (MAX_PAGES). Choose some with page_range."

    @classmethod
    def with_limit(cls, pages: int, limit: int) -> TooManyPages:
        """Return the error for ``pages`` selected pages and a limit of ``limit``."""
        return cls(
            f"{pages} pages of the document are selected; this server reads at most {limit} at once (MAX_PAGES). "
            "Choose some with page_range.",
            pages=pages,
            limit=limit,
        )


class NoSuchPages(DocumentError):
    """``page_range`` selects no page of the document."""

    code = "PAGE_RANGE_EMPTY"
    message = "page_range selects no page of this document."

    @classmethod
    def for_range(cls, page_range: str, pages: int) -> NoSuchPages:
        """Return the error for a ``page_range`` and the number of pages that the document has."""
        have = "1 page" if pages == 1 else f"{pages} pages"
        return cls(
            f"page_range {page_range!r} selects no page: the document has {have}. Choose from them, or leave page_range out.",
            pages=pages,
            page_range=page_range,
        )


class OpenerCrashed(DocumentError):
    """The child process that opens documents died or exceeded its limits."""

    code = "DOCUMENT_CRASHES_PARSER"
    message = (
        "Opening this document exhausted its limits or crashed the parser, twice. Print it to a new PDF, then send that PDF."
    )


class OpeningTimeout(OpenerCrashed):
    """The document was not opened within OPENER_TIMEOUT_SECONDS, twice."""

    code = "OPENING_TIMEOUT"
    message = "The document could not be opened in time (OPENER_TIMEOUT_SECONDS). Send parts of it, or a simpler version."

    @classmethod
    def with_limit(cls, seconds: float) -> OpeningTimeout:
        """Return the error for a limit in seconds."""
        return cls(
            f"The document could not be opened within {seconds:g} s (OPENER_TIMEOUT_SECONDS). "
            "Send parts of it, or a simpler version.",
            reason="timeout",
            limit_seconds=seconds,
        )


class WorkerCrashed(DocumentError):
    """The worker process died twice while it read this document."""

    code = "WORKER_CRASHED"
    message = "The worker died twice while it read this document. The service does not try again."


# --- documents that are fetched, and results that are put somewhere -----------------------------------------------------


class FetchError(DocumentError):
    """Root of the errors of fetching a document from an address or a bucket. ``address`` in the details has no query."""

    code = "FETCH_FAILED"
    status = 502
    message = "The document could not be fetched. Open its address in a browser to see why, then send it again."


class FetchRefused(FetchError):
    """The address is not one that the service may connect to, or a redirect leads to such an address."""

    code = "FETCH_REFUSED"
    status = 422
    message = (
        "The document's address must be http or https, of a public host, and without a password. FETCH_ALLOW_HOSTS names "
        "exceptions. Or download the document and upload it."
    )

    @classmethod
    def for_reason(cls, reason: str, address: str = "") -> FetchRefused:
        """Return the error with the reason of ``ssrf``, and the address that a redirect led to if it was one."""
        led = f"A redirect leads to {address}, which is refused: " if address else ""
        return cls(led + cls.message, reason=reason, **({"address": address} if address else {}))


class FetchNotResolved(FetchError):
    """The host's name servers did not answer in time."""

    code = "FETCH_NOT_RESOLVED"
    status = 503
    retryable = True
    message = (
        "The name servers did not answer in time for the host of the document's address. Send it again shortly; if the "
        "error stays, check the name."
    )


class FetchUnreachable(FetchError):
    """No connection to the host, or to the S3 service."""

    code = "FETCH_UNREACHABLE"
    retryable = True
    message = "The document's host accepts no connection. Check the address, or send it again later."


class FetchUntrusted(FetchError):
    """TLS failed: the certificate is not trusted, has expired, or belongs to another name."""

    code = "FETCH_UNTRUSTED"
    message = (
        "No trusted connection to the document's host: its certificate is not valid for the address. Correct the certificate, "
        "or download the document and upload it."
    )


class FetchCutOff(FetchError):
    """The connection broke in the middle of the document, repeatedly."""

    code = "FETCH_CUT_OFF"
    retryable = True
    message = "The connection broke before the document's end, also when it was fetched again. Send it again later."


class FetchTimeout(FetchError):
    """The host sent nothing for FETCH_STALL_SECONDS, or the whole took longer than FETCH_SECONDS."""

    code = "FETCH_TIMEOUT"
    status = 504
    retryable = True
    message = (
        "The document did not arrive in time (FETCH_STALL_SECONDS, FETCH_SECONDS). Send it again later, or download the "
        "document and upload it."
    )


class FetchNotFound(FetchError):
    """There is no document at the address or in the bucket."""

    code = "FETCH_NOT_FOUND"
    status = 422
    message = "There is no document at this address. Check it, then send it again."


class FetchDenied(FetchError):
    """The host or the bucket refuses access."""

    code = "FETCH_DENIED"
    status = 422
    message = (
        "The document's host refuses access. Send an address that needs no login; one that is pre-signed may have expired: "
        "sign it again."
    )


class FetchRejected(FetchError):
    """The host answered with a status that is no document and will stay so."""

    code = "FETCH_REJECTED"
    status = 422
    message = "The document's host answered with an error instead of a document. Check the address, then send it again."


class FetchHostFailed(FetchError):
    """The host answered that it is busy or has failed, repeatedly."""

    code = "FETCH_HOST_FAILED"
    retryable = True
    message = "The document's host is busy or failed, also when it was asked again. Send it again later."


class FetchRedirects(FetchError):
    """More redirects than FETCH_MAX_REDIRECTS, or one without an address."""

    code = "FETCH_REDIRECTS"
    status = 422
    message = (
        "The address redirects too often (FETCH_MAX_REDIRECTS), or to nowhere. Send the address at which a browser arrives."
    )


class FetchEncoding(FetchError):
    """The answer is compressed in a way that was not asked for and is not known."""

    code = "FETCH_ENCODING"
    status = 422
    message = (
        "The document's host sends it with a Content-Encoding that is not read, or that is damaged. Download the document and "
        "upload it."
    )


class FetchAddressLost(FetchError):
    """Redis lost the address, or SECRET_KEY has changed since the request."""

    code = "FETCH_ADDRESS_LOST"
    status = 422
    message = "The document's address was lost before it was fetched. Send it again."


class BucketRefused(FetchError):
    """The bucket is not one that callers may use with the server's credentials."""

    code = "BUCKET_REFUSED"
    status = 422
    message = (
        "Callers may not use this bucket with the server's credentials. The operator allows buckets to be read with "
        "FETCH_S3_BUCKETS and written with RESULT_S3_BUCKETS; a pre-signed address in 'url' needs no entry."
    )


class S3NotSetUp(FetchError):
    """The extra ``s3`` is not installed, or the server has no credentials."""

    code = "BUCKETS_NOT_SET_UP"
    status = 501
    message = (
        "This server is not set up for S3. The operator installs the extra 's3' (pip install document-parser[s3]) and gives "
        "credentials in the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
    )


class ResultNotStored(DocumentParserError):
    """The result could not be put into the bucket of ``result_s3``."""

    code = "RESULT_NOT_STORED"
    status = 502
    retryable = True
    message = "The result could not be put into the bucket. Check its name and this server's rights there, or download it here."


# --- one page ---------------------------------------------------------------------------------------------------------


class PageUnreadable(DocumentParserError):
    """Root of the errors of one page. The other pages of the document are still read."""

    code = "PAGE_UNREADABLE"
    status = 422
    message = "This page cannot be read."


class PageCrashed(PageUnreadable):
    """The child process died or exceeded its limits while it rendered this page."""

    code = "PAGE_CRASHES_PARSER"
    message = "Rendering this page exhausted its limits or crashed the parser."


class PageTooSlow(PageCrashed):
    """What was asked for of this page took longer than OPENER_TIMEOUT_SECONDS."""

    code = "PAGE_TOO_SLOW"
    message = "Opening this page took too long (OPENER_TIMEOUT_SECONDS). Print it to a new PDF, then send that PDF."


class NoPageImage(PageUnreadable):
    """An engine or an image was asked for a part of a document that has no pages."""

    code = "NO_PAGE_IMAGE"
    status = 409
    message = "This part of the document has no page image: it is read from the file itself, with the engine text_layer."


class OversizedPage(PageUnreadable):
    """The rendered page would have more pixels than MAX_IMAGE_MEGAPIXELS or MAX_IMAGE_MEMORY_MB allow."""

    code = "PAGE_TOO_LARGE"
    message = "The image of this page has more pixels than this server accepts (MAX_IMAGE_MEGAPIXELS, MAX_IMAGE_MEMORY_MB)."
    setting = ""

    @classmethod
    def with_limit(cls, megapixels: float, limit: float, setting: str = "MAX_IMAGE_MEGAPIXELS") -> OversizedPage:
        """Return the error with the size and the limit in million pixels.

        ``setting`` names the setting that sets the limit for an image of this kind.
        """
        message = _too_many_pixels("The image of this page", megapixels, limit, setting)
        error = cls(message, megapixels=megapixels, limit_megapixels=limit)
        error.setting = setting
        return error


class PageDamaged(PageUnreadable):
    """The data of the page is damaged and nothing on it could be read."""

    code = "PAGE_DAMAGED"
    message = "The data of this page is damaged, and nothing on it could be read. Upload an undamaged file."


class PageInDoubt(PageUnreadable):
    """The reading of the page is uncertain, and the job was submitted with ``on_low_quality=fail``."""

    code = "PAGE_IN_DOUBT"
    message = (
        "The reading of this page is in doubt, and the job was submitted with on_low_quality=fail. "
        "Submit it with on_low_quality=flag to get the reading."
    )


class PageNotRead(PageUnreadable):
    """The job was cancelled before this page was read."""

    code = "PAGE_NOT_READ"
    message = "The job was cancelled before this page was read. Submit the document again, with page_range for this page alone."


class PagesLost(PageUnreadable):
    """Pages were read, but their stored files are missing or damaged."""

    code = "PAGES_LOST"
    message = "The stored reading of a page is damaged or missing. Read the page again, or send the document again."

    @property
    def pages(self) -> list[int]:
        """Return the numbers of the lost pages."""
        found: list[int] = self.details["pages"]
        return found

    @classmethod
    def for_pages(cls, pages: list[int]) -> PagesLost:
        """Return the error for these page numbers. The message names the first ten."""
        named = ", ".join(map(str, pages[:10])) + (" …" if len(pages) > 10 else "")
        what = f"The stored reading of page {named} is" if len(pages) == 1 else f"The stored readings of pages {named} are"
        again = "it" if len(pages) == 1 else "them"
        return cls(f"{what} damaged or missing. Read {again} again, or send the document again.", pages=pages)


class FormatFailed(DocumentParserError):
    """A result format that was requested after the end of the job could not be written."""

    code = "FORMAT_FAILED"
    status = 500
    message = "This format could not be written. Ask for another one; the request_id finds the reason in the logs."


class FormatNeedsPages(DocumentParserError):
    """A searchable PDF was requested of a document that has no pages to lay words over."""

    code = "FORMAT_NEEDS_PAGES"
    status = 409
    message = "Only scans, images and PDFs have pages that words can be laid over. Ask for another format of this document."


class ExtractionFailed(DocumentParserError):
    """The values of a schema could not be extracted from a document that was read."""

    code = "EXTRACTION_FAILED"
    status = 500
    message = "The values could not be extracted. The document's text is there; the request_id finds the reason in the logs."


class ExtractionNotFound(DocumentParserError):
    """Nothing was asked of this document under this id."""

    code = "EXTRACTION_NOT_FOUND"
    status = 404
    message = "There is no such extraction of this document. POST the schema to /v1/jobs/{id}/extract, which returns its id."


class ClassificationFailed(DocumentParserError):
    """A document that was read could not be classified."""

    code = "CLASSIFICATION_FAILED"
    status = 500
    message = "The document could not be classified. Its text is there; the request_id finds the reason in the logs."


class ClassificationNotFound(DocumentParserError):
    """Nothing was asked of this document under this id."""

    code = "CLASSIFICATION_NOT_FOUND"
    status = 404
    message = (
        "There is no such classification of this document. POST the labels to /v1/jobs/{id}/classify, which returns its id."
    )


class LabelUnknown(InvalidOption):
    """A type of documents was asked for that nobody has described."""

    code = "LABEL_UNKNOWN"
    message = "There is no such label. Use those of details.known, or describe it with example words in the file LABELS_FILE."

    @classmethod
    def for_names(cls, names: Sequence[str], known: Sequence[str]) -> LabelUnknown:
        """Return the error for these names. ``known`` are all that there are."""
        listed = ", ".join(names[: cls.MAX_NAMED_FIELDS])
        message = f"Unknown labels: {listed}. Use {', '.join(known)}, or describe yours with example words in LABELS_FILE."
        return cls(message, unknown=list(names), known=list(known))


class OwnFileBroken(DocumentParserError):
    """LABELS_FILE, or a file of SCHEMAS_DIR, was broken after the start, or is not there any more."""

    code = "OWN_FILE_BROKEN"
    status = 503
    message = (
        "A file of types or schemas of this server cannot be used. Its operator runs `docparse doctor --only own-files`, which "
        "names the file and the fault."
    )


class SchemaUnsupported(InvalidOption):
    """A JSON Schema has parts that are not supported."""

    code = "SCHEMA_UNSUPPORTED"
    message = "Parts of the schema are not supported. details.problems names each by its JSON pointer."

    @classmethod
    def for_problems(cls, problems: list[dict[str, Any]]) -> SchemaUnsupported:
        """Return one error for all these problems, each with its ``pointer`` and ``message``.

        The message has the first ones: the errors of facades have no details.
        """
        named = " ".join(f"{one['pointer'] or 'the schema'}: {one['message']}" for one in problems[: cls.MAX_NAMED_FIELDS])
        return cls(f"{cls.message} {named}", problems=problems)


class SchemaNotFound(DocumentParserError):
    """No schema has this name."""

    code = "SCHEMA_NOT_FOUND"
    status = 404
    message = "There is no schema of this name. GET /v1/schemas lists them."


class PageTimeout(PageUnreadable):
    """The page was not read within PAGE_TIMEOUT_SECONDS."""

    code = "PAGE_TIMEOUT"
    message = "This page was not read within PAGE_TIMEOUT_SECONDS. Read the page again later."


class NoEngine(PageUnreadable):
    """No engine could read the page."""

    code = "NO_ENGINE"
    retryable = True
    message = (
        "No engine could read this page: no model server answers, and no CPU engine is allowed or installed. "
        "docparse doctor shows why."
    )


# --- engines ----------------------------------------------------------------------------------------------------------


class EngineError(DocumentParserError):
    """Root of the errors of an engine that returned no reading. The next engine of the ladder tries the page."""

    code = "ENGINE_ERROR"
    status = 502
    message = "The engine failed."


class EngineUnavailable(EngineError):
    """The engine or its model server cannot be reached."""

    code = "ENGINE_UNAVAILABLE"
    retryable = True
    message = "The engine cannot be reached."


class EngineRefused(EngineError):
    """The engine rejects this page image, and would reject it again."""

    code = "ENGINE_REFUSED"
    message = "The engine refused the page."


class AnswerUnreadable(EngineRefused):
    """The model answered in another form than the one that VLLM_VLM_GRAMMAR says, so its answer cannot be read."""

    code = "ANSWER_UNREADABLE"
    message = "The model's answer is in another form than VLLM_VLM_GRAMMAR says. Set that of the model."


class ContextExceeded(EngineRefused):
    """Image and answer do not fit into the model's context. A smaller image or fewer tokens may fit."""

    code = "CONTEXT_EXCEEDED"
    message = "The page does not fit into the model's context."


class EngineTimeout(EngineError):
    """The engine did not answer within its deadline."""

    code = "ENGINE_TIMEOUT"
    retryable = True
    message = "The engine did not answer within its deadline."


# --- the command and the client ---------------------------------------------------------------------------------------


class FileUnreadable(DocumentParserError):
    """A local file given to the command cannot be read."""

    code = "FILE_UNREADABLE"
    status = 400
    message = "The file cannot be read from the disk."


class OutputUnwritable(DocumentParserError):
    """The result cannot be written to the path given to the command."""

    code = "OUTPUT_UNWRITABLE"
    message = "The result cannot be written to the given place. Choose another one."


class SeveralTables(OutputUnwritable):
    """One CSV file was requested for a document with several tables."""

    code = "SEVERAL_TABLES"
    status = 409
    message = "The document has several tables, and a CSV file holds one."


class ServerUnreachable(DocumentParserError):
    """The service did not answer, even after all retries."""

    code = "SERVER_UNREACHABLE"
    status = 503
    retryable = True
    message = "The server does not answer. Check that it runs, and check its address."


class UnexpectedAnswer(DocumentParserError):
    """The response is not one of this service: a proxy or another service answered."""

    code = "UNEXPECTED_ANSWER"
    status = 502
    message = "The answer does not come from this service. Check the server's address."


class LanguageUnknown(DocumentParserError):
    """No source has a language pack of this name."""

    code = "LANGUAGE_UNKNOWN"
    status = 404
    message = "There is no language pack of this name. Names are like rus, ukr, chi_sim; default brings the usual ones."


class LanguagesUnreachable(DocumentParserError):
    """No source of language packs answers."""

    code = "LANGUAGES_UNREACHABLE"
    status = 503
    retryable = True
    ADVICE = "Check the network, or copy packs (LANGUAGE.traineddata) to the folder that docparse languages list names."
    message = f"No language pack can be had here. {ADVICE}"


class LanguagesFolderUnusable(DocumentParserError):
    """The folder of the language packs cannot be read or written."""

    code = "LANGUAGES_FOLDER_UNUSABLE"
    message = "The folder of the language packs cannot be used. Set TESSDATA_DIR to one that this user may write."


class BackupUnusable(DocumentParserError):
    """The folder is no complete backup, or one that this program, or this service, cannot take."""

    code = "BACKUP_UNUSABLE"
    status = 422
    message = "This folder is no complete backup. A backup is complete once it has the file backup.json; make another one."


class BackupDamaged(DocumentParserError):
    """A file of a backup was changed or lost since it was made."""

    code = "BACKUP_DAMAGED"
    status = 422
    message = "A file of the backup was changed or lost. Nothing was restored. Take another copy of it, or an older backup."


class BackupRefused(DocumentParserError):
    """Redis does not allow a backup."""

    code = "BACKUP_REFUSED"
    status = 422
    message = (
        "Redis refuses the commands of a backup: CLIENT PAUSE, EVAL_RO, SCAN, DUMP and PEXPIRETIME, which Valkey and Redis 7 "
        "have. Allow them to the user of REDIS_URL, or use the snapshots of your provider."
    )


class BackupTooSlow(DocumentParserError):
    """Redis has more data than can be copied while clients wait."""

    code = "BACKUP_TOO_SLOW"
    status = 503
    retryable = True
    message = (
        "Redis could not be copied within the time for which its clients may wait, so nothing was kept. Allow more with "
        "--max-pause SECONDS, at a time when the service has little to do."
    )


class RestoreRefused(DocumentParserError):
    """Redis does not take a key of the backup."""

    code = "RESTORE_REFUSED"
    status = 422
    message = (
        "This Redis does not take the keys of the backup. They can be restored to the same kind of server (Valkey or Redis) of "
        "the same version or a newer one; backup.json says which it was."
    )


class RestoreTargetInUse(DocumentParserError):
    """A service runs on what is to be replaced."""

    code = "RESTORE_TARGET_IN_USE"
    status = 409
    retryable = True
    message = "A service or a worker runs with this DATA_DIR or this Redis. Stop it on all hosts, then restore."


class RestoreTargetNotEmpty(DocumentParserError):
    """There is data where the backup is to be restored."""

    code = "RESTORE_TARGET_NOT_EMPTY"
    status = 409
    ADVICE = "Restore into another DATA_DIR, Redis and database, or replace all that is there with --overwrite."
    message = f"There is data already. {ADVICE}"


# --- an assistant's tools ------------------------------------------------------------------------------------------------


class FileNotAllowed(DocumentParserError):
    """An assistant asks for a file outside of the folders that it may read."""

    code = "FILE_NOT_ALLOWED"
    status = 403
    message = (
        "This file may not be read. Files are read below the folders that docparse mcp is started with (--folder FOLDER) or "
        "that the assistant's program names as its roots; names that begin with a dot are left out."
    )


class PlaceNotFound(DocumentParserError):
    """The document has no such page, block or heading."""

    code = "PLACE_NOT_FOUND"
    status = 404
    message = "The document has no such place. Ask status for its pages and headings."


class QuoteNotFound(DocumentParserError):
    """The document does not have the text that is to be cited."""

    code = "QUOTE_NOT_FOUND"
    status = 404
    message = "The document does not have this text. Cite a shorter part of it, word by word as read and search show it."


MEMBER_ERRORS = (
    EmptyFile,
    UnsupportedFormat,
    ContentMismatch,
    PageUnreadable,
    TooLargeUnpacked,
    NestedTooDeep,
    InfectedFile,
    VirusScanUnavailable,
    ProgramAbsent,
    QuotaExceeded,
    RateLimitExceeded,
    TierUnknown,
)
"""Errors of a document inside another one, which is then listed with the reason why it is not read."""


def _too_many_pixels(what: str, megapixels: float, limit: float, setting: str) -> str:
    return (
        f"{what} has {megapixels:g} million pixels; this server accepts at most {limit:g} ({setting}). "
        "Scan it at a lower resolution."
    )
