"""The one error handler: every error has the same shape, a code, and a sentence that says what to do."""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, request
from pydantic import BaseModel, ValidationError
from redis.exceptions import ResponseError
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import MethodNotAllowed as MethodUnknown

from document_parser import logs, validation
from document_parser.api import answers, schemas
from document_parser.api.arrivals import Arrivals
from document_parser.errors import (
    BadRequest,
    DocumentParserError,
    FileTooLarge,
    MethodNotAllowed,
    NotFound,
    QueueUnavailable,
    RateLimited,
)
from document_parser.jobs.connection import RedisError
from document_parser.models import JobError, utc_text

log = logs.get(__name__)

RETRY_AFTER_SECONDS = 2
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
"""How the errors of Redis begin (redis-py leaves their ERR out) that say of an argument that it cannot be: sent by a caller."""
BEARER = 'Bearer realm="the operator", error="invalid_token"'
"""What a 401 asks for, as RFC 6750 has it."""
MOST_DRAINED_BYTES = 64 << 20
REST_SECONDS = 10.0
_BY_STATUS: dict[int, type[DocumentParserError]] = {
    400: BadRequest,
    404: NotFound,
    405: MethodNotAllowed,
    413: FileTooLarge,
    429: RateLimited,
}


class RecordedError(Exception):
    """What went wrong in a worker, as it wrote it down: told to the caller as it is."""

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
    app.logger.disabled = True  # would tell of an unexpected error once more, with its text
    app.before_request(_name_request)
    app.after_request(_sign)
    app.register_error_handler(DocumentParserError, answer)
    app.register_error_handler(RecordedError, _recorded)
    app.register_error_handler(RedisError, _redis_away)
    app.register_error_handler(ResponseError, _redis_refuses)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(500, _unexpected)


def answer(error: DocumentParserError | JobError) -> Response:
    """The response that tells of an error."""
    problem = Problem(code=error.code, message=error.message, details=error.details, retryable=error.retryable)
    body = ProblemBody(error=problem, request_id=request_id(), timestamp=utc_text(datetime.now(UTC)))
    response = answers.of(body, error.status)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = BEARER
    if error.retryable:
        response.headers["Retry-After"] = str(error.details.get("retry_after_seconds", RETRY_AFTER_SECONDS))
    return response


def invalid_option(error: ValidationError) -> Response:
    """Which fields were not understood, and why; their values are not repeated."""
    return answer(validation.invalid_option(error, schemas.request_model(error.title)))


def request_id() -> str:
    found: str = g.get("request_id", "")
    return found


def _name_request() -> None:
    sent = request.headers.get("X-Request-ID", "")
    g.request_id = sent if re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", sent) else uuid.uuid4().hex
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id, **_job_asked_for())


def _job_asked_for() -> dict[str, str]:
    job_id = str((request.view_args or {}).get("job_id", ""))
    return {"job_id": job_id} if re.fullmatch(r"[0-9a-f-]{36}", job_id) else {}


def _sign(response: Response) -> Response:
    response.headers["X-Request-ID"] = request_id()
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response


def _recorded(error: RecordedError) -> Response:
    return answer(error.error)


def _redis_refuses(error: ResponseError) -> Response:
    """Redis answers, and takes this command not: because of what the caller sent, or because it is full or only reads."""
    if str(error).startswith(WRONG_VALUES):
        return answer(BadRequest("A value of the request is outside of what is possible. Correct or leave it out."))
    return _redis_away(error)


def _redis_away(error: RedisError) -> Response:
    log.warning("redis_away", error=type(error).__name__)
    return answer(QueueUnavailable())


def _http(error: HTTPException) -> Response:
    known = _BY_STATUS.get(error.code or 500)
    if known is FileTooLarge:
        drain()
        return answer(_too_large())
    if known is not None:
        return _allowing(answer(known()), error)
    name = (error.name or "error").upper().replace(" ", "_")
    message = error.description or "The request was not answered."
    return answer(JobError(code=name, message=message, status=error.code or 500))


def _too_large() -> FileTooLarge:
    """A body beyond MAX_CONTENT_LENGTH: refused by its announced length, or while it came without one."""
    limit = current_app.extensions["document_parser"].settings.api.max_upload_mb
    return FileTooLarge.of(limit, announced=request.content_length)


def _allowing(response: Response, error: HTTPException) -> Response:
    """The answer, which says what the address takes where it does not take the method."""
    if isinstance(error, MethodUnknown) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def drain() -> None:
    """Read on a little, so that a client still sending learns why instead of meeting a closed connection."""
    stream, left = request.environ["wsgi.input"], MOST_DRAINED_BYTES
    left = min(left, request.content_length or left)
    with _patience():
        while left > 0 and (chunk := stream.read(min(left, 1 << 16))):
            left -= len(chunk)


@contextlib.contextmanager
def _patience() -> Iterator[None]:
    """What has been refused may hold its thread for so long, however slowly the rest of it comes."""
    arrivals: Arrivals = current_app.extensions["document_parser"].arrivals
    client = request.environ.get("gunicorn.socket")
    arrival = arrivals.begin(client, REST_SECONDS) if client is not None else None
    try:
        yield
    finally:
        if arrival is not None:
            arrivals.end(arrival)


def _unexpected(error: Exception) -> Response:
    original = getattr(error, "original_exception", None) or error
    log.error("request_error", error=type(original).__name__, where=logs.where(original))
    return answer(DocumentParserError())
