"""The root of all errors, and how they are found by code."""

from __future__ import annotations

from collections.abc import Iterator
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
