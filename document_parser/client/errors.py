"""Turn error responses of the service into exceptions, and decide whether a retry may help."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
from pydantic import BaseModel, Field, ValidationError

from document_parser.errors import DocumentParserError, JobNotComplete, QuotaExceeded, UnexpectedAnswer, error_class
from document_parser.models import JobError

BUSY = (429, 503)
"""Statuses of a server that asks for a later retry."""
GATEWAY = (502, 504)
"""Statuses of a proxy while the service behind it restarts."""

IDEMPOTENCY_KEY = "Idempotency-Key"
"""Request header that makes a repeated submission return the same job."""


class RetryLater(Exception):
    """The server may answer better after ``seconds``. ``error`` is raised if the caller does not retry."""

    def __init__(self, error: DocumentParserError, seconds: float = 0.0) -> None:
        super().__init__(error)
        self.error = error
        self.seconds = seconds


def is_repeatable(request: httpx2.Request) -> bool:
    """Return whether a request may be sent twice: it only reads, or it has an Idempotency-Key."""
    return request.method == "GET" or IDEMPOTENCY_KEY in request.headers


def error_of(problem: JobError) -> DocumentParserError:
    """Return the error of a failed job as an instance of its own class."""
    return _build_error(problem.code, problem.message, problem.details)


def _build_error(code: str, message: str, details: dict[str, Any]) -> DocumentParserError:
    kind = error_class(code)
    error = kind(message) if kind else UnexpectedAnswer(f"{code}: {message}")
    error.details = details
    return error


class _Problem(BaseModel):
    """Hold the body of an error response."""

    class Error(BaseModel):
        code: str
        message: str
        details: dict[str, Any] = Field(default_factory=dict)

    error: Error
    request_id: str = ""


def error_from_response(answer: httpx2.Response) -> Exception:
    """Return the server's error, or RetryLater around it if a retry may help."""
    try:
        problem = _Problem.model_validate_json(answer.content)
    except ValidationError:
        error: DocumentParserError = UnexpectedAnswer(status=answer.status_code)
    else:
        details = {**problem.error.details, "request_id": problem.request_id}
        error = _build_error(problem.error.code, problem.error.message, details)
    # A format that is being written is ready soon; wait() is for a job that is still being read.
    being_written = isinstance(error, JobNotComplete) and "format" in error.details
    gateway = isinstance(error, UnexpectedAnswer) and answer.status_code in GATEWAY and is_repeatable(answer.request)
    # A quota begins anew after hours or weeks: nobody waits for that.
    busy = answer.status_code in BUSY and not isinstance(error, QuotaExceeded)
    if busy or being_written or gateway:
        return RetryLater(error, _retry_after(answer))
    return error


def _retry_after(answer: httpx2.Response) -> float:
    """Return the seconds of the Retry-After header, given as a number or a date; 0 if there is none."""
    asked = answer.headers.get("Retry-After", "")
    try:
        return float(asked) if asked[:1].isdigit() else (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return 0.0
