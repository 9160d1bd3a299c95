"""Answer every error in one shape: a code, and a sentence that says what to do."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, request
from pydantic import BaseModel, ValidationError
from redis.exceptions import ResponseError
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import MethodNotAllowed as MethodUnknown

from document_parser.api import schemas
from document_parser.api.intake.draining import drain_request
from document_parser.api.middleware import responses, wires
from document_parser.errors import (
    BadRequest,
    DocumentParserError,
    FileTooLarge,
    MethodNotAllowed,
    NotFound,
    QueueUnavailable,
    RateLimited,
)
from document_parser.jobs.records.job import ID_PATTERN
from document_parser.jobs.redis.connection import RedisError
from document_parser.models import JobError, format_utc
from document_parser.settings import validation
from document_parser.telemetry import error_reports, logs

log = logs.get_logger(__name__)

RETRY_AFTER_SECONDS = 2
"""Retry-After of a retryable error that names no time of its own, in seconds."""
WRONG_VALUES = (
    "Invalid stream ID",
    "The ID specified",
    "min or max",
    "value is not",
    "timeout is",
    "increment would",
    "invalid expire",
    "offset is out of range",
    "index out of range",
)
"""How the errors of Redis begin that mean an impossible argument, which a caller sent.

redis-py leaves out their ERR.
"""
BEARER = 'Bearer realm="the operator", error="invalid_token"'
"""WWW-Authenticate header of a 401 response, as in RFC 6750."""
_BY_STATUS: dict[int, type[DocumentParserError]] = {
    400: BadRequest,
    404: NotFound,
    405: MethodNotAllowed,
    413: FileTooLarge,
    429: RateLimited,
}


class RecordedError(Exception):
    """An error that a worker recorded. The caller receives it unchanged."""

    def __init__(self, error: JobError) -> None:
        super().__init__(error.code)
        self.error = error


class Problem(BaseModel):
    """What went wrong."""

    code: str
    message: str
    details: dict[str, Any] = {}
    retryable: bool = False


class ProblemBody(BaseModel):
    """The body of every error."""

    error: Problem
    request_id: str
    timestamp: str


def register(app: Flask) -> None:
    """Install the error handlers, and give every request an id that its response and its log lines carry."""
    app.logger.disabled = True  # it would log an unexpected error a second time, with its text
    app.before_request(_name_request)
    app.after_request(_set_headers)
    app.register_error_handler(DocumentParserError, error_response)
    app.register_error_handler(RecordedError, _answer_recorded)
    app.register_error_handler(RedisError, _answer_redis_away)
    app.register_error_handler(ResponseError, _answer_redis_refusal)
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(500, _answer_unexpected)


def error_response(error: DocumentParserError | JobError) -> Response:
    """Return the response for an error."""
    problem = Problem(code=error.code, message=error.message, details=error.details, retryable=error.retryable)
    body = ProblemBody(error=problem, request_id=request_id(), timestamp=format_utc(datetime.now(UTC)))
    if (wire := wires.wire_of_request()) is None:
        response = responses.to_response(body, error.status)
    else:
        response = wire.error_response(problem, error.status)
    # For the metrics.
    g.error_code, g.broken_quota = error.code, str(error.details.get("quota", ""))
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = BEARER
    if error.retryable:
        response.headers["Retry-After"] = str(error.details.get("retry_after_seconds", RETRY_AFTER_SECONDS))
    return response


def invalid_option(error: ValidationError) -> Response:
    """Return the response that names each invalid field and its problem. Values are not repeated."""
    return error_response(validation.invalid_option(error, schemas.request_model(error.title)))


def request_id() -> str:
    """Return the id of the current request; empty outside a request that was named."""
    found: str = g.get("request_id", "")
    return found


def _name_request() -> None:
    sent = request.headers.get("X-Request-ID", "")
    g.request_id = sent if re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", sent) else uuid.uuid4().hex
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id, **_job_of_request())


def _job_of_request() -> dict[str, str]:
    job_id = str((request.view_args or {}).get("job_id", ""))
    return {"job_id": job_id} if re.fullmatch(ID_PATTERN, job_id) else {}


def _set_headers(response: Response) -> Response:
    response.headers["X-Request-ID"] = request_id()
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response


def _answer_recorded(error: RecordedError) -> Response:
    response = error_response(error.error)
    g.broken_quota = ""  # it was counted when the document was refused
    return response


def _answer_redis_refusal(error: ResponseError) -> Response:
    """Answer a command that Redis refuses: the caller sent an impossible value, or Redis is full or read-only."""
    if str(error).startswith(WRONG_VALUES):
        return error_response(BadRequest("A value of the request is out of range. Correct it, or leave it out."))
    return _answer_redis_away(error)


def _answer_redis_away(error: RedisError) -> Response:
    log.warning("redis_away", error=type(error).__name__)
    return error_response(QueueUnavailable())


def _answer_http(error: HTTPException) -> Response:
    """Answer werkzeug's own errors in the common shape."""
    known = _BY_STATUS.get(error.code or 500)
    if known is FileTooLarge:
        drain_request()
        return error_response(_file_too_large())
    if known is not None:
        return _with_allow_header(error_response(known()), error)
    name = (error.name or "error").upper().replace(" ", "_")
    message = error.description or "The server could not answer the request."
    return error_response(JobError(code=name, message=message, status=error.code or 500))


def _file_too_large() -> FileTooLarge:
    """Return the error for a body beyond MAX_CONTENT_LENGTH, refused by its announced length or while it was received."""
    return FileTooLarge.for_size(current_app.config["MAX_UPLOAD_MB"], announced=request.content_length)


def _with_allow_header(response: Response, error: HTTPException) -> Response:
    """Return the response with an Allow header that lists the accepted methods, if the method is not accepted."""
    if isinstance(error, MethodUnknown) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def _answer_unexpected(error: Exception) -> Response:
    original = getattr(error, "original_exception", None) or error
    log.error("request_error", error=type(original).__name__, where=logs.places_of(original))
    error_reports.report(original, "request_error")
    return error_response(DocumentParserError())
