"""The shape of docling-serve's errors. Its client tells some of them apart by their words."""

from __future__ import annotations

from typing import Any

from document_parser.api.compat.facade import Facade
from document_parser.api.middleware.errors import Problem
from document_parser.api.middleware.wires import Wire

NO_TASK = "Task not found."
"""What the client takes for a task that is not there, word for word."""
NO_RESULT = "Task result not found. Please wait for a completion status."
"""What it takes for a task that has not ended, by its first words."""
_NAMES = {"JOB_NOT_FOUND": NO_TASK, "JOB_EXPIRED": NO_TASK, "JOB_NOT_COMPLETE": NO_RESULT}


def _write_error(problem: Problem, status: int) -> tuple[Any, int]:
    """Return ``{"detail": …}``; for a quota that is used up, what the client raises as UsageLimitExceededError."""
    if problem.code in _NAMES:
        return {"detail": _NAMES[problem.code], "code": problem.code}, 404
    if problem.code == "QUOTA_EXCEEDED":
        counts = {"currentUsage": problem.details.get("used", 0), "limit": problem.details.get("limit", 0)}
        return {"error": "usage_limit_exceeded", "message": problem.message, "detail": problem.message, "details": counts}, 402
    return {"detail": problem.message, "code": problem.code}, status


_FIELDS = {"url": "sources", "page_separator": "md_page_break_placeholder"}
"""What clients call options of this service."""
facade = Facade(
    Wire("docling", _write_error, key_query="api_key", field_names=_FIELDS), roots=("/v1/convert", "/v1/chunk", "/v1/status")
)
"""The routes of docling-serve. Keys come in X-Api-Key; those of its web socket in the query."""
