"""What the service refuses, as exceptions: its own errors, and whether asking again may help."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from pydantic import BaseModel, Field, ValidationError

from document_parser.errors import DocumentParserError, JobNotComplete, UnexpectedAnswer, error_class
from document_parser.models import JobError

BUSY = (429, 503)
GATEWAY = (502, 504)
"""What a proxy says while the service behind it starts anew."""

IDEMPOTENCY_KEY = "Idempotency-Key"


class AskAgain(Exception):
    """The server may answer better after so many seconds; ``error`` is what is raised where nobody waits for that."""

    def __init__(self, error: DocumentParserError, seconds: float = 0.0) -> None:
        super().__init__(error)
        self.error = error
        self.seconds = seconds


def repeatable(request: httpx.Request) -> bool:
    """Whether a request does no more when it is sent twice: it only asks, or it is known by its key."""
    return request.method == "GET" or IDEMPOTENCY_KEY in request.headers


def error_of(problem: JobError) -> DocumentParserError:
    """The error of a failed job, as its own class."""
    return _made(problem.code, problem.message, problem.details)


def _made(code: str, message: str, details: dict[str, Any]) -> DocumentParserError:
    kind = error_class(code)
    error = kind(message) if kind else UnexpectedAnswer(f"{code}: {message}")
    error.details = details
    return error


class _Problem(BaseModel):
    """The body of an error."""

    class Error(BaseModel):
        code: str
        message: str
        details: dict[str, Any] = Field(default_factory=dict)

    error: Error
    request_id: str = ""


def refusal(answer: httpx.Response) -> Exception:
    """The server's error; AskAgain around it where it passes by itself."""
    try:
        problem = _Problem.model_validate_json(answer.content)
    except ValidationError:
        error: DocumentParserError = UnexpectedAnswer(status=answer.status_code)
    else:
        details = {**problem.error.details, "request_id": problem.request_id}
        error = _made(problem.error.code, problem.error.message, details)
    # A format that is being written is there soon; a job that is being read is for wait().
    being_written = isinstance(error, JobNotComplete) and "format" in error.details
    gateway = isinstance(error, UnexpectedAnswer) and answer.status_code in GATEWAY and repeatable(answer.request)
    if answer.status_code in BUSY or being_written or gateway:
        return AskAgain(error, _retry_after(answer))
    return error


def _retry_after(answer: httpx.Response) -> float:
    """Seconds, from a number or a date; 0 where the server does not say."""
    asked = answer.headers.get("Retry-After", "")
    try:
        return float(asked) if asked[:1].isdigit() else (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return 0.0
