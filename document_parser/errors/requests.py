"""Errors of requests: what is wrong with them, and why they cannot be served now."""

from __future__ import annotations

from typing import Any

from document_parser.errors.base import DocumentParserError


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


class IdempotencyKeyReused(DocumentParserError):
    """The Idempotency-Key was used before with another document or other options."""

    code = "IDEMPOTENCY_KEY_REUSED"
    status = 409
    message = (
        "An earlier request had this Idempotency-Key with another document or other options. Send a new key with a new request."
    )
