"""Errors of jobs and batches, and of what is asked of their results."""

from __future__ import annotations

from document_parser.errors.base import DocumentParserError


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


class NoTextFound(DocumentParserError):
    """A client that indexes text has sent a document without any."""

    code = "NO_TEXT_FOUND"
    status = 422
    message = "No extractable text was found in the document. Look at its pages: GET /v1/jobs/ID/pages says how each was read."
